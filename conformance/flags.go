package conformance

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/afero"
)

// An opening is one cell of the flag matrix: flags, and what they meet.
type opening struct {
	flag   int
	target string // "missing", "file" (holds "hello") or "directory" (holds x)
}

// openFlagCases are the whole matrix of access mode, subset of {APPEND,
// CREATE, EXCL, TRUNC} and target. What must hold follows from a formula, not
// from a list, so that no cell can be forgotten.
func openFlagCases() []entry {
	var cases []entry
	for _, target := range []string{"missing", "file", "directory"} {
		for _, access := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
			for subset := range 1 << len(extraFlags()) {
				o := opening{access, target}
				for i, f := range extraFlags() {
					if subset&(1<<i) != 0 {
						o.flag |= f.flag
					}
				}
				cases = append(cases, entry{
					id: "openflags/" + o.words() + "-" + target, level: o.level(), needs: o.needs(), reads: o.reads(),
					doc: o.doc(), run: func(t *rig) { o.run(t) },
				})
			}
		}
	}
	return cases
}

type namedFlag struct {
	name string
	flag int
}

func extraFlags() []namedFlag {
	return []namedFlag{{"append", os.O_APPEND}, {"create", os.O_CREATE}, {"excl", os.O_EXCL}, {"trunc", os.O_TRUNC}}
}

// has reports whether all these flags are set.
func (o opening) has(flags int) bool { return o.flag&flags == flags }

func (o opening) mayWrite() bool { return o.flag&(os.O_WRONLY|os.O_RDWR) != 0 }
func (o opening) mayRead() bool  { return o.flag&os.O_WRONLY == 0 }

// unspecified reports whether POSIX leaves open what the flags do: O_EXCL
// without O_CREATE, and O_TRUNC for a reader.
func (o opening) unspecified() bool {
	return o.has(os.O_EXCL) && !o.has(os.O_CREATE) || o.has(os.O_TRUNC) && !o.mayWrite()
}

func (o opening) words() string {
	words := []string{"rdonly"}
	switch {
	case o.has(os.O_RDWR):
		words[0] = "rdwr"
	case o.has(os.O_WRONLY):
		words[0] = "wronly"
	}
	for _, f := range extraFlags() {
		if o.has(f.flag) {
			words = append(words, f.name)
		}
	}
	return strings.Join(words, "+")
}

func (o opening) level() Level {
	if o.target == "missing" && !o.has(os.O_CREATE) {
		return Errors
	}
	return Data
}

func (o opening) reads() bool {
	return o.flag&(os.O_WRONLY|os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_TRUNC) == 0
}

func (o opening) needs() []Capability {
	var needs []Capability
	if o.has(os.O_APPEND) && o.mayWrite() {
		needs = append(needs, Append)
	}
	if o.has(os.O_EXCL | os.O_CREATE) {
		needs = append(needs, Excl)
	}
	if o.has(os.O_RDWR) {
		needs = append(needs, ReadWrite)
	}
	if o.target == "file" && o.mayWrite() && !o.has(os.O_EXCL|os.O_CREATE) {
		switch {
		case o.has(os.O_TRUNC):
			needs = append(needs, Overwrite)
		case !o.has(os.O_APPEND):
			needs = append(needs, WriteAt)
		}
	}
	return needs
}

// doc says the formula for this cell.
func (o opening) doc() string {
	with := "With " + o.words()
	switch {
	case o.target == "missing" && !o.has(os.O_CREATE):
		return with + " a missing file does not open and is not created."
	case o.unspecified():
		return with + ", which POSIX leaves unspecified, nothing is written and nothing else is lost, whatever the result."
	case o.target == "file" && o.has(os.O_EXCL):
		return with + " an existing file is fs.ErrExist and keeps its content."
	case o.target == "directory" && (o.mayWrite() || o.has(os.O_CREATE)):
		return with + " a directory does not open and keeps its content."
	case o.target == "directory":
		return with + " a directory opens for listing."
	case o.target == "missing":
		return with + " a missing file is created empty; the handle, after Seek to the start before each, writes and reads as the flags say."
	}
	return with + " an existing file opens; the handle truncates and, after Seek to the start before each, writes and reads as the flags say."
}

func (o opening) run(t *rig) {
	t.Given(map[string][]string{
		"missing":   {"by=stander"},
		"file":      {"by=stander", "x=hello"},
		"directory": {"by=stander", "x/", "x/y=1"},
	}[o.target]...)
	f, err := t.FS.OpenFile(t.Path("x"), o.flag, 0o644)
	switch {
	case o.target == "missing" && !o.has(os.O_CREATE):
		t.Is(t.NoFile(f, err), fs.ErrNotExist)
		t.Unchanged()
	case o.target == "directory":
		o.checkDirectory(t, f, err)
	case o.target == "file" && o.has(os.O_CREATE|os.O_EXCL):
		t.Is(t.NoFile(f, err), fs.ErrExist)
		t.Unchanged()
	case o.unspecified() && err != nil:
		t.NoFile(f, err)
		o.checkUnspecified(t)
	default:
		o.checkHandle(t, t.opened("x", f, err))
	}
}

// checkUnspecified accepts a refusal, after which the file may be as it was,
// empty, or made.
func (o opening) checkUnspecified(t *rig) {
	allowed := []Tree{t.given}
	if o.has(os.O_TRUNC) && o.target == "file" || o.has(os.O_CREATE) && o.target == "missing" {
		allowed = append(allowed, tree("by=stander", "x="))
	}
	t.HoldsOneOf(allowed...)
}

func (o opening) checkDirectory(t *rig, f afero.File, err error) {
	switch {
	case o.mayWrite() || o.has(os.O_CREATE):
		t.NoFile(f, err)
	case o.unspecified() && err != nil:
		t.NoFile(f, err)
	default:
		f = t.opened("x", f, err)
		names, err := f.Readdirnames(-1)
		if err := listed(names, err, []string{"y"}); err != nil {
			t.Errorf("%v", err)
		}
	}
	t.Unchanged()
}

// checkHandle seeks to the start of an open file, writes "AB", and reads all.
func (o opening) checkHandle(t *rig, f afero.File) {
	content := ""
	if o.target == "file" {
		content = "hello"
	}
	switch {
	case o.has(os.O_TRUNC) && o.mayWrite():
		content = ""
	case o.has(os.O_TRUNC): // unspecified: Linux truncates, others do not
		if t.Stat("x").Size() == 0 {
			content = ""
		}
	}
	t.Rewind(f)
	n, err := f.Write([]byte("AB"))
	switch {
	case !o.mayWrite():
		t.Fails(err)
	case err != nil || n != 2:
		t.Fatalf("write of 2 bytes gives %d, error %v", n, quoted(err))
	case o.has(os.O_APPEND):
		content += "AB"
	default:
		content = "AB" + content[min(2, len(content)):]
	}
	t.Rewind(f)
	if o.mayRead() {
		t.ReadsAll(f, content)
	} else if n, err := f.Read(make([]byte, 2)); n > 0 || err == nil || err == io.EOF {
		t.Errorf("reading a handle that is for writing gives %d bytes, error %v, want a refusal", n, quoted(err))
	}
	t.Close(f)
	t.Holds("by=stander", fmt.Sprintf("x=%s", content))
}
