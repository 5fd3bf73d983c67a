package yandex_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// midway is a body of a length that does something when it has been read to
// the end, before it says so.
type midway struct {
	io.Reader
	do   func()
	done bool
}

func midwayOf(size int, do func()) *midway {
	return &midway{Reader: strings.NewReader(strings.Repeat("o", size)), do: do}
}

func (m *midway) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if errors.Is(err, io.EOF) && !m.done {
		m.done = true
		m.do()
	}
	return n, err
}

// TestChangedDuringUpload lets another program change a file while a new
// content for its old version is on its way. The other's stays.
func TestChangedDuringUpload(t *testing.T) {
	ctx := context.Background()
	for name, change := range map[string]struct {
		do   func(srv *emulator.Server) error
		left string // "" if nothing
	}{
		"written":         {func(srv *emulator.Server) error { return srv.WriteFile("/d/f", []byte("theirs")) }, "theirs"},
		"removed":         {func(srv *emulator.Server) error { return srv.Remove("/d/f") }, ""},
		"made a folder":   {func(srv *emulator.Server) error { return errors.Join(srv.Remove("/d/f"), srv.Mkdir("/d/f")) }, "/"},
		"removed with it": {func(srv *emulator.Server) error { return srv.Remove("/d") }, ""},
	} {
		for kind, test := range map[string]struct {
			size  int
			told  bool // the length
			via   bool // a temporary name
			knobs emulator.Knobs
		}{
			"empty":              {size: 0, told: true},
			"small":              {size: 5, told: true},
			"of unknown length":  {size: 5},
			"large":              {size: 9 << 20, told: true},
			"accepted":           {size: 5, told: true, knobs: emulator.Knobs{Upload202: true, OperationPolls: 1}},
			"small, by a name":   {size: 5, told: true, via: true},
			"unknown, by a name": {size: 5, via: true},
			"large, by a name":   {size: 9 << 20, told: true, via: true},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				srv, b := start(t, emulator.Options{Knobs: test.knobs}, yandex.Config{UploadViaTempName: test.via})
				plant(t, srv, map[string]string{"/d/f": "old", "/other": "other"})
				version := listed(t, b, "d", "f")
				body := midwayOf(test.size, func() {
					if err := change.do(srv); err != nil {
						t.Error(err)
					}
				})
				opts := backend.PutOptions{Size: -1, IfVersion: version}
				if test.told {
					opts.Size = int64(test.size)
				}
				_, err := b.Put(ctx, "d/f", body, opts)
				// An upload into a folder that is gone may fail for that.
				if name == "removed with it" && errors.Is(err, backend.ErrUnavailable) {
					err = backend.ErrChanged
				}
				expectKind(t, "put", err, backend.ErrChanged)
				if change.left == "" {
					hold(t, srv, map[string]string{"/other": "other"}, []string{"/d/f"})
				} else {
					hold(t, srv, map[string]string{"/d/f": change.left}, nil)
				}
				for _, e := range srv.Dump() {
					if strings.Contains(e.Path, ".davdisk-") {
						t.Errorf("%s is left behind", e.Path)
					}
				}
			})
		}
	}
}

// TestChangedBeforeRetry lets the first try of an upload fail, and another
// program write the file before the second.
func TestChangedBeforeRetry(t *testing.T) {
	for _, size := range []int{5, 9 << 20} {
		var uploads atomic.Int32
		var srv *emulator.Server
		watch := roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPut && uploads.Add(1) == 2 {
				if err := srv.WriteFile("/f", []byte("theirs")); err != nil {
					t.Error(err)
				}
			}
			return http.DefaultTransport.RoundTrip(req)
		})
		var b *yandex.Backend
		srv, b = start(t, emulator.Options{}, yandex.Config{Transport: watch})
		plant(t, srv, map[string]string{"/f": "old"})
		version := listed(t, b, ".", "f")
		srv.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Status: 503})
		_, err := b.Put(context.Background(), "f", strings.NewReader(strings.Repeat("o", size)), backend.PutOptions{Size: int64(size), IfVersion: version})
		expectKind(t, "put", err, backend.ErrChanged)
		hold(t, srv, map[string]string{"/f": "theirs"}, nil)
		if n := uploads.Load(); n != 2 {
			t.Errorf("it was sent %d times", n)
		}
	}
}

// TestIfVersionAfterAFault replaces a file by an upload that was answered with
// a fault although it was stored. The second try finds it, and it is ours.
func TestIfVersionAfterAFault(t *testing.T) {
	for _, size := range []int{0, 5, 9 << 20} {
		srv, b := start(t, emulator.Options{}, yandex.Config{})
		plant(t, srv, map[string]string{"/f": "old"})
		version := listed(t, b, ".", "f")
		srv.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Status: 500, After: true})
		content := strings.Repeat("o", size)
		if _, err := b.Put(context.Background(), "f", strings.NewReader(content), backend.PutOptions{Size: int64(size), IfVersion: version}); err != nil {
			t.Errorf("it answered %v", err)
		}
		hold(t, srv, map[string]string{"/f": content}, nil)
	}
}

// TestChangedBeforeRename lets another program write a file while the rename
// that would replace it waits to be sent again.
func TestChangedBeforeRename(t *testing.T) {
	for name, fault := range map[string]emulator.Fault{
		"held back": {Status: http.StatusTooManyRequests},
		"locked":    {Status: http.StatusLocked, Code: "DiskResourceLockedError"},
		"failed":    {Status: http.StatusServiceUnavailable},
		"broken":    {Reset: true},
	} {
		t.Run(name, func(t *testing.T) {
			var srv *emulator.Server
			watch := roundTripper(func(req *http.Request) (*http.Response, error) {
				resp, err := http.DefaultTransport.RoundTrip(req)
				if strings.HasSuffix(req.URL.Path, "/move") {
					if err := srv.WriteFile("/f", []byte("theirs")); err != nil {
						t.Error(err)
					}
				}
				return resp, err
			})
			var b *yandex.Backend
			srv, b = start(t, emulator.Options{}, yandex.Config{Transport: watch, UploadViaTempName: true})
			plant(t, srv, map[string]string{"/f": "old"})
			version := listed(t, b, ".", "f")
			fault.Endpoint = emulator.MoveResource
			srv.Inject(fault)
			_, err := b.Put(context.Background(), "f", strings.NewReader("ours"), backend.PutOptions{Size: 4, IfVersion: version})
			expectKind(t, "put", err, backend.ErrChanged)
			hold(t, srv, map[string]string{"/f": "theirs"}, nil)
			if n := len(srv.Dump()); n != 1 {
				t.Errorf("there are %d entries: %+v", n, srv.Dump())
			}
		})
	}
}

// TestRenamedAlready loses the answer to the rename of an upload that replaces
// a version. It was carried out, and is told so.
func TestRenamedAlready(t *testing.T) {
	srv, b := start(t, emulator.Options{}, yandex.Config{UploadViaTempName: true})
	plant(t, srv, map[string]string{"/f": "old"})
	version := listed(t, b, ".", "f")
	srv.Inject(emulator.Fault{Endpoint: emulator.MoveResource, Reset: true, After: true})
	if _, err := b.Put(context.Background(), "f", strings.NewReader("ours"), backend.PutOptions{Size: 4, IfVersion: version}); err != nil {
		t.Errorf("it answered %v", err)
	}
	hold(t, srv, map[string]string{"/f": "ours"}, nil)
}

// TestAppearedDuringUpload lets another program make a file while one is on its
// way that must be new, on a service that checks that only when it gives the
// link.
func TestAppearedDuringUpload(t *testing.T) {
	for _, via := range []bool{false, true} {
		c := newClock()
		srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{UploaderTrusts: true}}, yandex.Config{Now: c.Now, UploadViaTempName: via})
		body := midwayOf(5, func() {
			c.pass(5 * time.Second)
			if err := srv.WriteFile("/f", []byte("theirs")); err != nil {
				t.Error(err)
			}
		})
		_, err := b.Put(context.Background(), "f", body, backend.PutOptions{Size: 5, IfAbsent: true})
		expectKind(t, "put", err, fs.ErrExist)
		hold(t, srv, map[string]string{"/f": "theirs"}, nil)
	}
}

// TestCheckWithoutAnswer cannot look at the last moment. Nothing is stored.
func TestCheckWithoutAnswer(t *testing.T) {
	for _, via := range []bool{false, true} {
		srv, b := start(t, emulator.Options{}, yandex.Config{UploadViaTempName: via})
		plant(t, srv, map[string]string{"/f": "old"})
		version := listed(t, b, ".", "f")
		srv.Inject(emulator.Fault{Endpoint: emulator.GetResource, Status: 503, Times: -1})
		_, err := b.Put(context.Background(), "f", strings.NewReader("ours"), backend.PutOptions{Size: 4, IfVersion: version})
		expectKind(t, "put", err, backend.ErrUnavailable)
		hold(t, srv, map[string]string{"/f": "old"}, nil)
		if n := srv.Counters().By[emulator.UploadContent]; n > 1 {
			t.Errorf("it was sent %d times", n)
		}
	}
}
