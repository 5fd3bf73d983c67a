package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"

	"golang.org/x/crypto/scrypt"
)

// keys are all that the passwords are needed for.
type keys struct {
	content [32]byte
	names   [32]byte
	tweak   [aes.BlockSize]byte
}

// commonSalt is what rclone uses without a second password.
const commonSalt = "\xa8\x0d\xf4\x3a\x8f\xbd\x03\x08\xa7\xca\xb8\x3e\x58\x1f\x86\xb1"

// deriveKeys takes a tenth of a second and 16 MiB on purpose.
func deriveKeys(password, salt string) (keys, error) {
	if password == "" {
		return keys{}, errors.New("there is no password")
	}
	if salt == "" {
		salt = commonSalt
	}
	var k keys
	all, err := scrypt.Key([]byte(password), []byte(salt), 1<<14, 8, 1, len(k.content)+len(k.names)+len(k.tweak))
	if err != nil {
		return keys{}, err
	}
	rest := all[copy(k.content[:], all):]
	rest = rest[copy(k.names[:], rest):]
	copy(k.tweak[:], rest)
	return k, nil
}

// obscuringKey is the same in every rclone: a password in its configuration is
// hidden from a glance over the shoulder, and from nobody else.
const obscuringKey = "\x9c\x93\x5b\x48\x73\x0a\x55\x4d\x6b\xfd\x7c\x63\xc8\x86\xa9\x2b" +
	"\xd3\x90\x19\x8e\xb8\x12\x8a\xfb\xf4\xde\x16\x2b\x8b\x95\xf6\x38"

// Reveal returns a password that was obscured as rclone does it in its
// configuration (rclone obscure): AES-256 in counter mode, the initial counter
// first, in base64 for URLs. An empty text is an empty password.
func Reveal(obscured string) (string, error) {
	if obscured == "" {
		return "", nil
	}
	data, err := base64.RawURLEncoding.DecodeString(obscured)
	if err != nil || len(data) < aes.BlockSize {
		return "", errors.New("it is not a password as rclone obscures them")
	}
	block, err := aes.NewCipher([]byte(obscuringKey))
	if err != nil {
		return "", err
	}
	password := data[aes.BlockSize:]
	cipher.NewCTR(block, data[:aes.BlockSize]).XORKeyStream(password, password)
	return string(password), nil
}
