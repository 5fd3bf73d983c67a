package dircache

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// TestChildren compares them with a plain map, in whatever order entries come, are
// replaced and go.
func TestChildren(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		c, plain := NewChildren(), map[string]int64{}
		for step := range int64(20) {
			name := string(rune('a' + random.IntN(6)))
			if round%2 == 0 { // in order
				name = strings.Repeat("a", int(step)+1)
			}
			switch random.IntN(5) {
			case 0:
				c.Delete(name)
				delete(plain, name)
			case 1:
				before := join(c)
				changed := c.Clone()
				changed.Set(backend.Info{Name: name, Size: step})
				if join(c) != before {
					t.Fatalf("a change of the copy changes %s to %s", before, join(c))
				}
				c, plain[name] = changed, step
			default:
				c.Set(backend.Info{Name: name, Size: step})
				plain[name] = step
			}
			var names []string
			for _, info := range c.Sorted() {
				names = append(names, info.Name)
				if got, ok := c.Get(info.Name); !ok || got.Size != plain[info.Name] || info.Size != plain[info.Name] {
					t.Fatalf("%s is %+v, %+v; want %d", info.Name, got, info, plain[info.Name])
				}
			}
			if c.Len() != len(plain) || len(names) != len(plain) || !slices.IsSorted(names) {
				t.Fatalf("there are %d, %v; want %v", c.Len(), names, plain)
			}
		}
	}
}

// TestCollect collects listings in order and in disorder, with a name twice, of which
// the last one counts, and changes what was collected.
func TestCollect(t *testing.T) {
	for _, listed := range []string{"", "a", "abc", "acb", "cba", "aab", "abb", "abcdefghijklmnopqrstuvwxyza", "abcdefghijklmnopqrstuvwxyz"} {
		plain := map[string]int64{}
		for i, name := range listed {
			plain[string(name)] = int64(i)
		}
		collect := func() *Children {
			c, err := Collect(func(yield func(backend.Info, error) bool) {
				for i, name := range listed {
					if !yield(backend.Info{Name: string(name), Size: int64(i)}, nil) {
						return
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		check := func(c *Children) {
			t.Helper()
			var names []string
			for _, info := range c.Sorted() {
				names = append(names, info.Name)
				if got, ok := c.Get(info.Name); !ok || got.Size != plain[info.Name] || info.Size != plain[info.Name] {
					t.Fatalf("%q: %s is %+v, %+v; want %d", listed, info.Name, got, info, plain[info.Name])
				}
			}
			if _, ok := c.Get("none"); ok || c.Len() != len(plain) || len(names) != len(plain) || !slices.IsSorted(names) {
				t.Fatalf("%q: there are %d, %v; want %v", listed, c.Len(), names, plain)
			}
		}
		c := collect()
		check(c)
		changed := c.Clone()
		changed.Set(backend.Info{Name: "new"})
		changed.Delete("a")
		check(c)
		set, deleted := collect(), collect()
		plain["b"] = 99
		set.Set(backend.Info{Name: "b", Size: 99})
		check(set)
		delete(plain, "b")
		deleted.Delete("b")
		check(deleted)
	}
	broken := errors.New("broken")
	c, err := Collect(func(yield func(backend.Info, error) bool) {
		_ = yield(backend.Info{Name: "a"}, nil) && yield(backend.Info{}, broken)
	})
	if c != nil || !errors.Is(err, broken) {
		t.Errorf("%v, %v", c, err)
	}
}
