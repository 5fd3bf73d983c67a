package backendtest

import (
	"io"
	"io/fs"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/davdisk/davdisk/backend"
)

var reads = map[string]func(*harness){
	"ranges": func(h *harness) {
		const text = "0123456789"
		h.given("f=" + text)
		for offset := int64(0); offset <= 12; offset++ {
			for _, length := range []int64{-1, 0, 1, 3, 10, 99} {
				begin := min(offset, 10)
				end := int64(10)
				if length >= 0 {
					end = min(begin+length, 10)
				}
				if got, want := h.read("f", offset, length), text[begin:end]; got != want {
					h.Errorf("range %d+%d is %q, want %q", offset, length, got, want)
				}
			}
		}
	},
	"a negative offset is refused": func(h *harness) {
		h.given("f=x")
		c, err := h.b.Open(h.ctx, "f", "")
		h.ok("open", err)
		defer c.Close()
		_, err = c.Range(h.ctx, -1, 1)
		h.fails("range", err, fs.ErrInvalid)
	},
	"an empty file is read as empty": func(h *harness) {
		h.given("f=")
		if got := h.read("f", 0, -1); got != "" {
			h.Errorf("it holds %q", got)
		}
		if info := h.stat("f"); info.Size != 0 || info.Dir || info.Version == "" || len(info.Version) > 40 {
			h.Errorf("stat says %+v", info)
		}
	},
	"content knows its size and version": func(h *harness) {
		stored := h.put("f", "hello")
		c, err := h.b.Open(h.ctx, "f", "")
		h.ok("open", err)
		defer c.Close()
		if info := c.Info(); info.Size != 5 || info.Version == "" || info.Version != stored.Version {
			h.Errorf("content says %+v, put said %+v", info, stored)
		}
		if stat := h.stat("f"); backend.IsDirect(h.b) && !reflect.DeepEqual(c.Info(), stat) {
			h.Errorf("content says %+v, stat %+v", c.Info(), stat)
		}
	},
	"an open content shows one version": func(h *harness) {
		h.given("f=old content")
		c, err := h.b.Open(h.ctx, "f", "")
		h.ok("open", err)
		defer c.Close()
		h.put("f", "NEW CONTENT!")
		r, err := c.Range(h.ctx, 0, -1)
		if err != nil {
			h.fails("range", err, backend.ErrChanged)
			return
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		if err == nil && string(data) != "old content" {
			h.Errorf("it shows %q", data)
		}
		if err != nil {
			h.fails("read", err, backend.ErrChanged)
		}
	},
	"a version that is gone is not opened": func(h *harness) {
		old := h.put("f", "old")
		h.put("f", "newer")
		if c, err := h.b.Open(h.ctx, "f", old.Version); err == nil {
			// A store that keeps versions may still have it, and then shows it.
			defer c.Close()
			r, err := c.Range(h.ctx, 0, -1)
			if err == nil {
				defer r.Close()
				if data, err := io.ReadAll(r); err == nil && string(data) != "old" {
					h.Errorf("the old version shows %q", data)
				}
			}
		} else {
			h.fails("open of the old version", err, backend.ErrChanged)
		}
		now := h.stat("f")
		c, err := h.b.Open(h.ctx, "f", now.Version)
		h.ok("open of this version", err)
		defer c.Close()
		if got := h.readRange(c, 0, -1); got != "newer" {
			h.Errorf("this version shows %q", got)
		}
	},
	"many readers of one content": func(h *harness) {
		text := strings.Repeat("0123456789abcdef", 4096)
		h.given("f=" + text)
		c, err := h.b.Open(h.ctx, "f", "")
		h.ok("open", err)
		defer c.Close()
		var readers sync.WaitGroup
		for i := range int64(8) {
			h.goes(&readers, func() {
				r, err := c.Range(h.ctx, i*4096, 4096)
				if err != nil {
					h.Errorf("range: %v", err)
					return
				}
				defer r.Close()
				if data, err := io.ReadAll(r); err != nil || string(data) != text[i*4096:(i+1)*4096] {
					h.Errorf("reader %d got %d bytes that differ, %v", i, len(data), err)
				}
			})
		}
		readers.Wait()
	},
	"what cannot be opened": func(h *harness) {
		h.given("d/", "d/x=1", "f=x")
		_, err := h.b.Open(h.ctx, "missing", "")
		h.fails("open of a missing name", err, fs.ErrNotExist)
		_, err = h.b.Open(h.ctx, "missing/f", "")
		h.fails("open below a missing folder", err, fs.ErrNotExist)
		_, err = h.b.Open(h.ctx, "f/f", "")
		h.fails("open below a file", err, fs.ErrNotExist)
		_, err = h.b.Open(h.ctx, "d", "")
		h.fails("open of a folder", err, backend.ErrIsDir)
	},
	"stat and listing agree": func(h *harness) {
		h.given("d/", "d/f=hello", "d/sub/", "d/empty=")
		for _, listed := range h.list("d") {
			stat := h.stat("d/" + listed.Name)
			if listed.Dir != stat.Dir || listed.Size != stat.Size || listed.Version != stat.Version || !listed.ModTime.Equal(stat.ModTime) || listed.ID != stat.ID {
				h.Errorf("listing says %+v, stat %+v", listed, stat)
			}
		}
	},
	"a listing tells of the folder itself": func(h *harness) {
		h.given("d/", "d/f=x")
		self, _, err := h.b.List(h.ctx, "d")
		h.ok("list", err)
		if self.Name != "d" || !self.Dir {
			h.Errorf("it says %+v", self)
		}
	},
	"a file is not listed but told": func(h *harness) {
		h.given("f=hello")
		self, _, err := h.b.List(h.ctx, "f")
		h.fails("list of a file", err, backend.ErrNotDir)
		if self.Name != "f" || self.Size != 5 || self.Dir {
			h.Errorf("it says %+v", self)
		}
	},
	"a long listing is whole": func(h *harness) {
		h.given("d/")
		want := map[string]bool{}
		for i := range 60 {
			name := "n" + strconv.Itoa(i)
			h.given("d/" + name + "=" + name)
			want[name] = true
		}
		for _, info := range h.list("d") {
			delete(want, info.Name)
		}
		if len(want) > 0 {
			h.Errorf("%d names are missing: %v", len(want), want)
		}
	},
	"a listing can be left early": func(h *harness) {
		h.given("a=1", "b=2", "c=3")
		_, children, err := h.b.List(h.ctx, ".")
		h.ok("list", err)
		for range children {
			break
		}
		h.holds("a=1", "b=2", "c=3")
	},
	"what cannot be listed": func(h *harness) {
		h.given("f=x")
		_, _, err := h.b.List(h.ctx, "missing")
		h.fails("list of a missing name", err, fs.ErrNotExist)
		_, _, err = h.b.List(h.ctx, "f/below")
		h.fails("list below a file", err, fs.ErrNotExist)
	},
}
