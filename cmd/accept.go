package cmd

import (
	"github.com/davdisk/davdisk/backend"
)

// acceptStore refuses what would lose files in a store that lacks something. One
// that may lose a file when it is replaced is served read-only, unless that is
// accepted.
func (h *share) acceptStore(b backend.Backend) error {
	c := h.s.c
	lacks := backend.CapabilitiesOf(b).NoAtomicOverwrite
	accepted := c.Bool("accept-unsafe-writes")
	if accepted && c.Bool("read-only") {
		return misuse("--accept-unsafe-writes and --read-only contradict each other")
	}
	if c.Bool("write-back") {
		if lacks != "" {
			return misuse("--write-back is not for this store, which may lose a file when it is replaced: %s", lacks)
		}
		if _, err := backend.VersionOf(b, ""); err != nil {
			return misuse("--write-back is not for this store: what it will call the version of a file is known only once it is stored, and clients want to know before")
		}
	}
	if lacks != "" && !accepted && !c.Bool("read-only") {
		h.readOnly = lacks
	}
	return nil
}
