package dircache

import (
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
