package page_test

import (
	"bytes"
	"io"
	"io/fs"
	"net/http/httptest"
	"path"
	"runtime"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/internal/testlevel"
)

// sizedFs has one file of zeros, whose size is that of nothing that is kept.
type sizedFs struct {
	afero.Fs
	size int64
}

func (s sizedFs) Open(name string) (afero.File, error) {
	f, err := s.Fs.Open(name)
	if err == nil && path.Base(name) == "large" {
		return &zeros{File: f, left: s.size, size: s.size}, nil
	}
	return f, err
}

func (s sizedFs) Stat(name string) (fs.FileInfo, error) {
	info, err := s.Fs.Stat(name)
	if err == nil && path.Base(name) == "large" {
		return sizedInfo{info, s.size}, nil
	}
	return info, err
}

type zeros struct {
	afero.File
	left, size int64
}

func (z *zeros) Read(p []byte) (int, error) {
	n := min(int64(len(p)), z.left)
	z.left -= n
	clear(p[:n])
	if n == 0 {
		return 0, io.EOF
	}
	return int(n), nil
}

func (z *zeros) Stat() (fs.FileInfo, error) {
	info, err := z.File.Stat()
	return sizedInfo{info, z.size}, err
}

type sizedInfo struct {
	fs.FileInfo
	size int64
}

func (s sizedInfo) Size() int64 { return s.size }

// lastBytes keeps the end of what is written, and looks at the heap now and then.
type lastBytes struct {
	*httptest.ResponseRecorder
	written, looked int64
	heap            uint64
	last            []byte
}

func (l *lastBytes) Write(p []byte) (int, error) {
	l.written += int64(len(p))
	l.last = append(l.last, p...)
	if len(l.last) > 1<<20 {
		l.last = append(l.last[:0], l.last[len(l.last)-1<<10:]...)
	}
	if l.written-l.looked > 256<<20 {
		l.looked = l.written
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		l.heap = max(l.heap, m.HeapAlloc)
	}
	return len(p), nil
}

// TestZipOfMoreThanFourGiB: the archive has the records of Zip64 at its end, and
// was made in little memory.
func TestZipOfMoreThanFourGiB(t *testing.T) {
	testlevel.NeedMore(t)
	files := afero.NewMemMapFs()
	if err := afero.WriteFile(files, "/in/large", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const size = 4<<30 + 5
	c := newClient(t, sizedFs{files, size}, nil)
	req := httptest.NewRequest("POST", "http://127.0.0.1"+api+"zip", bytes.NewBufferString("path=%2Fin&name=large"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := &lastBytes{ResponseRecorder: httptest.NewRecorder()}
	c.handler.ServeHTTP(w, req)
	if w.Code != 200 || w.written < size {
		t.Fatalf("%d, %d bytes", w.Code, w.written)
	}
	if !bytes.Contains(w.last, []byte("PK\x06\x06")) || !bytes.Contains(w.last, []byte("PK\x06\x07")) {
		t.Error("the archive does not end as Zip64")
	}
	if w.heap > 32<<20 {
		t.Errorf("%d bytes of memory were in use", w.heap)
	}
}
