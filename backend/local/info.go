package local

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"path"
	"strconv"

	"github.com/davdisk/davdisk/backend"
)

// aliasCount bounds how many files changed in name or time are remembered.
const aliasCount = 4096

// info describes the file or folder with a name.
func (b *Backend) info(name string, fi fs.FileInfo) backend.Info {
	i := backend.Info{Name: name, Dir: fi.IsDir(), ModTime: fi.ModTime(), ID: identity(fi)}
	if !i.Dir {
		i.Size = fi.Size()
		i.Version = b.version(fi)
		i.ContentType = mime.TypeByExtension(path.Ext(name))
	}
	return i
}

// version returns the version of a file; see the package comment for its
// limits.
func (b *Backend) version(fi fs.FileInfo) string {
	text := append(make([]byte, 0, 96), identity(fi)...)
	for _, n := range []int64{fi.Size(), fi.ModTime().UnixNano(), changed(fi)} {
		text = strconv.AppendInt(append(text, '-'), n, 16)
	}
	sum := sha256.Sum256(text)
	v := hex.EncodeToString(sum[:16])
	if before, ok := b.aliases.Get(v); ok {
		return before
	}
	return v
}

// keepVersion remembers that a file which had a version still has the same
// bytes, though its name or time was changed here.
func (b *Backend) keepVersion(before string, now fs.FileInfo) {
	if v := b.version(now); v != before {
		b.aliases.Add(v, before)
	}
}
