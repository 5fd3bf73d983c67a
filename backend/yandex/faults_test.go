package yandex_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// passing are faults that a client has to retry when they happen once.
var passing = map[string]emulator.Fault{
	"429":                    {Status: 429},
	"500":                    {Status: 500},
	"500 after the effect":   {Status: 500, After: true},
	"502 of a proxy":         {Status: 502, HTML: true},
	"503":                    {Status: 503},
	"504 after the effect":   {Status: 504, HTML: true, After: true},
	"reset":                  {Reset: true},
	"reset after the effect": {Reset: true, After: true},
	"a spurious 401":         {Status: 401},
	"locked":                 {Status: 423, Code: "DiskResourceLockedError"},
	"half an answer":         {Truncate: 10},
	"three in a row":         {Status: 500, Times: 3},
	"three resets after":     {Reset: true, After: true, Times: 3},
}

// TestPassingFaults meets each call of the API with each fault. The operation
// must succeed, and have had its effect once.
func TestPassingFaults(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		name     string
		endpoint emulator.Endpoint
		do       func(b *yandex.Backend) error
		after    map[string]string // path to content, "/" for a folder
		gone     []string
	}{
		{"stat", emulator.GetResource, func(b *yandex.Backend) error { _, err := b.Stat(ctx, "f"); return err }, nil, nil},
		{"list", emulator.GetResource, func(b *yandex.Backend) error { _, _, err := b.List(ctx, "d"); return err }, nil, nil},
		{"mkdir", emulator.MakeFolder, func(b *yandex.Backend) error { return b.Mkdir(ctx, "new") }, map[string]string{"/new": "/"}, nil},
		{"remove", emulator.DeleteResource, func(b *yandex.Backend) error { return b.Remove(ctx, "f", backend.RemoveOptions{}) }, nil, []string{"/f"}},
		{"remove a tree", emulator.DeleteResource, func(b *yandex.Backend) error { return b.Remove(ctx, "d", backend.RemoveOptions{}) }, nil, []string{"/d"}},
		{"move", emulator.MoveResource, func(b *yandex.Backend) error { return b.Move(ctx, "f", "m", backend.MoveOptions{}) }, map[string]string{"/m": "old"}, []string{"/f"}},
		{"move a tree", emulator.MoveResource, func(b *yandex.Backend) error { return b.Move(ctx, "d", "m", backend.MoveOptions{}) }, map[string]string{"/m/x": "x"}, []string{"/d"}},
		{"move over a file", emulator.MoveResource, func(b *yandex.Backend) error { return b.Move(ctx, "f", "g", backend.MoveOptions{Overwrite: true}) }, map[string]string{"/g": "old"}, []string{"/f"}},
		{"copy", emulator.CopyResource, func(b *yandex.Backend) error { return b.Copy(ctx, "f", "c", backend.CopyOptions{}) }, map[string]string{"/f": "old", "/c": "old"}, nil},
		{"copy over a file", emulator.CopyResource, func(b *yandex.Backend) error { return b.Copy(ctx, "f", "g", backend.CopyOptions{Overwrite: true}) }, map[string]string{"/g": "old"}, nil},
		{"ask for an upload link", emulator.UploadLink, func(b *yandex.Backend) error { return put(b, "f", "new") }, map[string]string{"/f": "new"}, nil},
		{"properties", emulator.PatchResource, func(b *yandex.Backend) error { return b.SetProperties(ctx, "f", map[string]string{"a": "b"}, nil) }, nil, nil},
		{"usage", emulator.DiskInfo, func(b *yandex.Backend) error { _, err := b.Usage(ctx); return err }, nil, nil},
		{"follow an operation", emulator.GetOperation, func(b *yandex.Backend) error { return b.Remove(ctx, "d", backend.RemoveOptions{}) }, nil, []string{"/d"}},
		{"share", emulator.Publish, func(b *yandex.Backend) error { _, err := b.Share(ctx, "f"); return err }, nil, nil},
	} {
		for name, f := range passing {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				srv, b := start(t, emulator.Options{Now: quickly()}, yandex.Config{})
				plant(t, srv, map[string]string{"/f": "old", "/g": "other", "/d/x": "x"})
				fault := f
				fault.Endpoint = test.endpoint
				srv.Inject(fault)
				if err := test.do(b); err != nil {
					t.Fatalf("it failed: %v", err)
				}
				hold(t, srv, test.after, test.gone)
			})
		}
	}
}

// TestPassingUploadFaults does the same at the uploader, whose answers say
// less.
func TestPassingUploadFaults(t *testing.T) {
	big := strings.Repeat("0123456789", 1<<20)
	for name, f := range map[string]emulator.Fault{
		"500":                    {Status: 500},
		"503":                    {Status: 503},
		"reset":                  {Reset: true},
		"reset after the effect": {Reset: true, After: true},
		"504 after the effect":   {Status: 504, HTML: true, After: true},
		"a spent link":           {Status: 400, HTML: true},
		"an unknown target":      {Status: 404, HTML: true},
		"a lapsed target":        {Status: 410, HTML: true},
		"three in a row":         {Status: 500, Times: 3},
	} {
		for size, content := range map[string]string{"empty": "", "small": "new", "large": big} {
			t.Run(name+"/"+size, func(t *testing.T) {
				t.Parallel()
				srv, b := start(t, emulator.Options{}, yandex.Config{})
				plant(t, srv, map[string]string{"/f": "old"})
				fault := f
				fault.Endpoint = emulator.UploadContent
				srv.Inject(fault)
				if err := put(b, "f", content); err != nil {
					t.Fatalf("it failed: %v", err)
				}
				hold(t, srv, map[string]string{"/f": content}, nil)
				if err := put(b, "f", "newer"); err != nil {
					t.Fatalf("the next upload failed: %v", err)
				}
				hold(t, srv, map[string]string{"/f": "newer"}, nil)
			})
		}
	}
}

// TestLastingFaults meets each call with a fault that stays. The operation
// must fail with the right kind, and nothing may have changed.
func TestLastingFaults(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		name  string
		fault emulator.Fault
		kind  error // of a change
	}{
		{"429", emulator.Fault{Status: 429}, backend.ErrRateLimited},
		{"429 for long", emulator.Fault{Status: 429, RetryAfter: time.Hour}, backend.ErrRateLimited},
		{"401", emulator.Fault{Status: 401}, backend.ErrUnauthorized},
		{"403", emulator.Fault{Status: 403}, fs.ErrPermission},
		{"403 of a proxy", emulator.Fault{Status: 403, HTML: true}, backend.ErrUnavailable},
		{"404 of a proxy", emulator.Fault{Status: 404, HTML: true}, backend.ErrUnavailable},
		{"404 of another server", emulator.Fault{Status: 404, Body: `{"error":"NotFoundError"}`}, backend.ErrUnavailable},
		{"423 locked", emulator.Fault{Status: 423, Code: "DiskResourceLockedError"}, backend.ErrLocked},
		{"423 monthly limit", emulator.Fault{Status: 423, Code: "DiskUploadTrafficLimitExceeded"}, backend.ErrQuota},
		{"423 maintenance", emulator.Fault{Status: 423, Code: "DiskReadOnlyError"}, backend.ErrUnavailable},
		{"507", emulator.Fault{Status: 507}, backend.ErrQuota},
		{"413", emulator.Fault{Status: 413}, backend.ErrTooLarge},
		{"503", emulator.Fault{Status: 503}, backend.ErrUnavailable},
		{"500", emulator.Fault{Status: 500}, backend.ErrUnavailable},
		{"reset", emulator.Fault{Reset: true}, backend.ErrUnavailable},
		{"not JSON", emulator.Fault{Body: "<html>please log in</html>"}, backend.ErrUnavailable},
		{"half of JSON", emulator.Fault{Body: `{"type":"fi`}, backend.ErrUnavailable},
		{"an empty body", emulator.Fault{Body: " "}, backend.ErrUnavailable},
		{"an empty object", emulator.Fault{Body: "{}"}, backend.ErrUnavailable},
		{"an error inside of a success", emulator.Fault{Body: `{"error":"DiskNotFoundError","message":"нет"}`}, fs.ErrNotExist},
		{"an unknown type", emulator.Fault{Body: `{"type":"wormhole","name":"f"}`}, backend.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv, b := start(t, emulator.Options{}, yandex.Config{RetryWait: 100 * time.Microsecond})
			plant(t, srv, map[string]string{"/f": "old", "/g": "other", "/d/x": "x"})
			fault := test.fault
			fault.Times = -1
			srv.Inject(fault)
			reading := test.kind
			if reading == backend.ErrQuota || reading == backend.ErrTooLarge {
				reading = backend.ErrUnavailable // reading needs no space
			}
			_, err := b.Stat(ctx, "f")
			expectKind(t, "stat", err, reading)
			_, _, err = b.List(ctx, "d")
			expectKind(t, "list", err, reading)
			_, err = b.Open(ctx, "f", "")
			expectKind(t, "open", err, reading)
			// A change whose answer is no answer may have been made: that is said.
			expectKind(t, "put", put(b, "f", "new"), test.kind)
			if test.fault.Body == "" {
				for op, do := range changes(ctx, b) {
					expectKind(t, op, do(), test.kind, backend.ErrUncertain)
				}
			}
			srv.ClearFaults()
			hold(t, srv, map[string]string{"/f": "old", "/g": "other", "/d/x": "x"}, []string{"/new", "/m", "/c"})
			if test.kind == backend.ErrRateLimited && test.fault.RetryAfter > 0 {
				srv.Inject(test.fault)
				_, err := b.Stat(ctx, "f")
				var e *backend.Error
				if !errors.As(err, &e) || e.RetryAfter != time.Hour {
					t.Errorf("the time to wait is lost: %v", err)
				}
			}
		})
	}
}

func changes(ctx context.Context, b *yandex.Backend) map[string]func() error {
	return map[string]func() error{
		"mkdir":  func() error { return b.Mkdir(ctx, "new") },
		"remove": func() error { return b.Remove(ctx, "f", backend.RemoveOptions{}) },
		"move":   func() error { return b.Move(ctx, "f", "m", backend.MoveOptions{}) },
		"copy":   func() error { return b.Copy(ctx, "f", "c", backend.CopyOptions{}) },
	}
}

// TestDownloadFaults breaks downloads in every way: what is read is the whole
// content, or an error.
func TestDownloadFaults(t *testing.T) {
	content := strings.Repeat("content of some length, ", 10_000)
	for name, faults := range map[string][]emulator.Fault{
		"cut off":                 {{Endpoint: emulator.Storage, Truncate: 1000}},
		"cut off again and again": {{Endpoint: emulator.Storage, Truncate: 1000, Times: 50}},
		"reset":                   {{Endpoint: emulator.Storage, Reset: true}},
		"503":                     {{Endpoint: emulator.Storage, Status: 503, HTML: true}},
		"429":                     {{Endpoint: emulator.Download, Status: 429, HTML: true}},
		"a link that lapsed, 410": {{Endpoint: emulator.Download, Status: 410, HTML: true}},
		"a link that lapsed, 500": {{Endpoint: emulator.Download, Status: 500, HTML: true}},
		"a link that lapsed, 403": {{Endpoint: emulator.Storage, Status: 403, HTML: true}},
		"a link that lapsed, 404": {{Endpoint: emulator.Download, Status: 404, HTML: true}},
		"a link and its renewal":  {{Endpoint: emulator.Download, Status: 403, HTML: true, Times: 2}},
		"links to the storage":    {{Endpoint: emulator.Storage, Status: 403, HTML: true, Times: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, b := start(t, emulator.Options{}, yandex.Config{})
			plant(t, srv, map[string]string{"/f": content})
			srv.Inject(faults...)
			for range 2 { // the second time by the storage address
				if got, err := read(b, "f", 7, -1); err != nil || got != content[7:] {
					t.Fatalf("%d bytes were read, %v, want %d", len(got), err, len(content)-7)
				}
			}
		})
	}
	t.Run("for ever", func(t *testing.T) {
		srv, b := start(t, emulator.Options{}, yandex.Config{})
		plant(t, srv, map[string]string{"/f": content})
		srv.Inject(emulator.Fault{Endpoint: emulator.Storage, Reset: true, Times: -1})
		_, err := read(b, "f", 0, -1)
		expectKind(t, "read", err, backend.ErrUnavailable)
	})
}

// quickly is a clock twenty times as fast as others.
func quickly() func() time.Time {
	start := time.Now()
	return func() time.Time { return start.Add(20 * time.Since(start)) }
}

func put(b *yandex.Backend, name, content string) error {
	_, err := b.Put(context.Background(), name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content))})
	return err
}

func read(b *yandex.Backend, name string, offset, length int64) (string, error) {
	ctx := context.Background()
	c, err := b.Open(ctx, name, "")
	if err != nil {
		return "", err
	}
	defer c.Close()
	r, err := c.Range(ctx, offset, length)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

// plant puts files on the disk behind the API, with the folders they need.
func plant(t testing.TB, srv *emulator.Server, files map[string]string) {
	t.Helper()
	for name, content := range files {
		for i := 1; i < len(name); i++ {
			if name[i] == '/' {
				if _, err := srv.Stat(name[:i]); err != nil {
					if err := srv.Mkdir(name[:i]); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if err := srv.WriteFile(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
}

// hold checks what is on the disk behind the API.
func hold(t testing.TB, srv *emulator.Server, files map[string]string, gone []string) {
	t.Helper()
	for name, want := range files {
		if want == "/" {
			if e, err := srv.Stat(name); err != nil || !e.Dir {
				t.Errorf("the folder %s is %+v, %v", name, e, err)
			}
			continue
		}
		if got, err := srv.ReadFile(name); err != nil || !bytes.Equal(got, []byte(want)) {
			t.Errorf("%s has %d bytes, %v, want %d", name, len(got), err, len(want))
		}
	}
	for _, name := range gone {
		if _, err := srv.Stat(name); err == nil {
			t.Errorf("%s is there", name)
		}
	}
}

func expectKind(t testing.TB, what string, err error, kinds ...error) {
	t.Helper()
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return
		}
	}
	t.Errorf("%s answered %v, want %v", what, err, kinds)
}
