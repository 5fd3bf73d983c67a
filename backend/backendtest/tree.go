package backendtest

import (
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/davdisk/davdisk/backend"
)

var permanent = backend.RemoveOptions{Permanent: true}

var trees = map[string]func(*harness){
	"make folders": func(h *harness) {
		h.needs(h.caps.NoEmptyFolders)
		h.given("a/", "a/b/", "a/b/c/")
		h.holds("a/", "a/b/", "a/b/c/")
		if info := h.stat("a/b"); !info.Dir || info.Name != "b" {
			h.Errorf("stat says %+v", info)
		}
	},
	"what cannot be made": func(h *harness) {
		h.given("d/", "d/x=1", "f=keep")
		h.fails("mkdir of a folder", h.b.Mkdir(h.ctx, "d"), fs.ErrExist)
		h.fails("mkdir of a file", h.b.Mkdir(h.ctx, "f"), fs.ErrExist)
		if h.caps.NoEmptyFolders == "" {
			h.fails("mkdir below a missing folder", h.b.Mkdir(h.ctx, "missing/d"), fs.ErrNotExist)
		}
		h.fails("mkdir below a file", h.b.Mkdir(h.ctx, "f/d"), fs.ErrNotExist, backend.ErrNotDir)
		h.holds("d/", "d/x=1", "f=keep")
	},
	"one of many makers wins": func(h *harness) {
		h.needs(h.caps.NoEmptyFolders)
		var wins atomic.Int32
		var makers sync.WaitGroup
		for range 6 {
			h.goes(&makers, func() {
				switch err := h.b.Mkdir(h.ctx, "d"); {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, fs.ErrExist):
					h.Errorf("a loser was told %v", err)
				}
			})
		}
		makers.Wait()
		if wins.Load() != 1 {
			h.Errorf("%d of them were told that they made it", wins.Load())
		}
	},
	"remove a file": func(h *harness) {
		h.given("f=1", "g=2")
		h.ok("remove", h.b.Remove(h.ctx, "f", permanent))
		h.holds("g=2")
		_, err := h.b.Stat(h.ctx, "f")
		h.fails("stat after it", err, fs.ErrNotExist)
	},
	"remove a tree": func(h *harness) {
		h.given("d/", "d/x=1", "d/sub/", "d/sub/y=2", "dd/", "dd/z=3", "d.txt=4")
		h.ok("remove", h.b.Remove(h.ctx, "d", permanent))
		h.holds("dd/", "dd/z=3", "d.txt=4")
	},
	"remove a folder only if it is empty": func(h *harness) {
		h.needs(h.caps.NoEmptyFolders)
		h.given("d/", "d/x=1", "e/", "e/sub/", "f=2")
		ifEmpty := backend.RemoveOptions{IfEmpty: true}
		h.fails("remove of a folder with a file", h.b.Remove(h.ctx, "d", ifEmpty), backend.ErrNotEmpty)
		h.fails("remove of a folder with a folder", h.b.Remove(h.ctx, "e", ifEmpty), backend.ErrNotEmpty)
		h.holds("d/", "d/x=1", "e/", "e/sub/", "f=2")
		h.ok("remove of an empty folder", h.b.Remove(h.ctx, "e/sub", ifEmpty))
		h.ok("remove of a file", h.b.Remove(h.ctx, "f", ifEmpty))
		h.holds("d/", "d/x=1", "e/")
	},
	"a name can be used again at once": func(h *harness) {
		h.needs(h.caps.NoEmptyFolders)
		h.given("d/", "d/x=1")
		h.ok("remove", h.b.Remove(h.ctx, "d", backend.RemoveOptions{}))
		h.given("d/")
		h.holds("d/")
		h.ok("remove", h.b.Remove(h.ctx, "d", backend.RemoveOptions{}))
		h.given("d=file now")
		h.holds("d=file now")
	},
	"what cannot be removed": func(h *harness) {
		h.given("f=keep")
		h.fails("remove of a missing name", h.b.Remove(h.ctx, "missing", permanent), fs.ErrNotExist)
		h.fails("remove below a file", h.b.Remove(h.ctx, "f/x", permanent), fs.ErrNotExist)
		h.holds("f=keep")
	},
	"remove only this version": func(h *harness) {
		old := h.put("f", "old")
		h.put("f", "new")
		h.fails("remove of an old version", h.b.Remove(h.ctx, "f", backend.RemoveOptions{IfVersion: old.Version}), backend.ErrChanged)
		h.holds("f=new")
		h.ok("remove of this version", h.b.Remove(h.ctx, "f", backend.RemoveOptions{IfVersion: h.stat("f").Version}))
		h.holds()
	},
	"stat of what is not there": func(h *harness) {
		h.given("f=x")
		for _, name := range []string{"missing", "missing/deep/er", "f/below"} {
			_, err := h.b.Stat(h.ctx, name)
			h.fails("stat of "+name, err, fs.ErrNotExist)
		}
	},
}

var moves = map[string]func(*harness){
	"a file": func(h *harness) {
		h.given("f=1", "d/")
		before := h.stat("f")
		h.ok("move", h.b.Move(h.ctx, "f", "d/g", backend.MoveOptions{}))
		h.holds("d/", "d/g=1")
		if after := h.stat("d/g"); after.Version != before.Version || after.ID != before.ID {
			h.Errorf("it was %+v and is %+v", before, after)
		}
	},
	"a tree": func(h *harness) {
		h.given("d/", "d/x=1", "d/d/", "d/d/x=2", "dd/", "dd/y=3", "to/")
		h.ok("move", h.b.Move(h.ctx, "d", "to/d", backend.MoveOptions{}))
		h.holds("to/", "to/d/", "to/d/x=1", "to/d/d/", "to/d/d/x=2", "dd/", "dd/y=3")
	},
	"an empty folder": func(h *harness) {
		h.needs(h.caps.NoEmptyFolders)
		h.given("d/")
		h.ok("move", h.b.Move(h.ctx, "d", "e", backend.MoveOptions{}))
		h.holds("e/")
	},
	"a file over a file": func(h *harness) {
		h.given("f=new", "g=old")
		h.fails("move without overwrite", h.b.Move(h.ctx, "f", "g", backend.MoveOptions{}), fs.ErrExist)
		h.holds("f=new", "g=old")
		h.ok("move with overwrite", h.b.Move(h.ctx, "f", "g", backend.MoveOptions{Overwrite: true}))
		h.holds("g=new")
	},
	"onto itself": func(h *harness) {
		h.given("d/", "d/x=1", "f=2")
		for _, name := range []string{"d", "f"} {
			h.ok("move onto itself", h.b.Move(h.ctx, name, name, backend.MoveOptions{Overwrite: true}))
		}
		h.holds("d/", "d/x=1", "f=2")
	},
	"folders are never overwritten": func(h *harness) {
		h.given("d/", "d/x=1", "e/", "e/y=2", "empty/", "f=3")
		over := backend.MoveOptions{Overwrite: true}
		for _, pair := range [][2]string{{"d", "e"}, {"d", "empty"}, {"d", "f"}, {"f", "e"}, {"f", "empty"}} {
			if pair[1] == "empty" && h.caps.NoEmptyFolders != "" {
				continue
			}
			h.fails("move of "+pair[0]+" over "+pair[1], h.b.Move(h.ctx, pair[0], pair[1], over), fs.ErrExist)
		}
		h.holds("d/", "d/x=1", "e/", "e/y=2", "empty/", "f=3")
	},
	"a folder below itself": func(h *harness) {
		h.given("d/", "d/x=1", "d/e/", "d/e/y=2")
		for _, to := range []string{"d/new", "d/e/new"} {
			h.fails("move to "+to, h.b.Move(h.ctx, "d", to, backend.MoveOptions{}), fs.ErrInvalid)
		}
		h.fails("move over its own parent", h.b.Move(h.ctx, "d/e", "d", backend.MoveOptions{Overwrite: true}), fs.ErrExist, fs.ErrInvalid)
		h.holds("d/", "d/x=1", "d/e/", "d/e/y=2")
	},
	"a missing source keeps the target": func(h *harness) {
		h.given("g=keep", "d/", "d/x=1")
		for _, to := range []string{"g", "d", "new"} {
			h.fails("move of a missing name to "+to, h.b.Move(h.ctx, "missing", to, backend.MoveOptions{Overwrite: true}), fs.ErrNotExist)
		}
		h.holds("g=keep", "d/", "d/x=1")
	},
	"a missing target folder": func(h *harness) {
		h.needs(h.caps.NoEmptyFolders)
		h.given("f=keep", "g=file")
		h.fails("move", h.b.Move(h.ctx, "f", "missing/f", backend.MoveOptions{}), fs.ErrNotExist)
		h.fails("move below a file", h.b.Move(h.ctx, "f", "g/f", backend.MoveOptions{}), fs.ErrNotExist, backend.ErrNotDir)
		h.holds("f=keep", "g=file")
	},
}
