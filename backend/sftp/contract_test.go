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
	backendtest.Run(t, func(tb testing.TB) backend.Backend { return s.open(tb, tb.TempDir()) })
}
