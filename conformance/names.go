package conformance

import (
	"cmp"
	"fmt"
	"path"
	"strings"
)

// A hostileName is a name that some store, shell or protocol trips over.
// The name that is left empty is the longest there may be.
type hostileName struct{ id, what, name string }

func hostileNames() []hostileName {
	return []hostileName{
		{"space", "A space", "a b"},
		{"leading-space", "A leading space", " a"},
		{"trailing-space", "A trailing space", "a "},
		{"leading-dot", "A leading dot", ".hidden"},
		{"trailing-dot", "A trailing dot", "a."},
		{"dots", "A name of three dots", "..."},
		{"nfc", "Accented letters in composed form", "caf\u00e9 \u0416"},
		{"nfd", "Accented letters in decomposed form", "cafe\u0301"},
		{"emoji", "An emoji beyond the first plane, with a joiner", "\U0001F469\u200D\U0001F680"},
		{"rtl", "Letters written from right to left, with a direction mark", "\u05e9\u05dc\u05d5\u05dd\u200f"},
		{"percent", "Percent signs", "100%41%"},
		{"plus", "A plus sign", "a+b"},
		{"query", "The delimiters of a URL", "a&b=c?d#e"},
		{"quotes", "Quotes of three kinds", "it's \"`q`\""},
		{"angle-pipe", "Angle brackets and a pipe", "<a|b>"},
		{"colon", "A colon", "c:a"},
		{"backslash", "A backslash", `a\b`},
		{"star-brackets", "The characters of patterns", "a*[b]?"},
		{"tilde", "A tilde in front", "~a~"},
		{"leading-dash", "A dash in front", "-rf"},
		{"newline", "A line feed", "a\nb"},
		{"tab", "A tab", "a\tb"},
		{"control", "Control characters", "a\x01\x1b\x7fb"},
		{"invalid-utf8", "Bytes that are not UTF-8", "a\xff\xfeb"},
		{"longest", "The longest name that is declared, by default 255 bytes", ""},
		{"mixed-case", "Capitals", "MiXeD"},
		{"semicolon-comma", "A semicolon and a comma", "a;b,c"},
		{"at-bang-dollar", "An at sign, an exclamation mark and a dollar", "a@b!$HOME"},
		{"braces", "Braces and parentheses", "{a}(b)"},
		{"reserved-device", "The name of a device elsewhere", "CON.txt"},
	}
}

// asciiBlocks are all the bytes of ASCII but NUL and the slash, 16 to a name.
func asciiBlocks() []hostileName {
	var blocks []hostileName
	for start := 0; start < 128; start += 16 {
		name := []byte("x")
		for c := byte(start); c < byte(start)+16; c++ {
			if c != 0 && c != '/' {
				name = append(name, c)
			}
		}
		what := fmt.Sprintf("Every ASCII byte from %#02x to %#02x but NUL and slash", start, start+15)
		blocks = append(blocks, hostileName{fmt.Sprintf("ascii-%02x", start), what, string(name)})
	}
	return blocks
}

// nameTextCases make a directory and a file of each hostile name.
func nameTextCases() []entry {
	var cases []entry
	for _, h := range append(hostileNames(), asciiBlocks()...) {
		cases = append(cases, entry{
			id: "names/" + h.id, level: Data,
			doc: h.what + " in a name: it is kept as it is in whatever is done with it, or, where declared as forbidden, refused.",
			run: func(t *rig) {
				t.hostile(cmp.Or(h.name, strings.Repeat("n", t.suite.limits.NameBytes)))
			},
		})
	}
	return append(cases, nameRuleCases()...)
}

// hostile makes a directory and a file in it of that name, lists, asks,
// renames and removes them.
func (t *rig) hostile(name string) {
	t.Given()
	inside := name + "/" + name
	if strings.ContainsAny(name, t.suite.limits.Forbidden) {
		t.Fails(t.FS.Mkdir(t.Path(name), 0o755))
		t.NoFile(t.FS.Create(t.Path(name)))
		t.Unchanged()
		return
	}
	if t.Has(EmptyDirs) {
		t.OK(t.FS.Mkdir(t.Path(name), 0o755))
	}
	t.Put(inside, "content")
	t.Lists("", name)
	t.HoldsTree(Tree{name + "/": "", inside: "content"})
	equal(t, "name by Stat", t.Stat(inside).Name(), name)
	f := t.Open(inside)
	equal(t, "name by handle", path.Base(f.Name()), name)
	t.Close(f)
	if t.Has(Rename) {
		t.OK(t.rename(inside, "plain"))
		t.OK(t.rename("plain", inside))
		t.HoldsTree(Tree{name + "/": "", inside: "content"})
	}
	t.OK(t.FS.Remove(t.Path(inside)))
	t.OK(t.FS.RemoveAll(t.Path(name)))
	t.Holds()
}

// nameRuleCases are about which names are one and which are two.
func nameRuleCases() []entry {
	return []entry{{
		id: "names/nul-refused", level: Errors,
		doc: "A name with a NUL byte is refused; nothing is made under a part of it.",
		run: func(t *rig) {
			t.Given()
			t.NoFile(t.FS.Create(t.Path("a\x00b")))
			t.Fails(t.FS.Mkdir(t.Path("d\x00e"), 0o755))
			t.Unchanged()
		},
	}, {
		id: "names/too-long-is-error-not-truncation", level: Data,
		doc: "A name beyond the longest that is declared is refused or kept whole; it is not cut.",
		run: func(t *rig) {
			t.Given()
			name := strings.Repeat("n", t.suite.limits.NameBytes+1)
			f, err := t.FS.Create(t.Path(name))
			if err != nil {
				t.NoFile(f, err)
				t.Unchanged()
				return
			}
			t.Close(t.opened(name, f, err))
			t.Holds(name + "=")
		},
	}, {
		id: "names/case-distinct", level: Data, needs: caps(CaseSensitive),
		doc: "Names that differ in capitals are two files.",
		run: func(t *rig) {
			t.Given("file=1")
			t.Gone("FILE")
			t.Put("File", "2")
			t.Holds("file=1", "File=2")
			t.OK(t.FS.Remove(t.Path("File")))
			t.Unchanged()
		},
	}, {
		id: "names/forms-distinct", level: Data, needs: caps(DistinctForms),
		doc: "Names that differ in Unicode form are two files.",
		run: func(t *rig) {
			t.Given("caf\u00e9=1")
			t.Gone("cafe\u0301")
			t.Put("cafe\u0301", "2")
			t.Holds("caf\u00e9=1", "cafe\u0301=2")
			t.OK(t.FS.Remove(t.Path("cafe\u0301")))
			t.Unchanged()
		},
	}, {
		id: "names/path-64-deep", level: Data,
		doc: "Hostile names 64 deep are found again, one by one.",
		run: func(t *rig) {
			dir := strings.TrimSuffix(strings.Repeat("a b+c/", 64), "/")
			if strings.ContainsAny(dir, t.suite.limits.Forbidden) {
				dir = strings.TrimSuffix(strings.Repeat("abc/", 64), "/")
			}
			t.Given()
			t.OK(t.FS.MkdirAll(t.Path(dir), 0o755))
			t.Put(dir+"/f", "1")
			t.Content(dir+"/f", "1")
			t.OK(t.FS.RemoveAll(t.Path(strings.Split(dir, "/")[0])))
			t.Holds()
		},
	}, {
		id: "names/url-escaped-is-literal", level: Data,
		doc: "What looks like a URL escape is not one: a%20b and a b are two names.",
		run: func(t *rig) {
			names := []string{"a%20b", "a b", "a%2520b", "d%2Ff", "a+b"}
			given := Tree{}
			for _, name := range names {
				if strings.ContainsAny(name, t.suite.limits.Forbidden) {
					continue
				}
				given[name] = "content of " + name
				t.Put(name, given[name])
			}
			t.HoldsTree(given)
		},
	}}
}
