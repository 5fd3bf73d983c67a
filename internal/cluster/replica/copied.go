package replica

import (
	"fmt"

	"github.com/davdisk/davdisk/internal/cluster"
)

// A virtual machine that is copied while it runs has the same process twice, of the
// same membership, and each goes on to number its entries where the other does.
// Whoever sees an entry of its own membership that it has not made ends that: it
// cannot tell what of its own counts. The other may not notice, and remains.

// errCopied refuses to join.
var errCopied = fmt.Errorf("%w, and begins none as long as it runs: another process works in its name, as if this machine was copied while it ran; give each gateway a state folder of its own, and start this one again", cluster.ErrExpelled)

// copied ends what this process does in its name; mu is held.
func (e *Engine) copied() {
	if e.isCopied {
		return
	}
	e.isCopied = true
	// The process that works in this one's name may be on a machine with the same
	// boot ID and files. The next one here must not take it for gone.
	err := e.self.forgetBoot()
	e.cfg.Log.Error("another process works in the name of this gateway, as if this machine was copied while it ran; this one changes nothing until it is started again with a state folder of its own", "error", err)
	if m := e.member; m != nil {
		m.end()
		m.joined.resolve(0, errCopied)
		m.numbers.resolveAll(cluster.ErrUnknownOutcome, func(uint64) bool { return true })
	}
	e.notify()
}
