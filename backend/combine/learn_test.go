package combine_test

import (
	"slices"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/backend/memory"
)

// learning is a store that notes what it is told.
type learning struct {
	backend.Backend
	told []string
}

func (l *learning) Learn(name, version string) { l.told = append(l.told, name+" "+version) }

// What others have changed is told to the store that it is in.
func TestLearn(t *testing.T) {
	one, two := &learning{Backend: memory.New(memory.Options{})}, &learning{Backend: memory.New(memory.Options{})}
	b, err := combine.New(map[string]backend.Backend{"one": one, "two": two})
	if err != nil {
		t.Fatal(err)
	}
	for _, learned := range []struct{ name, version string }{{"one/d/f", "v"}, {"two", ""}, {"three/f", "v"}, {".", ""}, {"../f", ""}} {
		backend.Learn(b, learned.name, learned.version)
	}
	if !slices.Equal(one.told, []string{"d/f v", ". "}) || !slices.Equal(two.told, []string{". ", ". "}) {
		t.Errorf("told %q and %q", one.told, two.told)
	}
}
