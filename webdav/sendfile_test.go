package webdav

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/afero"
)

// In these tests the system sends files that are not quite as large.
const (
	sendStep  = 1 << 20
	copiedEnd = 256 << 10
)

// osFileFs serves files of a folder that say so. instead is what OSFile opens, and
// changes at which look that sees that the file has changed; 0: none.
type osFileFs struct {
	afero.Fs
	dir     string
	instead atomic.Pointer[string]
	changes atomic.Int64
}

type osFile struct {
	afero.File
	fs    *osFileFs
	looks int64
}

func (f *osFileFs) Open(name string) (afero.File, error) {
	file, err := f.Fs.Open(name)
	if err != nil {
		return nil, err
	}
	return &osFile{File: file, fs: f}, nil
}

func (f *osFile) OSFile() (*os.File, func() error, error) {
	file, err := os.Open(filepath.Join(f.fs.dir, *f.fs.instead.Load()))
	if err != nil {
		return nil, nil, err
	}
	return file, func() error {
		if f.looks++; f.looks == f.fs.changes.Load() {
			return errors.New("changed")
		}
		return nil
	}, nil
}

// sendingWriter counts what the system sends.
type sendingWriter struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (w sendingWriter) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	if ok {
		_, ok = part.R.(*os.File)
	}
	if !ok {
		return 0, fmt.Errorf("package net does not know %T as a file", src)
	}
	n, err := w.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
	w.sent.Add(n)
	return n, err
}

// sendingShare serves one large file, with a line at each megabyte, and what
// the system has sent so far.
func sendingShare(t *testing.T, size int64) (s *share, files *osFileFs, content []byte, sent *atomic.Int64) {
	t.Helper()
	content = make([]byte, size)
	for at := 0; at < len(content); at += 1 << 20 {
		copy(content[at:], fmt.Sprintf("megabyte %d", at>>20))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	files = &osFileFs{Fs: afero.NewBasePathFs(afero.NewOsFs(), dir), dir: dir}
	files.instead.Store(new("f"))
	handler, err := NewHandler(files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handler.Close() })
	if handler.osFiles.copied < 16<<20 {
		t.Error("less is copied at the end than may be on its way")
	}
	handler.osFiles = osFileSender{step: sendStep, copied: copiedEnd}
	sent = new(atomic.Int64)
	return newShareBy(t, files, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		handler.ServeHTTP(sendingWriter{w, sent}, req)
	}), nil), files, content, sent
}

// same compares without printing megabytes.
func same(t *testing.T, what string, a answer, want []byte) {
	t.Helper()
	if a.err != nil || !bytes.Equal([]byte(a.body), want) {
		t.Errorf("%s: other content, %d bytes of %d, %v", what, len(a.body), len(want), a.err)
	}
}

// TestFilesAreSentByTheSystem: all of a large file but what its end is copied for.
func TestFilesAreSentByTheSystem(t *testing.T) {
	const size = copiedEnd + 3<<20
	s, files, content, sent := sendingShare(t, size)
	same(t, "whole", s.want(200, "GET", "/f", ""), content)
	if n := sent.Load(); n < 2<<20 || n > 3<<20 {
		t.Errorf("the system sent %d bytes of the whole", n)
	}
	sent.Store(0)
	same(t, "range", s.want(206, "GET", "/f", "", fmt.Sprintf("Range: bytes=1048577-%d", size-2)), content[1048577:size-1])
	if n := sent.Load(); n < 1<<20 || n > 2<<20 {
		t.Errorf("the system sent %d bytes of a range", n)
	}
	sent.Store(0)
	same(t, "small range", s.want(206, "GET", "/f", "", "Range: bytes=5-200000"), content[5:200001])
	if a := s.want(200, "HEAD", "/f", ""); sent.Load() != 0 || a.header.Get("Content-Length") != fmt.Sprint(size) {
		t.Errorf("the system sent %d bytes of a small range; HEAD has %v", sent.Load(), a.header)
	}

	// What the system cannot send is read.
	files.instead.Store(new("missing"))
	same(t, "no such file", s.want(200, "GET", "/f", ""), content)
	if err := os.WriteFile(filepath.Join(files.dir, "short"), content[:1<<20], 0o600); err != nil {
		t.Fatal(err)
	}
	files.instead.Store(new("short"))
	same(t, "shorter", s.want(200, "GET", "/f", ""), content)
	if n := sent.Load(); n == 0 || n > 1<<20 {
		t.Errorf("the system sent %d bytes of a file of 1 MiB", n)
	}
}

// TestChangedFileIsNeverSentWhole: whenever the change is seen.
func TestChangedFileIsNeverSentWhole(t *testing.T) {
	const size = copiedEnd + 3*sendStep
	s, files, _, sent := sendingShare(t, size)
	for at := range int64(4) { // the last one is that before the last bytes
		sent.Store(0)
		files.changes.Store(at + 1)
		a := s.do("GET", "/f", "")
		if a.err == nil || len(a.body) >= size || sent.Load() == 0 {
			t.Errorf("seen at look %d: %d bytes, %d by the system, %v", at+1, len(a.body), sent.Load(), a.err)
		}
	}
}

type wrongOSFile struct{ afero.File }

func (wrongOSFile) OSFile() (*os.File, error) { panic(errNotCalled) }

// TestFileWithAWrongAbility is TestWrongFileSystemAbilities for files.
func TestFileWithAWrongAbility(t *testing.T) {
	err := (&judge{log: slog.New(slog.DiscardHandler), strict: true}).file(wrongOSFile{})
	if err == nil || !strings.Contains(err.Error(), "it is func() (*os.File, error), want func() (*os.File, func() error, error)") {
		t.Error(err)
	}
}
