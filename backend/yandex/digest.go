package yandex

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"github.com/davdisk/davdisk/internal/reading"
)

// digest is the size and the SHA-256 of content, and the MD5 if that is wanted:
// it takes twice the time of the other.
type digest struct {
	size int64
	sha  hash.Hash
	md5  hash.Hash // nil if it is not wanted
}

func newDigest(withMD5 bool) *digest {
	d := &digest{sha: sha256.New()}
	if withMD5 {
		d.md5 = md5.New()
	}
	return d
}

func (d *digest) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	if d.md5 != nil {
		d.md5.Write(p)
	}
	return d.sha.Write(p)
}

func (d *digest) sha256() string { return hex.EncodeToString(d.sha.Sum(nil)) }

// md5sum is empty if it was not wanted.
func (d *digest) md5sum() string {
	if d.md5 == nil {
		return ""
	}
	return hex.EncodeToString(d.md5.Sum(nil))
}

// readAgain reads the content that can be rewound from its start, and returns its
// digest with the MD5; nil if it cannot be read or has another length.
func (u *upload) readAgain(ctx context.Context) *digest {
	if _, err := u.seek.Seek(u.start, io.SeekStart); err != nil {
		return nil
	}
	sum := newDigest(true)
	if _, err := io.Copy(sum, io.LimitReader(reading.Until(ctx, u.src), u.size)); err != nil || sum.size != u.size {
		return nil
	}
	return sum
}

// md5 returns the MD5 of what was sent, which few uploads need: the service tells
// the SHA-256 of what it has. Content that can be rewound is read once more for
// it. It is empty if that fails, or finds other content than was sent.
func (u *upload) md5(ctx context.Context) string {
	if u.sum.md5 == nil {
		if again := u.readAgain(ctx); again != nil && again.sha256() == u.sum.sha256() {
			u.sum = again
		}
	}
	return u.sum.md5sum()
}
