package webdav

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// replaceOnRead makes the first read of an open file fail, because other
// content has been stored meanwhile.
func replaceOnRead(s *share, code int, content string, times int) {
	var done atomic.Int32
	c := s.capable()
	c.setFail(func(op, name string) error {
		if op != "read" || int(done.Add(1)) > times {
			return nil
		}
		if _, err := c.WithContext(s.Context()).(*capableFs).Put(name, strings.NewReader(content), -1, time.Time{}, "", false); err != nil {
			return err
		}
		return failing(op, name, code)
	})
}

// TestGetOfAFileThatChangesWhileItIsOpened serves the new content, if the
// conditions still hold.
func TestGetOfAFileThatChangesWhileItIsOpened(t *testing.T) {
	for _, code := range []int{412, 503} {
		s := newShare(t, newCapableFs())
		old := s.put("/f", "old content").header.Get("ETag")
		replaceOnRead(s, code, "new", 1)
		a := s.want(200, "GET", "/f", "")
		if a.body != "new" || a.header.Get("ETag") == old || a.header.Get("Content-Length") != "3" {
			t.Errorf("%d: %q %v", code, a.body, a.header)
		}
		replaceOnRead(s, code, "newer content", 1)
		if a := s.want(206, "GET", "/f", "", "Range: bytes=1-2"); a.body != "ew" || a.header.Get("Content-Range") != "bytes 1-2/13" {
			t.Errorf("%d: %q %v", code, a.body, a.header)
		}
		tag := s.want(200, "HEAD", "/f", "").header.Get("ETag")
		replaceOnRead(s, code, "other", 1)
		s.want(412, "GET", "/f", "", "If-Match: "+tag)
		replaceOnRead(s, code, "again and again", 2)
		if a := s.want(503, "GET", "/f", ""); a.header.Get("Retry-After") == "" || a.header.Get("ETag") != "" {
			t.Errorf("%d: header %v", code, a.header)
		}
		replaceOnRead(s, code, "unchanged", 0)
		s.want(200, "GET", "/f", "")
	}
}

// TestGetDoesNotLookAgainWithoutNeed: a fault that is no change is told at
// once.
func TestGetDoesNotLookAgainWithoutNeed(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "content")
	s.capable().failOn(503, "read")
	s.capable().resetCounts()
	s.want(503, "GET", "/f", "")
	if n := s.capable().count("open"); n != 1 {
		t.Errorf("opened %d times", n)
	}
}

// TestGetOfAFileThatShrinksIsCut: a body that ends early does not look
// complete.
func TestGetOfAFileThatShrinksIsCut(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", strings.Repeat("x", 200_000))
	var reads atomic.Int32
	s.capable().setFail(func(op, name string) error {
		if op == "read" && reads.Add(1) == 3 {
			return failing(op, name, 412)
		}
		return nil
	})
	if a := s.do("GET", "/f", ""); a.err == nil {
		t.Errorf("%d with %d bytes", a.status, len(a.body))
	}
}

// TestScriptsInFilesDoNotRun: a browser that shows a file takes it for what it
// says it is and runs nothing in it.
func TestScriptsInFilesDoNotRun(t *testing.T) {
	s := newShare(t, newCapableFs())
	for _, name := range []string{"/page.html", "/picture.svg", "/feed.xml", "/no-extension"} {
		s.put(name, "<script>fetch('/f', {method: 'DELETE'})</script>")
		for _, method := range []string{"GET", "HEAD"} {
			header := s.want(200, method, name, "").header
			if header.Get("Content-Security-Policy") != "script-src 'none'; form-action 'none'" || header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s: %v", method, name, header)
			}
		}
	}
}

// recordFs has files that return 16 KiB at a time, as TLS does, and that break at
// an offset, unless it is 0.
type recordFs struct {
	afero.Fs
	breaks int64
}

func (f recordFs) Open(name string) (afero.File, error) {
	file, err := f.Fs.Open(name)
	return &recordFile{file, f.breaks, 0}, err
}

type recordFile struct {
	afero.File
	breaks, at int64
}

func (f *recordFile) Read(p []byte) (int, error) {
	if f.breaks > 0 && f.at >= f.breaks {
		return 0, errors.New("broken")
	}
	if p = p[:min(len(p), 16<<10)]; f.breaks > 0 {
		p = p[:min(int64(len(p)), f.breaks-f.at)]
	}
	n, err := f.File.Read(p)
	f.at += int64(n)
	return n, err
}

// writeCounter counts the writes of an answer.
type writeCounter struct {
	*httptest.ResponseRecorder
	writes int
}

func (w *writeCounter) Write(p []byte) (int, error) {
	w.writes++
	return w.ResponseRecorder.Write(p)
}

// TestGetWritesLargeFilesInBlocks: once a file has shown that it goes on, what it
// returns is sent by the buffer, unless that makes the client wait. What came
// before a fault is sent.
func TestGetWritesLargeFilesInBlocks(t *testing.T) {
	const size, asItComes, block = 4<<20 + 5, sentAsItComes / (16 << 10), davxml.BlockSize + 4<<10
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(content) //nolint:errcheck // never fails
	for name, test := range map[string]struct {
		step   time.Duration // between two looks at the clock
		breaks int64
		writes int
	}{
		"fast":  {0, 0, asItComes + 3<<20/block + 1},
		"slow":  {longestFill, 0, 4<<20/(16<<10) + 1},
		"fault": {0, 2<<20 + 48<<10, asItComes + (1<<20+48<<10)/block + 1},
	} {
		files := afero.NewMemMapFs()
		if err := afero.WriteFile(files, "/f", content, 0o600); err != nil {
			t.Fatal(err)
		}
		now := time.Time{}
		h, err := NewHandler(recordFs{files, test.breaks}, WithClock(func() time.Time {
			now = now.Add(test.step)
			return now
		}))
		if err != nil {
			t.Fatal(err)
		}
		w := &writeCounter{ResponseRecorder: httptest.NewRecorder()}
		func() {
			defer func() {
				if p := recover(); (p != nil) != (test.breaks > 0) {
					t.Errorf("%s: panic %v", name, p)
				}
			}()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/f", nil))
		}()
		want := content
		if test.breaks > 0 {
			want = content[:test.breaks]
		}
		if got := w.Body.Bytes(); !bytes.Equal(got, want) || w.writes != test.writes {
			t.Errorf("%s: %d bytes in %d writes, want %d in %d", name, len(got), w.writes, len(want), test.writes)
		}
	}
}
