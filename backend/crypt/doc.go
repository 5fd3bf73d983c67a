// Package crypt is a store whose files and names are encrypted in another
// store, in the format of rclone's crypt remote: either program reads what the
// other has written.
//
//	b, err := crypt.New(ctx, inner, crypt.Options{Password: "correct horse"})
//	if err != nil { … } // the password is wrong, for example
//	defer b.Close()
//
// # The format
//
// https://rclone.org/crypt describes it. Scrypt (N=16384, r=8, p=1) makes 80
// bytes of the password, salted with the second password or, without one, with
// 16 bytes that are the same for everybody: the key of the content, the key of
// the names and the tweak of the names.
//
// A file is 8 bytes "RCLONE\0\0" and a nonce of 24 random bytes, then blocks of
// 64 KiB, the last one shorter, each sealed by NaCl's secretbox (XSalsa20 and
// Poly1305), which adds 16 bytes. The nonce of a block is that of the one before
// plus one, the first byte being the lowest. So the size of the content follows
// from that of the file, and any block can be read without those before it.
//
// A base name is padded to a multiple of 16 bytes (PKCS #7), encrypted with
// AES-256 in EME mode, which is the same for the same name everywhere, and
// written in base32 (of RFC 4648 with the extended hex alphabet, lower case,
// unpadded), base64 (for URLs, unpadded) or base32768. If a file has a name with
// a time in the form "-v2006-01-02-150405-000" before its extension, which is how
// rclone shows the old versions of some stores, the time stays readable, at the
// end. Without encryption of names, the name of a file gets the extension ".bin"
// and that of a folder stays.
//
// # What is shown
//
// An entry whose name does not decrypt is left out of listings, with one warning
// in the log for each folder. A folder that holds such an entry, at any depth, is
// not removed (backend.ErrNotEmpty), because the caller has not seen it. A file
// of a size that no encrypted file can have is listed with an error.
//
// # What is not protected
//
// The store sees the sizes of files, their times and the shape of the tree; equal
// names are equal for it. The format does not tell a file that was cut between
// two blocks from a shorter one, and a whole file that was replaced by an older
// one of its own from the current one. Any other change of a byte is an error.
//
// Properties of files are not offered, because the store would see them.
package crypt
