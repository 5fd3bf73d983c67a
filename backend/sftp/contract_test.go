package sftp

import (
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
)

// TestContract shows that a store on Debian's sshd is what package backend asks
// for.
func TestContract(t *testing.T) {
	s := newSSHD(t)
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend { return s.open(tb, tb.TempDir()) },
		backendtest.Unseen("NoConditionalPut", "the conditions are checked again just before the renaming"))
}
