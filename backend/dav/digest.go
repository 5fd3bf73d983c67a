package dav

import (
	"crypto/md5"
	"crypto/sha1" // what Nextcloud and ownCloud keep
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// digest is the size and the hashes of content.
type digest struct {
	size              int64
	md5, sha1, sha256 hash.Hash
}

func newDigest() *digest { return &digest{md5: md5.New(), sha1: sha1.New(), sha256: sha256.New()} }

func (d *digest) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	d.md5.Write(p)
	d.sha1.Write(p)
	return d.sha256.Write(p)
}

// fits reports whether nothing that the server says of a file contradicts the
// content, and whether a hash is among it.
func (d *digest) fits(e *entry) (fits, proved bool) {
	if e.Dir || e.Err != nil || e.Size != d.size {
		return false, false
	}
	for _, sum := range []struct {
		told string
		h    hash.Hash
	}{{e.MD5, d.md5}, {e.sha1, d.sha1}, {e.SHA256, d.sha256}} {
		if sum.told == "" {
			continue
		}
		if sum.told != hex.EncodeToString(sum.h.Sum(nil)) {
			return false, true
		}
		proved = true
	}
	return true, proved
}
