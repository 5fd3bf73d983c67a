package sftp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// versionCount bounds how many files changed here are remembered.
const versionCount = 16384

// A stamp is all that the server says of the content of a file.
type stamp struct {
	size int64
	time int64 // seconds
}

func stampOf(fi fs.FileInfo) stamp { return stamp{fi.Size(), fi.ModTime().Unix()} }

// versions are the versions of files. That of a file which nothing is remembered
// of follows from its name and its stamp. Remembered is the last stamp that a
// name had here, also after the file was removed or moved away, with its
// version. It is safe for concurrent use.
type versions struct {
	last *lru.Cache[string, remembered]
}

type remembered struct {
	stamp   stamp
	version string
}

func newVersions() (*versions, error) {
	last, err := lru.New[string, remembered](versionCount)
	return &versions{last}, err
}

// of returns the version of a file with that name and stamp.
func (v *versions) of(name string, s stamp) string {
	if r, ok := v.last.Get(name); ok && r.stamp == s {
		return r.version
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%x-%x-%s", s.size, s.time, name))
	return hex.EncodeToString(sum[:16])
}

// free reports whether content with that stamp may come under a name: no other
// content had it last.
func (v *versions) free(name string, s stamp) bool {
	r, ok := v.last.Peek(name)
	return !ok || r.stamp != s
}

// same reports whether content with that stamp and version may come under a name:
// no other content had that stamp there last.
func (v *versions) same(name string, s stamp, version string) bool {
	r, ok := v.last.Peek(name)
	return !ok || r.stamp != s || r.version == version
}

// forget drops what is remembered of a name.
func (v *versions) forget(name string) { v.last.Remove(name) }

// remember keeps the stamp and the version that a name has now.
func (v *versions) remember(name string, s stamp, version string) {
	v.last.Add(name, remembered{s, version})
}

// see remembers the stamp of a file that is about to leave its name.
func (v *versions) see(name string, s stamp) { v.remember(name, s, v.of(name, s)) }

// moved passes on what is remembered of the files in a folder.
func (v *versions) moved(from, to string) {
	for _, name := range v.last.Keys() {
		if below, ok := strings.CutPrefix(name, from+"/"); ok {
			if r, ok := v.last.Peek(name); ok {
				v.last.Add(to+"/"+below, r)
			}
		}
	}
}
