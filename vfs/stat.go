package vfs

import (
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// FileInfo describes a file or a folder at the time of the call that returned
// it. It implements fs.FileInfo.
type FileInfo struct {
	name string
	info *backend.Info // which others have too, and nobody changes
	bare bool          // the store keeps no properties, of no file
}

var _ fs.FileInfo = (*FileInfo)(nil)

// fileInfo returns the FileInfo of a backend name.
func fileInfo(name string, info backend.Info) *FileInfo {
	base := path.Base(name)
	if name == "." {
		base = "/"
	}
	return &FileInfo{name: base, info: &info}
}

// fileInfos describes the entries of a folder, in a store that keeps no properties
// if it is bare.
func fileInfos(entries []*backend.Info, bare bool) []fs.FileInfo {
	all, infos := make([]FileInfo, len(entries)), make([]fs.FileInfo, len(entries))
	for i, info := range entries {
		all[i] = FileInfo{info.Name, info, bare}
		infos[i] = &all[i]
	}
	return infos
}

// Name returns the last element of the path; "/" for the root.
func (i *FileInfo) Name() string { return i.name }

// Size returns the size in bytes; 0 for a folder.
func (i *FileInfo) Size() int64 { return i.info.Size }

// Mode returns the type, and fixed permissions, because stores have none.
func (i *FileInfo) Mode() fs.FileMode {
	if i.info.Dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

// ModTime returns when the content was last changed; zero if unknown.
func (i *FileInfo) ModTime() time.Time { return i.info.ModTime }

// IsDir reports whether this is a folder.
func (i *FileInfo) IsDir() bool { return i.info.Dir }

// Sys returns the underlying backend.Info.
func (i *FileInfo) Sys() any { return *i.info }

// ETag returns a strong entity tag of the content, with its quotes (RFC 9110
// section 8.8.3). It is empty for a folder, and for content that is not stored
// yet.
func (i *FileInfo) ETag() string {
	if i.info.Version == "" {
		return ""
	}
	return `"` + i.info.Version + `"`
}

// ContentType returns the media type; empty if the store does not know it.
func (i *FileInfo) ContentType() string { return i.info.ContentType }

// Err returns why the store could not describe a file that it listed, or nil.
// Then only the name is right.
func (i *FileInfo) Err() error {
	if i.info.Err == nil {
		return nil
	}
	return pathError("stat", i.name, i.info.Err)
}

// Created returns when the file or folder was created; zero if unknown.
func (i *FileInfo) Created() time.Time { return i.info.Created }

// Properties returns the properties of FS.Properties if the store has reported
// them along with the rest, and none if an entry of a listing cannot have any;
// otherwise known is false. Whoever wraps an FS and adds properties of its own
// must not pass it on.
func (i *FileInfo) Properties() (props map[string]string, known bool) {
	if len(i.info.Properties) == 0 {
		return nil, i.bare || i.info.Properties != nil
	}
	return webdavProperties(i.info.Properties), true
}

// Hash returns a checksum of the content in lower-case hex; algorithm is "md5"
// or "sha256". It is empty if unknown.
func (i *FileInfo) Hash(algorithm string) string {
	switch strings.ToLower(algorithm) {
	case "md5":
		return i.info.MD5
	case "sha256":
		return i.info.SHA256
	}
	return ""
}
