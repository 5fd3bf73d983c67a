package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"time"
)

// past is a time long before any run, in whole seconds.
func past() time.Time { return time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC) }

// setTime sets both times of a name, which must succeed.
func (t *rig) setTime(name string, when time.Time) {
	t.OK(t.FS.Chtimes(t.Path(name), when, when))
}

// hasTime wants a modification time, to the precision that is declared.
func (t *rig) hasTime(name string, want time.Time) {
	t.eventually(func() error { return t.near(t.modTime(name), want) })
}

// near compares times to the precision that is declared.
func (t *rig) near(got, want time.Time) error {
	if off := got.Sub(want).Abs(); off > 0 && off >= t.suite.limits.TimePrecision {
		return fmt.Errorf("the modification time is %v, want %v", got.UTC(), want)
	}
	return nil
}

// advances wants do to bring a modification time forward from the past.
func (t *rig) advances(name string, do func()) {
	t.setTime(name, past())
	do()
	if got := t.modTime(name); !got.After(past().AddDate(1, 0, 0)) {
		t.Errorf("%stime of %q is still %v", where(), name, got)
	}
}

// timesCases are about modification times.
func timesCases() []entry {
	return append([]entry{{
		id: "times/chtimes-file", level: Errors, needs: caps(Chtimes),
		doc: "A file has the modification time that Chtimes gave it, and its content.",
		run: func(t *rig) {
			t.Given("f=abc", "g=other")
			t.setTime("f", past())
			t.hasTime("f", past())
			if t.modTime("g").Before(past().AddDate(1, 0, 0)) {
				t.Errorf("the time of another file has changed too")
			}
			t.Unchanged()
		},
	}, {
		id: "times/chtimes-dir", level: Errors, needs: caps(DirTimes),
		doc: "A directory has the modification time that Chtimes gave it.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.setTime("d", past())
			t.hasTime("d", past())
			t.Unchanged()
		},
	}, {
		id: "times/sub-second", level: Parity, needs: caps(Chtimes),
		doc: "Modification times are kept to the precision that is declared, by default to the nanosecond.",
		run: func(t *rig) {
			t.Given("f=abc")
			when := past().Add(123456789)
			t.setTime("f", when)
			t.hasTime("f", when)
		},
	}, {
		id: "times/extremes", level: Parity, needs: caps(Chtimes),
		doc: "Times before 1970, at its start and after 2038 are kept, or, where declared to be out of range, refused.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.setTime("f", past())
			for _, year := range []int{1965, 1970, 2040} {
				when := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
				if l := t.suite.limits; when.Before(l.Earliest) || !l.Latest.IsZero() && when.After(l.Latest) {
					t.Fails(t.FS.Chtimes(t.Path("f"), when, when))
					t.hasTime("f", past())
					continue
				}
				t.setTime("f", when)
				t.hasTime("f", when)
				t.setTime("f", past())
			}
		},
	}, {
		id: "times/missing", level: Errors, needs: caps(Chtimes),
		doc: "Chtimes of what does not exist is fs.ErrNotExist, and creates nothing.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Is(t.FS.Chtimes(t.Path("no"), past(), past()), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "times/survives-read", level: Errors, needs: caps(Chtimes),
		doc: "A time that was set is still there after the file was read through several handles.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.setTime("f", past())
			for range 2 {
				f := t.Open("f")
				t.ReadsAll(f, "abc")
				t.Close(f)
			}
			t.hasTime("f", past())
		},
	}, {
		id: "times/survives-rename", level: Errors, needs: caps(Chtimes, Rename),
		doc: "The modification time stays when a file is renamed.",
		run: func(t *rig) {
			t.Given("d/", "f=abc")
			t.setTime("f", past())
			t.OK(t.rename("f", "g"))
			t.hasTime("g", past())
			t.OK(t.rename("g", "d/h"))
			t.hasTime("d/h", past())
		},
	}, {
		id: "times/idle-writable-close-keeps", level: Errors, needs: caps(Chtimes, ReadWrite),
		doc: "Opening a file for writing and closing it, with nothing written, does not change its time.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.setTime("f", past())
			t.Close(t.OpenFile("f", rdwr))
			t.Close(t.OpenFile("f", wronly))
			t.hasTime("f", past())
		},
	}, {
		id: "times/with-open-writer", level: Parity, needs: caps(Chtimes, Overwrite),
		doc: "A time set after the last write and before Close is there after Close.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", os.O_WRONLY|os.O_TRUNC)
			t.Write(f, "new")
			t.setTime("f", past())
			t.Close(f)
			t.hasTime("f", past())
			t.Holds("f=new")
		},
	}, {
		id: "times/same-through-listing-and-stat", level: Errors, needs: caps(Chtimes),
		doc: "Stat, the handle and the listing report the same time.",
		run: func(t *rig) {
			t.Given("d/", "d/f=abc")
			when := past().Add(987654321)
			t.setTime("d/f", when)
			t.OK(t.near(t.modTime("d/f"), when))
			t.sameInfo("handle", t.StatFile(t.Open("d/f")), t.Stat("d/f"))
			infos, err := t.Open("d").Readdir(-1)
			t.OK(err)
			equal(t, "number of entries", len(infos), 1)
			for _, fi := range infos {
				t.sameInfo("listing", fi, t.Stat("d/f"))
			}
		},
	}}, clockCases()...)
}

// clockCases are about times that move by themselves. They begin in the past,
// so that no clock need be waited for.
func clockCases() []entry {
	return []entry{{
		id: "times/write-advances", level: Errors, needs: caps(Chtimes, WriteAt),
		doc: "Writing advances the modification time.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.advances("f", func() {
				f := t.OpenFile("f", wronly)
				t.Write(f, "x")
				t.Close(f)
			})
		},
	}, {
		id: "times/writeat-advances", level: Errors, needs: caps(Chtimes, WriteAt),
		doc: "WriteAt advances the modification time.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.advances("f", func() {
				f := t.OpenFile("f", wronly)
				t.WriteAt(f, "x", 1)
				t.Close(f)
			})
		},
	}, {
		id: "times/truncate-advances", level: Errors, needs: caps(Chtimes, Truncate),
		doc: "Truncate advances the modification time.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.advances("f", func() {
				f := t.OpenFile("f", wronly)
				t.OK(f.Truncate(1))
				t.Close(f)
			})
		},
	}, {
		id: "times/o-trunc-advances", level: Errors, needs: caps(Chtimes, Overwrite),
		doc: "Opening with O_TRUNC advances the modification time.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.advances("f", func() { t.Close(t.OpenFile("f", os.O_WRONLY|os.O_TRUNC)) })
			t.Holds("f=")
		},
	}, {
		id: "times/read-does-not-advance", level: Errors, needs: caps(Chtimes),
		doc: "Neither reading nor Stat nor listing advances the modification time.",
		run: func(t *rig) {
			t.Given("d/", "d/f=abc")
			t.setTime("d/f", past())
			f := t.Open("d/f")
			t.ReadsAll(f, "abc")
			t.StatFile(f)
			t.Close(f)
			t.Lists("d", "f")
			t.Stat("d/f")
			t.hasTime("d/f", past())
		},
	}, {
		id: "times/create-is-now", level: Errors,
		doc: "A new file is dated now, give or take a minute for a clock that is elsewhere.",
		run: func(t *rig) {
			t.Given()
			before := time.Now().Add(-time.Minute)
			t.Put("f", "abc")
			if got := t.modTime("f"); got.Before(before) || got.After(time.Now().Add(time.Minute)) {
				t.Errorf("the time of a new file is %v", got)
			}
		},
	}, {
		id: "times/dir-advances-on-create", level: Parity, needs: caps(DirTimes, DirUpdates),
		doc: "Making a file brings the time of its directory forward.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.advances("d", func() { t.Put("d/f", "1") })
		},
	}, {
		id: "times/dir-advances-on-remove", level: Parity, needs: caps(DirTimes, DirUpdates),
		doc: "Removing a file brings the time of its directory forward.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "d/f=2")
			t.advances("d", func() { t.OK(t.FS.Remove(t.Path("d/f"))) })
		},
	}}
}
