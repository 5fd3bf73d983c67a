package crypt

import (
	"golang.org/x/crypto/nacl/secretbox"

	"github.com/davdisk/davdisk/backend"
)

// The sizes of the format, in bytes.
const (
	magic       = "RCLONE\x00\x00"
	headerSize  = int64(len(magic) + len(nonce{}))
	blockSize   = int64(64 << 10)
	sealedBlock = blockSize + secretbox.Overhead
)

// sealedSize returns the size of a file in the store.
func sealedSize(plain int64) int64 {
	return headerSize + plain + (plain+blockSize-1)/blockSize*secretbox.Overhead
}

// plainSize returns the size of the content of a file with a size in the store.
// It reports false if no content has that size.
func plainSize(sealed int64) (int64, bool) {
	blocks := sealed - headerSize
	if blocks < 0 {
		return 0, false
	}
	last := blocks % sealedBlock
	if last != 0 {
		last -= secretbox.Overhead
		if last <= 0 {
			return 0, false
		}
	}
	return blocks/sealedBlock*blockSize + last, true
}

// nonce is that of a block.
type nonce [24]byte

// plus returns the nonce of the block that is n later.
func (v nonce) plus(n int64) nonce {
	carry := uint64(n)
	for i := 0; i < len(v) && carry > 0; i++ {
		carry += uint64(v[i])
		v[i] = byte(carry)
		carry >>= 8
	}
	return v
}

// parseHeader returns the nonce of the first block.
func parseHeader(header []byte) (n nonce, ok bool) {
	if int64(len(header)) != headerSize || string(header[:len(magic)]) != magic {
		return n, false
	}
	copy(n[:], header[len(magic):])
	return n, true
}

// damaged is the error for a file that is not as it was written. It exists, so
// this is never fs.ErrNotExist.
func damaged(op, name, what string) error {
	return backend.PathError(op, name, backend.ErrUnavailable, what+": it is damaged, or encrypted with another password")
}
