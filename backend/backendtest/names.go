package backendtest

import (
	"cmp"
	"io/fs"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/davdisk/davdisk/backend"
)

// hostile are names that break careless encoding, quoting and matching.
var hostile = []string{
	"a b", " lead", "trail ", "plus+plus", "per%20cent", "100%", "a&b=c", "what?", "hash#tag", "semi;colon,comma",
	`quote"double`, "quote'single", "back`tick", "less<greater>", "star*", "[brackets]", "{braces}", "tilde~", "dollar$HOME",
	"at@bang!", "co:lon", "Телеграм 12:12", "日本語", "ü NFC", "u\u0308 NFD", "emoji 🎉", "العربية", ".hidden", "dot.", "...", "-dash", "MiXeD", "mixed", "disk:", "a=b",
}

// held are the hostile names that the store holds, of those that are one name to
// it the first.
func (h *harness) held() []string {
	var held []string
	seen := map[string]bool{}
	for _, name := range hostile {
		key := name
		if h.caps.Names.IgnoreCase {
			key = strings.ToLower(key)
		}
		if h.caps.Names.IgnoreForm {
			key = norm.NFC.String(key)
		}
		if h.caps.Names.Check("", name) == nil && !seen[key] {
			seen[key] = true
			held = append(held, name)
		}
	}
	return held
}

// refused are names that the store must refuse, because it declares that.
func (h *harness) refused() []string {
	n := h.caps.Names
	var refused []string
	for _, r := range n.Forbidden {
		refused = append(refused, "a"+string(r)+"b", "d/"+string(r))
	}
	for _, pattern := range n.Refused {
		if !strings.ContainsAny(pattern, `[\`) {
			refused = append(refused, strings.NewReplacer("*", "x", "?", "x").Replace(pattern))
		}
	}
	if n.MaxBytes > 0 {
		refused = append(refused, strings.Repeat("n", n.MaxBytes+1))
	}
	for _, name := range hostile {
		if n.Check("", name) != nil {
			refused = append(refused, name)
		}
	}
	return refused
}

// apart creates two names that differ in what a store may ignore.
func (h *harness) apart(ignores bool, field, one, other string) {
	h.Helper()
	h.given(one + "=1")
	_, err := h.b.Put(h.ctx, other, strings.NewReader("2"), backend.PutOptions{Size: 1, IfAbsent: true})
	switch {
	case !ignores:
		if err != nil {
			h.Fatalf("it does not declare %s, and put of %q beside %q answered %v", field, other, one, err)
		}
		h.holds(one+"=1", other+"=2")
	case err == nil:
		h.Errorf("it declares %s, and holds both %q and %q", field, one, other)
	default:
		h.fails("put of the other name", err, fs.ErrExist)
		if got := h.read(other, 0, -1); got != "1" {
			h.Errorf("%q is another name of %q and holds %q", other, one, got)
		}
	}
}

var names = map[string]func(*harness){
	"hostile names are names": func(h *harness) {
		held := h.held()
		var want []string
		for _, name := range held {
			h.given(name+"/", name+"/"+name+"=x")
			want = append(want, name+"/", name+"/"+name+"=x")
		}
		h.holds(want...)
		for _, name := range held {
			if got := h.stat(name + "/" + name).Name; got != name {
				h.Errorf("%q is called %q by stat", name, got)
			}
		}
	},
	"hostile names can be moved and removed": func(h *harness) {
		for _, name := range h.held() {
			h.given(name + "=x")
			h.ok("move away", h.b.Move(h.ctx, name, "moved", backend.MoveOptions{}))
			h.ok("move back", h.b.Move(h.ctx, "moved", name, backend.MoveOptions{}))
			h.ok("remove", h.b.Remove(h.ctx, name, backend.RemoveOptions{Permanent: true}))
		}
		h.holds()
	},
	"names that are declared are refused": func(h *harness) {
		h.given("d/", "d/f=keep")
		refused := h.refused()
		if n := h.caps.Names; (n.Forbidden != "" || len(n.Refused) > 0 || n.MaxBytes > 0 || n.MaxPath > 0 || n.IgnoreCase || n.IgnoreForm) && n.Why == "" {
			h.Errorf("it declares limits of names and no reason: %+v", n)
		}
		for _, name := range refused {
			_, err := h.b.Put(h.ctx, name, strings.NewReader("x"), backend.PutOptions{Size: 1})
			h.fails("put of "+name, err, fs.ErrInvalid)
			h.fails("mkdir of "+name, h.b.Mkdir(h.ctx, name), fs.ErrInvalid)
			h.fails("move of a file to "+name, h.b.Move(h.ctx, "d/f", name, backend.MoveOptions{}), fs.ErrInvalid)
			h.fails("copy to "+name, backend.Copy(h.ctx, h.b, "d/f", name, backend.CopyOptions{}), fs.ErrInvalid)
			_, err = h.b.Stat(h.ctx, name)
			h.fails("stat of "+name, err, fs.ErrInvalid, fs.ErrNotExist)
		}
		h.holds("d/", "d/f=keep")
	},
	"case tells names apart": func(h *harness) {
		h.apart(h.caps.Names.IgnoreCase, "IgnoreCase", "Readme", "readme")
	},
	"form tells names apart": func(h *harness) {
		h.apart(h.caps.Names.IgnoreForm, "IgnoreForm", "\u00fc", "u\u0308")
	},
	"long names are names": func(h *harness) {
		longest := cmp.Or(h.caps.Names.MaxBytes, 255)
		name := strings.Repeat("n", longest)
		h.given(name + "=long")
		h.holds(name + "=long")
	},
	"long paths are names": func(h *harness) {
		longest := cmp.Or(h.caps.Names.MaxPath, 1000)
		if longest > 8000 {
			h.Skipf("paths of %d bytes take too many folders", longest)
		}
		size := min(100, cmp.Or(h.caps.Names.MaxBytes, 255))
		var want []string
		dir := ""
		for longest-len(dir) > size {
			dir += strings.Repeat("d", size-1) + "/"
			h.given(dir)
			want = append(want, dir)
		}
		file := dir + strings.Repeat("f", longest-len(dir)) + "=deep"
		h.given(file)
		if h.caps.Names.MaxPath > 0 {
			_, err := h.b.Put(h.ctx, dir+strings.Repeat("f", longest-len(dir)+1), strings.NewReader("x"), backend.PutOptions{Size: 1})
			h.fails("put of a longer path", err, fs.ErrInvalid)
		}
		h.holds(append(want, file)...)
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
