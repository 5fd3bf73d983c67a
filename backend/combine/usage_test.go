package combine_test

import (
	"context"
	"encoding/xml"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/testclock"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
)

// counted is a store that counts how often its space is asked for, which fails with
// err.
type counted struct {
	backend.Backend
	err   error
	space backend.Space
	asked atomic.Int64
}

func (c *counted) Usage(context.Context) (backend.Space, error) {
	c.asked.Add(1)
	return c.space, c.err
}

// TestUsage: the space of a name is that of its store, and what a store says of it
// concerns no other.
func TestUsage(t *testing.T) {
	down := &backend.Error{Kind: backend.ErrUnavailable, Message: "connection refused"}
	b := newCombine(t, map[string]backend.Backend{
		"big":    memory.New(memory.Options{Total: 1000}),
		"small":  memory.New(memory.Options{Total: 100}),
		"silent": struct{ backend.Backend }{memory.New(memory.Options{})},
		"down":   &counted{Backend: memory.New(memory.Options{}), err: backend.PathError("usage", ".", down.Kind, down.Message)},
	})
	put(t, b, "small/f", "12345")
	for name, want := range map[string]struct {
		total, used int64
		err         error
	}{
		".": {0, 0, errors.ErrUnsupported}, "silent": {0, 0, errors.ErrUnsupported}, "silent/x": {0, 0, errors.ErrUnsupported},
		"big": {1000, 0, nil}, "big/missing/x": {1000, 0, nil}, "small": {100, 5, nil}, "small/f": {100, 5, nil},
		"down": {0, 0, backend.ErrUnavailable}, "other": {0, 0, fs.ErrNotExist}, "other/x": {0, 0, fs.ErrNotExist},
		"small/../big": {0, 0, fs.ErrInvalid}, "": {0, 0, fs.ErrInvalid}, "/big": {0, 0, fs.ErrInvalid},
	} {
		space, err := backend.UsageIn(t.Context(), b, name)
		if !errors.Is(err, want.err) || (err == nil) != (want.err == nil) || space.Total != want.total || space.Used != want.used {
			t.Errorf("%q: %+v, %v; want %+v", name, space, err, want)
		}
		var at *fs.PathError
		if err != nil && (!errors.As(err, &at) || !backend.Within(name, at.Path) && name != "" && name[0] != '/') {
			t.Errorf("%q: the error is %v", name, err)
		}
	}
	ctx := backend.Confine(t.Context(), "big/mine")
	if _, err := b.UsageIn(ctx, "small"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("outside of a confinement: %v", err)
	}
}

// quota asks for the properties of RFC 4331, and returns those of each path: the
// available and the used bytes, or the status of the refusal.
func quota(t *testing.T, h http.Handler, path, depth string) map[string]string {
	t.Helper()
	req := httptest.NewRequest("PROPFIND", path, strings.NewReader(`<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>`))
	req.Header.Set("Depth", depth)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	var answer struct {
		Responses []struct {
			Href  string `xml:"href"`
			Props []struct {
				Status    string `xml:"status"`
				Available string `xml:"prop>quota-available-bytes"`
				Used      string `xml:"prop>quota-used-bytes"`
			} `xml:"propstat"`
		} `xml:"response"`
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusMultiStatus {
		t.Fatalf("%d, %v: %s", w.Code, err, w.Body)
	}
	got := map[string]string{}
	for _, r := range answer.Responses {
		for _, p := range r.Props {
			if status := strings.Fields(p.Status)[1]; status != "200" {
				got[r.Href] = status
			} else {
				got[r.Href] = p.Available + " " + p.Used
			}
		}
	}
	return got
}

// TestQuotaOverWebDAV: each folder tells the space of its store, which is asked for
// once an interval; of one that cannot tell it now nothing but that is refused.
func TestQuotaOverWebDAV(t *testing.T) {
	up := &counted{Backend: memory.New(memory.Options{}), space: backend.Space{Total: 100, Used: 30}}
	down := &counted{Backend: memory.New(memory.Options{}), err: &backend.Error{Kind: backend.ErrUnavailable}}
	b := newCombine(t, map[string]backend.Backend{"up": up, "down": down, "silent": struct{ backend.Backend }{memory.New(memory.Options{})}})
	clock := testclock.At(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	files, err := vfs.New(b, vfs.WithClock(clock.Now), vfs.WithPollInterval(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	handler, err := webdav.NewHandler(files, webdav.WithStrictAbilities())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"/": "404", "/up/": "70 30", "/down/": "503", "/silent/": "404"}
	asks := func(up0, down0 int64) {
		t.Helper()
		if got := quota(t, handler, "/", "1"); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if up.asked.Load() != up0 || down.asked.Load() != down0 {
			t.Errorf("asked %d and %d times, want %d and %d", up.asked.Load(), down.asked.Load(), up0, down0)
		}
	}
	if err := b.Mkdir(t.Context(), "up/d"); err != nil {
		t.Fatal(err)
	}
	asks(1, 1)
	if got := quota(t, handler, "/up/d/", "0"); got["/up/d/"] != "70 30" {
		t.Errorf("in a folder: %v", got)
	}
	asks(1, 1)
	up.space.Used = 60
	want["/up/"] = "40 60"
	clock.Advance(6 * time.Second)
	asks(2, 1)
	down.err, down.space = nil, backend.Space{Total: 7, Used: 9}
	clock.Advance(time.Minute)
	want["/down/"] = "0 9"
	asks(3, 2)

	// A file that does not fit is refused before its body is sent.
	for path, code := range map[string]int{"/up/f": http.StatusInsufficientStorage, "/silent/f": http.StatusCreated} {
		req := httptest.NewRequest(http.MethodPut, path, strings.NewReader(strings.Repeat("x", 50)))
		req.Header.Set("Expect", "100-continue")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if w.Code != code {
			t.Errorf("PUT %s: %d, want %d", path, w.Code, code)
		}
	}
}

// TestQuotaOfOneStore: a store with one space is asked once a request, whether it
// tells or not.
func TestQuotaOfOneStore(t *testing.T) {
	for _, err := range []error{nil, &backend.Error{Kind: backend.ErrUnavailable}} {
		b := &counted{Backend: memory.New(memory.Options{}), space: backend.Space{Total: 100, Used: 30}, err: err}
		for _, name := range []string{"a", "b", "c"} {
			if err := b.Mkdir(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		files, failed := vfs.New(b)
		if failed != nil {
			t.Fatal(failed)
		}
		handler, failed := webdav.NewHandler(files)
		if failed != nil {
			t.Fatal(failed)
		}
		got := quota(t, handler, "/", "1")
		want := "70 30"
		if err != nil {
			want = "503"
		}
		if len(got) != 4 || got["/"] != want || got["/b/"] != want || b.asked.Load() != 1 {
			t.Errorf("%v: %v, asked %d times", err, got, b.asked.Load())
		}
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	}
}
