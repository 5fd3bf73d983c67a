package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// ledger is what a worker knows of its files: the contents that each may have.
// After a success it is one; after a failure of unknown effect, more. An empty
// content stands for no file.
type ledger struct {
	files      map[string][]string
	kept, lost int // changes that were told to be made, and that were not
}

// after is the outcome of a change that would give a name new content.
func (l *ledger) after(name, content string, err error) {
	if err == nil {
		l.files[name] = []string{content}
		l.kept++
	} else {
		l.files[name] = append(l.files[name], content)
		l.lost++
	}
}

func (l *ledger) allows(name, content string) bool {
	if len(l.files[name]) == 0 {
		return content == ""
	}
	return slices.Contains(l.files[name], content)
}

// TestChaos lets one request in ten fail, in every way, while several work on
// the disk. What was told to be stored is stored, and no file is ever a mixture.
func TestChaos(t *testing.T) {
	const workers, steps = 6, 60
	for _, async := range []string{"", "always"} {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("async %q, seed %d", async, seed), func(t *testing.T) {
			srv, b := start(t, emulator.Options{Now: quickly(), Seed: seed, Knobs: emulator.Knobs{Async: async}},
				yandex.Config{After: func(d time.Duration) <-chan time.Time { return time.After(d / 50) }})
			for w := range workers {
				if err := srv.Mkdir(fmt.Sprintf("/w%d", w)); err != nil {
					t.Fatal(err)
				}
			}
			srv.InjectRandom(emulator.RandomFaults{Rate: 0.1, Seed: seed})
			ledgers := make([]*ledger, workers)
			var working sync.WaitGroup
			for w := range workers {
				ledgers[w] = &ledger{files: map[string][]string{}}
				for i := range 4 {
					ledgers[w].files[fileOf(fmt.Sprintf("w%d", w), i)] = []string{""} // not there
				}
				working.Go(func() {
					r := rand.New(rand.NewPCG(seed, uint64(w)))
					for step := range steps {
						work(t, b, ledgers[w], r, fmt.Sprintf("w%d", w), step)
					}
				})
			}
			working.Wait()
			srv.ClearFaults()
			kept, lost := 0, 0
			for _, l := range ledgers {
				kept, lost = kept+l.kept, lost+l.lost
				for name := range l.files {
					got, err := srv.ReadFile("/" + name)
					if err != nil {
						got = nil
					}
					if !l.allows(name, string(got)) {
						t.Errorf("%s has %.30q, want one of %.30q", name, got, l.files[name])
					}
				}
			}
			if kept < 9*lost || kept < workers*steps/3 {
				t.Errorf("%d changes were made and %d were not: that proves little", kept, lost)
			}
		})
	}
}

func fileOf(dir string, i int) string { return fmt.Sprintf("%s/Ж %d +.txt", dir, i) }

// work does one thing to one of a few files.
func work(t *testing.T, b *yandex.Backend, l *ledger, r *rand.Rand, dir string, step int) {
	ctx := context.Background()
	name, other := fileOf(dir, r.IntN(4)), fileOf(dir, r.IntN(4))
	if name == other {
		return
	}
	certain := len(l.files[name]) == 1 && len(l.files[other]) == 1
	switch r.IntN(6) {
	case 0, 1, 2:
		content := strings.Repeat(fmt.Sprintf("%s step %d. ", dir, step), 1+r.IntN(2000))
		l.after(name, content, put(b, name, content))
	case 3:
		got, err := read(b, name, 0, -1)
		if errors.Is(err, fs.ErrNotExist) {
			got, err = "", nil
		}
		if err == nil && !l.allows(name, got) {
			t.Errorf("%s reads %.30q, want one of %.30q", name, got, l.files[name])
		}
	case 4:
		err := b.Remove(ctx, name, backend.RemoveOptions{})
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		l.after(name, "", err)
	case 5:
		if !certain || l.files[name][0] == "" {
			return // what would be moved is not known
		}
		content := l.files[name][0]
		err := b.Move(ctx, name, other, backend.MoveOptions{Overwrite: true})
		if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is gone, says a move", name)
		}
		l.after(other, content, err)
		l.after(name, "", err)
	}
}

// TestEveryRequestIsNarrow looks at each request that the driver makes: it
// names the members that it wants, and paths with their scheme.
func TestEveryRequestIsNarrow(t *testing.T) {
	ctx := context.Background()
	watch := &watching{t: t}
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{Async: "always"}}, yandex.Config{Transport: watch})
	plant(t, srv, map[string]string{"/d/f.jpg": "x", "/g": "y"})
	watch.mu.Lock()
	watch.api = strings.TrimPrefix(srv.URL, "http://")
	watch.mu.Unlock()
	address, err := b.Share(ctx, "d")
	if err != nil {
		t.Fatal(err)
	}
	for i, do := range []func() error{
		func() error { _, _, err := b.List(ctx, "d"); return err },
		func() error { _, err := read(b, "g", 0, -1); return err },
		func() error { putAt(t, b, "a:b", "x", when); return nil },
		func() error { return b.Copy(ctx, "d", "e", backend.CopyOptions{}) },
		func() error { return b.Move(ctx, "e", "moved", backend.MoveOptions{}) },
		func() error { return b.Mkdir(ctx, "h") },
		func() error { return b.SetProperties(ctx, "g", map[string]string{"a": "b"}, nil) },
		func() error { _, err := b.Usage(ctx); return err },
		func() error { _, err := b.Link(ctx, "g"); return err },
		func() error { paths(t, b.Files(ctx, backend.FilesOptions{})); return nil },
		func() error { paths(t, b.Files(ctx, backend.FilesOptions{Recent: true})); return nil },
		func() error { paths(t, b.Shared(ctx)); return nil },
		func() error { _, err := b.Public(ctx, address); return err },
		func() error { return b.SavePublic(ctx, address, "f.jpg", "saved") },
		func() error { return b.Unshare(ctx, "d") },
		func() error { return b.Remove(ctx, "moved", backend.RemoveOptions{}) },
		func() error { _, err := b.Restore(ctx, lastTrashed(t, b), "back", false); return err },
		func() error { return b.EmptyTrash(ctx) },
		b.Close,
	} {
		if err := do(); err != nil {
			t.Errorf("use %d: %v", i, err)
		}
	}
}

// lastTrashed is the id of an entry of the trash.
func lastTrashed(t *testing.T, b *yandex.Backend) (id string) {
	t.Helper()
	for entry, err := range b.Trash(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		id = entry.ID
	}
	return id
}

// watching looks at requests to the API.
type watching struct {
	t   *testing.T
	mu  sync.Mutex // guards api
	api string
}

func (w *watching) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	api := w.api
	w.mu.Unlock()
	query := req.URL.Query()
	if req.URL.Host == api && !strings.Contains(req.URL.Path, "/operations") {
		if query.Get("fields") == "" {
			w.t.Errorf("%s %s names no fields", req.Method, req.URL)
		}
		if strings.Contains(query.Get("fields"), "preview") || strings.Contains(query.Get("fields"), "sizes") {
			w.t.Errorf("%s %s asks for pictures that nobody wants", req.Method, req.URL)
		}
		for _, key := range []string{"path", "from", "save_path"} {
			if p := query.Get(key); p != "" && !strings.HasPrefix(p, "disk:/") && !strings.HasPrefix(p, "trash:/") && !strings.Contains(req.URL.Path, "/public/") {
				w.t.Errorf("%s %s has no scheme", req.Method, req.URL)
			}
		}
	}
	return http.DefaultTransport.RoundTrip(req)
}
