package webdav

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"
)

// A checksum is the digest that a client announces for its upload.
type checksum struct {
	hash.Hash
	want []byte
}

// announcedChecksums parses the checksums of a PUT: OC-Checksum, which
// ownCloud's clients and rclone send, and Content-MD5. An unknown algorithm is
// not checked; a malformed checksum is 400.
func announcedChecksums(h http.Header) ([]checksum, error) {
	var sums []checksum
	if header := h.Get("OC-Checksum"); header != "" {
		for field := range strings.FieldsSeq(header) {
			algorithm, digits, _ := strings.Cut(field, ":")
			sum := newHash(algorithm)
			if sum == nil {
				continue
			}
			want, err := hex.DecodeString(digits)
			if err != nil || len(want) != sum.Size() {
				return nil, refuse(http.StatusBadRequest, "the OC-Checksum header cannot be read")
			}
			sums = append(sums, checksum{sum, want})
		}
	}
	if header := h.Get("Content-MD5"); header != "" {
		want, err := base64.StdEncoding.DecodeString(header)
		if err != nil || len(want) != md5.Size {
			return nil, refuse(http.StatusBadRequest, "the Content-MD5 header cannot be read")
		}
		sums = append(sums, checksum{md5.New(), want})
	}
	return sums, nil
}

func newHash(algorithm string) hash.Hash {
	switch strings.ToUpper(algorithm) {
	case "MD5":
		return md5.New()
	case "SHA1":
		return sha1.New()
	case "SHA256":
		return sha256.New()
	}
	return nil
}

func (c checksum) holds() bool { return bytes.Equal(c.Sum(nil), c.want) }
