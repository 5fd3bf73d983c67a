package propstore

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	color = "{urn:x $%<>#?&Ж😀\"'}color"
	lang  = "{http://example.org/}lang"
)

func store(t *testing.T, dir string, opts Options) *Store {
	t.Helper()
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// must ends the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// show writes a store as one line a path.
func show(s *Store) string {
	var b strings.Builder
	for at, props := range s.tree.Below("/") {
		fmt.Fprintln(&b, at, props)
	}
	return b.String()
}

func TestSetAndRemove(t *testing.T) {
	s := store(t, "", Options{})
	must(t, s.Set("/a b/", map[string]string{color: "<c/>", lang: "<l/>"}, nil))
	must(t, s.Set("/a b", map[string]string{lang: "<l>de</l>"}, []string{color, "{}never"}))
	if got := s.Get("//a b"); !maps.Equal(got, map[string]string{lang: "<l>de</l>"}) {
		t.Errorf("got %v", got)
	}
	s.Get("/a b")[lang] = "changed"
	if s.Get("/a b")[lang] != "<l>de</l>" {
		t.Error("a caller can change what the store holds")
	}
	must(t, s.Set("/a b", nil, []string{lang}))
	if got := s.Get("/a b"); got != nil || s.bytes != 0 || s.tree.Len() != 0 {
		t.Errorf("after the last removal: %v, %d bytes, %d paths", got, s.bytes, s.tree.Len())
	}
}

func TestFollowsTrees(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*Store) error
		want string
	}{
		{"move a tree", func(s *Store) error { return s.Move("/d/", "/e") }, "/dd 4|/e 1|/e/f 2|/e/g/h 3"},
		{"move over a tree", func(s *Store) error { return s.Move("/dd", "/d") }, "/d 4"},
		{"move what has none over what has", func(s *Store) error { return s.Move("/none", "/d/f") }, "/d 1|/d/g/h 3|/dd 4"},
		{"move to itself", func(s *Store) error { return s.Move("/d", "/d/") }, "/d 1|/d/f 2|/d/g/h 3|/dd 4"},
		{"copy a tree", func(s *Store) error { return s.Copy("/d", "/e", true) }, "/d 1|/d/f 2|/d/g/h 3|/dd 4|/e 1|/e/f 2|/e/g/h 3"},
		{"copy a folder alone", func(s *Store) error { return s.Copy("/d", "/e", false) }, "/d 1|/d/f 2|/d/g/h 3|/dd 4|/e 1"},
		{"copy over a tree", func(s *Store) error { return s.Copy("/dd", "/d", true) }, "/d 4|/dd 4"},
		{"delete a tree", func(s *Store) error { return s.Delete("/d") }, "/dd 4"},
		{"delete what has none", func(s *Store) error { return s.Delete("/none") }, "/d 1|/d/f 2|/d/g/h 3|/dd 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := store(t, dir, Options{})
			for at, value := range map[string]string{"/d": "1", "/d/f": "2", "/d/g/h": "3", "/dd": "4"} {
				must(t, s.Set(at, map[string]string{color: value}, nil))
			}
			must(t, c.do(s))
			plain := func(s *Store) string {
				var lines []string
				for at, props := range s.tree.Below("/") {
					lines = append(lines, at+" "+props[color])
				}
				return strings.Join(lines, "|")
			}
			if got := plain(s); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			must(t, s.Close())
			if got := plain(store(t, dir, Options{})); got != c.want {
				t.Errorf("after a restart %s, want %s", got, c.want)
			}
		})
	}
}

func TestTreesWithinEachOtherAreRefused(t *testing.T) {
	s := store(t, "", Options{})
	must(t, s.Set("/d/e", map[string]string{color: "1"}, nil))
	for _, c := range [][2]string{{"/d", "/d/e"}, {"/d/e", "/d"}, {"/", "/d"}, {"/d", "/"}} {
		if s.Move(c[0], c[1]) == nil || s.Copy(c[0], c[1], true) == nil {
			t.Errorf("%s to %s was done", c[0], c[1])
		}
	}
	if got := s.Get("/d/e")[color]; got != "1" {
		t.Errorf("the property is now %q", got)
	}
}

func TestFullStoreRefusesAndChangesNothing(t *testing.T) {
	s := store(t, "", Options{MaxBytes: 2000, MaxResource: 1000})
	must(t, s.Set("/a", map[string]string{color: strings.Repeat("x", 500)}, nil))
	before := show(s)
	for name, do := range map[string]func() error{
		"one resource": func() error {
			return s.Set("/a", map[string]string{lang: strings.Repeat("x", 500)}, []string{"{}none"})
		},
		"all resources": func() error {
			for i := range 10 {
				if err := s.Set(fmt.Sprint("/", i), map[string]string{color: strings.Repeat("x", 700)}, nil); err != nil {
					must(t, s.Delete("/0"))
					return err
				}
			}
			return nil
		},
		"copies": func() error {
			for i := range 10 {
				if err := s.Copy("/a", fmt.Sprint("/c", i), true); err != nil {
					must(t, s.Delete("/c0"))
					must(t, s.Delete("/c1"))
					return err
				}
			}
			return nil
		},
	} {
		if err := do(); !errors.Is(err, ErrFull) {
			t.Errorf("%s: %v, want ErrFull", name, err)
		}
		if after := show(s); after != before {
			t.Errorf("%s: changed to %s", name, after)
		}
	}
	must(t, s.Set("/a", map[string]string{color: "less"}, nil))
}

// TestBytesAreCountedTruly does random things and then counts anew; a count
// that drifted would lock the store or let it grow without end.
func TestBytesAreCountedTruly(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	name := func() string {
		at := "/"
		for range 1 + random.IntN(3) {
			at = path.Join(at, string(rune('a'+random.IntN(3))))
		}
		return at
	}
	dir := t.TempDir()
	s := store(t, dir, Options{})
	for range 300 {
		switch a, b := name(), name(); random.IntN(5) {
		case 0, 1:
			must(t, s.Set(a, map[string]string{color: strings.Repeat("x", random.IntN(50))}, []string{lang}))
		case 2:
			must(t, s.Delete(a))
		case 3:
			_ = s.Move(a, b) // refused when nested
		case 4:
			_ = s.Copy(a, b, random.IntN(2) == 0)
		}
	}
	count := 0
	for at, props := range s.tree.Below("/") {
		count += weigh(at, props)
	}
	if s.bytes != count {
		t.Errorf("counted %d bytes, there are %d", s.bytes, count)
	}
	before := show(s)
	must(t, s.Close())
	again := store(t, dir, Options{})
	if got := show(again); got != before || again.bytes != count {
		t.Errorf("after a restart\n%s(%d bytes) before\n%s(%d bytes)", got, again.bytes, before, count)
	}
}

func TestNothingIsToldThatCannotBeKept(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	must(t, s.Set("/a", map[string]string{color: "1"}, nil))
	must(t, s.Close())
	for name, err := range map[string]error{
		"set":    s.Set("/a", map[string]string{color: "2"}, nil),
		"move":   s.Move("/a", "/b"),
		"copy":   s.Copy("/a", "/b", true),
		"delete": s.Delete("/a"),
	} {
		if err == nil {
			t.Errorf("%s: done, without a file to keep it in", name)
		}
	}
	if got := s.Get("/a")[color]; got != "1" {
		t.Errorf("the property is now %q", got)
	}
}

// TestManyAtOnce is for the race detector.
func TestManyAtOnce(t *testing.T) {
	s := store(t, t.TempDir(), Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			from, to := fmt.Sprint("/from/", i), fmt.Sprint("/to/", i)
			for n := range 5 {
				value := fmt.Sprint(n)
				if err := errors.Join(s.Set(from, map[string]string{color: value}, nil), s.Move(from, to)); err != nil {
					t.Error(err)
				}
				if got := s.Get(to)[color]; got != value {
					t.Errorf("got %q, want %q", got, value)
				}
			}
		})
	}
	wg.Wait()
}

// TestPropertiesSurviveTheRewritingOfTheirFile changes so much that the file
// is written anew on the way, many times.
func TestPropertiesSurviveTheRewritingOfTheirFile(t *testing.T) {
	dir := t.TempDir()
	before := store(t, dir, Options{})
	must(t, before.Set("/kept/Ж", map[string]string{color: "<c>\r\n&amp;</c>", lang: ""}, nil))
	written := 0
	for i := range 300 {
		value := strings.Repeat("x", 1000) + fmt.Sprint(i)
		must(t, before.Set("/changed", map[string]string{color: value}, nil))
		written += len(value)
	}
	info, err := os.Stat(filepath.Join(dir, "properties.journal"))
	must(t, err)
	if info.Size() > int64(written)/2 {
		t.Fatalf("the file has %d bytes and was not written anew", info.Size())
	}
	must(t, before.Close())
	if got, want := show(store(t, dir, Options{})), show(before); got != want || !strings.Contains(got, "/kept/Ж") {
		t.Errorf("after\n%s\nbefore\n%s", got, want)
	}
}

// TestPatchesAtOnce of one resource are all made, whichever comes first.
func TestPatchesAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := store(t, dir, Options{})
	var all sync.WaitGroup
	want := map[string]string{}
	for i := range 20 {
		key := fmt.Sprint("{}", i)
		want[key] = "<x/>"
		all.Go(func() {
			if err := s.Set("/a", map[string]string{key: "<x/>"}, []string{"{}never"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := s.Get("/a"); !maps.Equal(got, want) {
		t.Errorf("there is %v", got)
	}
	must(t, s.Close())
	if got := store(t, dir, Options{}).Get("/a"); !maps.Equal(got, want) {
		t.Errorf("after a restart there is %v", got)
	}
}

// TestPropertiesOfVersion1 takes up what a davdisk has left that wrote them in
// another format, and was killed. Limits that have become narrower lose nothing.
func TestPropertiesOfVersion1(t *testing.T) {
	dir := t.TempDir()
	const x = `map[{urn:x}color:<color xmlns="urn:x">`
	want := "/copied " + x + "red</color>]\n/moved " + x + "folder</color>]\n/moved/a " + x + "red</color>]\n/Ж " + x + "green</color>]\n"
	for start := range 3 {
		if start < 2 { // the second time as if the first had been killed before it removed the old file
			must(t, os.CopyFS(dir, os.DirFS("../../../internal/journal/testdata/state-1/shares/local-5ec2d4dc6d9a/webdav/properties")))
		}
		s := store(t, dir, Options{MaxBytes: 1, MaxResource: 1})
		if got := show(s); got != want {
			t.Errorf("there is\n%swant\n%s", got, want)
		}
		must(t, s.Close())
		if _, err := os.Stat(filepath.Join(dir, "properties")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the old file is still there: %v", err)
		}
	}
}
