package dircache

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

func discard(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// TestWhatAListingAnswers asks for names when the root and "d" are known.
func TestWhatAListingAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		want  error
		calls string
	}{
		".":            {nil, ""},
		"f":            {nil, ""},
		"d":            {nil, ""},
		"d/Ж #1 %20":   {nil, ""},
		"d/none":       {fs.ErrNotExist, ""},
		"none/in/none": {fs.ErrNotExist, ""},
		"f/below":      {fs.ErrNotExist, ""}, // a file has nothing below it
		"d/sub/x":      {nil, "1 list"},
		"d/sub/none":   {fs.ErrNotExist, "1 list"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore("f", "d/Ж #1 %20", "d/sub/x")
			c, _ := start(t, s, Options{})
			names(t, c, ".")
			names(t, c, "d")
			s.wants(t, "getting to know them", "2 list")
			info, err := c.Stat(t.Context(), name)
			if !errors.Is(err, test.want) || err == nil && info.Name != s.tree[name].Name {
				t.Errorf("it is %+v, %v", info, err)
			}
			s.wants(t, "asking", test.calls)
			looked, children, err := c.Look(t.Context(), name)
			if !errors.Is(err, test.want) || looked.Name != info.Name || children != nil {
				t.Errorf("looking gives %+v, %v, %v", looked, children, err)
			}
			s.wants(t, "looking", "")
		})
	}
}

// TestNothingIsKnown asks for names that are in no listing.
func TestNothingIsKnown(t *testing.T) {
	trouble := backend.PathError("list", "d", backend.ErrUnavailable, "")
	for name, test := range map[string]struct {
		fails, want error
	}{
		"d/f":       {nil, nil},
		"d/none":    {nil, fs.ErrNotExist},
		"none/x":    {nil, fs.ErrNotExist},
		"f/below":   {nil, fs.ErrNotExist},
		"d/trouble": {trouble, backend.ErrUnavailable}, // which is not "not there"
	} {
		s := newStore("f", "d/f")
		s.fails = test.fails
		c, _ := start(t, s, Options{})
		for range 2 { // trouble is not remembered
			if _, err := c.Stat(t.Context(), name); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
			if got := s.calls(); test.fails != nil && got != "1 list" {
				t.Errorf("%s: the store was asked for %q", name, got)
			}
		}
	}
}

// TestLookListsWhatIsUnknown in one call, whatever it is.
func TestLookListsWhatIsUnknown(t *testing.T) {
	s := newStore("d/f", "d/sub/")
	c, _ := start(t, s, Options{})
	if info, children, err := c.Look(t.Context(), "d"); err != nil || !info.Dir || join(children) != "f sub/" {
		t.Errorf("a folder: %+v, %v, %v", info, children, err)
	}
	s.wants(t, "a folder", "1 list")
	if info, children, err := c.Look(t.Context(), "d/f"); err != nil || info.Name != "f" || children != nil {
		t.Errorf("a file: %+v, %v, %v", info, children, err)
	}
	if info, _, err := c.List(t.Context(), "d/f"); !errors.Is(err, backend.ErrNotDir) || info.Name != "f" {
		t.Errorf("listing a file: %+v, %v", info, err)
	}
	s.wants(t, "a file that is known", "")
}

// TestAnswersStayAsTheyAre, whatever is written later: callers still read them.
func TestAnswersStayAsTheyAre(t *testing.T) {
	s := newStore("a", "b")
	c, _ := start(t, s, Options{})
	var answers []*Children
	list := func(want string) {
		t.Helper()
		_, children, err := c.List(t.Context(), ".")
		if err != nil || join(children) != want {
			t.Errorf("%v, %v, want %s", children, err, want)
		}
		answers = append(answers, children)
	}
	list("a b") // from the store
	list("a b") // from the cache
	for _, change := range []struct {
		do   func()
		want string
	}{
		{func() { c.Stored("new", backend.Info{Size: 1}) }, "a b new"},
		{func() { c.Removed("a") }, "b new"},
		{func() { c.Moved("b", "c", c.Kept()) }, "c new"},
		{func() { c.Copied("c", "d") }, "c d new"},
		{func() { c.Retimed("d", time.Unix(1, 0)); c.Removed("new") }, "c d"},
	} {
		var reading sync.WaitGroup
		for i, children := range answers {
			before := join(children)
			reading.Go(func() {
				if now := join(children); now != before {
					t.Errorf("answer %d was %s and is %s", i, before, now)
				}
			})
		}
		change.do()
		reading.Wait()
		list(change.want)
		list(change.want)
	}
	for i, want := range []string{"a b", "a b", "a b new", "a b new", "b new", "b new", "c new", "c new", "c d new", "c d new", "c d", "c d"} {
		if got := join(answers[i]); got != want {
			t.Errorf("answer %d is %s, want %s", i, got, want)
		}
	}
	s.wants(t, "all listings", "1 list")
}

func TestEmptyIsAskedOfTheStore(t *testing.T) {
	s := newStore("full/f", "empty/")
	c, _ := start(t, s, Options{})
	for name, want := range map[string]bool{"full": false, "empty": true} {
		names(t, c, name)
		s.calls()
		if got, err := c.Empty(t.Context(), name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		s.wants(t, name, "1 list")
	}
	s.fails = backend.PathError("list", "empty", backend.ErrUnavailable, "")
	for _, name := range []string{"empty", "none"} {
		if got, err := c.Empty(t.Context(), name); got || err == nil {
			t.Errorf("%s in trouble: %v, %v", name, got, err)
		}
	}
}

// TestBounds lists folders of five entries in turn, with room for ten.
func TestBounds(t *testing.T) {
	var all []string
	for i := range 5 {
		all = append(all, fmt.Sprintf("a/%d", i), fmt.Sprintf("b/%d", i))
	}
	s := newStore(append(all, "c/", "e/")...)
	c, _ := start(t, s, Options{Entries: 10})
	for _, step := range []struct{ dir, calls string }{
		{"a", "1 list"}, {"a", ""}, {"b", "1 list"}, {"b", ""}, {"a", "1 list"}, {"c", "1 list"}, {"a", ""},
	} {
		names(t, c, step.dir)
		s.wants(t, "listing "+step.dir, step.calls)
	}
	// Files of ours make a listing larger, too.
	for i := range 5 {
		c.Stored(fmt.Sprintf("a/more %d", i), backend.Info{})
	}
	names(t, c, "a")
	s.wants(t, "a listing that has grown", "")
	names(t, c, "e")
	s.calls()
	names(t, c, "a")
	s.wants(t, "one that there was no room for any more", "1 list")
}

// TestAFolderTooLarge for the cache is listed for who wants it whole, and not
// for the sake of one name.
func TestAFolderTooLarge(t *testing.T) {
	s := newStore("d/a", "d/b", "d/c", "d/e")
	c, _ := start(t, s, Options{Entries: 3})
	for range 2 {
		if got := names(t, c, "d"); got != "a b c e" {
			t.Errorf("there is %q", got)
		}
		s.wants(t, "listing", "1 list")
		for name, want := range map[string]error{"d/a": nil, "d/none": fs.ErrNotExist} {
			if _, err := c.Stat(t.Context(), name); !errors.Is(err, want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.wants(t, "two names in it", "2 stat")
	}
}

// TestAWideFolder is given up once more than a few pages of it have come, unless
// it was wanted as a whole. What has come answers.
func TestAWideFolder(t *testing.T) {
	var all []string
	for i := range wide + 5 {
		all = append(all, fmt.Sprintf("d/%05d", i))
	}
	s := newStore(all...)
	c, _ := start(t, s, Options{})
	for _, name := range []string{"d/00000", "d/00001"} {
		if info, err := c.Stat(t.Context(), name); err != nil || info.ID != "id of "+name {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	s.wants(t, "names in a folder nobody has seen", "1 list")
	last := fmt.Sprintf("d/%05d", wide+1)
	if info, err := c.Stat(t.Context(), last); err != nil || info.ID != "id of "+last {
		t.Errorf("%s: %+v, %v", last, info, err)
	}
	if _, err := c.Stat(t.Context(), "d/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	s.wants(t, "names that have not come", "2 stat")
	c.Removed("d/00000")
	if _, err := c.Stat(t.Context(), "d/00000"); err != nil {
		t.Error(err) // the store still has it
	}
	s.wants(t, "one that was removed", "1 stat")
	if got := strings.Count(names(t, c, "d"), " ") + 1; got != wide+5 {
		t.Errorf("there are %d entries", got)
	}
	s.wants(t, "all of it", "1 list")
	if _, err := c.Stat(t.Context(), "d/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	s.wants(t, "a name, now that all is known", "")
}

// TestAWideFolderIsDropped while a name is looked up in what has come of it: that
// the name is not in that part does not mean that it is missing.
func TestAWideFolderIsDropped(t *testing.T) {
	var all []string
	for i := range wide + 5 {
		all = append(all, fmt.Sprintf("d/%05d", i))
	}
	s := newStore(all...)
	c, _ := start(t, s, Options{})
	var dropping sync.WaitGroup
	defer dropping.Wait()
	s.given = func() { dropping.Go(func() { c.Invalidate("d/x") }) }
	for range 50 {
		if _, err := c.Stat(t.Context(), all[wide+1]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMovedOutOfAWideFolder: what has come of it long ago does not describe the
// file in the folder that it is moved to.
func TestMovedOutOfAWideFolder(t *testing.T) {
	all := []string{"e/h"}
	for i := range wide + 5 {
		all = append(all, fmt.Sprintf("d/%05d", i))
	}
	s := newStore(all...)
	c, clock := start(t, s, Options{TTL: time.Minute})
	if _, err := c.Stat(t.Context(), "d/00000"); err != nil {
		t.Fatal(err)
	}
	clock.Advance(50 * time.Second)
	names(t, c, "e")
	clock.Advance(20 * time.Second)
	s.tree["e/g"] = backend.Info{Name: "g", ID: "of another client"} // it replaced d/00000, which was moved
	c.Moved("d/00000", "e/g", c.Kept())
	if info, err := c.Stat(t.Context(), "e/g"); err != nil || info.ID != "of another client" {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestAWideFolderExpires: what has come of one is not fresh for ever.
func TestAWideFolderExpires(t *testing.T) {
	var all []string
	for i := range wide + 5 {
		all = append(all, fmt.Sprintf("d/%05d", i))
	}
	s := newStore(all...)
	c, clock := start(t, s, Options{TTL: time.Minute})
	for _, step := range []struct {
		after time.Duration
		calls string
	}{{0, "1 list"}, {time.Minute - 1, ""}, {1, "1 stat"}} {
		clock.Advance(step.after)
		if _, err := c.Stat(t.Context(), "d/00000"); err != nil {
			t.Error(err)
		}
		s.wants(t, "after "+step.after.String(), step.calls)
	}
}

// TestTheSecondNameListsTheFolder: the first is asked for alone, and remembered.
func TestTheSecondNameListsTheFolder(t *testing.T) {
	s := newStore("d/a", "d/b", "d/c", "d/sub/x")
	c, clock := start(t, s, Options{})
	for _, step := range []struct {
		name, calls string
		want        error
	}{
		{"d/a", "1 list", nil}, // of the name
		{"d/a", "", nil},
		{"d/b", "1 list", nil}, // of the folder
		{"d/c", "", nil},
		{"d/none", "", fs.ErrNotExist},
		{"d/sub", "", nil},
		{"d/a", "", nil},
		{"d/sub/x", "1 list", nil},
		{"d/sub/none", "1 list", fs.ErrNotExist},
	} {
		info, children, err := c.Look(t.Context(), step.name)
		if !errors.Is(err, step.want) || err == nil && info.ID != s.tree[step.name].ID || children != nil {
			t.Errorf("%s: %+v, %v, %v", step.name, info, children, err)
		}
		s.wants(t, step.name, step.calls)
	}
	clock.Advance(time.Minute)
	if _, _, err := c.Look(t.Context(), "d/a"); err != nil {
		t.Error(err)
	}
	s.wants(t, "a minute later", "1 list")
}

// TestAFolderThatCannotBeListed does not keep what is in it from being read.
func TestAFolderThatCannotBeListed(t *testing.T) {
	s := newStore("d/a", "d/b", "d/c")
	s.fails = backend.PathError("list", "d", backend.ErrUnavailable, "")
	c, _ := start(t, s, Options{})
	for _, step := range []struct{ name, calls string }{
		{"d/a", "1 list"}, {"d/b", "2 list"}, {"d/c", "1 list"}, {"d/c", ""},
	} {
		if info, _, err := c.Look(t.Context(), step.name); err != nil || info.ID != "id of "+step.name {
			t.Errorf("%s: %+v, %v", step.name, info, err)
		}
		s.wants(t, step.name, step.calls)
	}
}

// TestAFileThatIsKnownAlone is what it was changed to.
func TestAFileThatIsKnownAlone(t *testing.T) {
	when := time.Unix(1_700_000_000, 0)
	for name, test := range map[string]struct {
		change func(*Cache)
		at     string // where the file is then
		calls  string
	}{
		"stored":        {func(c *Cache) { c.Stored("d/f", backend.Info{Name: "f", ID: "new"}) }, "d/f", ""},
		"retimed":       {func(c *Cache) { c.Retimed("d/f", when) }, "d/f", ""},
		"moved":         {func(c *Cache) { c.Moved("d/f", "e/g", c.Kept()) }, "e/g", ""},
		"moved with d":  {func(c *Cache) { c.Moved("d", "e", c.Kept()) }, "e/f", ""},
		"removed":       {func(c *Cache) { c.Removed("d/f") }, "d/f", "1 list"},
		"removed all":   {func(c *Cache) { c.Removed("d") }, "d/f", "1 list"},
		"in doubt":      {func(c *Cache) { c.Invalidate("d/f") }, "d/f", "1 list"},
		"in doubt, all": {func(c *Cache) { c.Invalidate("d") }, "d/f", "1 list"},
		"copied over":   {func(c *Cache) { c.Copied("e/g", "d/f") }, "d/f", "1 list"},
		"moved over":    {func(c *Cache) { c.Moved("e/g", "d/f", c.Kept()) }, "d/f", "1 list"},
		"moved over d":  {func(c *Cache) { c.Moved("e", "d", c.Kept()) }, "d/f", "1 list"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore("d/f", "e/f", "e/g")
			c, _ := start(t, s, Options{})
			if _, _, err := c.Look(t.Context(), "d/f"); err != nil {
				t.Fatal(err)
			}
			s.calls()
			test.change(c)
			info, _, err := c.Look(t.Context(), test.at)
			if err != nil || name == "stored" && info.ID != "new" || name == "retimed" && !info.ModTime.Equal(when) || info.Name != path.Base(test.at) {
				t.Errorf("%+v, %v", info, err)
			}
			s.wants(t, "looking at "+test.at, test.calls)
		})
	}
}

func TestWithoutACache(t *testing.T) {
	s := newStore("d/f")
	c := New(s, Options{Now: time.Now, Log: discard(t)})
	for range 2 {
		if info, err := c.Stat(t.Context(), "d/f"); err != nil || info.Name != "f" {
			t.Errorf("%+v, %v", info, err)
		}
		s.wants(t, "a name", "1 stat")
		if got := names(t, c, "d"); got != "f" {
			t.Errorf("there is %q", got)
		}
		s.wants(t, "a folder", "1 list")
	}
}
