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
// of follows from its name and its stamp. Remembered are the stamps that a name
// had here, each with its version, so that no other content gets one of them. It
// is safe for concurrent use.
type versions struct {
	had *lru.Cache[namedStamp, string]
}

type namedStamp struct {
	name  string
	stamp stamp
}

func newVersions() (*versions, error) {
	had, err := lru.New[namedStamp, string](versionCount)
	return &versions{had}, err
}

// of returns the version of a file with that name and stamp.
func (v *versions) of(name string, s stamp) string {
	if version, ok := v.had.Get(namedStamp{name, s}); ok {
		return version
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%x-%x-%s", s.size, s.time, name))
	return hex.EncodeToString(sum[:16])
}

// isFree reports whether content with that version may have a stamp under a
// name: no other content had it. New content has no version yet.
func (v *versions) isFree(name string, s stamp, version string) bool {
	had, ok := v.had.Peek(namedStamp{name, s})
	return !ok || had == version
}

// remember keeps the version of a file with that name and stamp.
func (v *versions) remember(name string, s stamp, version string) {
	v.had.Add(namedStamp{name, s}, version)
}

// see remembers a file that is there, or has just been stored.
func (v *versions) see(name string, s stamp) { v.remember(name, s, v.of(name, s)) }

// moved passes on what is remembered of the files in a folder.
func (v *versions) moved(from, to string) {
	for _, at := range v.had.Keys() {
		if below, ok := strings.CutPrefix(at.name, from+"/"); ok {
			if version, ok := v.had.Peek(at); ok {
				v.remember(to+"/"+below, at.stamp, version)
			}
		}
	}
}
