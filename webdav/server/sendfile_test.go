package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fileTaker takes a file as package net does: of each call so many bytes, with
// the error that follows them.
type fileTaker struct {
	*httptest.ResponseRecorder
	takes     []take
	deadlines []time.Time
}

type take struct {
	n    int64
	lost int64 // read and not sent
	err  error
}

func (f *fileTaker) SetWriteDeadline(t time.Time) error {
	f.deadlines = append(f.deadlines, t)
	return nil
}

func (f *fileTaker) ReadFrom(src io.Reader) (int64, error) {
	next := f.takes[0]
	f.takes = f.takes[1:]
	n, err := io.CopyN(f.Body, src, next.n)
	if err != nil {
		return n, err
	}
	if _, err := io.CopyN(io.Discard, src, next.lost); err != nil {
		return n, err
	}
	return n, next.err
}

// TestSlowClientsAreSentFilesToo: what a client has taken when its time is over
// gives it more, unless bytes were lost.
func TestSlowClientsAreSentFilesToo(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	late := os.ErrDeadlineExceeded
	for what, test := range map[string]struct {
		takes []take
		sent  int64
		err   error
		looks int // of the deadline
	}{
		"at once":       {[]take{{n: 1 << 20}}, 1 << 20, nil, 1},
		"slowly":        {[]take{{n: 300_000, err: late}, {n: 200_000, err: late}, {n: 1<<20 - 500_000}}, 1 << 20, nil, 3},
		"not any more":  {[]take{{n: 300_000, err: late}, {err: late}}, 300_000, late, 2},
		"with a gap":    {[]take{{n: 300_000, lost: 1, err: late}}, 300_000, late, 1},
		"who has left":  {[]take{{n: 300_000, err: io.ErrClosedPipe}}, 300_000, io.ErrClosedPipe, 1},
		"at a bad time": {[]take{{err: late}}, 0, late, 1},
	} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		conn := &fileTaker{ResponseRecorder: httptest.NewRecorder(), takes: test.takes}
		var seen Observation
		var sent int64
		h := observe(func(o Observation) { seen = o }, time.Now)(moveDeadlines(time.Minute, unreadBodies())(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			sent, err = w.(io.ReaderFrom).ReadFrom(&io.LimitedReader{R: f, N: 1 << 20})
		})))
		h.ServeHTTP(conn, httptest.NewRequest(http.MethodGet, "/", nil))
		f.Close()
		looks := len(conn.deadlines) - 1 // the first ends that of an earlier request
		if sent != test.sent || !errors.Is(err, test.err) || seen.Bytes != test.sent || seen.Status != 200 || looks != test.looks {
			t.Errorf("%s: %d bytes, %v; %+v, %d deadlines", what, sent, err, seen, looks)
		}
		if !bytes.Equal(conn.Body.Bytes(), content[:sent]) {
			t.Errorf("%s: other bytes", what)
		}
		for _, d := range conn.deadlines[1:] {
			if d.IsZero() || time.Until(d) > time.Minute {
				t.Errorf("%s: deadline %v", what, d)
			}
		}
	}
}

// TestOnlyFilesAreTaken: a source that may be slow is read and written.
func TestOnlyFilesAreTaken(t *testing.T) {
	for what, src := range map[string]io.Reader{
		"any":         strings.NewReader("content"),
		"limited":     io.LimitReader(strings.NewReader("content"), 7),
		"not limited": io.MultiReader(strings.NewReader("content")),
	} {
		conn := &fileTaker{ResponseRecorder: httptest.NewRecorder()} // would panic
		var seen Observation
		h := observe(func(o Observation) { seen = o }, time.Now)(moveDeadlines(time.Minute, unreadBodies())(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if n, err := w.(io.ReaderFrom).ReadFrom(src); n != 7 || err != nil {
				t.Errorf("%s: %d bytes, %v", what, n, err)
			}
		})))
		h.ServeHTTP(conn, httptest.NewRequest(http.MethodGet, "/", nil))
		if conn.Body.String() != "content" || seen.Bytes != 7 || seen.Status != 200 {
			t.Errorf("%s: %q, %+v", what, conn.Body, seen)
		}
	}
}
