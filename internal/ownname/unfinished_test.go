package ownname

import "testing"

func TestIsUnfinished(t *testing.T) {
	made := Unfinished(".")
	for name, want := range map[string]struct{ reserved, unfinished bool }{
		made: {true, true}, made + "-old": {true, false}, UnfinishedPrefix + "mine": {true, false}, UnfinishedPrefix: {true, false},
		Prefix + "x": {}, "~davdisk-x": {}, "a": {},
	} {
		if IsUnfinishedReserved(name) != want.reserved || IsUnfinished(name) != want.unfinished {
			t.Errorf("%q: %v, %v", name, IsUnfinishedReserved(name), IsUnfinished(name))
		}
	}
}
