package yandex_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/ownname"
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
