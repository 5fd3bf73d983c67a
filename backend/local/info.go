package local

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"path"
	"strconv"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// aliasCount bounds how many files changed in name or time are remembered.
const aliasCount = 4096

// attributes are what the system tells of a file or a folder.
type attributes struct {
	dir     bool
	size    int64
	modTime time.Time
	number  fileNumber
	changed int64 // time of the last status change in nanoseconds, which no program can set; 0 if unknown
}

// A fileNumber identifies a file independent of its name, if it is known.
type fileNumber struct {
	known           bool
	device, subject uint64
}

// attributesOf returns those of what package os has described.
func attributesOf(fi fs.FileInfo) attributes {
	a := attributes{dir: fi.IsDir(), size: fi.Size(), modTime: fi.ModTime()}
	a.number, a.changed = identity(fi)
	return a
}

// appendTo appends the number as text.
func (n fileNumber) appendTo(dst []byte) []byte {
	if !n.known {
		return dst
	}
	return strconv.AppendUint(append(strconv.AppendUint(dst, n.device, 16), '-'), n.subject, 16)
}

// info describes the file or folder with a name.
func (b *Backend) info(name string, a attributes) backend.Info {
	text := a.number.appendTo(make([]byte, 0, 80))
	id := len(text)
	i := backend.Info{Name: name, Dir: a.dir, ModTime: a.modTime}
	if !a.dir {
		text = a.appendVersion(text)
		i.Size = a.size
		i.ContentType = mime.TypeByExtension(path.Ext(name))
	}
	both := string(text) // which takes one allocation
	i.ID = both[:id]
	if !a.dir {
		i.Version = b.named(both[id:])
	}
	return i
}

// version returns the version of a file; see the package comment for its
// limits.
func (b *Backend) version(fi fs.FileInfo) string {
	return b.named(string(attributesOf(fi).appendVersion(make([]byte, 0, 2*versionSize))))
}

// versionSize is that of a version in bytes, before they are written in hex.
const versionSize = 16

// appendVersion appends the version of a file as it looks now.
func (a attributes) appendVersion(dst []byte) []byte {
	text := a.number.appendTo(make([]byte, 0, 96))
	for _, n := range [...]int64{a.size, a.modTime.UnixNano(), a.changed} {
		text = strconv.AppendInt(append(text, '-'), n, 16)
	}
	sum := sha256.Sum256(text)
	return hex.AppendEncode(dst, sum[:versionSize])
}

// named returns what a version is called.
func (b *Backend) named(version string) string {
	if before, ok := b.aliases.Get(version); ok {
		return before
	}
	return version
}

// keepVersion remembers that a file which had a version still has the same
// bytes, though its name or time was changed here.
func (b *Backend) keepVersion(before string, now fs.FileInfo) {
	if v := b.version(now); v != before {
		b.aliases.Add(v, before)
	}
}
