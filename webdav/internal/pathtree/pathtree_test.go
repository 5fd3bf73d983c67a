package pathtree

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
)

func collect(seq iter.Seq2[string, int]) []string {
	var found []string
	for name, value := range seq {
		found = append(found, fmt.Sprint(name, "=", value))
	}
	return found
}

func TestAnswersAboutSubtrees(t *testing.T) {
	var tree Tree[int]
	for i, name := range []string{"/", "/a", "/a/b c", "/a/b c/Ж", "/ab", "/d//e/", "/a/../f"} {
		tree.Set(name, i)
	}
	for name, got := range map[string][]string{
		"above /a/b c/Ж/x": collect(tree.Above("/a/b c/Ж/x")),
		"below /a":         collect(tree.Below("/a/")),
		"below /d":         collect(tree.Below("d")),
		"below /nothing":   collect(tree.Below("/nothing")),
		"in /":             collect(tree.In("/")),
		"in /d":            collect(tree.In("/d")),
	} {
		want := map[string][]string{
			"above /a/b c/Ж/x": {"/=0", "/a=1", "/a/b c=2", "/a/b c/Ж=3"},
			"below /a":         {"/a=1", "/a/b c=2", "/a/b c/Ж=3"},
			"below /d":         {"/d/e=5"},
			"in /":             {"a=1", "ab=4", "f=6"},
			"in /d":            {"e=5"},
		}[name]
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	cut := tree.Cut("/a")
	if got, want := collect(cut.Below("/")), []string{"/=1", "/b c=2", "/b c/Ж=3"}; !slices.Equal(got, want) || cut.Len() != 3 {
		t.Errorf("cut off %v (%d), want %v", got, cut.Len(), want)
	}
	if _, ok := tree.Get("/a/b c"); ok || tree.Len() != 4 {
		t.Errorf("after the cut %d values are left, want 4", tree.Len())
	}
}

// TestAgreesWithAPlainMap does the same random things to a tree and to a map
// whose answers are found by looking at every key.
func TestAgreesWithAPlainMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var tree Tree[int]
	plain := map[string]int{}
	within := func(name, folder string) bool {
		return name == folder || folder == "/" || strings.HasPrefix(name, folder+"/")
	}
	for step := range 5000 {
		name := "/"
		for range random.IntN(4) {
			name = path.Join(name, string(rune('a'+random.IntN(3))))
		}
		switch random.IntN(4) {
		case 0, 1:
			tree.Set(name, step)
			plain[name] = step
		case 2:
			tree.Delete(name)
			delete(plain, name)
		case 3:
			if name != "/" && tree.Cut(name) != nil {
				for key := range plain {
					if within(key, name) {
						delete(plain, key)
					}
				}
			}
		}
		want := map[string][]string{}
		for key, value := range plain {
			entry := fmt.Sprint(key, "=", value)
			if within(key, name) {
				want["below"] = append(want["below"], entry)
			}
			if within(name, key) {
				want["above"] = append(want["above"], entry)
			}
			if key != "/" && path.Dir(key) == name {
				want["in"] = append(want["in"], fmt.Sprint(path.Base(key), "=", value))
			}
		}
		for kind, got := range map[string][]string{"below": collect(tree.Below(name)), "above": collect(tree.Above(name)), "in": collect(tree.In(name))} {
			slices.Sort(got)
			slices.Sort(want[kind])
			if !slices.Equal(got, want[kind]) {
				t.Fatalf("step %d: %s %s: %v, want %v", step, kind, name, got, want[kind])
			}
		}
		if tree.Len() != len(plain) {
			t.Fatalf("step %d: %d values, want %d", step, tree.Len(), len(plain))
		}
	}
	for key := range plain {
		tree.Delete(key)
	}
	if len(tree.root.children) > 0 {
		t.Error("an empty tree still holds nodes")
	}
}

func TestWithin(t *testing.T) {
	for _, test := range []struct {
		name, folder string
		want         bool
	}{
		{"/a", "/", true}, {"/a/b c/Ж", "/a", true}, {"/a/b", "/a/b", false}, {"/ab", "/a", false}, {"/a", "/a/b", false}, {"/", "/", false}, {"/", "/a", false},
	} {
		if got := Within(test.name, test.folder); got != test.want {
			t.Errorf("%s within %s: %v", test.name, test.folder, got)
		}
	}
}
