package conformance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing/fstest"

	"github.com/spf13/afero"
)

// ioFS returns the file system as an io/fs.FS.
func (t *rig) ioFS() afero.IOFS { return afero.NewIOFS(t.rooted()) }

// rooted is the file system seen from its root, so that names without a
// leading slash mean the right thing whatever the Fs makes of them.
func (t *rig) rooted() afero.Fs { return afero.NewBasePathFs(t.FS, t.root) }

// A progressFs restarts the deadline with each file opened and each Stat: a case
// that hands the file system to other code makes many steps in one call.
type progressFs struct {
	afero.Fs
	t *rig
}

func (p progressFs) Open(name string) (afero.File, error) {
	p.t.Progress()
	return p.Fs.Open(name)
}

func (p progressFs) Stat(name string) (fs.FileInfo, error) {
	p.t.Progress()
	return p.Fs.Stat(name)
}

// iofsCases use the file system through the interfaces of io/fs and net/http, as
// servers do.
func iofsCases() []entry {
	return []entry{{
		id: "iofs/TestFS", level: Data, reads: true,
		doc: "testing/fstest.TestFS finds nothing wrong with the file system as an fs.FS.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=deep", "d/y=1", "empty=", "f=hello")
			t.OK(fstest.TestFS(afero.NewIOFS(progressFs{t.rooted(), t}), "d/e/x", "d/y", "empty", "f"))
		},
	}, {
		id: "iofs/walk-order", level: Data, reads: true,
		doc: "fs.WalkDir and afero.Walk visit everything once, in lexical order.",
		run: func(t *rig) {
			t.Given("a/", "a/x=1", "a/y/", "a/y/z=2", "b=3")
			want := []string{".", "a", "a/x", "a/y", "a/y/z", "b"}
			var got []string
			t.OK(fs.WalkDir(t.ioFS(), ".", func(name string, _ fs.DirEntry, err error) error {
				got = append(got, name)
				return err
			}))
			equal(t, "visited", fmt.Sprint(got), fmt.Sprint(want))
			got = nil
			t.OK(afero.Walk(t.FS, t.Path("a"), func(name string, _ fs.FileInfo, err error) error {
				got = append(got, name)
				return err
			}))
			equal(t, "visited by afero", fmt.Sprint(got), fmt.Sprint([]string{t.Path("a"), t.Path("a/x"), t.Path("a/y"), t.Path("a/y/z")}))
		},
	}, {
		id: "iofs/sub", level: Data, reads: true,
		doc: "fs.Sub returns a part of the tree, by names within it.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=1", "f=2")
			sub, err := fs.Sub(t.ioFS(), "d/e")
			t.OK(err)
			content, err := fs.ReadFile(sub, "x")
			t.OK(err)
			equal(t, "content", string(content), "1")
			_, err = fs.Stat(sub, "f")
			t.Is(err, fs.ErrNotExist)
		},
	}, {
		id: "iofs/glob", level: Errors, reads: true,
		doc: "fs.Glob finds what matches, and nothing else.",
		run: func(t *rig) {
			t.Given("d/", "d/a.txt=1", "d/b.txt=2", "d/c.png=3", "e.txt=4")
			got, err := fs.Glob(t.ioFS(), "d/*.txt")
			t.OK(err)
			slices.Sort(got)
			equal(t, "found", fmt.Sprint(got), "[d/a.txt d/b.txt]")
		},
	}, {
		id: "iofs/readfile-gives-a-copy", level: Data, reads: true,
		doc: "Changing the bytes that ReadFile returned does not change the file.",
		run: func(t *rig) {
			t.Given("f=content")
			for range 2 {
				b, err := fs.ReadFile(t.ioFS(), "f")
				t.OK(err)
				equal(t, "content", string(b), "content")
				clear(b)
			}
			t.Unchanged()
		},
	}, {
		id: "iofs/from-iofs-round-trip", level: Data, reads: true,
		doc: "The file system turned into an fs.FS and back reads the same.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "f=hello")
			back := afero.FromIOFS{FS: t.ioFS()}
			for name, want := range map[string]string{"d/x": "1", "f": "hello"} {
				got, err := afero.ReadFile(back, name)
				t.OK(err)
				equal(t, "content of "+name, string(got), want)
			}
			infos, err := afero.ReadDir(back, "d")
			t.OK(err)
			equal(t, "number of entries", len(infos), 1)
		},
	}, {
		id: "iofs/invalid-paths-refused", level: Errors, reads: true,
		doc: "As an fs.FS it refuses paths that fs.ValidPath does.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			for _, name := range []string{"/d/x", "d/", "./d", "d/../d/x", "d//x", ""} {
				f, err := t.ioFS().Open(name)
				if err == nil {
					t.OK(f.Close())
					t.Errorf("%q opens", name)
				}
				t.Is(err, fs.ErrInvalid)
			}
		},
	}, {
		id: "iofs/readdirfile", level: Data, reads: true,
		doc: "A directory opened as an fs.File lists its entries in pages, with their kinds.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1", "d/b/", "d/b/x=", "d/c=3")
			f, err := t.ioFS().Open("d")
			t.OK(err)
			defer f.Close()
			dir, ok := f.(fs.ReadDirFile)
			if !ok {
				t.Fatalf("a directory opened through IOFS is a %T, no fs.ReadDirFile", f)
			}
			kinds := map[string]bool{}
			for range 6 {
				entries, err := dir.ReadDir(2)
				for _, e := range entries {
					kinds[e.Name()] = e.IsDir()
				}
				if errors.Is(err, io.EOF) {
					break
				}
				t.OK(err)
			}
			equal(t, "names, and whether they are directories", fmt.Sprint(kinds), "map[a:false b:true c:false]")
		},
	}, {
		id: "iofs/statfs", level: Errors, reads: true,
		doc: "fs.Stat reports what the Fs reports, and fs.ErrNotExist for what is missing.",
		run: func(t *rig) {
			t.Given("d/", "d/x=123")
			fi, err := fs.Stat(t.ioFS(), "d/x")
			t.OK(err)
			t.sameInfo("fs.Stat", fi, t.Stat("d/x"))
			_, err = fs.Stat(t.ioFS(), "no")
			t.Is(err, fs.ErrNotExist)
		},
	}, {
		id: "iofs/http-serves-ranges", level: Data, reads: true,
		doc: "net/http serves a file of it, whole and in parts.",
		run: func(t *rig) {
			t.Given("d/", "d/f.txt=0123456789")
			handler := http.FileServerFS(t.ioFS())
			for _, c := range []struct{ ask, want string }{{"", "0123456789"}, {"bytes=2-4", "234"}, {"bytes=-3", "789"}, {"bytes=7-", "789"}} {
				r := httptest.NewRequest(http.MethodGet, "/d/f.txt", nil)
				if c.ask != "" {
					r.Header.Set("Range", c.ask)
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				equal(t, fmt.Sprintf("range %q, status %d", c.ask, w.Code), w.Body.String(), c.want)
			}
		},
	}}
}
