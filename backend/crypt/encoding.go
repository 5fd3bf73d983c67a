package crypt

import (
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/Max-Sum/base32768"
)

// encoding writes bytes as a name.
type encoding interface {
	EncodeToString([]byte) string
	DecodeString(string) ([]byte, error)
}

// newEncoding returns the encoding with one of rclone's names for them, and how
// many bits a byte of its text holds.
func newEncoding(name string) (e encoding, bits int, err error) {
	switch name {
	case "", "base32":
		return lower{base32.HexEncoding.WithPadding(base32.NoPadding)}, 5, nil
	case "base64":
		return base64.RawURLEncoding.Strict(), 6, nil
	case "base32768":
		return base32768.SafeEncoding, 5, nil // 15 in each character, which has up to three bytes
	}
	return nil, 0, fmt.Errorf("%q is no filename encoding; there are base32, base64 and base32768", name)
}

// lower is base32 in lower case.
type lower struct{ *base32.Encoding }

func (l lower) EncodeToString(b []byte) string { return strings.ToLower(l.Encoding.EncodeToString(b)) }

func (l lower) DecodeString(s string) ([]byte, error) {
	return l.Encoding.DecodeString(strings.ToUpper(s))
}
