package yandex

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// digest is the size and the hashes of content.
type digest struct {
	size int64
	md5  hash.Hash
	sha  hash.Hash
}

func newDigest() *digest { return &digest{md5: md5.New(), sha: sha256.New()} }

func (d *digest) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	d.md5.Write(p)
	return d.sha.Write(p)
}

func (d *digest) sums() (md5, sha256 string) {
	return hex.EncodeToString(d.md5.Sum(nil)), hex.EncodeToString(d.sha.Sum(nil))
}
