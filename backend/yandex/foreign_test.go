package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestOddEntries gives entries of a folder that are not as they should be. What
// can be known of them is told; a file without its size is listed as one that
// cannot be described, and Stat of it fails.
func TestOddEntries(t *testing.T) {
	const folder = `{"type":"dir","name":"d","_embedded":{"total":1,"items":[%s]}}`
	for what, test := range map[string]struct {
		entry string
		want  string // name, size and time of what is listed, or "" if it fails
	}{
		"as it should be":       {`{"type":"file","name":"f","size":5,"md5":"5d41402abc4b2a76b9719d911017c592","modified":"2026-01-02T03:04:05+00:00"}`, "f 5 1767323045"},
		"an empty file":         {`{"type":"file","name":"f","md5":"d41d8cd98f00b204e9800998ecf8427e"}`, "f 0 0"},
		"a size that is null":   {`{"type":"file","name":"f","size":null,"md5":"5d41402abc4b2a76b9719d911017c592"}`, ""},
		"a size that is absent": {`{"type":"file","name":"f","md5":"5d41402abc4b2a76b9719d911017c592"}`, ""},
		"a size below zero":     {`{"type":"file","name":"f","size":-5}`, ""},
		"no hash":               {`{"type":"file","name":"f","size":5,"md5":null}`, "f 5 0"},
		"a time that is none":   {`{"type":"file","name":"f","size":5,"modified":"yesterday"}`, "f 5 0"},
		"a time as a number":    {`{"type":"file","name":"f","size":5,"modified":1700000000}`, "f 5 0"},
		"a time of year 0":      {`{"type":"file","name":"f","size":5,"modified":""}`, "f 5 0"},
		"properties as a list":  {`{"type":"file","name":"f","size":5,"custom_properties":[1]}`, "f 5 0"},
	} {
		t.Run(what, func(t *testing.T) {
			b := against(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, folder, test.entry) }, yandex.Config{})
			_, children, err := b.List(context.Background(), "d")
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for info, err := range children {
				if n++; test.want == "" {
					if info.Name != "f" || !errors.Is(info.Err, backend.ErrUnavailable) || err != nil {
						t.Errorf("there is %+v, %v", info, err)
					}
					continue
				}
				if info.Err != nil {
					t.Error(info.Err)
				}
				at := int64(0)
				if !info.ModTime.IsZero() {
					at = info.ModTime.Unix()
				}
				if got := fmt.Sprintf("%s %d %d", info.Name, info.Size, at); err != nil || got != test.want {
					t.Errorf("there is %s, %v, want %s", got, err, test.want)
				}
			}
			if n != 1 {
				t.Errorf("there are %d entries", n)
			}
		})
	}
}

// TestFolderChangesBetweenPages adds and removes files while the pages of a
// folder are read. What was there all the time is listed, once.
func TestFolderChangesBetweenPages(t *testing.T) {
	for what, change := range map[string]func(srv *emulator.Server) error{
		"one before is added":   func(srv *emulator.Server) error { return srv.WriteFile("/d/0", nil) },
		"one before is removed": func(srv *emulator.Server) error { return srv.Remove("/d/a") },
		"one after is added":    func(srv *emulator.Server) error { return srv.WriteFile("/d/z", nil) },
		"one after is removed":  func(srv *emulator.Server) error { return srv.Remove("/d/f") },
		"the first page goes":   func(srv *emulator.Server) error { return errors.Join(srv.Remove("/d/a"), srv.Remove("/d/b")) },
		"one goes to the end":   func(srv *emulator.Server) error { return errors.Join(srv.Remove("/d/b"), srv.WriteFile("/d/z", nil)) },
		"one comes from there":  func(srv *emulator.Server) error { return errors.Join(srv.Remove("/d/f"), srv.WriteFile("/d/0", nil)) },
	} {
		t.Run(what, func(t *testing.T) {
			var pages atomic.Int32
			var srv *emulator.Server
			watch := roundTripper(func(req *http.Request) (*http.Response, error) {
				if req.URL.Query().Get("offset") != "" && pages.Add(1) == 2 {
					if err := change(srv); err != nil {
						t.Error(err)
					}
				}
				return http.DefaultTransport.RoundTrip(req)
			})
			var b *yandex.Backend
			srv, b = start(t, emulator.Options{Knobs: emulator.Knobs{MaxPage: 2}}, yandex.Config{Transport: watch})
			files := map[string]string{}
			for _, name := range strings.Split("abcdef", "") {
				files["/d/"+name] = name
			}
			plant(t, srv, files)
			got := entries(t, b, "d")
			slices.Sort(got)
			for _, stays := range []string{"c", "d", "e"} {
				if !slices.Contains(got, stays) {
					t.Errorf("%s is missing in %v", stays, got)
				}
			}
			if len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Errorf("something is listed twice: %v", got)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestClockThatWasWrong: what a clock that was years ahead wrote down does not
// close a name for years, once the clock is right.
func TestClockThatWasWrong(t *testing.T) {
	state := t.TempDir()
	wrong := func() time.Time { return time.Now().AddDate(30, 0, 0) }
	fast := func(d time.Duration) <-chan time.Time { return time.After(d / 1000) }
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{NoResume: true}}, yandex.Config{Now: wrong, After: fast, StateDir: state})
	srv.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Reset: true})
	if err := put(b, "f", "new"); !errors.Is(err, backend.ErrUncertain) {
		t.Fatalf("it answered %v", err)
	}
	left := t.TempDir()
	if err := os.CopyFS(left, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	c := newClock()
	next := connect(t, srv, yandex.Config{Now: c.Now, After: fast, StateDir: left})
	if err := put(next, "f", "newer"); !errors.Is(err, backend.ErrLocked) {
		t.Errorf("while the upload may still end it was answered %v", err)
	}
	c.pass(time.Hour)
	if err := put(next, "f", "newest"); err != nil {
		t.Errorf("an hour later it was answered %v", err)
	}
}

// TestWrongTimesAreCutAlike: what a wrong clock wrote down counts from one moment, however
// much of it there is.
func TestWrongTimesAreCutAlike(t *testing.T) {
	c := newClock()
	c.pass(100 * 365 * 24 * time.Hour)
	state := t.TempDir()
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{NoResume: true}}, yandex.Config{StateDir: state, Now: c.Now})
	srv.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Reset: true, Times: -1})
	for _, name := range []string{"f", "g"} {
		expectKind(t, "put", put(b, name, "new"), backend.ErrUncertain)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	c.pass(-100 * 365 * 24 * time.Hour)
	b = connect(t, srv, yandex.Config{StateDir: state, Now: func() time.Time { c.pass(time.Second); return c.Now() }})
	if until := yandex.PendingUntil(b); len(until) != 2 || !until["f"].Equal(until["g"]) {
		t.Errorf("they are pending until %v", until)
	}
}
