package yandex_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/unsettled"
)

// TestSameChangeAfterALostAnswer asks for a change again whose answer was lost: it is made,
// and opens its names, but for a moment: the first request may have been overtaken.
func TestSameChangeAfterALostAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint emulator.Endpoint
		change   func(b *yandex.Backend) error
		store    string
	}{
		"remove":           {emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "f") }, "f"},
		"remove a tree":    {emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "d") }, "d"},
		"move":             {emulator.MoveResource, func(b *yandex.Backend) error { return move(b, "f", "m", false) }, "f"},
		"move over a file": {emulator.MoveResource, func(b *yandex.Backend) error { return move(b, "f", "g", true) }, "g"},
		"copy":             {emulator.CopyResource, func(b *yandex.Backend) error { return duplicate(b, "f", "m", false) }, "m"},
		"copy over a file": {emulator.CopyResource, func(b *yandex.Backend) error { return duplicate(b, "f", "g", true) }, "g"},
	} {
		for how, times := range map[string]int{"by the driver": 1, "by its caller": -1} {
			t.Run(name+", "+how, func(t *testing.T) {
				c := newClock()
				srv, b := start(t, emulator.Options{Now: c.Now}, yandex.Config{Now: c.Now, After: c.shortWaits})
				plant(t, srv, map[string]string{"/f": "old", "/g": "other", "/d/x": "x"})
				srv.Inject(emulator.Fault{Endpoint: test.endpoint, Times: times, Late: 9 * time.Second})
				err := test.change(b)
				srv.ClearFaults()
				if times < 0 {
					if !errors.Is(err, backend.ErrUncertain) {
						t.Fatalf("it answered %v", err)
					}
					err = test.change(b)
				}
				if err != nil {
					t.Fatalf("again, it answered %v", err)
				}
				if err := put(b, test.store, "newer"); err != nil {
					t.Fatalf("afterwards it answered %v", err)
				}
				c.pass(time.Hour)
				hold(t, srv, map[string]string{"/" + test.store: "newer"}, nil)
			})
		}
	}
}

// TestStraysAmongGateways: a change that had an answer at its second attempt is not told to
// be made before the first is on its way no more, since other gateways know nothing of it.
func TestStraysAmongGateways(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint emulator.Endpoint
		change   func(ctx context.Context, b *yandex.Backend) error
	}{
		"remove": {emulator.DeleteResource, func(ctx context.Context, b *yandex.Backend) error {
			return b.Remove(ctx, "f", backend.RemoveOptions{})
		}},
		"move": {emulator.MoveResource, func(ctx context.Context, b *yandex.Backend) error {
			return b.Move(ctx, "f", "m", backend.MoveOptions{Overwrite: true})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			srv, b := start(t, emulator.Options{Now: c.Now}, yandex.Config{Now: c.Now, After: c.shortWaits})
			plant(t, srv, map[string]string{"/f": "old"})
			srv.Inject(emulator.Fault{Endpoint: test.endpoint, Late: 9 * time.Second})
			ctx, _ := unsettled.With(t.Context())
			if err := test.change(ctx, b); err != nil {
				t.Fatal(err)
			}
			plant(t, srv, map[string]string{"/f": "newer, of another gateway"})
			c.pass(time.Hour)
			hold(t, srv, map[string]string{"/f": "newer, of another gateway"}, nil)
		})
	}
}

// TestOneLostAnswerIsShown: what one attempt alone has done is known by a look, and nothing
// is waited for.
func TestOneLostAnswerIsShown(t *testing.T) {
	c := newClock()
	srv, b := start(t, emulator.Options{Now: c.Now}, yandex.Config{Now: c.Now, After: c.shortWaits})
	plant(t, srv, map[string]string{"/f": "old", "/g": "other"})
	srv.Inject(emulator.Fault{Endpoint: emulator.DeleteResource, Reset: true, After: true}, emulator.Fault{Endpoint: emulator.MoveResource, Reset: true, After: true})
	if err := errors.Join(remove(b, "f"), move(b, "g", "f", false)); err != nil {
		t.Fatal(err)
	}
	if n := yandex.LostChanges(b); n != 0 {
		t.Errorf("%d are taken for open", n)
	}
}

// TestRefusalAfterALostAnswer: a later attempt is refused, and nothing is known of the
// first: it is not said that nothing has changed.
func TestRefusalAfterALostAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint emulator.Endpoint
		change   func(b *yandex.Backend) error
	}{
		"remove": {emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "f") }},
		"move":   {emulator.MoveResource, func(b *yandex.Backend) error { return move(b, "f", "m", false) }},
		"copy":   {emulator.CopyResource, func(b *yandex.Backend) error { return duplicate(b, "g", "f", true) }},
	} {
		for what, refusal := range map[string]emulator.Fault{
			"refused": {Status: 403}, "no space": {Status: 507}, "locked": {Status: 423, Code: "DiskResourceLockedError"}, "the rate": {Status: 429},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				srv, b, c := lost(t, test.endpoint, yandex.Config{})
				srv.ClearFaults()
				refusal.Endpoint, refusal.Times = test.endpoint, -1
				srv.Inject(emulator.Fault{Endpoint: test.endpoint, Late: 5 * time.Minute}, refusal)
				if err := test.change(b); !errors.Is(err, backend.ErrUncertain) {
					t.Errorf("it answered %v", err)
				}
				srv.ClearFaults()
				if err := put(b, "f", "newer"); !errors.Is(err, backend.ErrLocked) {
					t.Errorf("the name was answered %v", err)
				}
				c.pass(time.Hour)
				if err := put(b, "f", "newer"); err != nil {
					t.Errorf("later it was answered %v", err)
				}
				hold(t, srv, map[string]string{"/f": "newer"}, nil)
			})
		}
	}
}

// TestLostCopyOverWhatIsTheSame: that both files are alike does not show that the copy was
// made, if they were before.
func TestLostCopyOverWhatIsTheSame(t *testing.T) {
	for content, want := range map[string]error{"old": backend.ErrLocked, "other": nil} {
		srv, b, c := lost(t, emulator.CopyResource, yandex.Config{})
		srv.ClearFaults()
		plant(t, srv, map[string]string{"/g": content})
		fault := emulator.Fault{Endpoint: emulator.CopyResource, Late: time.Minute}
		if want == nil {
			fault = emulator.Fault{Endpoint: emulator.CopyResource, Reset: true, After: true}
		}
		srv.Inject(fault)
		if err := duplicate(b, "f", "g", true); err != nil {
			t.Errorf("%s: it answered %v", content, err)
		}
		if err := put(b, "g", "newer"); !errors.Is(err, want) {
			t.Errorf("%s: afterwards it answered %v", content, err)
		}
		c.pass(time.Hour)
		if err := put(b, "g", "newest"); err != nil {
			t.Errorf("%s: later it answered %v", content, err)
		}
		hold(t, srv, map[string]string{"/g": "newest"}, nil)
	}
}

// TestRefusalsThatSayEnough: a later attempt is refused in a way that the first was or
// would be as well.
func TestRefusalsThatSayEnough(t *testing.T) {
	t.Run("a copy over a file", func(t *testing.T) {
		srv, b, _ := lost(t, emulator.CopyResource, yandex.Config{})
		srv.ClearFaults()
		srv.SetKnobs(func(k *emulator.Knobs) { k.CopyOverwriteRefused = true })
		srv.Inject(emulator.Fault{Endpoint: emulator.CopyResource, Reset: true})
		if err := duplicate(b, "f", "g", true); err != nil {
			t.Errorf("it answered %v", err)
		}
		hold(t, srv, map[string]string{"/f": "old", "/g": "old"}, nil)
	})
	t.Run("a removal of one version", func(t *testing.T) {
		var srv *emulator.Server
		other := roundTripper(func(req *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(req)
			if req.Method == http.MethodDelete {
				if err := srv.WriteFile("/f", []byte("theirs")); err != nil {
					t.Error(err)
				}
			}
			return resp, err
		})
		var b *yandex.Backend
		srv, b, _ = lost(t, emulator.DeleteResource, yandex.Config{Transport: other})
		srv.ClearFaults()
		version := listed(t, b, ".", "f")
		srv.Inject(emulator.Fault{Endpoint: emulator.DeleteResource, Reset: true})
		err := b.Remove(context.Background(), "f", backend.RemoveOptions{IfVersion: version})
		expectKind(t, "remove", err, backend.ErrChanged)
		hold(t, srv, map[string]string{"/f": "theirs"}, nil)
	})
	t.Run("what was stored a moment ago", func(t *testing.T) {
		srv, b, _ := lost(t, emulator.DeleteResource, yandex.Config{})
		srv.ClearFaults()
		if err := put(b, "f", "new"); err != nil {
			t.Fatal(err)
		}
		srv.Inject(emulator.Fault{Endpoint: emulator.DeleteResource, Reset: true},
			emulator.Fault{Endpoint: emulator.DeleteResource, Status: 404, Code: "DiskNotFoundError"}) // it does not show yet
		if err := remove(b, "f"); err != nil {
			t.Errorf("it answered %v", err)
		}
		hold(t, srv, nil, []string{"/f"})
	})
}
