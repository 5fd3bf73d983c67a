package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/server"
)

// fileCounter counts what reaches net/http as a file, which the system sends.
type fileCounter struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c fileCounter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c fileCounter) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	if ok {
		_, ok = part.R.(*os.File)
	}
	n, err := c.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
	if ok {
		c.sent.Add(n)
	}
	return n, err
}

// TestFilesOfLocalFoldersAreSentByTheSystem goes through everything from the
// folder to net/http.
func TestFilesOfLocalFoldersAreSentByTheSystem(t *testing.T) {
	const size = 72 << 20
	content := make([]byte, size)
	for at := 0; at < size; at += 1 << 20 {
		copy(content[at:], fmt.Sprintf("megabyte %d", at>>20))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := func() backend.Backend {
		b, err := local.New(dir, local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	joined, err := combine.New(map[string]backend.Backend{"inner": folder()})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, size)
	for name, b := range map[string]backend.Backend{"/f": folder(), "/inner/f": joined} {
		files, err := vfs.New(b)
		if err != nil {
			t.Fatal(err)
		}
		dav, err := webdav.NewHandler(files, webdav.WithStrictAbilities())
		if err != nil {
			t.Fatal(err)
		}
		seen := make(chan server.Observation, 1)
		h, err := server.New(dav, server.WithObserver(func(o server.Observation) { seen <- o }))
		if err != nil {
			t.Fatal(err)
		}
		var sent atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			h.ServeHTTP(fileCounter{w, &sent}, req)
		}))
		resp, err := s.Client().Get(s.URL + name)
		if err != nil {
			t.Fatal(err)
		}
		clear(got)
		_, err = io.ReadFull(resp.Body, got)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(got, content) {
			t.Errorf("%s: %d with %d bytes, %v", name, resp.StatusCode, len(got), err)
		}
		if o := <-seen; o.Bytes != size || o.Cut {
			t.Errorf("%s: %+v", name, o)
		}
		if n := sent.Load(); runtime.GOOS != "windows" && (n < 7<<20 || n > 8<<20) {
			t.Errorf("%s: the system sent %d bytes", name, n)
		}
		s.Close()
		for _, c := range []io.Closer{dav, files} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
