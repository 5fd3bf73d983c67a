package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// listed reads a listing and gives the version of one entry.
func listed(t *testing.T, b *yandex.Backend, dir, name string) string {
	t.Helper()
	_, children, err := b.List(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for info := range children {
		if info.Name == name {
			return info.Version
		}
	}
	t.Fatalf("%s has no %s", dir, name)
	return ""
}

// TestGoneVersions asks for versions to which the driver still has a link. It
// knows by its own changes that they are gone.
func TestGoneVersions(t *testing.T) {
	ctx := context.Background()
	for name, change := range map[string]func(b *yandex.Backend) error{
		"replaced":            func(b *yandex.Backend) error { return put(b, "d/sub/f", "new") },
		"removed":             func(b *yandex.Backend) error { return b.Remove(ctx, "d/sub/f", backend.RemoveOptions{}) },
		"moved away":          func(b *yandex.Backend) error { return b.Move(ctx, "d/sub/f", "g", backend.MoveOptions{}) },
		"removed with a tree": func(b *yandex.Backend) error { return b.Remove(ctx, "d", backend.RemoveOptions{}) },
		"moved with a tree":   func(b *yandex.Backend) error { return b.Move(ctx, "d", "e", backend.MoveOptions{}) },
	} {
		t.Run(name, func(t *testing.T) {
			srv, b := start(t, emulator.Options{}, yandex.Config{})
			plant(t, srv, map[string]string{"/d/sub/f": "old"})
			version := listed(t, b, "d/sub", "f")
			if err := change(b); err != nil {
				t.Fatal(err)
			}
			_, err := b.Open(ctx, "d/sub/f", version)
			expectKind(t, "open", err, backend.ErrChanged, fs.ErrNotExist)
		})
	}
}

// TestLapsedLinks reads through links that have lapsed. The same content is
// read by a new one; another is never read in its place.
func TestLapsedLinks(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		change func(srv *emulator.Server) error
		kind   error
	}{
		"the same content":  {func(srv *emulator.Server) error { return nil }, nil},
		"another content":   {func(srv *emulator.Server) error { return srv.WriteFile("/f", []byte("NEW CONTENT")) }, backend.ErrChanged},
		"nothing any more":  {func(srv *emulator.Server) error { return srv.Remove("/f") }, backend.ErrChanged},
		"content of a like": {func(srv *emulator.Server) error { return srv.WriteFile("/f", []byte("old content")) }, nil},
	} {
		for _, status := range []int{0, 403, 404, 500} {
			t.Run(name, func(t *testing.T) {
				clock := newClock()
				srv, b := start(t, emulator.Options{Now: clock.Now, Knobs: emulator.Knobs{LapsedStatus: status}}, yandex.Config{})
				plant(t, srv, map[string]string{"/f": "old content"})
				version := listed(t, b, ".", "f")
				c, err := b.Open(ctx, "f", version)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				readAll := func() (string, error) {
					r, err := c.Range(ctx, 4, -1)
					if err != nil {
						return "", err
					}
					defer r.Close()
					data, err := io.ReadAll(r)
					return string(data), err
				}
				if got, err := readAll(); err != nil || got != "content" {
					t.Fatalf("it reads %q, %v", got, err)
				}
				clock.pass(5 * time.Hour) // for the service; the driver's clock is another
				if err := test.change(srv); err != nil {
					t.Fatal(err)
				}
				got, err := readAll()
				if test.kind == nil && (err != nil || got != "content") {
					t.Errorf("later it reads %q, %v", got, err)
				}
				if test.kind != nil && (got != "" || !errors.Is(err, test.kind)) {
					t.Errorf("later it reads %q, %v, want %v", got, err, test.kind)
				}
			})
		}
	}
}

// TestUploadProvedByLooking loses the answer and the operation of an upload:
// what is there proves that it was stored.
func TestUploadProvedByLooking(t *testing.T) {
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	srv.Inject(
		emulator.Fault{Endpoint: emulator.UploadContent, Reset: true, After: true},
		emulator.Fault{Endpoint: emulator.GetOperation, Status: 404, Code: "DiskOperationNotFoundError", Times: -1})
	if err := put(b, "f", "content"); err != nil {
		t.Error(err)
	}
	if n := srv.Counters().By[emulator.UploadContent]; n != 1 {
		t.Errorf("it was sent %d times", n)
	}
	hold(t, srv, map[string]string{"/f": "content"}, nil)
}

// TestStoredOtherwise lets the service show other content than was sent.
func TestStoredOtherwise(t *testing.T) {
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{Upload202: true, OperationPolls: 1}}, yandex.Config{})
	srv.Inject(emulator.Fault{Endpoint: emulator.GetResource, Times: -1,
		Body: `{"type":"file","name":"f","size":7,"md5":"00000000000000000000000000000000"}`})
	expectKind(t, "put", put(b, "f", "content"), backend.ErrUncertain)
}

// TestWrongLength stores a body that is not as long as was said: the error
// says what is wrong with it, and nothing changes.
func TestWrongLength(t *testing.T) {
	for _, size := range []int64{0, 4, 6, 1000} {
		srv, b := start(t, emulator.Options{}, yandex.Config{})
		plant(t, srv, map[string]string{"/f": "old"})
		_, err := b.Put(context.Background(), "f", strings.NewReader("12345"), backend.PutOptions{Size: size})
		if err == nil || size > 5 && !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, backend.ErrUncertain) || errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("5 bytes for %d answered %v", size, err)
		}
		if n := srv.Counters().By[emulator.UploadContent]; n > 1 {
			t.Errorf("5 bytes for %d were sent %d times", size, n)
		}
		hold(t, srv, map[string]string{"/f": "old"}, nil)
	}
}

func TestHardDelete(t *testing.T) {
	ctx := context.Background()
	for _, hard := range []bool{false, true} {
		srv, b := start(t, emulator.Options{}, yandex.Config{HardDelete: hard})
		plant(t, srv, map[string]string{"/f": "content"})
		if err := b.Remove(ctx, "f", backend.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
		inTrash := false
		for range b.Trash(ctx) {
			inTrash = true
		}
		if inTrash == hard {
			t.Errorf("with HardDelete %v it is in the trash: %v", hard, inTrash)
		}
	}
}

// TestTempName runs the contract with uploads by way of a temporary name, and
// looks that none is left, and that it is neutral.
func TestTempName(t *testing.T) {
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
		_, b := start(tb, emulator.Options{}, yandex.Config{UploadViaTempName: true})
		return b
	}, unseen()...)
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{ThrottleRate: 1000}}, yandex.Config{UploadViaTempName: true})
	plant(t, srv, map[string]string{"/d/x": "x", "/film.mkv": "old"})
	before := time.Now()
	if err := put(b, "film.mkv", strings.Repeat("x", 100_000)); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(before); d > time.Minute { // at 1000 bytes a second it would take longer
		t.Errorf("the upload took %v: it was slowed down", d)
	}
	expectKind(t, "put over a folder", put(b, "d", "y"), backend.ErrIsDir)
	hold(t, srv, map[string]string{"/d/x": "x"}, nil)
	for _, e := range srv.Dump() {
		if strings.Contains(e.Path, ".davdisk-") {
			t.Errorf("%s is left behind", e.Path)
		}
	}
}

// TestAppFolder opens the folder of an application, whose own path the service
// tells otherwise.
func TestAppFolder(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{}, yandex.Config{Root: "app:/"})
	if err := b.Mkdir(ctx, "Ж"); err != nil {
		t.Fatal(err)
	}
	if err := put(b, "Ж/a:b.txt", "content"); err != nil {
		t.Fatal(err)
	}
	plant(t, srv, map[string]string{"/outside.txt": "x"})
	if got := paths(t, b.Files(ctx, backend.FilesOptions{})); len(got) != 1 || got[0] != "Ж/a:b.txt" {
		t.Errorf("its files are %q", got)
	}
	if err := b.Remove(ctx, "Ж/a:b.txt", backend.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	for entry, err := range b.Trash(ctx) {
		if err != nil || entry.Origin != "Ж/a:b.txt" {
			t.Errorf("the trash has %+v, %v", entry, err)
		}
		if name, err := b.Restore(ctx, entry.ID, "", false); err != nil || name != "Ж/a:b.txt" {
			t.Errorf("restored as %q, %v", name, err)
		}
	}
	if got, err := read(b, "Ж/a:b.txt", 0, -1); err != nil || got != "content" {
		t.Errorf("it reads %q, %v", got, err)
	}
}

// TestCanceledAfterTheBody ends the context when the last byte is out: the
// upload is finished all the same, and told as what it is.
func TestCanceledAfterTheBody(t *testing.T) {
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{FinalizeDelay: 100 * time.Millisecond}}, yandex.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	body := &afterwards{Reader: strings.NewReader("content"), do: func() { time.AfterFunc(20*time.Millisecond, cancel) }}
	if _, err := b.Put(ctx, "f", body, backend.PutOptions{Size: 7}); err != nil {
		t.Errorf("it answered %v", err)
	}
	hold(t, srv, map[string]string{"/f": "content"}, nil)
	if c := srv.Counters(); c.API() != 2 { // the second confirms it
		t.Errorf("the upload was not left to end by itself: %v", c.By)
	}
}

// afterwards does something when its end has been read.
type afterwards struct {
	io.Reader
	do func()
}

func (a *afterwards) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		a.do()
	}
	return n, err
}

// TestEarlyAnswer meets an uploader that says it has stored what was not sent
// yet. It is not believed.
func TestEarlyAnswer(t *testing.T) {
	b := against(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusCreated)
		case strings.HasSuffix(r.URL.Path, "/upload"):
			fmt.Fprintf(w, `{"href":"http://%s/target"}`, r.Host)
		case r.Method == http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		default:
			fmt.Fprint(w, `{"type":"file","name":"f","size":1,"md5":"0cc175b9c0f1b6a831c399e269772661"}`)
		}
	}, yandex.Config{})
	body := &slowly{left: 64 << 20}
	_, err := b.Put(context.Background(), "f", body, backend.PutOptions{Size: 64 << 20})
	expectKind(t, "put", err, backend.ErrUncertain, backend.ErrUnavailable)
}

// slowly yields zeros.
type slowly struct{ left int }

func (s *slowly) Read(p []byte) (int, error) {
	n := min(len(p), s.left)
	if s.left -= n; n == 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	return n, nil
}

// TestIfAbsentAfterAFault stores a new file whose first upload was answered
// with a fault, although it was stored. The second try finds it, and it is
// ours.
func TestIfAbsentAfterAFault(t *testing.T) {
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	srv.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Status: 500, After: true})
	body := strings.NewReader("content")
	if _, err := b.Put(context.Background(), "f", body, backend.PutOptions{Size: 7, IfAbsent: true}); err != nil {
		t.Errorf("it answered %v", err)
	}
	hold(t, srv, map[string]string{"/f": "content"}, nil)
	_, err := b.Put(context.Background(), "f", strings.NewReader("another"), backend.PutOptions{Size: 7, IfAbsent: true})
	expectKind(t, "the next", err, fs.ErrExist)
}

// TestNoOperation uploads by a link that names no operation.
func TestNoOperation(t *testing.T) {
	stored := false
	b := against(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			io.Copy(io.Discard, r.Body)
			stored = true
			w.WriteHeader(http.StatusAccepted)
		case strings.HasSuffix(r.URL.Path, "/upload"):
			fmt.Fprintf(w, `{"href":"http://%s/target"}`, r.Host)
		case strings.Contains(r.URL.Path, "/operations"):
			t.Errorf("it asked for %s", r.URL)
		case stored:
			fmt.Fprint(w, `{"type":"file","name":"f","size":1,"md5":"0cc175b9c0f1b6a831c399e269772661"}`)
		}
	}, yandex.Config{})
	if err := put(b, "f", "a"); err != nil {
		t.Errorf("it answered %v", err)
	}
}

// TestSilentUploader takes an upload and says nothing. That it tells of no
// bytes does not mean that it has none: the upload must not be sent again.
func TestSilentUploader(t *testing.T) {
	var uploads atomic.Int32
	b := against(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			uploads.Add(1)
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		case r.Method == http.MethodHead:
			w.Header().Set("Content-Length", "0")
		case strings.HasSuffix(r.URL.Path, "/upload"):
			fmt.Fprintf(w, `{"href":"http://%s/target","operation_id":"1"}`, r.Host)
		case strings.Contains(r.URL.Path, "/operations"):
			fmt.Fprint(w, `{"status":"in-progress"}`)
		default:
			fmt.Fprint(w, `{"type":"file","name":"f","size":3,"md5":"0cc175b9c0f1b6a831c399e269772661"}`)
		}
	}, yandex.Config{UploadWait: 50 * time.Millisecond})
	expectKind(t, "put", put(b, "f", "content"), backend.ErrUncertain)
	if n := uploads.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
	expectKind(t, "the next", put(b, "f", "newer"), backend.ErrLocked)
}
