package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/davdisk/davdisk/backend"
)

// entry is a file or a folder.
type entry struct {
	backend.Info
	key   string
	tag   string // entity tag without quotes, empty if there is none
	class string // storage class, empty for the usual one

	// What follows is known from a HEAD alone.
	plain  bool        // not encrypted in a way that makes the tag something else than a hash
	header http.Header // of the response
}

// maxVersion is the longest version (see backend.Info).
const maxVersion = 40

// newEntry describes an object. Times are whole seconds, because those of a HEAD
// are. A tag is a version as it is, unless it is too long or not there.
func newEntry(o minio.ObjectInfo) entry {
	e := entry{key: o.Key, tag: o.ETag, class: o.StorageClass}
	switch e.class {
	case "STANDARD", "GLACIER", "DEEP_ARCHIVE": // what can be copied out of an archive has been restored, and stays readable
		e.class = ""
	}
	e.Name, e.Size, e.ModTime = path.Base(o.Key), o.Size, o.LastModified.Truncate(time.Second)
	e.Version = e.tag
	if e.tag == "" {
		e.Version = fmt.Sprintf("%x-%x", e.Size, e.ModTime.UnixNano())
	}
	if len(e.Version) > maxVersion {
		sum := sha256.Sum256([]byte(e.Version))
		e.Version = hex.EncodeToString(sum[:maxVersion/2])
	}
	return e
}

// folder describes a folder. Prefixes have no times.
func folder(name string) entry {
	return entry{Info: backend.Info{Name: path.Base(name), Dir: true}}
}

// head asks for an object. A 404 is not proof that there is none: a proxy may
// have answered it.
func (c *client) head(ctx context.Context, key string) (entry, error) {
	var a answer
	var info minio.ObjectInfo
	err := c.read(ctx, &a, func(ctx context.Context) (err error) {
		info, err = c.core.StatObject(ctx, c.cfg.Bucket, key, minio.StatObjectOptions{})
		return err
	})
	if err != nil {
		var refused *refusal
		if errors.As(err, &refused) {
			refused.foreign = false // no response to a HEAD has XML
		}
		return entry{}, err
	}
	if info.Size < 0 {
		return entry{}, fmt.Errorf("the server does not tell the size of the object")
	}
	info.StorageClass = a.header.Get("X-Amz-Storage-Class")
	e := newEntry(info)
	e.ContentType, e.header, e.plain = info.ContentType, a.header, plain(a.header)
	return e, nil
}

// plain reports whether an object's entity tag may be a hash of its content: it
// is not where the object is encrypted with a key of KMS or of the client.
func plain(h http.Header) bool {
	how := h.Get("X-Amz-Server-Side-Encryption")
	return (how == "" || how == "AES256") && h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") == ""
}

// md5Of returns the MD5 that an entity tag is, or nothing: that of an object sent
// in parts ends in their number.
func md5Of(tag string) string {
	if _, err := hex.DecodeString(tag); err != nil || len(tag) != 32 {
		return ""
	}
	return strings.ToLower(tag)
}

// partsOf returns the number of parts that an entity tag tells of, 0 if it tells
// of none.
func partsOf(tag string) int {
	_, number, _ := strings.Cut(tag, "-")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > maxParts {
		return 0
	}
	return n
}

// headers are what an object is stored with: its type, and its time where rclone
// looks for one.
func headers(name string, modified time.Time) minio.PutObjectOptions {
	opts := minio.PutObjectOptions{ContentType: mime.TypeByExtension(path.Ext(name)), DisableContentSha256: true}
	if !modified.IsZero() {
		opts.UserMetadata = map[string]string{"mtime": fmt.Sprintf("%d.%09d", modified.Unix(), modified.Nanosecond())}
	}
	return opts
}
