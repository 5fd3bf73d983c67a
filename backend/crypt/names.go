package crypt

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/rfjakob/eme"

	"github.com/davdisk/davdisk/backend"
)

// maxEncrypted is the longest name that EME encrypts, in bytes with the padding.
const maxEncrypted = 128 * aes.BlockSize

// plainExtension is what a file gets whose name is not encrypted.
const plainExtension = ".bin"

// names translates names. What a base name becomes may depend on whether it is
// that of a file or of a folder.
type names struct {
	block        cipher.Block // nil: names are not encrypted
	tweak        []byte
	encoding     encoding
	bits         int // that a byte of an encoded name holds
	plainFolders bool
}

func newNames(k keys, opts Options) (*names, error) {
	n := &names{tweak: k.tweak[:], plainFolders: opts.PlainFolders}
	var err error
	if n.encoding, n.bits, err = newEncoding(opts.FilenameEncoding); err != nil {
		return nil, err
	}
	switch opts.FilenameEncryption {
	case "", "standard":
		n.block, err = aes.NewCipher(k.names[:])
	case "off":
		n.plainFolders = true
	case "obfuscate":
		err = fmt.Errorf("filename encryption %q hides nothing and is not supported; there are standard and off", opts.FilenameEncryption)
	default:
		err = fmt.Errorf("%q is no filename encryption; there are standard and off", opts.FilenameEncryption)
	}
	return n, err
}

// file returns the name in the store of a file.
func (n *names) file(op, name string) (string, error) {
	dir, base := path.Split(name)
	base, ok := n.fileBase(base)
	if !ok {
		return "", unholdable(op, name)
	}
	dir, err := n.folder(op, path.Clean(dir))
	return path.Join(dir, base), err
}

// folder returns the name in the store of a folder.
func (n *names) folder(op, name string) (string, error) {
	if n.plainFolders || name == "." {
		return name, nil
	}
	parts := strings.Split(name, "/")
	for i := range parts {
		var ok bool
		if parts[i], ok = n.folderBase(parts[i]); !ok {
			return "", unholdable(op, name)
		}
	}
	return path.Join(parts...), nil
}

func unholdable(op, name string) error {
	return backend.PathError(op, name, fs.ErrInvalid, "the format of rclone's crypt holds no such name")
}

// fileBase returns the base name that a file has in the store. It reports false
// if the format has none for it.
func (n *names) fileBase(base string) (string, bool) {
	if n.block == nil {
		return base + plainExtension, true
	}
	rest, stamp := cutStamp(base)
	encrypted, ok := n.encrypt(rest)
	if !ok {
		return "", false
	}
	encrypted = addStamp(encrypted, stamp)
	if stamp == "" {
		return encrypted, true
	}
	// Two names may become one, and then one of them cannot be had.
	back, ok := n.decryptFile(encrypted)
	return encrypted, ok && back == base
}

// folderBase is fileBase for a folder.
func (n *names) folderBase(base string) (string, bool) {
	if n.plainFolders {
		return base, true
	}
	return n.encrypt(base)
}

// plainBase returns the name to show for an entry of the store. It reports
// false if that is not the name of anything.
func (n *names) plainBase(base string, dir bool) (string, bool) {
	var plain string
	ok := true
	switch {
	case dir && n.plainFolders:
		plain = base
	case n.block == nil:
		plain, ok = strings.CutSuffix(base, plainExtension)
	case dir:
		plain, ok = n.decrypt(base)
	default:
		plain, ok = n.decryptFile(base)
	}
	if !ok || plain == "." || strings.Contains(plain, "/") || backend.CheckName("list", plain) != nil {
		return "", false
	}
	// A name that stands for another one, such as one in capitals, would be
	// listed and then not found.
	again, ok := n.folderBase(plain)
	if !dir {
		again, ok = n.fileBase(plain)
	}
	return plain, ok && again == base
}

func (n *names) decryptFile(base string) (string, bool) {
	rest, stamp := cutStamp(base)
	plain, ok := n.decrypt(rest)
	if !ok || stamp == "" {
		return plain, ok
	}
	return addStamp(plain, stamp), true
}

// encrypt encrypts one name. It reports false if that is too long.
func (n *names) encrypt(name string) (string, bool) {
	if name == "" {
		return "", true // what is left of some names without their stamp
	}
	padding := aes.BlockSize - len(name)%aes.BlockSize
	padded := append([]byte(name), bytes.Repeat([]byte{byte(padding)}, padding)...)
	if len(padded) > maxEncrypted {
		return "", false
	}
	return n.encoding.EncodeToString(eme.Transform(n.block, n.tweak, padded, eme.DirectionEncrypt)), true
}

// decrypt reports false if base is not what encrypt returns with these keys.
func (n *names) decrypt(base string) (string, bool) {
	if base == "" {
		return "", true
	}
	data, err := n.encoding.DecodeString(base)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 || len(data) > maxEncrypted {
		return "", false
	}
	padded := eme.Transform(n.block, n.tweak, data, eme.DirectionDecrypt)
	padding := int(padded[len(padded)-1])
	if padding == 0 || padding > aes.BlockSize {
		return "", false
	}
	plain := padded[:len(padded)-padding]
	if !bytes.Equal(padded[len(plain):], bytes.Repeat([]byte{byte(padding)}, padding)) || len(plain) == 0 {
		return "", false
	}
	return string(plain), true
}
