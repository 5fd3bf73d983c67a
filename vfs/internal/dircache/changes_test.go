package dircache

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// TestOwnWrites makes a change of ours known, of a folder whose listing is
// remembered and of one whose listing is just being asked for: the store has
// answered with what was there before.
func TestOwnWrites(t *testing.T) {
	type when int // the change cannot be applied, so that the store is asked again
	const (
		never when = iota
		late       // if the listing is on its way
		always
	)
	for name, test := range map[string]struct {
		note func(*Cache)
		want string // in "d" afterwards
		asks when
	}{
		"a file stored":            {func(c *Cache) { c.Stored("d/new", backend.Info{}) }, "f new sub/", never},
		"a file replaced":          {func(c *Cache) { c.Stored("d/f", backend.Info{}) }, "f sub/", never},
		"a folder made":            {func(c *Cache) { c.Stored("d/new", backend.Info{Dir: true}) }, "f new/ sub/", never},
		"a file removed":           {func(c *Cache) { c.Removed("d/f") }, "sub/", never},
		"a folder removed":         {func(c *Cache) { c.Removed("d/sub") }, "f", never},
		"moved within":             {func(c *Cache) { c.Moved("d/f", "d/g", c.Kept()) }, "g sub/", late},
		"moved away":               {func(c *Cache) { c.Moved("d/sub", "else", c.Kept()) }, "f", never},
		"moved here":               {func(c *Cache) { c.Moved("other", "d/g", c.Kept()) }, "f g sub/", never},
		"moved here over a folder": {func(c *Cache) { c.Moved("other", "d/sub", c.Kept()) }, "f sub", never},
		"an unknown moved here":    {func(c *Cache) { c.Moved("unknown/x", "d/g", c.Kept()) }, "f sub/", always},
		"copied within":            {func(c *Cache) { c.Copied("d/f", "d/g") }, "f g sub/", late},
		"copied here":              {func(c *Cache) { c.Copied("other", "d/g") }, "f g sub/", never},
		"an unknown copied here":   {func(c *Cache) { c.Copied("unknown/x", "d/g") }, "f sub/", always},
		"a time set":               {func(c *Cache) { c.Retimed("d/f", time.Unix(7, 0)) }, "f sub/", never},
		"a property set":           {func(c *Cache) { c.Propertied("d/f", map[string]string{"x": "y"}, nil) }, "f sub/", never},
		"what is in doubt":         {func(c *Cache) { c.Invalidate("d/f") }, "f sub/", always},
	} {
		calls := map[bool]string{true: "1 list"}
		t.Run(name+", of a listing that is remembered", func(t *testing.T) {
			s := newStore("d/f", "d/sub/x", "other")
			c, _ := start(t, s, Options{})
			names(t, c, ".")
			names(t, c, "d")
			s.calls()
			test.note(c)
			if got := names(t, c, "d"); got != test.want {
				t.Errorf("there is %q, want %q", got, test.want)
			}
			s.wants(t, "listing", calls[test.asks == always])
		})
		t.Run(name+", of a listing on its way", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStore("d/f", "d/sub/x", "other")
				c, _ := start(t, s, Options{})
				names(t, c, ".") // which the source and the target of a change are known from
				s.calls()
				held := make(chan struct{})
				s.given = func() { <-held }
				done := make(chan string)
				go func() { done <- names(t, c, "d") }()
				synctest.Wait()
				test.note(c)
				close(held)
				waited := <-done
				// Who waited is not given what the change is not in.
				s.wants(t, "listing", map[bool]string{false: "1 list", true: "2 list"}[test.asks != never])
				if after := names(t, c, "d"); test.asks == never && (waited != test.want || after != test.want) {
					t.Errorf("who waited was given %q, and afterwards there is %q; want %q", waited, after, test.want)
				}
				s.wants(t, "listing afterwards", "")
			})
		})
	}
}

// TestWhatAChangeTells about the entry itself.
func TestWhatAChangeTells(t *testing.T) {
	when := time.Unix(1_700_000_000, 0)
	c, clock := start(t, newStore("d/f", "d/sub/x"), Options{})
	names(t, c, "d")
	names(t, c, "d/sub")
	look := func(name string) backend.Info {
		t.Helper()
		info, err := c.Stat(t.Context(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return info
	}
	c.Retimed("d/f", when)
	c.Propertied("d/f", map[string]string{"size": "L"}, []string{"color", "none"})
	if got := look("d/f"); !got.ModTime.Equal(when) || !maps.Equal(got.Properties, map[string]string{"size": "L"}) || got.ID != "id of d/f" {
		t.Errorf("a file with another time and properties is %+v", got)
	}
	c.Copied("d/f", "d/copy")
	if got := look("d/copy"); got.Name != "copy" || got.ID != "" || got.Public != "" || !got.Created.Equal(clock.Now()) || !got.ModTime.Equal(when) {
		t.Errorf("the copy of a file is %+v", got)
	}
	c.Moved("d/f", "d/moved", c.Kept())
	if got := look("d/moved"); got.Name != "moved" || got.ID != "id of d/f" || got.Public == "" {
		t.Errorf("the same file under another name is %+v", got)
	}
	c.Stored("d/new", backend.Info{Name: "of the answer"})
	if got := look("d/new"); got.Name != "new" || got.Properties == nil {
		t.Errorf("a new file is %+v; it is known to have no properties", got)
	}
	c.Stored("d/moved", backend.Info{})
	if got := look("d/moved"); got.Properties != nil {
		t.Errorf("a file that was replaced is %+v; what it has kept is not known", got)
	}
	c.Propertied("d/moved", map[string]string{"x": "y"}, nil)
	if got := look("d/moved"); got.Properties != nil {
		t.Errorf("of unknown properties one was set, and now they are %v", got.Properties)
	}
	// Of a folder its own listing tells, too.
	c.Retimed("d/sub", when)
	c.Propertied("d/sub", map[string]string{"size": "S"}, nil)
	if self, _, err := c.List(t.Context(), "d/sub"); err != nil || !self.ModTime.Equal(when) {
		t.Errorf("a folder with another time is %+v, %v", self, err)
	}
}

// TestTreesFollow changes folders whose content is known: no call is needed
// for what is below them afterwards.
func TestTreesFollow(t *testing.T) {
	s := newStore("d/sub/x", "d/sub/deep/y", "over/z", "d2/w")
	c, _ := start(t, s, Options{})
	for _, dir := range []string{".", "d", "d/sub", "d/sub/deep", "over", "d2"} {
		names(t, c, dir)
	}
	s.calls()
	exists := func(name string, want bool) {
		t.Helper()
		if _, err := c.Stat(t.Context(), name); (err == nil) != want || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
	c.Moved("d", "over", c.Kept())
	exists("over/sub/deep/y", true)
	exists("over/z", false)
	exists("d/sub/x", false)
	exists("d2/w", true) // which only begins like d
	if self, _, err := c.List(t.Context(), "over"); err != nil || self.Name != "over" {
		t.Errorf("the folder moved calls itself %q, %v", self.Name, err)
	}
	c.Removed("over/sub")
	exists("over/sub/deep/y", false)
	c.Stored("over/sub", backend.Info{Dir: true})
	exists("over/sub/x", false)
	if got := names(t, c, "over/sub"); got != "" {
		t.Errorf("a folder just made has %q", got)
	}
	s.wants(t, "all of that", "")
	c.Stored("over/sub", backend.Info{}) // a file has taken its place
	exists("over/sub/x", false)
	s.wants(t, "below a file", "")
	c.Invalidate("d2")
	exists("d2/w", true)
	s.wants(t, "what is in doubt", "1 list")
}

// TestAChangeEndsAListingOnItsWay that is not one of what is there any more.
func TestAChangeEndsAListingOnItsWay(t *testing.T) {
	for name, note := range map[string]func(*Cache){
		"forgotten": func(c *Cache) { c.Invalidate("d/sub") },
		"removed":   func(c *Cache) { c.Removed("d") },
		"replaced":  func(c *Cache) { c.Moved("other", "d/sub", c.Kept()) },
		"made anew": func(c *Cache) { c.Stored("d/sub", backend.Info{Dir: true}) },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStore("d/sub/x", "other/")
			c, _ := start(t, s, Options{})
			held := make(chan struct{})
			s.listing = func(context.Context) { <-held }
			go c.List(t.Context(), "d/sub")
			synctest.Wait()
			s.calls()
			note(c)
			done := make(chan struct{})
			go func() {
				c.List(t.Context(), "d/sub")
				close(done)
			}()
			synctest.Wait()
			if got := s.calls(); name != "made anew" && got != "1 list" {
				t.Errorf("%s: who comes afterwards waits for the old answer (the store was asked for %q)", name, got)
			}
			close(held)
			<-done
			synctest.Wait()
			if got := names(t, c, "d/sub"); name == "made anew" && got != "" {
				t.Errorf("%s: the old answer is remembered: %q", name, got)
			}
		})
	}
}

// A folder that was made is empty only if nothing was written meanwhile: the
// store has it before we take note of it, and so may others of us.
func TestMadeWhileOthersWrite(t *testing.T) {
	for what, test := range map[string]struct {
		note func(*Cache)
		want string
		asks string
	}{
		"nothing else":  {func(*Cache) {}, "", ""},
		"a file within": {func(c *Cache) { c.Stored("d/f", backend.Info{}) }, "f", "1 list"},
	} {
		t.Run(what, func(t *testing.T) {
			s := newStore("d/f")
			if test.want == "" {
				s = newStore("d/")
			}
			c, _ := start(t, s, Options{})
			names(t, c, ".")
			s.calls()
			writes := c.Writes()
			test.note(c)
			c.Made("d", backend.Info{Dir: true}, writes)
			if got := names(t, c, "d"); got != test.want {
				t.Errorf("there is %q, want %q", got, test.want)
			}
			s.wants(t, "listing", test.asks)
		})
	}
}

// TestMovesOnAListingOnItsWay applies moves to a listing that was made after
// them: it has the result already.
func TestMovesOnAListingOnItsWay(t *testing.T) {
	for what, test := range map[string]struct {
		known bool
		note  func(*Cache)
		want  string
	}{
		"a folder replaced": {false, func(c *Cache) {
			c.Moved("b", "hidden", c.Kept())
			c.Moved("a", "b", c.Kept())
			c.Removed("hidden")
		}, "b"},
		"a folder replaced, known": {true, func(c *Cache) {
			c.Moved("b", "hidden", c.Kept())
			c.Moved("a", "b", c.Kept())
			c.Removed("hidden")
		}, "b"},
		"moved there and back": {true, func(c *Cache) {
			c.Moved("b", "other", c.Kept())
			c.Moved("other", "b", c.Kept())
		}, "a b"},
	} {
		synctest.Test(t, func(t *testing.T) {
			before := newStore("a", "b")
			c, clock := start(t, before, Options{})
			if test.known {
				names(t, c, ".")
				clock.Advance(time.Hour)
			}
			after := newStore(strings.Fields(test.want)...)
			c.b = after
			held := make(chan struct{})
			after.given = func() { <-held }
			done := make(chan string)
			go func() { done <- names(t, c, ".") }()
			synctest.Wait()
			test.note(c)
			close(held)
			if got := <-done; got != test.want {
				t.Errorf("%s: who waited was given %q, want %q", what, got, test.want)
			}
			if got := names(t, c, "."); got != test.want {
				t.Errorf("%s: there is %q, want %q", what, got, test.want)
			}
		})
	}
}
