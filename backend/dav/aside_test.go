package dav

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// TestWhatIsPutAside: the names that vfs puts files aside under are others on the
// server, which may refuse or hide them.
func TestWhatIsPutAside(t *testing.T) {
	f := newFake()
	f.files["/.davdisk-another's"] = "kept"
	s := f.open(t, features{WholePut: true, Conditions: true, HidesDots: true})
	if err := put(s, ".davdisk-a-f", "aside", backend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Mkdir(t.Context(), ".davdisk-b-d"); err != nil {
		t.Fatal(err)
	}
	if err := s.Move(t.Context(), "f", ".davdisk-b-d/f", backend.MoveOptions{}); err != nil {
		t.Fatal(err)
	}
	f.has(t, map[string]string{"/": "/", "/d": "/", "/.davdisk-another's": "kept", "/~davdisk.a-f": "aside", "/~davdisk.b-d": "/", "/~davdisk.b-d/f": "old"})
	_, children, err := s.List(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for child := range children {
		seen[child.Name] = true
	}
	if len(seen) != 3 || !seen["d"] || !seen[".davdisk-a-f"] || !seen[".davdisk-b-d"] {
		t.Errorf("listed are %v", seen)
	}
	if info, err := s.Stat(t.Context(), ".davdisk-b-d/f"); err != nil || info.Name != "f" {
		t.Errorf("%+v, %v", info, err)
	}
	for _, name := range []string{"~davdisk.c", "d/~davdisk.c", ".hidden", ".davdisk-b-d/.hidden"} {
		if err := put(s, name, "no", backend.PutOptions{}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %v, want %v", name, err, fs.ErrInvalid)
		}
	}
	if _, err := s.Stat(t.Context(), "~davdisk.b-d/f"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("by its name on the server: %v", err)
	}
	if err := s.Move(t.Context(), ".davdisk-b-d/f", "f", backend.MoveOptions{}); err != nil {
		t.Error(err)
	}
}
