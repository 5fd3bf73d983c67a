package crypt_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/local"
)

// TestTheLongestName is stored in a folder of this machine, and one byte more is
// refused.
func TestTheLongestName(t *testing.T) {
	for name, test := range map[string]struct {
		opts crypt.Options
		want int
	}{
		"base32":        {crypt.Options{}, 143},
		"base64":        {crypt.Options{FilenameEncoding: "base64"}, 175},
		"base32768":     {crypt.Options{FilenameEncoding: "base32768"}, 143},
		"plain folders": {crypt.Options{PlainFolders: true}, 143},
		"plain names":   {crypt.Options{FilenameEncryption: "off"}, 251},
	} {
		inner, err := local.New(t.TempDir(), local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer inner.Close()
		b := open(t, inner, test.opts)
		n := backend.CapabilitiesOf(b).Names
		if n.MaxBytes != test.want || n.Why == "" {
			t.Errorf("%s: declared are %+v, want %d bytes", name, n, test.want)
		}
		longest := strings.Repeat("n", n.MaxBytes)
		put(t, b, longest, []byte("x"))
		if err := b.Mkdir(t.Context(), "d"+longest[1:]); err != nil {
			t.Errorf("%s: mkdir: %v", name, err)
		}
		if _, err := b.Put(t.Context(), longest+"n", strings.NewReader("x"), backend.PutOptions{Size: 1}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: put of a longer one: %v", name, err)
		}
		if err := b.Mkdir(t.Context(), longest+"n"); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: mkdir of a longer one: %v", name, err)
		}
		if err := b.Move(t.Context(), longest, longest+"n", backend.MoveOptions{}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: move to a longer one: %v", name, err)
		}
	}
}
