package vfs

import (
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// FileInfo describes a file or a folder as it was when it was asked for.
type FileInfo struct {
	name string
	info backend.Info
}

var _ fs.FileInfo = (*FileInfo)(nil)

// fileInfo describes what is under a backend name.
func fileInfo(name string, info backend.Info) *FileInfo {
	base := path.Base(name)
	if name == "." {
		base = "/"
	}
	return &FileInfo{base, info}
}

// Name is the last element of the path; "/" for the root.
func (i *FileInfo) Name() string { return i.name }

// Size is the number of bytes; 0 for a folder.
func (i *FileInfo) Size() int64 { return i.info.Size }

// Mode tells files and folders apart. Stores have no permissions, so all may
// be read and written.
func (i *FileInfo) Mode() fs.FileMode {
	if i.info.Dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

// ModTime is when the content was last changed; zero if unknown.
func (i *FileInfo) ModTime() time.Time { return i.info.ModTime }

// IsDir tells whether it is a folder.
func (i *FileInfo) IsDir() bool { return i.info.Dir }

// Sys is the backend.Info behind it.
func (i *FileInfo) Sys() any { return i.info }

// ETag is a strong entity tag of the content, with its quotes (RFC 9110
// section 8.8.3). It is empty for a folder, and for content that is not
// stored yet.
func (i *FileInfo) ETag() string {
	if i.info.Version == "" {
		return ""
	}
	return `"` + i.info.Version + `"`
}

// ContentType is the media type, empty if the store does not know it.
func (i *FileInfo) ContentType() string { return i.info.ContentType }

// Created is when it was made; zero if unknown.
func (i *FileInfo) Created() time.Time { return i.info.Created }

// Properties are those of FS.Properties, if they came along with what was
// asked; false if they have to be asked for.
func (i *FileInfo) Properties() (props map[string]string, known bool) {
	return webdavProperties(i.info.Properties), i.info.Properties != nil
}

// Hash is a checksum of the content in lower-case hex, algorithm being "md5"
// or "sha256"; empty if unknown.
func (i *FileInfo) Hash(algorithm string) string {
	switch strings.ToLower(algorithm) {
	case "md5":
		return i.info.MD5
	case "sha256":
		return i.info.SHA256
	}
	return ""
}
