package combine_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
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

// TestWhatIsOmittedIsNotLost moves a folder to another store that holds what its
// store does not list, at its top or deep in it, plain or encrypted.
func TestWhatIsOmittedIsNotLost(t *testing.T) {
	for _, at := range []string{"d", "d/sub"} {
		dir, sealedDir := t.TempDir(), t.TempDir()
		sealed, err := crypt.New(t.Context(), newLocal(t, sealedDir), crypt.Options{Password: "x", FilenameEncryption: "off"})
		if err != nil {
			t.Fatal(err)
		}
		target := memory.New(memory.Options{})
		b := newCombine(t, map[string]backend.Backend{"here": newLocal(t, dir), "sealed": sealed, "target": target})
		roots := map[string]string{"here": dir, "sealed": sealedDir}
		for folder := range roots {
			for _, name := range []string{"d", "d/sub"} {
				if err := b.Mkdir(t.Context(), path.Join(folder, name)); err != nil {
					t.Fatal(err)
				}
			}
			put(t, b, folder+"/d/a", "1")
			put(t, b, folder+"/d/sub/c", "2")
		}
		for folder, root := range roots {
			link := filepath.Join(root, filepath.FromSlash(at), "nowhere.bin")
			if err := os.Symlink("missing", link); err != nil {
				t.Skipf("no symbolic links here: %v", err)
			}
			omitted, err := b.Omitted(t.Context(), path.Join(folder, at))
			var told *fs.PathError
			if err != nil || len(omitted) != 1 || !errors.As(omitted[0], &told) || told.Path != path.Join(folder, at, "nowhere.bin") {
				t.Errorf("in %s/%s are omitted %v, %v", folder, at, omitted, err)
			}
			if err := b.Move(t.Context(), folder+"/d", "target/d", backend.MoveOptions{}); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("move of %s/d: %v", folder, err)
			}
			if err := b.Copy(t.Context(), folder+"/d", "target/d", backend.CopyOptions{}); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("copy of %s/d: %v", folder, err)
			}
			holds(t, b, "here/", "here/d/", "here/d/a=1", "here/d/sub/", "here/d/sub/c=2", "sealed/", "sealed/d/", "sealed/d/a=1", "sealed/d/sub/", "sealed/d/sub/c=2", "target/")
			if err := os.Remove(link); err != nil {
				t.Error(err)
			}
			if err := b.Move(t.Context(), folder+"/d", "target/"+folder, backend.MoveOptions{}); err != nil {
				t.Error(err)
			}
			holds(t, target, folder+"/", folder+"/a=1", folder+"/sub/", folder+"/sub/c=2")
			if err := b.Move(t.Context(), "target/"+folder, folder+"/d", backend.MoveOptions{}); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestConfinedToAnotherFolder: a caller that is confined to a folder of one
// store reaches nothing of another, which would not know of the confinement.
func TestConfinedToAnotherFolder(t *testing.T) {
	b := newCombine(t, map[string]backend.Backend{"one": newLocal(t, t.TempDir()), "two": newLocal(t, t.TempDir())})
	for _, name := range []string{"one/d", "two/d"} {
		if err := b.Mkdir(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		put(t, b, name+"/f", "1")
	}
	for _, dir := range []string{"one", "one/d"} {
		ctx := backend.Confine(t.Context(), dir)
		if _, err := b.Stat(ctx, "one/d/f"); err != nil {
			t.Errorf("confined to %s, stat in it: %v", dir, err)
		}
		_, statErr := b.Stat(ctx, "two/d/f")
		_, _, listErr := b.List(ctx, "two/d")
		_, rootErr := b.Stat(ctx, "two")
		_, openErr := b.Open(ctx, "two/d/f", "")
		_, putErr := b.Put(ctx, "two/d/g", strings.NewReader("x"), backend.PutOptions{Size: 1})
		for what, err := range map[string]error{
			"stat": statErr, "list": listErr, "stat of the folder": rootErr, "open": openErr, "put": putErr, "mkdir": b.Mkdir(ctx, "two/new"), "remove": b.Remove(ctx, "two/d/f", backend.RemoveOptions{}),
			"move": b.Move(ctx, "one/d/f", "two/d/g", backend.MoveOptions{}), "copy": b.Copy(ctx, "two/d/f", "one/d/g", backend.CopyOptions{}),
		} {
			if !errors.Is(err, fs.ErrPermission) {
				t.Errorf("confined to %s, %s: %v", dir, what, err)
			}
		}
	}
	ctx := backend.Confine(t.Context(), ".")
	if err := b.Move(ctx, "one/d/f", "two/d/g", backend.MoveOptions{}); err != nil {
		t.Errorf("confined to all of it: %v", err)
	}
}

// TestAMoveLeavesWhatALinkLeadsTo moves a folder with a link to another folder
// to another store: what lies there is copied at most, and not removed.
func TestAMoveLeavesWhatALinkLeadsTo(t *testing.T) {
	dir := t.TempDir()
	here, target := newLocal(t, dir), memory.New(memory.Options{})
	b := newCombine(t, map[string]backend.Backend{"here": here, "target": target})
	for _, name := range []string{"here/d", "here/elsewhere"} {
		if err := b.Mkdir(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		put(t, b, name+"/f", "1")
	}
	for _, link := range []string{filepath.Join(dir, "linked"), filepath.Join(dir, "d", "linked")} {
		to, err := filepath.Rel(filepath.Dir(link), filepath.Join(dir, "elsewhere"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, link); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	for _, name := range []string{"here/d", "here/linked"} {
		if err := b.Move(t.Context(), name, "target/d", backend.MoveOptions{}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("move of %s: %v", name, err)
		}
		holds(t, b, "here/", "here/d/", "here/d/f=1", "here/d/linked/", "here/d/linked/f=1", "here/elsewhere/", "here/elsewhere/f=1", "here/linked/", "here/linked/f=1", "target/")
	}
	if err := b.Copy(t.Context(), "here/d", "target/d", backend.CopyOptions{}); err != nil {
		t.Errorf("copy: %v", err)
	}
	holds(t, target, "d/", "d/f=1", "d/linked/", "d/linked/f=1")
}
