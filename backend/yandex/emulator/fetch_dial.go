package emulator

import (
	"context"
	"net/netip"
	"syscall"
)

// onlyLoopback refuses to connect anywhere but to this machine. It sees the
// resolved address, so that no name can lead elsewhere.
func onlyLoopback(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !at.Addr().Unmap().IsLoopback() {
		return errNotLocal
	}
	return nil
}
