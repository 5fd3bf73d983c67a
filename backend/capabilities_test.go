package backend

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// declaring lacks something, as a driver would say it.
type declaring struct{ Backend }

func (declaring) Capabilities() Capabilities { return Capabilities{NoAtomicMove: "it copies"} }

func TestCapabilitiesAreSeenThroughAWrapper(t *testing.T) {
	type wrapper struct {
		Backend
		unwrapper
	}
	if got := CapabilitiesOf(wrapper{unwrapper: func() Backend { return declaring{} }}); got.NoAtomicMove != "it copies" {
		t.Errorf("what is wrapped declares %+v", got)
	}
	if got := CapabilitiesOf(opened{driver: "plain"}); got.NoAtomicMove != "" || got.NoAtomicOverwrite != "" || got.Names.Why != "" {
		t.Errorf("a store that declares nothing lacks %+v", got)
	}
}

func TestNamesCheck(t *testing.T) {
	n := Names{MaxBytes: 10, MaxPath: 25, Forbidden: "é:", Refused: []string{"*.", ".~davdisk-*"}, Why: "the test says so"}
	for name, want := range map[string]string{
		".":                          "",
		"a/b/c":                      "",
		"0123456789":                 "",
		"ü":                          "",
		"a.b":                        "",
		"01234567890":                "up to 10 bytes",
		"a/éé!":                      `'é'`,
		"a:/b":                       `':'`,
		"dot./b":                     `"*."`,
		"a/.~davdisk":                "",
		"a/.~davdisk-x":              "up to 10 bytes",
		"012345678/012345678/012345": "up to 25 bytes",
	} {
		err := n.Check("put", name)
		var pathError *fs.PathError
		switch {
		case want == "" && err != nil:
			t.Errorf("%q is refused: %v", name, err)
		case want != "" && (!errors.Is(err, fs.ErrInvalid) || !errors.As(err, &pathError) || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	if err := (Names{}).Check("put", strings.Repeat("x", 300)); err != nil {
		t.Errorf("the zero value refuses: %v", err)
	}
}
