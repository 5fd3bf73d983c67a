package yandex_test

import (
	"context"
	"errors"
	"fmt"
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
		left     map[string]string // beside it
	}{
		"remove":                             {emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "f") }, "f", nil},
		"remove a tree":                      {emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "d") }, "d", nil},
		"move":                               {emulator.MoveResource, func(b *yandex.Backend) error { return move(b, "f", "m", false) }, "f", map[string]string{"/m": "old"}},
		"move over a file":                   {emulator.MoveResource, func(b *yandex.Backend) error { return move(b, "f", "g", true) }, "g", nil},
		"copy":                               {emulator.CopyResource, func(b *yandex.Backend) error { return duplicate(b, "f", "m", false) }, "m", nil},
		"copy over a file":                   {emulator.CopyResource, func(b *yandex.Backend) error { return duplicate(b, "f", "g", true) }, "g", nil},
		"copy over a file, of which another": {emulator.CopyResource, func(b *yandex.Backend) error { return duplicate(b, "f", "g", true) }, "f", map[string]string{"/g": "old"}},
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
				hold(t, srv, merged(test.left, map[string]string{"/" + test.store: "newer"}), nil)
			})
		}
	}
}

// TestStraysAmongGateways: a change that had an answer at a later attempt, of the same
// request or another, is not over before the first is on its way no more, since other
// gateways know nothing of that. Nothing is locked until then.
func TestStraysAmongGateways(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint emulator.Endpoint
		change   func(ctx context.Context, b *yandex.Backend) error
		left     map[string]string
	}{
		"remove": {emulator.DeleteResource, func(ctx context.Context, b *yandex.Backend) error {
			return b.Remove(ctx, "f", backend.RemoveOptions{})
		}, nil},
		"move": {emulator.MoveResource, func(ctx context.Context, b *yandex.Backend) error {
			return b.Move(ctx, "f", "m", backend.MoveOptions{Overwrite: true})
		}, map[string]string{"/m": "old"}},
		"copy": {emulator.CopyResource, func(ctx context.Context, b *yandex.Backend) error {
			return b.Copy(ctx, "f", "g", backend.CopyOptions{Overwrite: true})
		}, map[string]string{"/g": "old"}},
	} {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, requested again %v", name, again), func(t *testing.T) {
				c := newClock()
				srv, b := start(t, emulator.Options{Now: c.Now}, yandex.Config{Now: c.Now, After: c.shortWaits, RetryWait: time.Millisecond})
				plant(t, srv, map[string]string{"/f": "old", "/g": "other"})
				lost := emulator.Fault{Endpoint: test.endpoint, Late: 9 * time.Second}
				if again {
					lost.Times = -1
				}
				srv.Inject(lost)
				ctx, first := unsettled.With(t.Context())
				if again {
					if err := test.change(ctx, b); !errors.Is(err, backend.ErrUncertain) {
						t.Fatalf("at first it answered %v", err)
					}
					srv.ClearFaults()
				}
				ctx, changes := unsettled.With(t.Context())
				began := c.Now()
				if err := test.change(ctx, b); err != nil {
					t.Fatal(err)
				}
				if waited := c.Now().Sub(began); waited > time.Second {
					t.Errorf("the folder was locked for %v", waited)
				}
				if told := !again || test.endpoint == emulator.CopyResource; changes.Any() != told || told && !changes.Over(t.Context()) {
					t.Error("it is told to be over, or not to be later")
				}
				for !first.Over(t.Context()) { // until which their names are closed
					c.pass(time.Second)
				}
				plant(t, srv, map[string]string{"/f": "newer, of another gateway"})
				c.pass(time.Hour)
				hold(t, srv, merged(test.left, map[string]string{"/f": "newer, of another gateway"}), nil)
			})
		}
	}
}

// TestEarlierRequestBetweenAttempts: what is requested again loses an answer too, and the
// next look or attempt shows that it is made: by the earlier request, and not by the attempt
// that is still on its way. That does no harm to what is stored then, and is told.
func TestEarlierRequestBetweenAttempts(t *testing.T) {
	removal := func(ctx context.Context, b *yandex.Backend) error {
		return b.Remove(ctx, "f", backend.RemoveOptions{})
	}
	moving := func(ctx context.Context, b *yandex.Backend) error {
		return b.Move(ctx, "f", "g", backend.MoveOptions{Overwrite: true})
	}
	copying := func(ctx context.Context, b *yandex.Backend) error {
		return b.Copy(ctx, "f", "g", backend.CopyOptions{Overwrite: true})
	}
	for name, test := range map[string]struct {
		endpoint emulator.Endpoint
		change   func(ctx context.Context, b *yandex.Backend) error
		stored   string
	}{
		"remove": {emulator.DeleteResource, removal, "f"},
		"move":   {emulator.MoveResource, moving, "f"},
		"copy":   {emulator.CopyResource, copying, "g"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			pause := func() {} // after an attempt without an answer
			attempts := roundTripper(func(req *http.Request) (*http.Response, error) {
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					pause()
				}
				return resp, err
			})
			srv, b := start(t, emulator.Options{Now: c.Now}, yandex.Config{Now: c.Now, After: c.shortWaits, RetryWait: time.Millisecond, Transport: attempts})
			plant(t, srv, map[string]string{"/f": "old", "/g": "other"})
			srv.Inject(emulator.Fault{Endpoint: test.endpoint, Times: -1, Late: time.Minute})
			began := c.Now()
			if err := test.change(t.Context(), b); !errors.Is(err, backend.ErrUncertain) {
				t.Fatalf("at first it answered %v", err)
			}
			srv.ClearFaults()
			c.pass(began.Add(59 * time.Second).Sub(c.Now()))
			listed(t, b, ".", "f")
			listed(t, b, ".", "g")
			pause = func() { c.pass(2 * time.Second) }
			srv.Inject(emulator.Fault{Endpoint: test.endpoint, Late: 6 * time.Second})
			ctx, changes := unsettled.With(t.Context())
			if err := test.change(ctx, b); err != nil {
				t.Fatalf("again, it answered %v", err)
			}
			if c.Now().Sub(began) > time.Minute+5*time.Second {
				t.Fatal("the attempt is not on its way any more")
			}
			if !changes.Any() {
				t.Error("it is not told that an attempt may be on its way")
			}
			if err := put(b, test.stored, "newer"); err != nil {
				t.Fatalf("afterwards it answered %v", err)
			}
			c.pass(time.Hour)
			hold(t, srv, map[string]string{"/" + test.stored: "newer"}, nil)
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
// made, if they were before. It is requested again, the answer to which ends it.
func TestLostCopyOverWhatIsTheSame(t *testing.T) {
	for name, test := range map[string]struct {
		content string // of the target
		fault   emulator.Fault
		copies  int
		want    error
	}{
		"the same before":     {"old", emulator.Fault{Late: 9 * time.Second}, 2, nil},
		"the same, and again": {"old", emulator.Fault{Late: time.Minute, Times: -1}, 4, backend.ErrUncertain},
		"another before":      {"other", emulator.Fault{Reset: true, After: true}, 1, nil},
	} {
		srv, b, c := lost(t, emulator.CopyResource, yandex.Config{})
		srv.ClearFaults()
		plant(t, srv, map[string]string{"/g": test.content})
		test.fault.Endpoint = emulator.CopyResource
		srv.Inject(test.fault)
		if err := duplicate(b, "f", "g", true); !errors.Is(err, test.want) {
			t.Errorf("%s: it answered %v", name, err)
		}
		if n := srv.Counters().By[emulator.CopyResource]; n != test.copies {
			t.Errorf("%s: it was requested %d times, want %d", name, n, test.copies)
		}
		srv.ClearFaults()
		want := error(nil)
		if test.want != nil {
			want = backend.ErrLocked
		}
		if err := put(b, "g", "newer"); !errors.Is(err, want) {
			t.Errorf("%s: afterwards it answered %v", name, err)
		}
		c.pass(time.Hour)
		if err := put(b, "g", "newest"); err != nil {
			t.Errorf("%s: later it answered %v", name, err)
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
		missing := emulator.Fault{Endpoint: emulator.DeleteResource, Status: 404, Code: "DiskNotFoundError"}
		for what, test := range map[string]struct {
			first emulator.Fault
			times int           // of the answer that it is not there
			shows time.Duration // when others that look for it find it
			want  error
			open  int
		}{
			"it does not show yet":      {emulator.Fault{Reset: true}, 1, 0, nil, 1}, // for a moment
			"it does not show for long": {emulator.Fault{Late: time.Minute}, -1, 0, backend.ErrUncertain, 1},
			"it shows nowhere yet":      {emulator.Fault{Late: time.Minute}, -1, 8 * time.Second, backend.ErrUncertain, 1},
			"it was removed":            {emulator.Fault{Reset: true, After: true}, -1, 0, nil, 0},
		} {
			srv, b, c := lost(t, emulator.DeleteResource, yandex.Config{RetryWait: time.Millisecond})
			srv.ClearFaults()
			if err := put(b, "f", "new"); err != nil {
				t.Fatal(err)
			}
			test.first.Endpoint, missing.Times = emulator.DeleteResource, test.times
			srv.Inject(test.first, missing)
			srv.SetKnobs(func(k *emulator.Knobs) { k.MetadataDelay = test.shows })
			if err := remove(b, "f"); !errors.Is(err, test.want) {
				t.Errorf("%s: it answered %v", what, err)
			}
			if n := yandex.LostChanges(b); n != test.open {
				t.Errorf("%s: %d are taken for open, want %d", what, n, test.open)
			}
			srv.ClearFaults()
			c.pass(time.Hour)
			hold(t, srv, nil, []string{"/f"})
		}
	})
}
