package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestWhatIsNotListedIsNotRemoved has folders of which a client sees nothing,
// or not what is deep below them, and wants each way of losing that refused
// with a reason.
func TestWhatIsNotListedIsNotRemoved(t *testing.T) {
	makers := map[string]func(file string) error{
		"dangling link":     func(file string) error { return os.Symlink("nowhere", file) },
		"link that is out":  func(file string) error { return os.Symlink("/etc/hostname", file) },
		"link that returns": func(file string) error { return os.Symlink(".", file) },
		"pipe":              func(file string) error { return exec.Command("mkfifo", file).Run() },
		"reserved name":     func(file string) error { return os.WriteFile(file+"/../.~davdisk-notes", []byte("x"), 0o600) },
	}
	if runtime.GOOS == "linux" { // other systems refuse such names, or change them
		makers["name not UTF-8"] = func(file string) error { return os.WriteFile(file+"\xfclaub.jpg", []byte("precious"), 0o600) }
	}
	for kind, make := range makers {
		for _, deep := range []string{"", "a/b/c"} {
			t.Run(kind+" "+deep, func(t *testing.T) {
				r := newRooted(t, map[string]string{"other/f": "new", "file": "new"}, nil, map[string]string{"me": ""})
				folder := filepath.Join(r.dir, "d", deep)
				if err := os.MkdirAll(folder, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := make(filepath.Join(folder, "x")); err != nil {
					t.Skipf("cannot be made here: %v", err)
				}
				refused := func(method, name string, headers ...string) {
					t.Helper()
					code, got := r.do("me", method, name, "", headers...)
					if code != 409 || !strings.Contains(got, "cannot be shown here") {
						t.Errorf("%s %s is %d: %s", method, name, code, got)
					}
					if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
						t.Fatalf("after %s %s the folder holds %v, %v", method, name, left, err)
					}
				}
				refused("DELETE", "/d/")
				refused("MOVE", "/other/", "Destination", "/d")
				refused("COPY", "/other/", "Destination", "/d")
				refused("MOVE", "/file", "Destination", "/d")
				refused("COPY", "/file", "Destination", "/d")
				if deep != "" {
					refused("DELETE", "/d/a")
				}
				if code, got := r.do("me", "MOVE", "/d/", "", "Destination", "/moved"); code != 201 {
					t.Errorf("with all in it the folder cannot be moved: %d %s", code, got)
				}
				if left, err := os.ReadDir(filepath.Join(r.dir, "moved", deep)); err != nil || len(left) != 1 {
					t.Errorf("the moved folder holds %v, %v", left, err)
				}
				if left, _ := filepath.Glob(filepath.Join(r.dir, ".*")); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			})
		}
	}
}
