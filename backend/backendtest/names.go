package backendtest

import (
	"io/fs"
	"strings"

	"github.com/davdisk/davdisk/backend"
)

// hostile are names that break careless encoding, quoting and matching.
var hostile = []string{
	"a b", " lead", "trail ", "plus+plus", "per%20cent", "100%", "a&b=c", "what?", "hash#tag", "semi;colon,comma",
	`quote"double`, "quote'single", "back`tick", "less<greater>", "star*", "[brackets]", "{braces}", "tilde~", "dollar$HOME",
	"at@bang!", "co:lon", "Телеграм 12:12", "日本語", "ü NFC", "u\u0308 NFD", "emoji 🎉", "العربية", ".hidden", "dot.", "...", "-dash", "MiXeD", "mixed", "disk:", "a=b",
}

var names = map[string]func(*harness){
	"hostile names are names": func(h *harness) {
		var want []string
		for _, name := range hostile {
			h.given(name+"/", name+"/"+name+"=x")
			want = append(want, name+"/", name+"/"+name+"=x")
		}
		h.holds(want...)
		for _, name := range hostile {
			if got := h.stat(name + "/" + name).Name; got != name {
				h.Errorf("%q is called %q by stat", name, got)
			}
		}
	},
	"hostile names can be moved and removed": func(h *harness) {
		for _, name := range hostile {
			h.given(name + "=x")
			h.ok("move away", h.b.Move(h.ctx, name, "moved", backend.MoveOptions{}))
			h.ok("move back", h.b.Move(h.ctx, "moved", name, backend.MoveOptions{}))
			h.ok("remove", h.b.Remove(h.ctx, name, backend.RemoveOptions{Permanent: true}))
		}
		h.holds()
	},
	"case and form tell names apart": func(h *harness) {
		h.given("Readme=1", "readme=2", "\u00fc=3", "u\u0308=4")
		h.holds("Readme=1", "readme=2", "\u00fc=3", "u\u0308=4")
	},
	"255 bytes are a name": func(h *harness) {
		name := strings.Repeat("n", 255)
		h.given(name + "=long")
		h.holds(name + "=long")
	},
	"what is no name is refused": func(h *harness) {
		h.given("a/", "a/f=keep")
		for _, name := range []string{"", "/", "/a", "a/", "..", "a/../a/f", "./a", "a//f", "a\x00f", "a/\xff", "../a"} {
			_, err := h.b.Stat(h.ctx, name)
			h.fails("stat", err, fs.ErrInvalid)
			_, _, err = h.b.List(h.ctx, name)
			h.fails("list", err, fs.ErrInvalid)
			_, err = h.b.Open(h.ctx, name, "")
			h.fails("open", err, fs.ErrInvalid)
			_, err = h.b.Put(h.ctx, name, strings.NewReader("x"), backend.PutOptions{Size: 1})
			h.fails("put", err, fs.ErrInvalid)
			h.fails("mkdir", h.b.Mkdir(h.ctx, name), fs.ErrInvalid)
			h.fails("remove", h.b.Remove(h.ctx, name, backend.RemoveOptions{}), fs.ErrInvalid)
			h.fails("move from", h.b.Move(h.ctx, name, "b", backend.MoveOptions{}), fs.ErrInvalid)
			h.fails("move to", h.b.Move(h.ctx, "a", name, backend.MoveOptions{}), fs.ErrInvalid)
		}
		h.holds("a/", "a/f=keep")
	},
	"the root is a folder and stays": func(h *harness) {
		h.given("f=keep")
		if info := h.stat("."); !info.Dir {
			h.Errorf("stat of the root says %+v", info)
		}
		h.fails("mkdir of the root", h.b.Mkdir(h.ctx, "."), fs.ErrExist, fs.ErrInvalid)
		h.fails("remove of the root", h.b.Remove(h.ctx, ".", backend.RemoveOptions{}), fs.ErrInvalid)
		h.fails("move of the root", h.b.Move(h.ctx, ".", "x", backend.MoveOptions{}), fs.ErrInvalid)
		h.fails("move onto the root", h.b.Move(h.ctx, "f", ".", backend.MoveOptions{Overwrite: true}), fs.ErrInvalid, fs.ErrExist)
		_, err := h.b.Put(h.ctx, ".", strings.NewReader("x"), backend.PutOptions{Size: 1})
		h.fails("put onto the root", err, fs.ErrInvalid, backend.ErrIsDir)
		h.holds("f=keep")
	},
}
