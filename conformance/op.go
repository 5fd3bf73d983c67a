package conformance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/afero"
)

// A verb is the call that an operation makes.
type verb int

const (
	opMkdir verb = iota
	opMkdirAll
	opCreate
	opOpen
	opOpenFile
	opRemove
	opRemoveAll
	opRename
	opStat
	opList
	opClose // this and the following are about a handle
	opRead
	opReadAt
	opWrite
	opWriteString
	opWriteAt
	opSeek
	opTruncate
	opFileStat
	opSync
	verbs // how many there are
)

func (v verb) String() string {
	return [verbs]string{
		"Mkdir", "MkdirAll", "Create", "Open", "OpenFile", "Remove", "RemoveAll", "Rename", "Stat", "Readdirnames",
		"Close", "Read", "ReadAt", "Write", "WriteString", "WriteAt", "Seek", "Truncate", "File.Stat", "Sync",
	}[v]
}

func (v verb) onHandle() bool { return v >= opClose }
func (v verb) opens() bool    { return v == opCreate || v == opOpen || v == opOpenFile }

// changesNames reports whether the call may make, empty or remove something, so
// that the whole tree is worth a look.
func (v verb) changesNames() bool { return v <= opRename && v != opOpen }

// An op is one call as data, so that sequences of them can be made at random,
// replayed, reduced and printed.
type op struct {
	verb   verb
	path   string
	to     string // of Rename
	flag   int    // of OpenFile
	handle int    // which of the handles
	n      int64  // how much to read, offset, or new size
	whence int    // of Seek
	data   string // what to write
}

func (o op) String() string {
	switch {
	case o.verb.onHandle():
		return fmt.Sprintf("%v(f%d, %d, %q)", o.verb, o.handle, o.n, o.data)
	case o.verb == opRename:
		return fmt.Sprintf("Rename(%q, %q)", o.path, o.to)
	}
	return fmt.Sprintf("%v(%q)", o.verb, o.path)
}

// handles is how many files a sequence has open at a time.
const handles = 3

// A class is what an error means. Its words are of no interest.
type class string

const (
	isOK        class = "ok"
	isNotExist  class = "not-exist"
	isExist     class = "exist"
	isClosed    class = "closed"
	isError     class = "error" // some error or other
	isPanic     class = "panic"
	unspecified class = "unspecified" // systems differ, so the call is not made
)

// An answer is what a call gave, in words that can be compared.
type answer struct {
	class  class
	result string
}

func (a answer) String() string {
	if a.result == "" {
		return string(a.class)
	}
	return fmt.Sprintf("%s (%s)", a.class, a.result)
}

// allows reports whether an answer is as good as a, which the model gave. If
// lenient, one kind of error is as good as another.
func (a answer) allows(got answer, lenient bool) bool {
	switch {
	case a.class == isOK:
		return got == a
	case a.class == isError || lenient:
		return got.class != isOK && got.class != isPanic
	}
	return got.class == a.class
}

// answered puts an error into its class. What comes with an error counts for
// nothing.
func answered(err error, result string) answer {
	if err == nil {
		return answer{isOK, result}
	}
	for _, known := range []struct {
		err   error
		class class
	}{{fs.ErrNotExist, isNotExist}, {fs.ErrExist, isExist}, {fs.ErrClosed, isClosed}} {
		if errors.Is(err, known.err) {
			return answer{known.class, err.Error()}
		}
	}
	return answer{isError, err.Error()}
}

// A player makes calls on a file system.
type player struct {
	fs    afero.Fs
	path  func(name string) string
	files [handles]afero.File
}

// do makes one call. A panic is an answer too.
func (p *player) do(o op) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			a = answer{isPanic, fmt.Sprint(r)}
		}
	}()
	if o.verb.onHandle() {
		return p.onFile(p.files[o.handle], o)
	}
	name := p.path(o.path)
	switch o.verb {
	case opMkdir:
		return answered(p.fs.Mkdir(name, 0o755), "")
	case opMkdirAll:
		return answered(p.fs.MkdirAll(name, 0o755), "")
	case opCreate:
		f, err := p.fs.Create(name)
		return p.opened(o.handle, f, err)
	case opOpen:
		f, err := p.fs.Open(name)
		return p.opened(o.handle, f, err)
	case opOpenFile:
		f, err := p.fs.OpenFile(name, o.flag, 0o644)
		return p.opened(o.handle, f, err)
	case opRemove:
		return answered(p.fs.Remove(name), "")
	case opRemoveAll:
		return answered(p.fs.RemoveAll(name), "")
	case opRename:
		return answered(p.fs.Rename(name, p.path(o.to)), "")
	case opStat:
		fi, err := p.fs.Stat(name)
		return described(fi, err)
	}
	return p.list(name)
}

func (p *player) onFile(f afero.File, o op) answer {
	switch o.verb {
	case opClose:
		return answered(f.Close(), "")
	case opRead:
		got, err := readUpTo(f, int(o.n))
		return answered(err, fmt.Sprintf("%q", got))
	case opReadAt:
		buf := make([]byte, len(o.data))
		n, err := f.ReadAt(buf, o.n)
		if errors.Is(err, io.EOF) {
			err = nil // the length shows it
		}
		return answered(err, fmt.Sprintf("%q", buf[:n]))
	case opWrite:
		n, err := f.Write([]byte(o.data))
		return answered(err, fmt.Sprint(n))
	case opWriteString:
		n, err := f.WriteString(o.data)
		return answered(err, fmt.Sprint(n))
	case opWriteAt:
		n, err := f.WriteAt([]byte(o.data), o.n)
		return answered(err, fmt.Sprint(n))
	case opSeek:
		at, err := f.Seek(o.n, o.whence)
		return answered(err, fmt.Sprint(at))
	case opTruncate:
		return answered(f.Truncate(o.n), "")
	case opSync:
		return answered(f.Sync(), "")
	}
	fi, err := f.Stat()
	return described(fi, err)
}

func (p *player) opened(handle int, f afero.File, err error) answer {
	if err == nil {
		p.files[handle] = f
	}
	return answered(err, "")
}

// list is Readdirnames of a whole directory.
func (p *player) list(name string) answer {
	f, err := p.fs.Open(name)
	if err != nil {
		return answered(err, "")
	}
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return answered(errors.Join(err, f.Close()), strings.Join(names, " "))
}

// close closes what is still open, and gives up on what does not let itself
// be closed.
func (p *player) close() {
	for i, f := range p.files {
		if f != nil {
			p.do(op{verb: opClose, handle: i})
		}
	}
}

// described describes a file without its times.
func described(fi fs.FileInfo, err error) answer {
	switch {
	case err != nil:
		return answered(err, "")
	case fi.IsDir():
		return answer{isOK, "directory"}
	}
	return answer{isOK, fmt.Sprintf("%d bytes", fi.Size())}
}

// readUpTo reads n bytes, or fewer if the file ends, as io.ReadAll of an
// io.LimitReader does, but not for ever.
func readUpTo(f io.Reader, n int) ([]byte, error) {
	buf := make([]byte, n)
	got := 0
	for idle := 0; got < n; idle++ {
		k, err := f.Read(buf[got:])
		got += k
		switch {
		case errors.Is(err, io.EOF):
			return buf[:got], nil
		case err != nil:
			return buf[:got], err
		case k > 0:
			idle = 0
		case idle > 100:
			return buf[:got], io.ErrNoProgress
		}
	}
	return buf, nil
}

// writable and readable read the access mode of open flags.
func writable(flag int) bool { return flag&(os.O_WRONLY|os.O_RDWR) != 0 }
func readable(flag int) bool { return flag&os.O_WRONLY == 0 }
