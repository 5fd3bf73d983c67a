package combine_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
)

func newLocal(t *testing.T, dir string) *local.Backend {
	t.Helper()
	b, err := local.New(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// TestALinkIsToldThroughEveryStore asks which names are links, of a folder of
// this machine, as a folder of the root, and encrypted.
func TestALinkIsToldThroughEveryStore(t *testing.T) {
	dir, sealedDir := t.TempDir(), t.TempDir()
	for name, to := range map[string]string{"link": "plain", "linked": "d"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	for name, to := range map[string]string{"link.bin": "plain.bin", "linked": "d"} {
		if err := os.Symlink(to, filepath.Join(sealedDir, name)); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := crypt.New(t.Context(), newLocal(t, sealedDir), crypt.Options{Password: "x", FilenameEncryption: "off"})
	if err != nil {
		t.Fatal(err)
	}
	plain := newLocal(t, dir)
	for _, store := range []backend.Backend{plain, sealed} {
		put(t, store, "plain", "1")
		if err := store.Mkdir(t.Context(), "d"); err != nil {
			t.Fatal(err)
		}
	}
	b := newCombine(t, map[string]backend.Backend{"here": plain, "sealed": sealed, "memory": memory.New(memory.Options{})})
	put(t, b, "memory/plain", "1")
	asked, ok := backend.As[interface {
		backend.Backend
		IsLink(ctx context.Context, name string) (bool, error)
	}](b)
	if !ok {
		t.Fatal("it does not tell links")
	}
	for name, want := range map[string]bool{
		".": false, "here": false, "here/plain": false, "here/link": true, "here/linked": true, "here/d": false, "here/linked/x": false,
		"sealed/plain": false, "sealed/link": true, "sealed/linked": true, "sealed/d": false, "memory/plain": false,
	} {
		got, err := asked.IsLink(t.Context(), name)
		if missing := name == "here/linked/x"; got != want || missing != errors.Is(err, fs.ErrNotExist) || !missing && err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
