package conformance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/afero"
)

// raceCases are about what must not be lost between goroutines.
func raceCases() []entry {
	return []entry{{
		id: "concurrent/append-loses-nothing", level: Data, needs: caps(Concurrent, Append, SharedHandles),
		doc: "Lines that several append through handles of their own are all there, each whole.",
		run: func(t *rig) {
			t.Given("f=")
			t.allWin(t.Together(crowd, func(i int) error {
				return t.tryWrite("f", os.O_WRONLY|os.O_APPEND, func(f afero.File) error {
					for range 4 {
						if err := writeText(fmt.Sprintf("line of %d\n", i))(f); err != nil {
							return err
						}
					}
					return nil
				})
			}))
			got, err := t.contentOf(t.Path("f"), 1000)
			t.OK(err)
			for i := range crowd {
				equal(t, fmt.Sprint("number of lines of ", i), strings.Count(got, fmt.Sprintf("line of %d\n", i)), 4)
			}
			equal(t, "size", len(got), crowd*4*len("line of 0\n"))
		},
	}, {
		id: "concurrent/writeat-disjoint", level: Data, needs: caps(Concurrent, WriteAt),
		doc: "WriteAts to different parts through one handle at once are all stored.",
		run: func(t *rig) {
			t.Given("f=" + strings.Repeat(".", crowd*4))
			f := t.OpenFile("f", wronly)
			t.allWin(t.Together(crowd, func(i int) error {
				_, err := f.WriteAt([]byte(strings.Repeat(fmt.Sprint(i), 4)), int64(i*4))
				return err
			}))
			t.Close(f)
			t.Holds("f=00001111222233334444555566667777")
		},
	}, {
		id: "concurrent/readat-while-reading", level: Data, reads: true, needs: caps(Concurrent),
		doc: "ReadAts at once through one handle give their own bytes, and do not disturb sequential reads.",
		run: func(t *rig) {
			text := strings.Repeat("0123456789", 40)
			t.Given("f=" + text)
			f := t.Open("f")
			t.Together(crowd, func(i int) error {
				if i == 0 {
					t.ReadsAll(f, text)
					return nil
				}
				for off := i; off < 390; off += 40 {
					t.ReadsAt(f, int64(off), text[off:off+10])
				}
				return nil
			})
		},
	}, {
		id: "concurrent/rename-over-readers-see-old-or-new", level: Data, needs: caps(Concurrent, RenameOver, RemoveOpen),
		doc: "While files are renamed over one another, opening the name finds an old or a new one, whole, and never none.",
		run: func(t *rig) {
			const rounds = 6
			version := func(i int) string { return strings.Repeat(fmt.Sprintf("version %d;", i), 50) }
			given := Tree{"f": version(0)}
			for i := 1; i <= rounds; i++ {
				given[fmt.Sprint("next", i)] = version(i)
			}
			t.GivenTree(given)
			t.allWin(t.Together(3, func(who int) error {
				for i := 1; i <= rounds; i++ {
					if who == 0 {
						if err := t.rename(fmt.Sprint("next", i), "f"); err != nil {
							return err
						}
						continue
					}
					got, err := t.contentOf(t.Path("f"), 10_000)
					if err != nil {
						return err
					}
					var n int
					if _, err := fmt.Sscanf(got, "version %d;", &n); err != nil || got != version(n) {
						return fmt.Errorf("read %s", brief(got))
					}
				}
				return nil
			}))
			t.Holds("f=" + version(rounds))
		},
	}, {
		id: "concurrent/same-file-writers-then-stat", level: Data, needs: caps(Concurrent, Overwrite),
		doc: "After several have written one file anew at once, it is as long as what each of them wrote, and Stat says so too.",
		run: func(t *rig) {
			t.Given("f=old")
			t.allWin(t.Together(crowd, func(i int) error {
				return t.tryWrite("f", os.O_WRONLY|os.O_TRUNC, writeText(strings.Repeat(fmt.Sprint(i), 100)))
			}))
			got, err := t.contentOf(t.Path("f"), 1000)
			t.OK(err)
			equal(t, "size by Stat", t.Stat("f").Size(), int64(len(got)))
			equal(t, "length", len(got), 100)
		},
	}, {
		id: "concurrent/rename-cycle", level: Data, needs: caps(Concurrent, RenameOver),
		doc: "Renames in a circle at once end; those files that are left are whole, and none is there twice.",
		run: func(t *rig) {
			t.Given("a=1", "b=2", "c=3")
			names := []string{"a", "b", "c"}
			t.Together(3, func(i int) error {
				for range 5 {
					if err := t.rename(names[i], names[(i+1)%3]); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("rename: %v", err)
					}
				}
				return nil
			})
			left, err := t.Walk()
			t.OK(err)
			if len(left) == 0 || len(left) > 3 {
				t.Errorf("%d files are left of 3", len(left))
			}
			seen := map[string]bool{}
			for name, content := range left {
				if seen[content] || !strings.Contains("123", content) || content == "" {
					t.Errorf("%q holds %q", name, content)
				}
				seen[content] = true
			}
		},
	}, {
		id: "concurrent/close-during-read", level: Data, needs: caps(Concurrent),
		doc: "Closing a handle while others read through it gives them bytes, the end, or os.ErrClosed; no panic, no wrong bytes.",
		run: func(t *rig) {
			text := strings.Repeat("0123456789", 100)
			t.Given("f=" + text)
			f := t.Open("f")
			t.allWin(t.Together(crowd, func(i int) error {
				if i == 0 {
					return f.Close()
				}
				buf := make([]byte, 100)
				for off := 0; off < len(text); off += 100 {
					n, err := f.ReadAt(buf, int64(off))
					got := first(buf, n)
					switch {
					case errors.Is(err, os.ErrClosed):
						return nil
					case err != nil && !errors.Is(err, io.EOF):
						return err
					case !strings.HasPrefix(text[off:], got):
						return fmt.Errorf("read %s at %d", brief(got), off)
					}
				}
				return nil
			}))
		},
	}}
}

// interleavedCases mix operations that get in each other's way. Most of their
// errors are fair; a panic, a hang or a broken tree is not.
func interleavedCases() []entry {
	return []entry{{
		id: "concurrent/create-remove-rename-list-mix", level: Data, needs: caps(Concurrent, RenameOver),
		doc: "While some create, remove and rename the same few names and others list, nothing breaks.",
		run: func(t *rig) {
			t.Given("d/", "d/stays=1")
			t.Together(4, func(who int) error {
				for i := range 6 {
					name := fmt.Sprint("d/f", i%2)
					switch who {
					case 0:
						_ = t.tryWrite(name, os.O_WRONLY|os.O_CREATE, writeText("x"))
					case 1:
						_ = t.FS.Remove(t.Path(name))
					case 2:
						_ = t.rename(name, fmt.Sprint("d/f", 1-i%2))
					case 3:
						_, _ = t.names(t.Path("d"))
					}
				}
				return nil
			})
			t.sane()
			t.Content("d/stays", "1")
		},
	}, {
		id: "concurrent/mkdirall-removeall", level: Data, needs: caps(Concurrent),
		doc: "While some make a tree and others remove it, nothing breaks, and what lies beside it stays.",
		run: func(t *rig) {
			t.Given("stays=1")
			t.Together(4, func(who int) error {
				for range 5 {
					if who%2 == 0 {
						_ = t.FS.MkdirAll(t.Path("a/b/c"), 0o755)
					} else {
						_ = t.FS.RemoveAll(t.Path("a"))
					}
				}
				return nil
			})
			t.sane()
			t.OK(t.FS.RemoveAll(t.Path("a")))
			t.Holds("stays=1")
		},
	}, {
		id: "concurrent/rename-dir-while-writing-inside", level: Data, needs: caps(Concurrent, RenameDir, RenameOpen),
		doc: "What is written to an open file while its directory is renamed is in the file afterwards, wherever that is.",
		run: func(t *rig) {
			t.Given("a/", "a/f=")
			f := t.OpenFile("a/f", wronly)
			t.allWin(t.Together(2, func(who int) error {
				for i := range 6 {
					var err error
					if who == 0 {
						err = writeText("0123456789")(f)
					} else {
						err = t.rename([]string{"a", "b"}[i%2], []string{"b", "a"}[i%2])
					}
					if err != nil {
						return err
					}
				}
				return nil
			}))
			t.Close(f)
			t.Holds("a/", "a/f="+strings.Repeat("0123456789", 6))
		},
	}, {
		id: "concurrent/list-while-creating", level: Data, needs: caps(Concurrent),
		doc: "While files are made, every listing has each older one once.",
		run: func(t *rig) {
			t.Given("d/", "d/old1=1", "d/old2=2")
			t.allWin(t.Together(3, func(who int) error {
				for i := range 6 {
					if who == 0 {
						if err := t.tryWrite(fmt.Sprint("d/new", i), os.O_WRONLY|os.O_CREATE, writeText("x")); err != nil {
							return err
						}
						continue
					}
					names, err := t.names(t.Path("d"))
					all := strings.Join(names, " ")
					if err != nil || strings.Count(all, "old1") != 1 || strings.Count(all, "old2") != 1 {
						return fmt.Errorf("it lists %s, error %v", all, quoted(err))
					}
				}
				return nil
			}))
			t.Lists("d", "new0", "new1", "new2", "new3", "new4", "new5", "old1", "old2")
		},
	}, {
		id: "concurrent/read-while-truncating", level: Data, needs: caps(Concurrent, Truncate, Holes),
		doc: "Reading while the file is truncated and grown returns what was there, zeros, or the end; no panic.",
		run: func(t *rig) {
			t.Given("f=" + strings.Repeat("x", 1000))
			t.allWin(t.Together(3, func(who int) error {
				if who == 0 {
					return t.tryWrite("f", wronly, func(f afero.File) error {
						for _, size := range []int64{10, 1000, 0, 500} {
							if err := f.Truncate(size); err != nil {
								return err
							}
						}
						return nil
					})
				}
				for range 5 {
					got, err := t.contentOf(t.Path("f"), 1000)
					if err != nil && !t.Has(RemoveOpen) {
						continue // told that another version has taken its place
					}
					if err != nil {
						return err
					}
					if strings.Trim(got, "x\x00") != "" || len(got) > 1000 {
						return fmt.Errorf("read %s", brief(got))
					}
				}
				return nil
			}))
			t.Holds("f=" + strings.Repeat("\x00", 500))
		},
	}}
}
