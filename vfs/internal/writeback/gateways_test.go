package writeback

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// others is what a test says of other gateways.
type others struct {
	mu       sync.Mutex // guards what follows
	owns     map[string]bool
	files    map[string]File
	away     error // of Current
	settle   error
	settles  func() error // in its place
	settled  []string
	changed  []string
	announce func(f File) error
}

func newOthers() *others { return &others{owns: map[string]bool{}, files: map[string]File{}} }

func (o *others) Attach(Local) {}

func (o *others) Announce(_ context.Context, f File) (func(), error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.announce != nil {
		if err := o.announce(f); err != nil {
			return func() {}, err
		}
	}
	o.owns[f.Name] = true
	return func() {}, nil
}

func (o *others) Changed(names ...string) { o.do(func() { o.changed = append(o.changed, names...) }) }
func (o *others) Renamed(from, to string) {
	o.do(func() { o.changed = append(o.changed, from+" to "+path.Ext(to)) })
}

func (o *others) do(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

func (o *others) Owns(name string) (owns bool) { o.do(func() { owns = o.owns[name] }); return owns }
func (o *others) Current() (err error)         { o.do(func() { err = o.away }); return err }

func (o *others) Elsewhere(name string) (f File, ok bool) {
	o.do(func() { f, ok = o.files[name] })
	return f, ok
}

func (o *others) In(folder string) (all []File) {
	o.do(func() {
		for name, f := range o.files {
			if path.Dir(name) == folder {
				all = append(all, f)
			}
		}
	})
	return all
}

func (o *others) Settle(_ context.Context, names ...string) (err error) {
	o.do(func() {
		if o.settled, err = append(o.settled, names...), o.settle; o.settles != nil {
			err = o.settles()
		}
	})
	return err
}

// amongOthers is a queue of a gateway.
func amongOthers(t *testing.T, store backend.Backend, o *others, dir string) *Queue {
	t.Helper()
	var q *Queue
	q, err := Open(store, Options{
		Dir: dir, MaxBytes: 1 << 20, Log: slog.New(slog.DiscardHandler), Now: time.Now, Gateways: o,
		Look: func(ctx context.Context, name string) (backend.Info, error) { return q.Stat(ctx, name) }, Changed: func(string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	q.Start()
	return q
}

func putIn(t *testing.T, b backend.Backend, name, content string) error {
	_, err := b.Put(t.Context(), name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content))})
	return err
}

func contentOf(t *testing.T, b backend.Backend, name string) (string, error) {
	c, err := b.Open(t.Context(), name, "")
	if err != nil {
		return "", err
	}
	defer c.Close()
	r, err := c.Range(t.Context(), 0, -1)
	if err != nil {
		return "", err
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	return string(all), err
}

// What waits elsewhere is shown as it is, and read and changed when that is settled.
func TestElsewhere(t *testing.T) {
	store, o := newStubborn(), newOthers()
	if err := errors.Join(store.Mkdir(t.Context(), "d"), putIn(t, store, "d/f", "old")); err != nil {
		t.Fatal(err)
	}
	q := amongOthers(t, store, o, t.TempDir())
	defer q.Close()
	o.files["d/f"] = File{Name: "d/f", Size: 5, Version: "v5"}
	o.files["d/new"] = File{Name: "d/new", Size: 7, Version: "v7"}
	busy := &backend.Error{Kind: backend.ErrUnavailable, Message: "it waits at another gateway"}
	o.settle = busy
	for name, size := range map[string]int64{"d/f": 5, "d/new": 7} {
		if info, err := q.Stat(t.Context(), name); err != nil || info.Size != size || info.Name != path.Base(name) {
			t.Errorf("%s is %+v, %v", name, info, err)
		}
		c, err := q.Open(t.Context(), name, "")
		if err != nil || c.Info().Size != size {
			t.Fatalf("%s is opened with %v", name, err)
		}
		if _, err := c.Range(t.Context(), 0, -1); !errors.Is(err, busy) {
			t.Errorf("%s is read with %v", name, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := q.Open(t.Context(), name, "another"); !errors.Is(err, backend.ErrChanged) {
			t.Errorf("another version of %s is opened with %v", name, err)
		}
	}
	_, children, err := q.List(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]int64{}
	for info, err := range children {
		if err != nil {
			t.Fatal(err)
		}
		listed[info.Name] = info.Size
	}
	if len(listed) != 2 || listed["f"] != 5 || listed["new"] != 7 {
		t.Errorf("listed are %v", listed)
	}
	if err := q.Mkdir(t.Context(), "d/new"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder is made over it: %v", err)
	}
	if props, err := q.Properties(t.Context(), "d/new"); err != nil || len(props) > 0 {
		t.Errorf("it has %v, %v", props, err)
	}
	store.asked()
	for what, change := range map[string]func() error{
		"put":         func() error { return putIn(t, q, "d/f", "x") },
		"remove":      func() error { return q.Remove(t.Context(), "d", backend.RemoveOptions{}) },
		"move":        func() error { return q.Move(t.Context(), "d", "e", backend.MoveOptions{}) },
		"copy":        func() error { return q.Copy(t.Context(), "d", "e", backend.CopyOptions{}) },
		"set time":    func() error { return q.SetModTime(t.Context(), "d/f", time.Now()) },
		"set a value": func() error { return q.SetProperties(t.Context(), "d/f", map[string]string{"a": "b"}, nil) },
	} {
		if err := change(); !errors.Is(err, busy) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if calls := store.asked(); calls != "" {
		t.Errorf("the store is asked to %s", calls)
	}
	info, err := store.Stat(t.Context(), "d/f")
	if err != nil {
		t.Fatal(err)
	}
	o.do(func() {
		o.files["d/f"], o.settled = File{Name: "d/f", Size: info.Size, Version: info.Version}, nil
	})
	if got, err := contentOf(t, q, "d/f"); err != nil || got != "old" || o.settled != nil {
		t.Errorf("told to wait, and stored, it is %q, %v, after asking for %q", got, err, o.settled)
	}
	if err := putIn(t, q, "d/f", "x"); !errors.Is(err, busy) {
		t.Errorf("told to wait, and stored, it is changed with %v", err)
	}
	o.do(func() { o.settle, o.files = nil, map[string]File{} })
	if got, err := contentOf(t, q, "d/f"); err != nil || got != "old" {
		t.Errorf("then it is %q, %v", got, err)
	}

	// Without knowledge of the others nothing is told.
	o.do(func() { o.away = busy })
	for what, read := range map[string]func() error{
		"stat":       func() error { _, err := q.Stat(t.Context(), "d/f"); return err },
		"list":       func() error { _, _, err := q.List(t.Context(), "d"); return err },
		"open":       func() error { _, err := q.Open(t.Context(), "d/f", ""); return err },
		"properties": func() error { _, err := q.Properties(t.Context(), "d/f"); return err },
		"mkdir":      func() error { return q.Mkdir(t.Context(), "e") },
	} {
		if err := read(); !errors.Is(err, busy) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What is queued here and the others do not know of is neither shown nor stored, and
// nothing takes its place.
func TestUnknownToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, o, dir := newStubborn(), newOthers(), t.TempDir()
		store.answers(func(op, _ string) error {
			if op == "put" {
				return backend.ErrUnavailable
			}
			return nil
		})
		q := amongOthers(t, store, o, dir)
		id := q.ID()
		if err := putIn(t, q, "f", "ours"); err != nil {
			t.Fatal(err)
		}
		if got, err := contentOf(t, q, "f"); err != nil || got != "ours" {
			t.Errorf("it is %q, %v", got, err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		store.answers(nil)
		o.do(func() { o.owns = map[string]bool{} })
		q = amongOthers(t, store, o, dir)
		if q.ID() != id || id == "" {
			t.Errorf("the folder is %q, and was %q", q.ID(), id)
		}
		if _, err := q.Stat(t.Context(), "f"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is shown: %v", err)
		}
		for what, err := range map[string]error{
			"put": putIn(t, q, "f", "other"), "remove": q.Remove(t.Context(), "f", backend.RemoveOptions{}),
			"move": q.Move(t.Context(), "f", "g", backend.MoveOptions{}),
		} {
			if !errors.Is(err, backend.ErrUnavailable) {
				t.Errorf("%s: %v", what, err)
			}
		}
		q.Expedite("f")
		synctest.Wait()
		if _, err := contentOf(t, store, "f"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is stored: %v", err)
		}
		o.do(func() { o.owns["f"], o.changed = true, nil })
		q.Expedite()
		synctest.Wait()
		if got, err := contentOf(t, store, "f"); err != nil || got != "ours" || len(o.changed) != 1 {
			t.Errorf("stored is %q, %v, told %v", got, err, o.changed)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestRecheck has what the store has when others are told of a file of before.
func TestRecheck(t *testing.T) {
	for name, c := range map[string]struct {
		there  string // "": nothing
		locked bool
		beside bool
	}{
		"as it was":         {"old", false, false},
		"stored already":    {"ours", false, false},
		"gone":              {"", false, false},
		"changed":           {"other", false, true},
		"as it was, locked": {"old", true, true},
		"stored and locked": {"ours", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			store, o := newStubborn(), newOthers()
			if err := putIn(t, store, "f", "old"); err != nil {
				t.Fatal(err)
			}
			store.answers(func(op, _ string) error {
				if op == "put" {
					return backend.PathError("put", "f", backend.ErrUnavailable, "")
				}
				return nil
			})
			q := amongOthers(t, store, o, t.TempDir())
			defer q.Close()
			o.do(func() { o.announce = func(File) error { o.owns = map[string]bool{}; return nil } })
			if err := putIn(t, q, "f", "ours"); err != nil {
				t.Fatal(err)
			}
			o.do(func() { o.owns, o.changed = map[string]bool{}, nil })
			for {
				q.mu.Lock()
				under := q.inFlight["f"]
				q.mu.Unlock()
				if under == nil {
					break
				}
				if err := under.wait(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			err := store.Backend.Remove(t.Context(), "f", backend.RemoveOptions{})
			if err == nil && c.there == "" {
				if err := q.Recheck(t.Context(), "f", true); !errors.Is(err, backend.ErrLocked) {
					t.Errorf("where nothing is and somebody has a lock it is %v", err)
				}
			}
			if err == nil && c.there != "" {
				_, err = store.Backend.Put(t.Context(), "f", strings.NewReader(c.there), backend.PutOptions{Size: int64(len(c.there))})
			}
			if err == nil {
				err = q.Recheck(t.Context(), "f", c.locked)
			}
			_, queued := q.File("f")
			if err != nil || queued == c.beside || len(q.Files()) != 1 || (len(o.changed) > 0) != c.beside {
				t.Errorf("it is queued under its name: %v, want %v; told %v, %v", queued, !c.beside, o.changed, err)
			}
		})
	}
}

// Of two uploads to one name at the same time at two gateways the second is queued when
// the first is stored. If too many wait, it is stored at once.
func TestAnnounceIsRefused(t *testing.T) {
	store, o := newStubborn(), newOthers()
	q := amongOthers(t, store, o, t.TempDir())
	defer q.Close()
	for _, refusal := range []error{ErrWaits, ErrFull, backend.ErrUnavailable} {
		tries := 0
		o.do(func() {
			o.settled = nil
			o.announce = func(File) error {
				if tries++; tries == 1 {
					return refusal
				}
				return nil
			}
		})
		err := putIn(t, q, "f", refusal.Error())
		if (err == nil) != (refusal != backend.ErrUnavailable) || err != nil && !errors.Is(err, refusal) {
			t.Errorf("%v ends with %v", refusal, err)
		}
		if err == nil {
			if got, err := contentOf(t, q, "f"); err != nil || got != refusal.Error() {
				t.Errorf("%v: it is %q, %v", refusal, got, err)
			}
		}
		if want := map[error]int{ErrWaits: 2, ErrFull: 1, backend.ErrUnavailable: 1}[refusal]; tries != want {
			t.Errorf("%v: announced %d times, want %d", refusal, tries, want)
		}
	}
}

// What another gateway stores under a name while an upload to it is received is what
// that replaces, unless it has a condition.
func TestStoredElsewhereMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		before, meanwhile bool // whether there is a file
		opts              func(before backend.Info) backend.PutOptions
		want              error
	}{
		"replaced":               {before: true, meanwhile: true},
		"created":                {meanwhile: true},
		"nothing":                {before: true},
		"created, if absent":     {meanwhile: true, opts: func(backend.Info) backend.PutOptions { return backend.PutOptions{IfAbsent: true} }, want: fs.ErrExist},
		"replaced, if unchanged": {before: true, meanwhile: true, opts: func(i backend.Info) backend.PutOptions { return backend.PutOptions{IfVersion: i.Version} }, want: backend.ErrChanged},
	} {
		t.Run(name, func(t *testing.T) {
			store, o := newStubborn(), newOthers()
			q := amongOthers(t, store, o, t.TempDir())
			defer q.Close()
			var there backend.Info
			if c.before {
				err := putIn(t, store, "f", "before")
				if err == nil {
					there, err = store.Stat(t.Context(), "f")
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			o.announce = func(File) error {
				if c.meanwhile {
					return putIn(t, store, "f", "theirs")
				}
				return nil
			}
			opts := backend.PutOptions{}
			if c.opts != nil {
				opts = c.opts(there)
			}
			opts.Size = 4
			_, err := q.Put(t.Context(), "f", strings.NewReader("ours"), opts)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Fatalf("it is put with %v", err)
			}
			want := "ours"
			if c.want != nil {
				want = "theirs"
			} else if err := q.Flush(t.Context(), "f"); err != nil {
				t.Errorf("it is stored with %v", err)
			}
			if got, err := contentOf(t, store, "f"); err != nil || got != want {
				t.Errorf("there is %q, %v", got, err)
			}
			if len(q.Files()) > 0 {
				t.Errorf("%v wait", q.Files())
			}
		})
	}
}
