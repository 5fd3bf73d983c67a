package backendtest

import (
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing/iotest"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// stream hides every method of a reader except Read: it cannot be rewound.
type stream struct{ io.Reader }

var errSource = errors.New("the source broke")

var puts = map[string]func(*harness){
	"new and replaced": func(h *harness) {
		first := h.put("f", "one")
		second := h.put("f", "two, longer")
		if first.Version == "" || first.Version == second.Version || second.Size != 11 || second.Name != "f" {
			h.Errorf("put says %+v, then %+v", first, second)
		}
		if now := h.stat("f"); now.Version != second.Version {
			h.Errorf("put says version %q, stat %q", second.Version, now.Version)
		}
		h.holds("f=two, longer")
	},
	"the same content has the same version": func(h *harness) {
		a := h.put("f", "same")
		h.put("f", "other")
		if b := h.put("f", "same"); a.Size != b.Size || a.MD5 != b.MD5 {
			h.Errorf("%+v, then %+v", a, b)
		}
	},
	"a body of unknown length": func(h *harness) {
		text := strings.Repeat("unknown length ", 9999)
		_, err := h.b.Put(h.ctx, "f", stream{strings.NewReader(text)}, backend.PutOptions{Size: -1})
		h.ok("put", err)
		h.holds("f=" + text)
	},
	"a body that cannot be rewound": func(h *harness) {
		_, err := h.b.Put(h.ctx, "f", stream{strings.NewReader("once")}, backend.PutOptions{Size: 4})
		h.ok("put", err)
		h.holds("f=once")
	},
	"a body that stands in the middle": func(h *harness) {
		body := strings.NewReader("skipped, stored")
		_, err := body.Seek(9, io.SeekStart)
		h.ok("seek", err)
		_, err = h.b.Put(h.ctx, "f", body, backend.PutOptions{Size: 6})
		h.ok("put", err)
		h.holds("f=stored")
	},
	"an empty body": func(h *harness) {
		h.put("f", "")
		_, err := h.b.Put(h.ctx, "g", stream{strings.NewReader("")}, backend.PutOptions{Size: -1})
		h.ok("put", err)
		h.holds("f=", "g=")
	},
	"a body that breaks changes nothing": func(h *harness) {
		h.given("f=old")
		for name, want := range map[string][]string{"f": {"f=old"}, "new": {"f=old"}} {
			for _, size := range []int64{-1, 1000} {
				broken := io.MultiReader(strings.NewReader("half of"), iotest.ErrReader(errSource))
				_, err := h.b.Put(h.ctx, name, stream{broken}, backend.PutOptions{Size: size})
				if !errors.Is(err, errSource) {
					h.Errorf("put of %s, size %d, answered %v, want the error of the source", name, size, err)
				}
				h.unharmed(want...)
			}
		}
	},
	"a body of another length than told changes nothing": func(h *harness) {
		h.given("f=old")
		for _, size := range []int64{4, 6, 0} {
			_, err := h.b.Put(h.ctx, "f", stream{strings.NewReader("12345")}, backend.PutOptions{Size: size})
			switch {
			case err == nil:
				h.Errorf("5 bytes were taken for %d", size)
			case !strings.Contains(err.Error(), strconv.FormatInt(size, 10)):
				h.Errorf("5 bytes were refused as %d by %q, which does not say how many were announced", size, err)
			}
			h.unharmed("f=old")
		}
	},
	"only if absent": func(h *harness) {
		opts := backend.PutOptions{Size: 3, IfAbsent: true}
		_, err := h.b.Put(h.ctx, "f", strings.NewReader("one"), opts)
		h.ok("put of a new name", err)
		_, err = h.b.Put(h.ctx, "f", strings.NewReader("two"), opts)
		h.fails("put of a taken name", err, fs.ErrExist)
		h.holds("f=one")
	},
	"only this version": func(h *harness) {
		first := h.put("f", "one")
		second, err := h.b.Put(h.ctx, "f", strings.NewReader("two"), backend.PutOptions{Size: 3, IfVersion: first.Version})
		h.ok("put on the version there is", err)
		_, err = h.b.Put(h.ctx, "f", strings.NewReader("BAD"), backend.PutOptions{Size: 3, IfVersion: first.Version})
		h.fails("put on an old version", err, backend.ErrChanged)
		_, err = h.b.Put(h.ctx, "g", strings.NewReader("BAD"), backend.PutOptions{Size: 3, IfVersion: second.Version})
		h.fails("put on a version of nothing", err, backend.ErrChanged, fs.ErrNotExist)
		h.holds("f=two")
	},
	"what cannot be put": func(h *harness) {
		h.given("d/", "d/x=keep", "f=file")
		put := func(name string) error {
			_, err := h.b.Put(h.ctx, name, strings.NewReader("x"), backend.PutOptions{Size: 1})
			return err
		}
		h.fails("put over a folder", put("d"), backend.ErrIsDir)
		if h.caps.NoEmptyFolders == "" {
			h.fails("put below a missing folder", put("missing/f"), fs.ErrNotExist)
		}
		h.fails("put below a file", put("f/f"), fs.ErrNotExist, backend.ErrNotDir)
		h.holds("d/", "d/x=keep", "f=file")
	},
	"the body is left open": func(h *harness) {
		body := &closing{Reader: strings.NewReader("x")}
		_, err := h.b.Put(h.ctx, "f", body, backend.PutOptions{Size: 1})
		h.ok("put", err)
		if body.closed.Load() {
			h.Error("put closed the body of its caller")
		}
	},
	"a time is kept where the store can": func(h *harness) {
		when := time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)
		_, err := h.b.Put(h.ctx, "f", strings.NewReader("x"), backend.PutOptions{Size: 1, ModTime: when})
		h.ok("put", err)
		got := h.stat("f").ModTime
		if _, can := backend.As[backend.ModTimer](h.b); can && !got.Truncate(time.Second).Equal(when) {
			h.Errorf("it says %v, want %v", got, when)
		}
	},
	"one of many creators wins": func(h *harness) {
		if _, unseen := h.unseen["NoConditionalPut"]; !unseen {
			h.needs(h.caps.NoConditionalPut)
		}
		var wins atomic.Int32
		var writers sync.WaitGroup
		for range 6 {
			h.goes(&writers, func() {
				_, err := h.b.Put(h.ctx, "f", strings.NewReader("x"), backend.PutOptions{Size: 1, IfAbsent: true})
				switch {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, fs.ErrExist):
					h.Errorf("a loser was told %v", err)
				}
			})
		}
		writers.Wait()
		if wins.Load() != 1 {
			h.Errorf("%d of them were told that they made it", wins.Load())
		}
		h.holds("f=x")
	},
	"readers see old or new, whole": func(h *harness) {
		h.needs(h.caps.NoAtomicOverwrite)
		old, new := strings.Repeat("o", 50_000), strings.Repeat("n", 70_000)
		h.given("f=" + old)
		var writer sync.WaitGroup
		h.goes(&writer, func() {
			if _, err := h.b.Put(h.ctx, "f", strings.NewReader(new), backend.PutOptions{Size: int64(len(new))}); err != nil {
				h.Errorf("put: %v", err)
			}
		})
		for range 10 {
			c, err := h.b.Open(h.ctx, "f", "")
			if err != nil {
				h.Errorf("open: %v", err)
				break
			}
			r, err := c.Range(h.ctx, 0, -1)
			if err == nil {
				data, err := io.ReadAll(r)
				if err == nil && string(data) != old && string(data) != new {
					h.Errorf("a reader saw %d bytes that are neither", len(data))
				}
				r.Close()
			}
			c.Close()
		}
		writer.Wait()
		h.holds("f=" + new)
	},
}

type closing struct {
	io.Reader
	closed atomic.Bool
}

func (c *closing) Close() error { c.closed.Store(true); return nil }
