package reading

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"
)

// Check compares content that is read from its first to its last byte with its
// hash.
type Check struct {
	hash hash.Hash
	want string
}

// NewCheck returns a Check against a SHA-256, or if that is empty an MD5, in
// hex. It is nil if there is neither: then nothing can be compared.
func NewCheck(sha256Hex, md5Hex string) *Check {
	switch {
	case sha256Hex != "":
		return &Check{sha256.New(), sha256Hex}
	case md5Hex != "":
		return &Check{md5.New(), md5Hex}
	}
	return nil
}

// Write adds to what was read. It never fails.
func (c *Check) Write(p []byte) (int, error) { return c.hash.Write(p) }

// Reset begins anew.
func (c *Check) Reset() { c.hash.Reset() }

// Matches reports whether what was read is what it should be.
func (c *Check) Matches() bool {
	return strings.EqualFold(hex.EncodeToString(c.hash.Sum(nil)), c.want)
}

// Checked returns a reader of size bytes of src that returns the last of them
// only if all match, and wrong otherwise. With a nil Check it is src.
func Checked(src io.Reader, size int64, check *Check, wrong error) io.Reader {
	if check == nil {
		return src
	}
	return &checked{src, size, check, wrong}
}

type checked struct {
	src   io.Reader
	left  int64
	check *Check
	wrong error
}

func (r *checked) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	r.check.Write(p[:n])
	r.left -= int64(n)
	if n > 0 && r.left <= 0 && !r.check.Matches() {
		r.left = 0
		return 0, r.wrong
	}
	return n, err
}
