package sftp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/davdisk/davdisk/backend"
)

// TestABodyThatBreaksAsIfItEnded: an error that wraps io.EOF is no end, and what
// came before it is not stored.
func TestABodyThatBreaksAsIfItEnded(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := mustOpen(t, s.options(dir))
	for _, length := range []int{0, 10, 100_000} {
		for _, size := range []int64{-1, 200_000} {
			for _, broken := range []error{fmt.Errorf("the sender is gone: %w", io.EOF), io.ErrUnexpectedEOF, errors.New("broken")} {
				body := io.MultiReader(strings.NewReader(strings.Repeat("n", length)), iotest.ErrReader(broken))
				if _, err := b.Put(t.Context(), "f", body, backend.PutOptions{Size: size}); err == nil || !errors.Is(err, broken) {
					t.Errorf("%d bytes of %d, then %v: %v", length, size, broken, err)
				}
				if got := tree(t, dir); strings.Join(got, " ") != "f=old" {
					t.Fatalf("%d bytes of %d, then %v: there is %.60q", length, size, broken, got)
				}
			}
		}
	}
}
