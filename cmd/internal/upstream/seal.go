package upstream

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
)

// What a login was renewed to stands in the log under a key, and sealed by another. Both
// are derived from the login, and tell nothing of it: it has a secret that is random and
// long, so that it cannot be found by trying.
const (
	keyInfo  = "davdisk login, key 1"
	sealInfo = "davdisk login, seal 1"
)

// keyOf is what the log has of a login.
func keyOf(login []byte) (string, error) {
	key, err := hkdf.Key(sha256.New, login, nil, keyInfo, sha256.Size)
	return hex.EncodeToString(key), err
}

// seal makes of next what only those can open who have the login.
func seal(login, next []byte) ([]byte, error) {
	sealer, err := sealerOf(login)
	if err != nil {
		return nil, err
	}
	return sealer.Seal(nil, nil, next, nil), nil
}

// unseal returns what was sealed for a login; an error if it was not, or was changed.
func unseal(login, sealed []byte) ([]byte, error) {
	sealer, err := sealerOf(login)
	if err != nil {
		return nil, err
	}
	return sealer.Open(nil, nil, sealed, nil)
}

func sealerOf(login []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, login, nil, sealInfo, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
