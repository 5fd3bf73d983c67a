package conformance

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/afero"
)

// openCases are about Open itself: what is found, and how it is said that
// something is not.
func openCases() []entry {
	return []entry{{
		id: "open/missing", level: Errors, reads: true,
		doc: "Opening a name that does not exist is fs.ErrNotExist.",
		run: func(t *rig) {
			t.Given()
			t.Is(t.NoFile(t.FS.Open(t.Path("no"))), fs.ErrNotExist)
		},
	}, {
		id: "open/missing-parent", level: Errors, reads: true,
		doc: "Opening a name below a directory that does not exist is fs.ErrNotExist.",
		run: func(t *rig) {
			t.Given()
			t.Is(t.NoFile(t.FS.Open(t.Path("no/such"))), fs.ErrNotExist)
		},
	}, {
		id: "open/file-as-parent", level: Errors, reads: true,
		doc: "Opening a name below a file fails.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Fails(t.NoFile(t.FS.Open(t.Path("f/x"))))
			t.Unchanged()
		},
	}, {
		id: "open/error-is-PathError", level: Errors, reads: true,
		doc: "A failed Open returns a *fs.PathError.",
		run: func(t *rig) {
			t.Given()
			err := t.NoFile(t.FS.Open(t.Path("no")))
			var pe *fs.PathError
			if !errors.As(err, &pe) {
				t.Errorf("error %v is a %T", quoted(err), err)
			}
		},
	}, {
		id: "open/error-op-and-path", level: Parity, reads: true,
		doc: "The error of a failed Open names the operation open and the path that was given.",
		run: func(t *rig) {
			t.Given("d/")
			t.PathError(t.NoFile(t.FS.Open(t.Path("d/no"))), "open", "d/no")
		},
	}, {
		id: "open/error-hides-base-path", level: Parity, reads: true,
		doc: "The text of an error contains no longer path than the one that was given.",
		run: func(t *rig) {
			t.Given("d/")
			given := t.Path("d/no")
			err := t.NoFile(t.FS.Open(given))
			if err != nil && longestPath(err.Error()) > len(given) {
				t.Errorf("error %q shows more than %q", err, given)
			}
		},
	}, {
		id: "open/nil-interface-on-error", level: Data, reads: true,
		doc: "With an error the File is a nil interface, not a nil pointer inside one, which crashes callers that test f != nil.",
		run: func(t *rig) {
			t.Given("f=1")
			for _, name := range []string{"no", "no/such", "f/x"} {
				t.NoFile(t.FS.Open(t.Path(name)))
				t.NoFile(t.FS.OpenFile(t.Path(name), os.O_RDONLY, 0))
			}
		},
	}, {
		id: "open/directory", level: Errors, reads: true,
		doc: "A directory opens, and its handle says that it is one.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			equal(t, "IsDir of the handle", t.StatFile(t.Open("d")).IsDir(), true)
		},
	}, {
		id: "open/directory-for-writing-errno", level: Parity,
		doc: "The error for a directory that is opened for writing is syscall.EISDIR, as in package os.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.Is(t.NoFile(t.FS.OpenFile(t.Path("d"), os.O_WRONLY, 0)), syscall.EISDIR)
		},
	}, {
		id: "open/empty-name", level: Parity, reads: true, skip: notUnder,
		doc: "The empty name is refused; it is not another name for the root.",
		run: func(t *rig) {
			t.Given("f=1")
			t.NoFile(t.FS.Open(""))
		},
	}, {
		id: "open/relative-name", level: Errors, reads: true, skip: notUnder,
		doc: "A name without a leading slash is found from the root.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			f, err := t.FS.Open("d/f")
			t.OK(err)
			t.ReadsAll(t.opened("d/f", f, err), "1")
		},
	}, {
		id: "open/unclean-name", level: Errors, reads: true,
		doc: "The elements . and .. in a name are resolved.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			t.ReadsAll(t.Open("d/./../d/f"), "1")
		},
	}, {
		id: "open/double-slash", level: Errors, reads: true,
		doc: "Two slashes in a name are the same as one.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			t.ReadsAll(t.Open("d//f"), "1")
		},
	}, {
		id: "open/trailing-slash-on-file", level: Parity, reads: true,
		doc: "The name of a file with a trailing slash does not open.",
		run: func(t *rig) {
			t.Given("f=1")
			t.NoFile(t.FS.Open(t.Path("f/")))
		},
	}, {
		id: "open/trailing-slash-on-dir", level: Errors, reads: true,
		doc: "The name of a directory may have a trailing slash.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			t.Lists("d/", "f")
		},
	}, {
		id: "open/dotdot-cannot-leave", level: Data, reads: true, skip: notUnder,
		doc: "No number of .. elements leaves the root: they stop there, or the name is refused.",
		run: func(t *rig) {
			t.Given("f=1")
			for _, name := range []string{"/../f", "/../../f", "../f"} {
				f, err := t.FS.Open(name)
				if err == nil {
					t.ReadsAll(t.opened(name, f, err), "1")
				}
			}
			for _, name := range []string{"/../../../../../../etc/hostname", "../../../../../../etc/hostname"} {
				t.NoFile(t.FS.Open(name))
			}
		},
	}, {
		id: "open/backslash-is-an-ordinary-byte", level: Errors, reads: true, skip: onWindows,
		doc: "A backslash does not separate names.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			t.Is(t.NoFile(t.FS.Open(t.Path(`d\f`))), fs.ErrNotExist)
		},
	}, {
		id: "open/two-handles-own-offsets", level: Data, reads: true,
		doc: "Two handles on one file each have their own offset.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			a, b := t.Open("f"), t.Open("f")
			t.Reads(a, "abc")
			t.Reads(b, "ab")
			t.Reads(a, "def")
			t.ReadsAll(b, "cdef")
		},
	}, {
		id: "open/many-handles", level: Data, reads: true,
		doc: "256 handles can be open at a time, and each reads its own content.",
		run: func(t *rig) {
			t.Given("a=first", "b=second")
			texts := map[string]string{"a": "first", "b": "second"}
			var open []afero.File
			for i := range 256 {
				open = append(open, t.Open([]string{"a", "b"}[i%2]))
			}
			for i, f := range open {
				t.Reads(f, texts[[]string{"a", "b"}[i%2]])
				t.Close(f)
			}
		},
	}}
}

// longestPath returns the length of the longest word with a slash in it.
func longestPath(text string) int {
	longest := 0
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \":", r) }) {
		if strings.Contains(word, "/") {
			longest = max(longest, len(word))
		}
	}
	return longest
}
