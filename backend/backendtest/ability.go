package backendtest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
)

var abilities = map[string]func(*harness){
	"copy a file": func(h *harness) {
		h.given("f=1", "d/")
		h.ok("copy", backend.Copy(h.ctx, h.b, "f", "d/g", backend.CopyOptions{}))
		h.holds("f=1", "d/", "d/g=1")
		h.put("f", "changed")
		h.holds("f=changed", "d/", "d/g=1")
	},
	"copy a file over a file": func(h *harness) {
		h.given("f=new", "g=old")
		h.fails("copy without overwrite", backend.Copy(h.ctx, h.b, "f", "g", backend.CopyOptions{}), fs.ErrExist)
		h.holds("f=new", "g=old")
		h.ok("copy with overwrite", backend.Copy(h.ctx, h.b, "f", "g", backend.CopyOptions{Overwrite: true}))
		h.holds("f=new", "g=new")
	},
	"copy a tree": func(h *harness) {
		h.given("d/", "d/x=1", "d/sub/", "d/sub/y=2")
		err := backend.Copy(h.ctx, h.b, "d", "e", backend.CopyOptions{})
		if _, can := backend.As[backend.Copier](h.b); !can {
			h.fails("copy of a folder", err, errors.ErrUnsupported)
			h.holds("d/", "d/x=1", "d/sub/", "d/sub/y=2")
			return
		}
		h.ok("copy", err)
		h.holds("d/", "d/x=1", "d/sub/", "d/sub/y=2", "e/", "e/x=1", "e/sub/", "e/sub/y=2")
	},
	"what cannot be copied": func(h *harness) {
		h.given("d/", "d/x=1", "f=2", "e/", "e/y=3")
		over := backend.CopyOptions{Overwrite: true}
		h.fails("copy of a missing name", backend.Copy(h.ctx, h.b, "missing", "f", over), fs.ErrNotExist)
		if h.caps.NoEmptyFolders == "" {
			h.fails("copy to a missing folder", backend.Copy(h.ctx, h.b, "f", "missing/f", over), fs.ErrNotExist)
		}
		h.fails("copy onto itself", backend.Copy(h.ctx, h.b, "f", "f", over), fs.ErrInvalid)
		h.fails("copy over a folder", backend.Copy(h.ctx, h.b, "f", "e", over), fs.ErrExist, backend.ErrIsDir)
		if _, can := backend.As[backend.Copier](h.b); can {
			h.fails("copy of a folder below itself", backend.Copy(h.ctx, h.b, "d", "d/e", over), fs.ErrInvalid)
			h.fails("copy of a folder over a folder", backend.Copy(h.ctx, h.b, "d", "e", over), fs.ErrExist)
		}
		h.holds("d/", "d/x=1", "f=2", "e/", "e/y=3")
	},
	"usage grows with what is stored": func(h *harness) {
		before, err := backend.Usage(h.ctx, h.b)
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		h.ok("usage", err)
		h.given("f=" + strings.Repeat("x", 100_000))
		after, err := backend.Usage(h.ctx, h.b)
		h.ok("usage", err)
		if after.Total <= 0 || after.Used < 0 || after.Free() > after.Total || before.Total != after.Total {
			h.Errorf("it says %+v, then %+v", before, after)
		}
	},
	"usage in a folder": func(h *harness) {
		for _, name := range []string{"", "/d", "../d", "d/..", "d//f"} {
			_, err := backend.UsageIn(h.ctx, h.b, name)
			h.fails("usage in "+name, err, fs.ErrInvalid)
		}
		h.given("d/", "d/f=1")
		in, err := backend.UsageIn(h.ctx, h.b, "d")
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		h.ok("usage in a folder", err)
		if in.Total <= 0 || in.Used < 0 || in.Free() > in.Total {
			h.Errorf("it says %+v", in)
		}
		file, err := backend.UsageIn(h.ctx, h.b, "d/f")
		h.ok("usage in the folder of a file", err)
		if file.Total != in.Total {
			h.Errorf("d has %d bytes, and d/f in it %d", in.Total, file.Total)
		}
	},
	"revision moves with every change": func(h *harness) {
		h.given("d/", "d/x=0", "f=1")
		last, err := backend.Revision(h.ctx, h.b)
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		h.ok("revision", err)
		if same, err := backend.Revision(h.ctx, h.b); err != nil || same != last {
			h.Errorf("it moved from %q to %q by itself, %v", last, same, err)
		}
		changes := []struct {
			name string
			do   func() error
		}{
			{"put", func() error { h.put("f", "22"); return nil }},
			{"mkdir", func() error { return h.b.Mkdir(h.ctx, "d/e") }},
			{"move", func() error { return h.b.Move(h.ctx, "f", "g", backend.MoveOptions{}) }},
			{"remove", func() error { return h.b.Remove(h.ctx, "d", permanent) }},
		}
		for _, change := range changes {
			if change.name == "mkdir" && h.caps.NoEmptyFolders != "" {
				continue
			}
			h.ok(change.name, change.do())
			now, err := backend.Revision(h.ctx, h.b)
			h.ok("revision", err)
			if now == last {
				h.Errorf("%s did not move the revision", change.name)
			}
			last = now
		}
	},
	"versions are told ahead": func(h *harness) {
		for _, content := range []string{"", "one", "two"} {
			sum := sha256.Sum256([]byte(content))
			version, err := backend.VersionOf(h.b, hex.EncodeToString(sum[:]))
			if errors.Is(err, errors.ErrUnsupported) {
				return
			}
			h.ok("the version of "+content, err)
			if info := h.put("f", content); info.Version != version {
				h.Errorf("put says version %q, ahead of it %q was told", info.Version, version)
			}
			if info := h.stat("f"); info.Version != version {
				h.Errorf("stat says version %q, ahead of it %q was told", info.Version, version)
			}
		}
	},
	"times are set and shown at once": func(h *harness) {
		h.given("f=1", "d/", "d/g=2")
		when := time.Date(2019, 12, 31, 23, 59, 58, 0, time.UTC)
		for _, name := range []string{"f", "d/g"} {
			err := backend.SetModTime(h.ctx, h.b, name, when)
			if errors.Is(err, errors.ErrUnsupported) {
				return
			}
			h.ok("set the time of "+name, err)
			if got := h.stat(name).ModTime; !got.Equal(when) {
				h.Errorf("stat of %s says %v, want %v", name, got, when)
			}
		}
		for _, info := range h.list("d") {
			if !info.ModTime.Equal(when) {
				h.Errorf("the listing says %v, want %v", info.ModTime, when)
			}
		}
		h.ok("move", h.b.Move(h.ctx, "f", "moved", backend.MoveOptions{}))
		if got := h.stat("moved").ModTime; !got.Equal(when) {
			h.Errorf("after a move it says %v, want %v", got, when)
		}
		h.fails("set the time of a missing name", backend.SetModTime(h.ctx, h.b, "missing", when), fs.ErrNotExist)
	},
	"properties are set, merged, removed": func(h *harness) {
		h.given("f=1")
		err := backend.SetProperties(h.ctx, h.b, "f", map[string]string{"{urn:x}a": "<é & \"1\">", "{urn:x}b": "2"}, nil)
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		h.ok("set", err)
		h.ok("merge", backend.SetProperties(h.ctx, h.b, "f", map[string]string{"{urn:x}b": "3", "{urn:x}c": "4"}, []string{"{urn:x}a", "never there"}))
		got, err := backend.Properties(h.ctx, h.b, "f")
		h.ok("get", err)
		maps.DeleteFunc(got, func(key, _ string) bool { return !strings.HasPrefix(key, "{urn:x}") })
		if want := map[string]string{"{urn:x}b": "3", "{urn:x}c": "4"}; !maps.Equal(got, want) {
			h.Errorf("it has %v, want %v", got, want)
		}
		_, err = backend.Properties(h.ctx, h.b, "missing")
		h.fails("properties of a missing name", err, fs.ErrNotExist)
		h.fails("set on a missing name", backend.SetProperties(h.ctx, h.b, "missing", map[string]string{"{urn:x}a": "1"}, nil), fs.ErrNotExist)
	},
	"sharing": func(h *harness) {
		s, err := backend.Sharing(h.b)
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		h.ok("sharing", err)
		h.given("f=1")
		address, err := s.Share(h.ctx, "f")
		h.ok("share", err)
		if again, err := s.Share(h.ctx, "f"); err != nil || again != address || address == "" {
			h.Errorf("shared as %q, then as %q, %v", address, again, err)
		}
		h.ok("unshare", s.Unshare(h.ctx, "f"))
		if info := h.stat("f"); info.Public != "" {
			h.Errorf("it is still shared as %q", info.Public)
		}
		_, err = s.Share(h.ctx, "missing")
		h.fails("share of a missing name", err, fs.ErrNotExist)
	},
	"trash": func(h *harness) {
		trash, err := backend.Trashcan(h.b)
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		h.ok("trash", err)
		h.given("d/", "d/f=precious")
		h.ok("remove", h.b.Remove(h.ctx, "d/f", backend.RemoveOptions{}))
		h.holds("d/")
		for entry, err := range trash.Trash(h.ctx) {
			h.ok("list the trash", err)
			if entry.Origin == "d/f" {
				_, err := trash.Restore(h.ctx, entry.ID, "", false)
				h.ok("restore", err)
			}
		}
		h.holds("d/", "d/f=precious")
	},
}
