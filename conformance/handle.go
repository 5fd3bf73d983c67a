package conformance

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/afero"
)

// Open opens a file or directory for reading, which must succeed. What a case
// opens is closed when it ends.
func (t *rig) Open(name string) afero.File {
	f, err := t.FS.Open(t.Path(name))
	return t.opened(name, f, err)
}

// Create makes or empties a file, which must succeed.
func (t *rig) Create(name string) afero.File {
	f, err := t.FS.Create(t.Path(name))
	return t.opened(name, f, err)
}

// OpenFile opens with flags and mode 0644, which must succeed.
func (t *rig) OpenFile(name string, flag int) afero.File {
	f, err := t.FS.OpenFile(t.Path(name), flag, 0o644)
	return t.opened(name, f, err)
}

func (t *rig) opened(name string, f afero.File, err error) afero.File {
	if err != nil {
		t.Fatalf("%sopen %q: error %q, want none", where(), name, err)
	}
	if isNil(f) {
		t.Fatalf("%sopen %q: neither a file nor an error", where(), name)
	}
	t.Progress()
	t.keep(f)
	return f
}

// keep has a file closed when the case ends.
func (t *rig) keep(f afero.File) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files = append(t.files, f)
}

// NoFile wants opening to have failed, with no file beside the error; a stray
// one is closed.
func (t *rig) NoFile(f afero.File, err error) error {
	switch {
	case err == nil:
		t.Errorf("%sno error, want one", where())
	case f != nil:
		t.Errorf("%serror %q comes with a File that is not nil (%T), which passes f != nil", where(), err, f)
	}
	if !isNil(f) {
		t.keep(f)
	}
	return err
}

// closeFiles closes what the case has left open. Whatever that answers, the
// case is over.
func (t *rig) closeFiles() {
	t.mu.Lock()
	files := t.files
	t.files = nil
	t.mu.Unlock()
	for _, f := range files {
		func() {
			defer func() { _ = recover() }() // closing twice is a case of its own
			f.Close()
		}()
		t.Progress()
	}
}

// Close closes a file, which must succeed.
func (t *rig) Close(f afero.File) {
	if err := f.Close(); err != nil {
		t.Fatalf("%sclose: error %q, want none", where(), err)
	}
	t.Progress()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files = slices.DeleteFunc(t.files, func(o afero.File) bool { return o == f })
}

// Write writes a text, which must succeed.
func (t *rig) Write(f afero.File, text string) {
	n, err := f.Write([]byte(text))
	if err != nil || n != len(text) {
		t.Fatalf("%swrite of %d bytes: %d, error %v", where(), len(text), n, quoted(err))
	}
	t.Progress()
}

// WriteAt writes a text at an offset, which must succeed.
func (t *rig) WriteAt(f afero.File, text string, off int64) {
	n, err := f.WriteAt([]byte(text), off)
	if err != nil || n != len(text) {
		t.Fatalf("%swrite of %d bytes at %d: %d, error %v", where(), len(text), off, n, quoted(err))
	}
	t.Progress()
}

// flush makes what was written visible to others, where Sync does that.
func (t *rig) flush(f afero.File) {
	if t.Has(Sync) {
		t.OK(f.Sync())
	}
}

// Put makes name hold a text, by Create, Write and Close.
func (t *rig) Put(name, text string) {
	f := t.Create(name)
	t.Write(f, text)
	t.Close(f)
}

// Reads wants the next bytes of a file to be this text.
func (t *rig) Reads(f afero.File, want string) {
	buf := make([]byte, len(want))
	if n, err := io.ReadFull(f, buf); err != nil || string(buf) != want {
		t.Errorf("%sread %s, error %v, want %s", where(), brief(first(buf, n)), quoted(err), brief(want))
	}
}

// ReadsAll wants the rest of a file to be this text, and the end after it.
func (t *rig) ReadsAll(f afero.File, want string) {
	got, err := io.ReadAll(io.LimitReader(f, int64(len(want))+1<<20))
	if err != nil || string(got) != want {
		t.Errorf("%sread %s to the end, error %v, want %s", where(), brief(string(got)), quoted(err), brief(want))
	}
}

// ReadsAt wants the bytes at an offset to be this text.
func (t *rig) ReadsAt(f afero.File, off int64, want string) {
	buf := make([]byte, len(want))
	n, err := f.ReadAt(buf, off)
	if n != len(want) || string(buf) != want || err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("%sread %s at %d, error %v, want %s", where(), brief(first(buf, n)), off, quoted(err), brief(want))
	}
}

// Ends wants a read at this place to give nothing but io.EOF.
func (t *rig) Ends(f afero.File) {
	n, err := f.Read(make([]byte, 4))
	if n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("%sread at the end gives %d bytes, error %v, want 0 and %q", where(), n, quoted(err), io.EOF)
	}
}

// Seek moves to a place, which must succeed and report the new offset.
func (t *rig) Seek(f afero.File, offset int64, whence int, want int64) {
	if got, err := f.Seek(offset, whence); err != nil || got != want {
		t.Errorf("%sSeek(%d, %d) gives %d, error %v, want %d", where(), offset, whence, got, quoted(err), want)
	}
}

// Rewind moves to the start.
func (t *rig) Rewind(f afero.File) { t.Seek(f, 0, io.SeekStart, 0) }

// Stat asks for a name, which must exist.
func (t *rig) Stat(name string) fs.FileInfo {
	fi, err := t.FS.Stat(t.Path(name))
	if err != nil {
		t.Fatalf("%sstat %q: error %q, want none", where(), name, err)
	}
	if isNil(fi) {
		t.Fatalf("%sstat %q: neither a FileInfo nor an error", where(), name)
	}
	return fi
}

// StatFile asks a handle, which must answer.
func (t *rig) StatFile(f afero.File) fs.FileInfo {
	fi, err := f.Stat()
	if err != nil || isNil(fi) {
		t.Fatalf("%sstat of an open file: %v, error %v, want an answer", where(), fi, quoted(err))
	}
	return fi
}

// Lists wants a directory to hold exactly these names.
func (t *rig) Lists(name string, want ...string) {
	t.eventually(func() error {
		got, err := t.names(t.Path(name))
		return listed(got, err, want)
	})
}

// first is what a call claims to have put into a buffer; the claim may be
// nonsense.
func first(buf []byte, n int) string { return string(buf[:max(0, min(n, len(buf)))]) }

// The two ways to open an existing file for writing that keep its content.
const (
	wronly = os.O_WRONLY
	rdwr   = os.O_RDWR
)

// appendTo adds a text to a file through a handle of its own.
func (t *rig) appendTo(name, text string) {
	f := t.OpenFile(name, os.O_WRONLY|os.O_APPEND)
	t.Write(f, text)
	t.Close(f)
}
