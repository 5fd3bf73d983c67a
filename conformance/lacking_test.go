package conformance

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/davdisk/davdisk/internal/testlevel"
)

var errLacking = &fs.PathError{Op: "use", Path: "store", Err: errors.ErrUnsupported}

// A store lacks one thing, and says so.
type store struct {
	opt  Option
	lack func(b *bugFs)
}

// stores lists an otherwise faultless store for every declaration that there
// can be.
func stores() map[string]store {
	const why = "the store has no such thing"
	return map[string]store{
		"refuses Chmod": {Refuses(Chmod, why), func(b *bugFs) { b.chmod = func(string, os.FileMode) error { return errLacking } }},
		"ignores Chmod": {Ignores(Chmod, why), func(b *bugFs) { b.chmod = func(string, os.FileMode) error { return nil } }},
		"ignores Modes": {Ignores(Modes, why), lackModes},
		"refuses Chown": {Refuses(Chown, why), func(b *bugFs) { b.chown = func(string, int, int) error { return errLacking } }},
		"ignores Chown": {Ignores(Chown, why), func(b *bugFs) { b.chown = func(string, int, int) error { return nil } }},
		"refuses Chtimes": {Refuses(Chtimes, why), func(b *bugFs) {
			b.chtimes = func(string, time.Time, time.Time) error { return errLacking }
		}},
		"ignores Chtimes": {Ignores(Chtimes, why), func(b *bugFs) {
			b.chtimes = func(string, time.Time, time.Time) error { return nil }
		}},
		"refuses DirTimes":   {Refuses(DirTimes, why), func(b *bugFs) { lackDirTimes(b, errLacking) }},
		"ignores DirTimes":   {Ignores(DirTimes, why), func(b *bugFs) { lackDirTimes(b, nil) }},
		"ignores DirUpdates": {Ignores(DirUpdates, why), lackDirUpdates},
		"refuses Append":     {Refuses(Append, why), lackFlags(func(f, _ int64) bool { return f&int64(os.O_APPEND) != 0 && writable(int(f)) })},
		"refuses ReadWrite":  {Refuses(ReadWrite, why), lackReadWrite},
		"refuses Overwrite": {Refuses(Overwrite, why), lackFlags(func(f, size int64) bool {
			return f&int64(os.O_TRUNC) != 0 && writable(int(f)) && size >= 0 && f&int64(os.O_EXCL) == 0
		})},
		"refuses Excl":          {Refuses(Excl, why), lackFlags(func(f, _ int64) bool { return f&int64(os.O_EXCL) != 0 && f&int64(os.O_CREATE) != 0 })},
		"ignores Excl":          {Ignores(Excl, why), ignoreExcl},
		"refuses WriteAt":       {Refuses(WriteAt, why), lackWriteAt},
		"refuses Truncate":      {Refuses(Truncate, why), func(b *bugFs) { b.opened = func(f *bugFile) { f.truncate = func(int64) error { return errLacking } } }},
		"refuses Holes":         {Refuses(Holes, why), lackHoles},
		"refuses Sync":          {Refuses(Sync, why), func(b *bugFs) { b.opened = func(f *bugFile) { f.sync = func() error { return errLacking } } }},
		"refuses SeekDir":       {Refuses(SeekDir, why), func(b *bugFs) { lackSeekDir(b, errLacking) }},
		"ignores SeekDir":       {Ignores(SeekDir, why), func(b *bugFs) { lackSeekDir(b, nil) }},
		"refuses Rename":        {Refuses(Rename, why), lackRename(func(from, to fs.FileInfo) bool { return true })},
		"refuses RenameDir":     {Refuses(RenameDir, why), lackRename(func(from, _ fs.FileInfo) bool { return from.IsDir() })},
		"refuses RenameOver":    {Refuses(RenameOver, why), lackRename(func(from, to fs.FileInfo) bool { return to != nil && !os.SameFile(from, to) })},
		"refuses RenameOpen":    {Refuses(RenameOpen, why), func(b *bugFs) { lackWhileOpen(b, true) }},
		"refuses RemoveOpen":    {Refuses(RemoveOpen, why), func(b *bugFs) { lackWhileOpen(b, false) }},
		"ignores SharedHandles": {Ignores(SharedHandles, why), lackSharedHandles},
		"ignores EmptyDirs":     {Ignores(EmptyDirs, why), lackEmptyDirs},
		"ignores CaseSensitive": {Ignores(CaseSensitive, why), func(b *bugFs) { fold(b, strings.ToLower) }},
		"ignores DistinctForms": {Ignores(DistinctForms, why), func(b *bugFs) { fold(b, norm.NFC.String) }},
		"refuses Symlink":       {Refuses(Symlink, why), func(b *bugFs) { b.symlink = func(string, string) error { return errLacking } }},
	}
}

// TestDeclarationExcusesAll runs the whole catalog on each of these stores.
// A case that fails needs a capability that it does not say it needs. A short
// run looks at the cases about data alone.
func TestDeclarationExcusesAll(t *testing.T) {
	level := Parity
	if !testlevel.Long() {
		level = Data
	}
	for name, s := range stores() {
		t.Run(name, func(t *testing.T) {
			r := Check(t.Context(), bug{plant: s.lack}.fresh, s.opt, Effort(20, 40), UpTo(level), Parallel(4))
			if err := r.Err(); err != nil {
				t.Error(err)
			}
			if level == Parity && r.Count(Refused, Ignored) == 0 {
				t.Errorf("the declaration keeps no case from being run")
			}
		})
	}
}

// TestUndeclaredLackIsTold runs, on each of these stores, the one case that
// must tell its author what to declare.
func TestUndeclaredLackIsTold(t *testing.T) {
	for name, s := range stores() {
		_, capability, _ := strings.Cut(name, " ")
		id := "refusals/" + strings.ToLower(capability)
		r := Check(t.Context(), bug{plant: s.lack}.fresh, Only(id))
		if got := result(t, r, id); got.Verdict != Failed || !strings.Contains(got.Detail, capability) {
			t.Errorf("%s: %v: %s", name, got.Verdict, got.Detail)
		}
	}
}
