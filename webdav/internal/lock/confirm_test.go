package lock

import (
	"slices"
	"testing"
)

// TestConfirm goes through RFC 4918, sections 7.4 to 7.7.
func TestConfirm(t *testing.T) {
	put := Change{Content: true}
	make := Change{Content: true, Member: true}
	remove := Change{Tree: true, Member: true}
	at := func(c Change, path string) Change { c.Path = path; return c }

	for _, c := range []struct {
		name      string
		locks     []Request
		changes   []Change
		principal string
		submit    []int // which locks' tokens
		wanting   []string
	}{
		{name: "nothing is locked", changes: []Change{at(put, "/a")}},
		{name: "no token", locks: []Request{{Root: "/a"}}, changes: []Change{at(put, "/a")}, wanting: []string{"/a"}},
		{name: "the token", locks: []Request{{Root: "/a"}}, changes: []Change{at(put, "/a")}, submit: []int{0}},
		{name: "the token of another lock", locks: []Request{{Root: "/a"}, {Root: "/b"}}, changes: []Change{at(put, "/a")}, submit: []int{1}, wanting: []string{"/a"}},
		{name: "the token from another user", locks: []Request{{Root: "/a", Principal: "u"}}, changes: []Change{at(put, "/a")}, principal: "v", submit: []int{0}, wanting: []string{"/a"}},

		{name: "content below depth 0", locks: []Request{{Root: "/d"}}, changes: []Change{at(put, "/d/f")}},
		{name: "new member below depth 0", locks: []Request{{Root: "/d"}}, changes: []Change{at(make, "/d/f")}, wanting: []string{"/d"}},
		{name: "new member with the folder's token", locks: []Request{{Root: "/d"}}, changes: []Change{at(make, "/d/f")}, submit: []int{0}},
		{name: "member removed below depth 0", locks: []Request{{Root: "/d"}}, changes: []Change{at(remove, "/d/f")}, wanting: []string{"/d"}},
		{name: "new member two below depth 0", locks: []Request{{Root: "/d"}}, changes: []Change{at(make, "/d/e/f")}},
		{name: "content far below infinity", locks: []Request{{Root: "/d", Infinite: true}}, changes: []Change{at(put, "/d/e/f")}, wanting: []string{"/d"}},
		{name: "content far below infinity with the token", locks: []Request{{Root: "/d", Infinite: true}}, changes: []Change{at(put, "/d/e/f")}, submit: []int{0}},
		{name: "new member with its own token but not the folder's", locks: []Request{{Root: "/d"}, {Root: "/d/f"}}, changes: []Change{at(make, "/d/f")}, submit: []int{1}, wanting: []string{"/d"}},
		{name: "new member with both tokens", locks: []Request{{Root: "/d"}, {Root: "/d/f"}}, changes: []Change{at(make, "/d/f")}, submit: []int{0, 1}},

		{name: "tree with a locked child", locks: []Request{{Root: "/d/e/f"}}, changes: []Change{at(remove, "/d")}, wanting: []string{"/d/e/f"}},
		{name: "tree with a locked child and its token", locks: []Request{{Root: "/d/e/f"}}, changes: []Change{at(remove, "/d")}, submit: []int{0}},
		{name: "tree with two locked children, one token", locks: []Request{{Root: "/d/e"}, {Root: "/d/f"}}, changes: []Change{at(remove, "/d")}, submit: []int{0}, wanting: []string{"/d/f"}},
		{name: "tree beside", locks: []Request{{Root: "/dd"}}, changes: []Change{at(remove, "/d")}},
		{name: "properties of a folder with a locked child", locks: []Request{{Root: "/d/e"}}, changes: []Change{at(put, "/d")}},

		{name: "shared, one of two tokens", locks: []Request{{Root: "/a", Shared: true}, {Root: "/a", Shared: true}}, changes: []Change{at(put, "/a")}, submit: []int{1}},
		{name: "shared, none", locks: []Request{{Root: "/a", Shared: true}, {Root: "/a", Shared: true}}, changes: []Change{at(put, "/a")}, wanting: []string{"/a"}},
		{name: "shared above and on it, one token", locks: []Request{{Root: "/d", Infinite: true, Shared: true}, {Root: "/d/f", Shared: true}}, changes: []Change{at(put, "/d/f")}, submit: []int{0}},
		{name: "shared, the token of one from another user", locks: []Request{{Root: "/a", Shared: true, Principal: "u"}, {Root: "/a", Shared: true, Principal: "v"}}, changes: []Change{at(put, "/a")}, principal: "v", submit: []int{0}, wanting: []string{"/a"}},

		{name: "move of a locked file to a free name", locks: []Request{{Root: "/a"}}, changes: []Change{at(remove, "/a"), at(make, "/b")}, submit: []int{0}},
		{name: "move onto a locked file", locks: []Request{{Root: "/a"}, {Root: "/b"}}, changes: []Change{at(remove, "/a"), at(remove, "/b")}, submit: []int{0}, wanting: []string{"/b"}},
		{name: "move into a locked folder", locks: []Request{{Root: "/d"}}, changes: []Change{at(remove, "/a"), at(make, "/d/b")}, wanting: []string{"/d"}},
		{name: "the root has no folder", locks: []Request{{Root: "/"}}, changes: []Change{at(make, "/")}, submit: []int{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := table(t, Options{})
			var tokens []string
			for _, r := range c.locks {
				tokens = append(tokens, create(t, table, r).Token)
			}
			var submitted []string
			for _, i := range c.submit {
				submitted = append(submitted, tokens[i])
			}
			err := table.Confirm(c.principal, submitted, c.changes...)
			if got := roots(err); !slices.Equal(got, c.wanting) || (err == nil) != (c.wanting == nil) {
				t.Errorf("wanting %q (%v), want %q", got, err, c.wanting)
			}
		})
	}
}
