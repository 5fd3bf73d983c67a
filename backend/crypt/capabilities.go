package crypt

import (
	"crypto/aes"
	"fmt"

	"github.com/davdisk/davdisk/backend"
)

// Capabilities implements backend.Declarer: those of the store below, but for
// the names.
func (s *store) Capabilities() backend.Capabilities {
	c := backend.CapabilitiesOf(s.inner)
	c.Names = s.names.held(c.Names)
	return c
}

// held are the names that fit into a store which holds those below. An encrypted
// name is longer and has none of the characters that stores refuse.
func (n *names) held(below backend.Names) backend.Names {
	longest := below.MaxBytes
	if longest == 0 {
		longest = 255
	}
	most := longest - len(plainExtension)
	why := "the names of files get the extension " + plainExtension
	held := below
	if n.block != nil {
		most = longest * n.bits / 8 / aes.BlockSize * aes.BlockSize
		most = min(most, maxEncrypted) - 1 // of padding, at least
		why = fmt.Sprintf("encrypted names are longer, and the store below has room for %d bytes", longest)
		if !n.plainFolders {
			held = backend.Names{}
		}
	}
	held.MaxBytes = most
	if below.MaxPath > 0 {
		held.MaxPath = below.MaxPath * most / (longest + 1)
	}
	if held.Why != "" {
		why = held.Why + "; " + why
	}
	held.Why = why
	return held
}
