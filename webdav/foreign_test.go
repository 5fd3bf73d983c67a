package webdav

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"
)

// beyondXNet are the requirements that no file system of x/net can meet, or not
// this one: by name, with the reason.
func beyondXNet(fs string) map[string]string {
	const (
		noTimes      = "x/net has no call that sets a modification time"
		declarations = "x/net keeps what is in a property; its namespaces are declared anew"
	)
	beyond := map[string]string{"19-proppatch-207": noTimes, "20-live-properties": noTimes, "30-ranges": noTimes}
	switch fs {
	case "NewMemFS":
		beyond["4.3-white-space-is-kept"] = declarations
		beyond["28-put-answered-when-stored-and-seen-at-once"] = "an empty file of NewMemFS has no time"
	case "vfs":
		beyond["4.3-white-space-is-kept"] = declarations
		beyond["9.1-propname-includes-all"] = "the test takes a wrapper for what has no checksums"
	}
	return beyond
}

// TestOnFileSystemsOfXNet: what is asked of the handler holds on the file
// systems of x/net too.
func TestOnFileSystemsOfXNet(t *testing.T) {
	for name, newFs := range map[string]func(t *testing.T) xdav.FileSystem{
		"NewMemFS": func(*testing.T) xdav.FileSystem { return xdav.NewMemFS() },
		"Dir":      func(t *testing.T) xdav.FileSystem { return xdav.Dir(t.TempDir()) },
		// A wrapper hides what is beneath, but for what x/net knows.
		"FromAfero": func(*testing.T) xdav.FileSystem { return struct{ xdav.FileSystem }{FromAfero(afero.NewMemMapFs())} },
		"vfs":       func(t *testing.T) xdav.FileSystem { return struct{ xdav.FileSystem }{FromAfero(newVFS(t))} },
	} {
		beyond := beyondXNet(name)
		for _, r := range append(requirements(), serverMust()...) {
			if beyond[r.name] != "" {
				delete(beyond, r.name)
				continue
			}
			t.Run(name+"/"+r.name, func(t *testing.T) {
				r.test(newShare(t, &foreignFs{t.Context(), newFs(t)}, WithStrictAbilities()))
			})
		}
		for requirement := range beyond {
			t.Errorf("there is no requirement %s", requirement)
		}
	}
}

// coarseFs stamps times in steps of so many writes; 0 never moves.
type coarseFs struct {
	xdav.FileSystem
	step   int
	writes *int
}

type coarseFile struct {
	xdav.File
	fs coarseFs
}

type coarseInfo struct {
	fs.FileInfo
	time time.Time
}

func (c coarseFs) info(info fs.FileInfo, err error) (fs.FileInfo, error) {
	at := time.Unix(1_700_000_000, 0)
	if c.step > 0 {
		at = at.Add(time.Duration(*c.writes/c.step) * time.Second)
	}
	return coarseInfo{info, at}, err
}

func (c coarseFs) Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	info, err := c.FileSystem.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.info(info, nil)
}

func (c coarseFs) OpenFile(ctx context.Context, name string, flag int, perm os.FileMode) (xdav.File, error) {
	f, err := c.FileSystem.OpenFile(ctx, name, flag, perm)
	return coarseFile{f, c}, err
}

func (f coarseFile) Stat() (fs.FileInfo, error) { return f.fs.info(f.File.Stat()) }

func (f coarseFile) Write(p []byte) (int, error) {
	*f.fs.writes++
	return f.File.Write(p)
}

func (i coarseInfo) ModTime() time.Time { return i.time }

// TestTagsWhereTimesCannotBeSet: content of one size that is stored within one
// step of the clock has another tag all the same, unless there is no clock.
func TestTagsWhereTimesCannotBeSet(t *testing.T) {
	for _, step := range []int{1, 7, 0} {
		s := newShare(t, &foreignFs{t.Context(), coarseFs{xdav.NewMemFS(), step, new(int)}})
		last := ""
		for _, content := range []string{"one", "two", "six", "ten"} {
			tag := s.put("/f", content, "X-OC-Mtime: 1600000000").header.Get("ETag")
			s.holds("/f", content)
			if tag == last && step > 0 {
				t.Errorf("a step of %d: the tag %s stayed", step, tag)
			}
			last = tag
		}
	}
}

// TestForeignFolderIsNotRemovedAsAFile: x/net can only remove a whole tree, and
// what was a file may be one by now.
func TestForeignFolderIsNotRemovedAsAFile(t *testing.T) {
	f := &foreignFs{t.Context(), xdav.NewMemFS()}
	if err := errors.Join(f.Mkdir("/d", 0o777), afero.WriteFile(f, "/d/f", []byte("x"), 0o666)); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove("/d"); err == nil {
		t.Error("a folder was removed as a file")
	}
	if _, err := f.Stat("/d/f"); err != nil {
		t.Error(err)
	}
	if err := f.Remove("/d/f"); err != nil {
		t.Error(err)
	}
}
