package cmd

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestLargeFile is what litmus 0.18 calls largefile: a body above 2 GiB, announced
// and in chunks, is stored and read back equal, or refused with 413, which the
// client sees though it has sent everything before it looks.
func TestLargeFile(t *testing.T) {
	testlevel.NeedLong(t)
	home(t)
	const size = 2<<30 + 1
	for name, args := range map[string][]string{"local": {t.TempDir()}, "demo": {"--demo"}} {
		t.Run(name, func(t *testing.T) {
			s := startServing(t, args...)
			for kind, length := range map[string]int64{"announced": size, "chunked": -1} {
				sent := sha256.New()
				source := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{7}), size), sent)
				req, err := http.NewRequestWithContext(t.Context(), "PUT", s.url+"large", source)
				if err != nil {
					t.Fatal(err)
				}
				req.ContentLength = length
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				res.Body.Close()
				if res.StatusCode == http.StatusRequestEntityTooLarge && name == "demo" {
					s.wants("GET", "large", "", "", 404)
					continue
				}
				if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusNoContent {
					t.Fatalf("%s: %s", kind, res.Status)
				}
				back, err := http.Get(s.url + "large")
				if err != nil {
					t.Fatal(err)
				}
				got := sha256.New()
				n, err := io.Copy(got, back.Body)
				back.Body.Close()
				if err != nil || n != size || string(got.Sum(nil)) != string(sent.Sum(nil)) {
					t.Errorf("%s: %d bytes came back, %v", kind, n, err)
				}
			}
		})
	}
}
