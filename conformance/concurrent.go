package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/afero"
)

// crowd is how many goroutines do the same thing at once.
const crowd = 8

// oneWins wants exactly one call to have succeeded, and the others to have
// failed with an error of a kind.
func (t *rig) oneWins(errs []error, others error) {
	winners := 0
	for _, err := range errs {
		switch {
		case err == nil:
			winners++
		case !errors.Is(err, others):
			t.Errorf("%sone of those who come too late gets %q, want %q", where(), err, others)
		}
	}
	equal(t, "number of calls that succeed", winners, 1)
}

// allWin wants every call to have succeeded.
func (t *rig) allWin(errs []error) {
	if err := errors.Join(errs...); err != nil {
		t.Errorf("%s%v", where(), err)
	}
}

// sane wants the tree to be readable, and every file that is listed to be one
// that can be opened.
func (t *rig) sane() {
	t.eventually(func() error { _, err := t.Walk(); return err })
}

// concurrentCases are about several goroutines at once: first about who wins.
func concurrentCases() []entry {
	cases := []entry{{
		id: "concurrent/mkdir-one-wins", level: Data, needs: caps(Concurrent, EmptyDirs),
		doc: "Of several Mkdirs of one name one succeeds; the others are fs.ErrExist.",
		run: func(t *rig) {
			t.oneWins(t.Together(crowd, func(int) error { return t.FS.Mkdir(t.Path("d"), 0o755) }), fs.ErrExist)
			t.Holds("d/")
		},
	}, {
		id: "concurrent/excl-one-wins", level: Data, needs: caps(Concurrent, Excl),
		doc: "Of several who create one file with O_EXCL one succeeds, and the file holds what that one wrote.",
		run: func(t *rig) {
			winner := make(chan string, crowd)
			t.oneWins(t.Together(crowd, func(i int) error {
				err := t.tryWrite("f", excl, writeText(fmt.Sprint("by ", i)))
				if err == nil {
					winner <- fmt.Sprint("by ", i)
				}
				return err
			}), fs.ErrExist)
			if len(winner) == 1 {
				t.Holds("f=" + <-winner)
			}
		},
	}, {
		id: "concurrent/remove-one-wins", level: Data, needs: caps(Concurrent),
		doc: "Of several Removes of one file one succeeds; the others are fs.ErrNotExist.",
		run: func(t *rig) {
			t.Given("f=1", "g=2")
			t.oneWins(t.Together(crowd, func(int) error { return t.FS.Remove(t.Path("f")) }), fs.ErrNotExist)
			t.Holds("g=2")
		},
	}, {
		id: "concurrent/rename-one-wins", level: Data, needs: caps(Concurrent, Rename),
		doc: "Of several Renames of one file to different names one succeeds, and there is one file.",
		run: func(t *rig) {
			t.Given("f=content")
			errs := t.Together(crowd, func(i int) error { return t.rename("f", fmt.Sprint("to", i)) })
			t.oneWins(errs, fs.ErrNotExist)
			for i, err := range errs {
				if err == nil {
					t.Holds(fmt.Sprintf("to%d=content", i))
				}
			}
		},
	}, {
		id: "concurrent/close-one-wins", level: Data, needs: caps(Concurrent),
		doc: "Of several Closes of one handle one succeeds; the others are os.ErrClosed, and the content is stored.",
		run: func(t *rig) {
			f := t.Create("f")
			t.Write(f, "content")
			t.oneWins(t.Together(crowd, func(int) error { return f.Close() }), os.ErrClosed)
			t.Holds("f=content")
		},
	}, {
		id: "concurrent/mkdirall-all-win", level: Data, needs: caps(Concurrent, EmptyDirs),
		doc: "Several MkdirAlls of paths with a common beginning all succeed.",
		run: func(t *rig) {
			t.allWin(t.Together(crowd, func(i int) error {
				return t.FS.MkdirAll(t.Path(fmt.Sprint("a/b/c", i/2)), 0o755)
			}))
			t.Holds("a/", "a/b/", "a/b/c0/", "a/b/c1/", "a/b/c2/", "a/b/c3/")
		},
	}, {
		id: "concurrent/create-different-all-win", level: Data, needs: caps(Concurrent),
		doc: "Several files can be made in one directory at once; all are there afterwards.",
		run: func(t *rig) {
			t.Given("d/", "d/x=0")
			want := tree("d/", "d/x=0")
			for i := range crowd {
				want[fmt.Sprint("d/f", i)] = fmt.Sprint("content ", i)
			}
			t.allWin(t.Together(crowd, func(i int) error {
				return t.tryWrite(fmt.Sprint("d/f", i), os.O_WRONLY|os.O_CREATE, writeText(fmt.Sprint("content ", i)))
			}))
			t.HoldsTree(want)
		},
	}, {
		id: "concurrent/open-all-win", level: Data, reads: true, needs: caps(Concurrent),
		doc: "One file can be opened and read by several at once.",
		run: func(t *rig) {
			t.Given("f=the same for all")
			t.allWin(t.Together(crowd, func(int) error {
				got, err := t.contentOf(t.Path("f"), 100)
				if err == nil && got != "the same for all" {
					err = fmt.Errorf("read %q", got)
				}
				return err
			}))
		},
	}, {
		id: "concurrent/removeall-all-win", level: Data, needs: caps(Concurrent),
		doc: "Several RemoveAlls of one tree all succeed, and it is gone.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1", "d/e/", "d/e/b=2", "d/e/c=3", "f=4")
			t.allWin(t.Together(crowd, func(int) error { return t.FS.RemoveAll(t.Path("d")) }))
			t.Holds("f=4")
		},
	}, {
		id: "concurrent/tempfile-all-win", level: Data, needs: caps(Concurrent, Excl, ReadWrite),
		doc: "Several afero.TempFiles in one directory get files of their own.",
		run: func(t *rig) {
			t.Given("d/", "d/x=0")
			t.allWin(t.Together(crowd, func(i int) error {
				f, err := afero.TempFile(t.FS, t.Path("d"), "tmp")
				if err != nil {
					return err
				}
				return errors.Join(writeText(fmt.Sprint(i))(f), f.Close())
			}))
			names, err := t.names(t.Path("d"))
			t.OK(err)
			equal(t, "number of files", len(names), crowd+1)
		},
	}}
	return append(append(cases, raceCases()...), interleavedCases()...)
}
