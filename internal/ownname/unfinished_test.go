package ownname

import (
	"path"
	"testing"
)

func TestIsUnfinished(t *testing.T) {
	made, resumable := Unfinished("."), Resumable(".", "key")
	for name, want := range map[string]struct{ reserved, unfinished bool }{
		made: {true, true}, resumable: {true, true}, made + "-old": {true, false}, UnfinishedPrefix + "mine": {true, false}, UnfinishedPrefix: {true, false},
		Prefix + "x": {}, "~davdisk-x": {}, "a": {},
	} {
		if IsUnfinishedReserved(name) != want.reserved || IsUnfinished(name) != want.unfinished {
			t.Errorf("%q: %v, %v", name, IsUnfinishedReserved(name), IsUnfinished(name))
		}
	}
}

func TestResumable(t *testing.T) {
	made := Resumable("d", "key")
	if again := Resumable("d", "key"); again != made || path.Dir(made) != "d" || !IsResumable(path.Base(made)) {
		t.Errorf("made %q, then %q", made, again)
	}
	if other := Resumable("d", "other"); other == made {
		t.Errorf("two keys have the name %q", other)
	}
	for _, name := range []string{UnfinishedPrefix + "mine", path.Base(made) + "-old", UnfinishedPrefix + resumableMark, "a"} {
		if IsResumable(name) {
			t.Errorf("%q was not made by Resumable", name)
		}
	}
}
