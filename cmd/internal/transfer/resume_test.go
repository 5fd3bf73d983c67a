package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

var errCut = errors.New("the connection broke")

// cutting is a store whose files break off after some bytes. It counts what it
// serves.
type cutting struct {
	*memory.Backend
	most   int64 // bytes that it serves from now on
	served int64
	other  bool // it serves other bytes than it has
}

func (b *cutting) Open(ctx context.Context, name, version string) (backend.Content, error) {
	content, err := b.Backend.Open(ctx, name, version)
	return cutContent{content, b}, err
}

type cutContent struct {
	backend.Content
	b *cutting
}

func (c cutContent) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	r, err := c.Content.Range(ctx, offset, length)
	return cutReader{r, c.b}, err
}

type cutReader struct {
	io.ReadCloser
	b *cutting
}

func (r cutReader) Read(p []byte) (int, error) {
	if r.b.most == 0 {
		return 0, errCut
	}
	n, err := r.ReadCloser.Read(p[:min(int64(len(p)), r.b.most)])
	if r.b.other && n > 0 {
		p[0]++
	}
	r.b.most -= int64(n)
	r.b.served += int64(n)
	return n, err
}

// TestResumeInTheNextRun: of a large file only what is missing is read.
func TestResumeInTheNextRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files cannot be locked there as this needs it")
	}
	const arrived = 10 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), resumableSize/16)
	size := int64(len(content))
	from := &cutting{Backend: memory.New(memory.Options{})}
	if _, err := from.Put(t.Context(), "f", bytes.NewReader(content), backend.PutOptions{Size: size}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	again := func(most int64, other bool) outcome {
		t.Helper()
		from.most, from.served, from.other = most, 0, other
		return transferred(t, Side{Backend: from, Name: "f"}, Side{Backend: here(t, dir), Name: "f"}, Options{})
	}
	if o := again(3*size, true); !o.has(OtherBytesError{}) || from.served != 2*size {
		t.Errorf("of other bytes %d were served, and %v", from.served, o.errs)
	}
	if o := again(arrived, false); !o.has(errCut) || o.moved != 0 {
		t.Fatalf("it moved %d bytes, and %v", o.moved, o.errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "f")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a part of it has the name: %v", err)
	}
	if o := again(size, false); len(o.errs) > 0 || o.moved != size || from.served != size-arrived {
		t.Errorf("%d bytes were served, %d moved, and %v", from.served, o.moved, o.errs)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("there are %d bytes, %v", len(got), err)
	}
}
