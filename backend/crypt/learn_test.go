package crypt_test

import (
	"context"
	"slices"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/memory"
)

// learning is a store that notes what it is told.
type learning struct {
	backend.Backend
	told []string
}

func (l *learning) Learn(name, version string) { l.told = append(l.told, name+" "+version) }

// What others have changed is told by its name in the store below.
func TestLearn(t *testing.T) {
	inner := &learning{Backend: memory.New(memory.Options{})}
	b := open(t, inner, crypt.Options{})
	put(t, b, "f", []byte("x"))
	backend.Learn(b, "f", "v")
	backend.Learn(b, ".", "")
	backend.Learn(b, "../f", "v")
	var want []string
	_, children, err := inner.List(context.Background(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for child := range children {
		want = append(want, child.Name+" v")
	}
	if want = append(want, ". "); len(want) != 2 || !slices.Equal(inner.told, want) {
		t.Errorf("told %q, want %q", inner.told, want)
	}
}
