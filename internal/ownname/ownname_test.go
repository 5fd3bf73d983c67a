package ownname

import "testing"

func TestIs(t *testing.T) {
	for name, want := range map[string]bool{
		".davdisk-x": true, "/a/.davdisk-x": true, Sibling("/a/b", "x"): true, Sibling("b", ""): true,
		".davdisk": false, "a.davdisk-x": false, ".davdisk-x/a": false, ".~davdisk-x": false, ".": false,
	} {
		if got := Is(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
	if got := Sibling("/a/b", "x"); got != "/a/.davdisk-x" {
		t.Errorf("sibling %q", got)
	}
}
