package yandex_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/unsettled"
)

// shortWaits is the After of a driver whose clock goes on while it waits, but for the
// pauses of work in the background, which do not end.
func (c *clock) shortWaits(d time.Duration) <-chan time.Time {
	if d >= time.Minute {
		return nil
	}
	return c.After(d)
}

// lost is a disk on which the answers to the calls of an endpoint are lost: the service
// carries them out a minute later, as it finds the disk then.
func lost(t *testing.T, endpoint emulator.Endpoint, cfg yandex.Config) (*emulator.Server, *yandex.Backend, *clock) {
	t.Helper()
	c := newClock()
	cfg.Now, cfg.After = c.Now, c.shortWaits
	srv, b := start(t, emulator.Options{Now: c.Now}, cfg)
	plant(t, srv, map[string]string{"/f": "old", "/g": "other", "/d/x": "x"})
	srv.Inject(emulator.Fault{Endpoint: endpoint, Times: -1, Late: time.Minute})
	return srv, b, c
}

func remove(b *yandex.Backend, name string) error {
	return b.Remove(context.Background(), name, backend.RemoveOptions{})
}

func move(b *yandex.Backend, from, to string, overwrite bool) error {
	return b.Move(context.Background(), from, to, backend.MoveOptions{Overwrite: overwrite})
}

func duplicate(b *yandex.Backend, from, to string, overwrite bool) error {
	return b.Copy(context.Background(), from, to, backend.CopyOptions{Overwrite: overwrite})
}

// TestLostAnswer loses the answers to a change, which the service makes later. What was
// stored and acknowledged meanwhile is neither removed nor replaced nor carried away by it,
// in this process or the next; what it cannot harm goes on.
func TestLostAnswer(t *testing.T) {
	type try = func(b *yandex.Backend) error
	store := func(name string) try { return func(b *yandex.Backend) error { return put(b, name, "newer") } }
	for name, test := range map[string]struct {
		endpoint emulator.Endpoint
		change   try
		closed   map[string]try
		open     map[string]try
		then     string            // the name that is stored in the end
		left     map[string]string // beside it
	}{
		"remove": {
			emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "f") },
			map[string]try{
				"put":        store("f"),
				"mkdir":      func(b *yandex.Backend) error { return b.Mkdir(context.Background(), "f") },
				"move there": func(b *yandex.Backend) error { return move(b, "g", "f", true) },
				"copy there": func(b *yandex.Backend) error { return duplicate(b, "g", "f", true) },
			},
			map[string]try{"another": store("h"), "copy away": func(b *yandex.Backend) error { return duplicate(b, "f", "c", false) }},
			"f", map[string]string{"/g": "other", "/c": "old"},
		},
		"remove a tree": {
			emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "d") },
			map[string]try{"put": store("d/x"), "put new": store("d/new"), "move there": func(b *yandex.Backend) error { return move(b, "g", "d/g", false) }},
			map[string]try{"move away": func(b *yandex.Backend) error { return move(b, "d/x", "x", false) }},
			"d", map[string]string{"/x": "x"},
		},
		"move": {
			emulator.MoveResource, func(b *yandex.Backend) error { return move(b, "f", "g", true) },
			map[string]try{"put from": store("f"), "put to": store("g"), "copy there": func(b *yandex.Backend) error { return duplicate(b, "d/x", "g", true) }},
			map[string]try{"another": store("d/x")},
			"f", map[string]string{"/g": "old"},
		},
		"move to a free name": {
			emulator.MoveResource, func(b *yandex.Backend) error { return move(b, "f", "m", false) },
			map[string]try{"put from": store("f"), "put below": store("m/x")},
			map[string]try{"put to": store("h")},
			"f", map[string]string{"/m": "old"},
		},
		"copy": {
			emulator.CopyResource, func(b *yandex.Backend) error { return duplicate(b, "f", "c", false) },
			map[string]try{"put below": store("c/x")},
			map[string]try{"put from": store("f"), "put to": store("c")},
			"c", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			srv, b, c := lost(t, test.endpoint, yandex.Config{StateDir: state})
			if err := test.change(b); !errors.Is(err, backend.ErrUncertain) {
				t.Fatalf("it answered %v", err)
			}
			srv.ClearFaults()
			left := t.TempDir()
			if err := os.CopyFS(left, os.DirFS(state)); err != nil {
				t.Fatal(err)
			}
			next := connect(t, srv, yandex.Config{Now: c.Now, After: c.shortWaits, StateDir: left})
			for who, b := range map[string]*yandex.Backend{"this process": b, "the next": next} {
				for op, do := range test.closed {
					srv.ResetCounters()
					err := do(b)
					var e *backend.Error
					if !errors.Is(err, backend.ErrLocked) || !errors.As(err, &e) || e.RetryAfter <= 0 {
						t.Errorf("%s: %s answered %v", who, op, err)
					}
					if n := srv.Counters().API(); n > 1 {
						t.Errorf("%s: %s made %d calls", who, op, n)
					}
				}
			}
			for op, do := range test.open {
				if err := do(b); err != nil {
					t.Errorf("%s answered %v", op, err)
				}
			}
			c.pass(time.Minute)
			srv.Dump() // an operation begins, which ends by itself
			c.pass(time.Minute)
			if err := put(next, test.then, "newest"); err != nil {
				t.Errorf("when it has been made, it answered %v", err)
			}
			c.pass(time.Hour)
			test.left = merged(test.left, map[string]string{"/" + test.then: "newest"})
			hold(t, srv, test.left, nil)
		})
	}
}

func merged(a, b map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		for name, content := range m {
			all[name] = content
		}
	}
	return all
}

// TestLostAnswerOfWhatIsNeverMade: where nothing shows what became of a change, its names
// are closed for half an hour, whatever the clock was when that was recorded.
func TestLostAnswerOfWhatIsNeverMade(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint emulator.Endpoint
		change   func(b *yandex.Backend) error
	}{
		"remove":           {emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "g") }},
		"move":             {emulator.MoveResource, func(b *yandex.Backend) error { return move(b, "f", "g", true) }},
		"copy over a file": {emulator.CopyResource, func(b *yandex.Backend) error { return duplicate(b, "f", "g", true) }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			c.pass(1000 * time.Hour) // it is wrong
			state := t.TempDir()
			srv, b := start(t, emulator.Options{Now: c.Now}, yandex.Config{StateDir: state, Now: c.Now, After: c.shortWaits})
			plant(t, srv, map[string]string{"/f": "old", "/g": "other"})
			srv.Inject(emulator.Fault{Endpoint: test.endpoint, Times: -1, Reset: true})
			if err := test.change(b); !errors.Is(err, backend.ErrUncertain) {
				t.Fatalf("it answered %v", err)
			}
			srv.ClearFaults()
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			c.pass(-1000 * time.Hour)
			b = connect(t, srv, yandex.Config{StateDir: state, Now: c.Now, After: c.shortWaits})
			for _, passed := range []time.Duration{0, 29 * time.Minute} {
				c.pass(passed)
				if err := put(b, "g", "newer"); !errors.Is(err, backend.ErrLocked) {
					t.Errorf("after %v it answered %v", passed, err)
				}
			}
			c.pass(2 * time.Minute)
			if err := put(b, "g", "newer"); err != nil {
				t.Errorf("after half an hour it answered %v", err)
			}
		})
	}
}

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

// TestUndoAfterALostAnswer: what was put aside under one of davdisk's own names is given
// back at once, though the answer to that was lost. Only for a moment more it may be put
// aside again by the same request.
func TestUndoAfterALostAnswer(t *testing.T) {
	for _, late := range []bool{false, true} {
		aside := ownname.Sibling("d", "aside")
		srv, b, c := lost(t, emulator.MoveResource, yandex.Config{})
		srv.ClearFaults()
		srv.SetKnobs(func(k *emulator.Knobs) { k.Async = "never" })
		fault := emulator.Fault{Endpoint: emulator.MoveResource, Reset: true, After: true}
		if late {
			fault = emulator.Fault{Endpoint: emulator.MoveResource, Late: 9 * time.Second}
		}
		srv.Inject(fault, emulator.Fault{Endpoint: emulator.GetResource, Status: 500, Times: -1})
		if err := move(b, "d", aside, false); !errors.Is(err, backend.ErrUncertain) {
			t.Fatalf("it answered %v", err)
		}
		srv.ClearFaults()
		if late {
			if err := move(b, "d", aside, false); err != nil {
				t.Errorf("again, it answered %v", err)
			}
		}
		if err := b.Move(t.Context(), aside, "d", backend.MoveOptions{Back: true}); err != nil {
			t.Errorf("back, it answered %v", err)
		}
		if err := put(b, "d/x", "newer"); err != nil {
			t.Errorf("afterwards it answered %v", err)
		}
		c.pass(time.Hour)
		hold(t, srv, map[string]string{"/d/x": "newer"}, nil)
		if n := yandex.LostChanges(b); n != 0 {
			t.Errorf("%d are taken for open", n)
		}
	}
}

// TestLateRenameOfATemporaryName: the service renames an upload late. What was stored
// under the name meanwhile stays; without its source it is not renamed at all.
func TestLateRenameOfATemporaryName(t *testing.T) {
	for _, removed := range []bool{false, true} {
		srv, b, c := lost(t, emulator.MoveResource, yandex.Config{UploadViaTempName: true})
		if !removed {
			srv.Inject(emulator.Fault{Endpoint: emulator.DeleteResource, Times: -1, Status: 503})
		}
		if err := put(b, "f", "new"); !errors.Is(err, backend.ErrUncertain) {
			t.Fatalf("it answered %v", err)
		}
		if n := yandex.LostChanges(b); removed != (n == 0) {
			t.Errorf("the temporary file being removed %v, %d renames are taken for open", removed, n)
		}
		if removed {
			srv.ClearFaults()
		}
		if err := put(b, "f", "newer"); removed != (err == nil) || !removed && !errors.Is(err, backend.ErrLocked) {
			t.Errorf("the temporary file being removed %v, it was answered %v", removed, err)
		}
		srv.ClearFaults()
		c.pass(time.Minute)
		if err := put(b, "f", "newest"); err != nil {
			t.Errorf("later it was answered %v", err)
		}
		c.pass(time.Hour)
		hold(t, srv, map[string]string{"/f": "newest"}, nil)
	}
}

// TestUnreadableAnswerToAChange: the change was made, and the answer is not one of the
// service. It is not said that nothing has changed.
func TestUnreadableAnswerToAChange(t *testing.T) {
	for _, body := range []string{"<html>please log in</html>", `{"href":`, "{}", " "} {
		for endpoint, change := range map[emulator.Endpoint]func(b *yandex.Backend) error{
			emulator.MakeFolder:     func(b *yandex.Backend) error { return b.Mkdir(context.Background(), "new") },
			emulator.DeleteResource: func(b *yandex.Backend) error { return remove(b, "f") },
			emulator.MoveResource:   func(b *yandex.Backend) error { return move(b, "f", "new", false) },
			emulator.CopyResource:   func(b *yandex.Backend) error { return duplicate(b, "f", "new", false) },
		} {
			t.Run(string(endpoint)+" "+strings.TrimSpace(body), func(t *testing.T) {
				srv, b := start(t, emulator.Options{}, yandex.Config{})
				plant(t, srv, map[string]string{"/f": "old"})
				srv.Inject(emulator.Fault{Endpoint: endpoint, After: true, Status: 200, Body: body, Times: -1})
				err := change(b)
				if _, missing := srv.Stat("/new"); endpoint != emulator.DeleteResource && missing != nil {
					t.Errorf("the service has not made it: %v", missing)
				}
				if err != nil && !errors.Is(err, backend.ErrUncertain) {
					t.Errorf("it answered %v", err)
				}
			})
		}
	}
}

// TestLostAnswerOfAnotherProcess: a command beside a running server loses the answer to a
// change, and the server stores nothing where that may still take effect.
func TestLostAnswerOfAnotherProcess(t *testing.T) {
	state := t.TempDir()
	srv, server, c := lost(t, emulator.DeleteResource, yandex.Config{StateDir: state})
	command := connect(t, srv, yandex.Config{Now: c.Now, After: c.shortWaits, StateDir: state})
	if err := remove(command, "f"); !errors.Is(err, backend.ErrUncertain) {
		t.Fatalf("it answered %v", err)
	}
	if err := put(server, "f", "newer"); !errors.Is(err, backend.ErrLocked) {
		t.Errorf("the other process was answered %v", err)
	}
	c.pass(time.Minute)
	if err := put(server, "f", "newest"); err != nil {
		t.Errorf("when it has been made, it was answered %v", err)
	}
	c.pass(time.Hour)
	hold(t, srv, map[string]string{"/f": "newest"}, nil)
}

// TestTakenAwayAfterALostAnswer: what was removed or moved away by another request does
// not show that a lost one is over.
func TestTakenAwayAfterALostAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint    emulator.Endpoint
		change, how func(b *yandex.Backend) error
		put         string
	}{
		"a removal, moved away": {emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "f") },
			func(b *yandex.Backend) error { return move(b, "f", "f.bak", false) }, "f"},
		"a removal, put aside": {emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "d") },
			func(b *yandex.Backend) error { return move(b, "d", ownname.Sibling("d", "aside"), false) }, "d"},
		"a removal, its folder removed": {emulator.DeleteResource, func(b *yandex.Backend) error { return remove(b, "d/x") },
			func(b *yandex.Backend) error { return remove(b, "d") }, "d"},
		"a move, its source removed": {emulator.MoveResource, func(b *yandex.Backend) error { return move(b, "f", "g", true) },
			func(b *yandex.Backend) error { return remove(b, "f") }, "g"},
	} {
		t.Run(name, func(t *testing.T) {
			srv, b, c := lost(t, test.endpoint, yandex.Config{})
			if err := test.change(b); !errors.Is(err, backend.ErrUncertain) {
				t.Fatalf("it answered %v", err)
			}
			srv.ClearFaults()
			if err := test.how(b); err != nil {
				t.Fatal(err)
			}
			c.pass(20 * time.Second)
			if err := put(b, test.put, "newer"); !errors.Is(err, backend.ErrLocked) {
				t.Errorf("it was answered %v", err)
			}
			c.pass(31 * time.Minute)
			if err := put(b, test.put, "newest"); err != nil {
				t.Errorf("half an hour later it was answered %v", err)
			}
			c.pass(time.Hour)
			hold(t, srv, map[string]string{"/" + test.put: "newest"}, nil)
		})
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

// TestLostAnswerThatSaysWhen: the service fails, and says when to come again.
func TestLostAnswerThatSaysWhen(t *testing.T) {
	srv, b, c := lost(t, emulator.DeleteResource, yandex.Config{})
	srv.ClearFaults()
	srv.Inject(emulator.Fault{Endpoint: emulator.DeleteResource, Status: 503, RetryAfter: time.Hour, Times: -1})
	if err := remove(b, "f"); !errors.Is(err, backend.ErrUncertain) {
		t.Errorf("it answered %v", err)
	}
	if err := put(b, "f", "newer"); !errors.Is(err, backend.ErrLocked) {
		t.Errorf("afterwards it answered %v", err)
	}
	c.pass(time.Hour)
	if err := remove(b, "g"); !errors.Is(err, backend.ErrUncertain) {
		t.Errorf("it answered %v", err)
	}
	if n := yandex.LostChanges(b); n != 1 {
		t.Errorf("%d are taken for open, and one is", n)
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

// TestLostAnswerToARestore: the service may still put what was in the trash over a file.
func TestLostAnswerToARestore(t *testing.T) {
	ctx := context.Background()
	srv, b, c := lost(t, emulator.RestoreTrash, yandex.Config{})
	if err := remove(b, "f"); err != nil {
		t.Fatal(err)
	}
	id := ""
	for trashed, err := range b.Trash(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		id = trashed.ID
	}
	plant(t, srv, map[string]string{"/f": "since"})
	if _, err := b.Restore(ctx, id, "f", true); !errors.Is(err, backend.ErrUncertain) {
		t.Fatalf("it answered %v", err)
	}
	srv.ClearFaults()
	if err := put(b, "f", "newer"); !errors.Is(err, backend.ErrLocked) {
		t.Errorf("the name was answered %v", err)
	}
	if _, err := b.Restore(ctx, id, "f", true); err != nil {
		t.Errorf("again, it was answered %v", err)
	}
	c.pass(time.Hour)
	if err := put(b, "f", "newest"); err != nil {
		t.Errorf("later it was answered %v", err)
	}
	hold(t, srv, map[string]string{"/f": "newest"}, nil)
}
