package crypt_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
)

// TestNamesOfRclone are what rclone 1.60.1 makes of names with the password
// "secret", so that the format is held where rclone is not installed.
func TestNamesOfRclone(t *testing.T) {
	k, err := crypt.DeriveKeys("secret", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a":                                 "55bac8r9bgelodoae917babs9s",
		"report-v2001-02-03-040506-123.txt": "h62knbeeick5a44vvup7bscga4-v2001-02-03-040506-123",
		"-v2001-02-03-040506-123":           "-v2001-02-03-040506-123",
		"x-v2001-02-30-040506-123":          "t3oagejtsnlocd3emet40kk60lag71hcd84j32eoiieq9khftitg",
		".hid-v2001-02-03-040506-123":       "lc5qn9illf689hs1rvtjm9qlm0-v2001-02-03-040506-123",
	} {
		if got, err := crypt.StoredName(k, crypt.Options{}, name); got != want || err != nil {
			t.Errorf("%q is stored as %q, %v; rclone stores it as %q", name, got, err, want)
		}
	}
}

func TestReveal(t *testing.T) {
	for obscured, want := range map[string]string{"": "", "RGO3Q0Tq8KTT2u0XH75k9zdCHpPU": "plain", "SkgapUr0y1z5cQNA5Z8BNOs": "x"} {
		if got, err := crypt.Reveal(obscured); got != want || err != nil {
			t.Errorf("%q is %q, %v; want %q", obscured, got, err, want)
		}
	}
	for _, bad := range []string{"short", "not base64!", "correct horse battery staple"} {
		if got, err := crypt.Reveal(bad); err == nil {
			t.Errorf("%q is %q", bad, got)
		} else if strings.Contains(err.Error(), bad) {
			t.Errorf("%q is told in %v", bad, err)
		}
	}
}

// TestAFileAndAFolderOfOneName, which another program can make where the two are
// at different places, are shown as one, and neither is removed with the folder.
func TestAFileAndAFolderOfOneName(t *testing.T) {
	ctx := t.Context()
	inner := memory.New(memory.Options{})
	b := open(t, inner, crypt.Options{FilenameEncryption: "off"})
	if err := b.Mkdir(ctx, "d"); err != nil {
		t.Fatal(err)
	}
	put(t, b, "d/x", []byte("file"))
	if err := b.Mkdir(ctx, "d/x"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("mkdir over a file: %v", err)
	}
	if err := inner.Mkdir(ctx, "d/x"); err != nil {
		t.Fatal(err)
	}
	_, children, err := b.List(ctx, "d")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range children {
		if n++; err != nil {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("listed are %d entries", n)
	}
	if err := b.Remove(ctx, "d", backend.RemoveOptions{}); !errors.Is(err, backend.ErrNotEmpty) {
		t.Errorf("remove: %v", err)
	}
	// A folder at the place of a file is no file, and in its way.
	if err := inner.Mkdir(ctx, "d/y.bin"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stat(ctx, "d/y"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	if _, err := b.Put(ctx, "d/y", strings.NewReader("x"), backend.PutOptions{Size: 1}); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("put: %v", err)
	}
}

// TestAConfinedCaller does not get out of its folder by a link in the store
// below.
func TestAConfinedCaller(t *testing.T) {
	dir := t.TempDir()
	inner, err := local.New(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, inner, crypt.Options{})
	t.Cleanup(func() { inner.Close() })
	for _, folder := range []string{"anna", "bob"} {
		if err := b.Mkdir(t.Context(), folder); err != nil {
			t.Fatal(err)
		}
		put(t, b, folder+"/f", []byte("of "+folder))
	}
	stored := func(name string) string {
		s, err := crypt.StoredName(testKeys(), crypt.Options{}, name)
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, filepath.FromSlash(s))
	}
	if err := os.Symlink(filepath.Join("..", filepath.Base(stored("bob")), filepath.Base(stored("f"))), stored("anna/link")); err != nil {
		t.Skip(err)
	}
	confined := backend.Confine(t.Context(), "anna")
	if got, err := readFile(confined, b, "anna/f"); err != nil || string(got) != "of anna" {
		t.Errorf("a file of its own: %q, %v", got, err)
	}
	if !backend.IsConfined(confined, b) {
		t.Error("the store does not say that it confines")
	}
	for _, name := range []string{"anna/link", "bob/f"} {
		if got, err := readFile(confined, b, name); !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := readFile(t.Context(), b, "anna/link"); err != nil || string(got) != "of bob" {
		t.Errorf("the link: %q, %v", got, err)
	}
}
