package testport_test

import (
	"net"
	"slices"
	"strconv"
	"testing"

	"github.com/davdisk/davdisk/internal/testport"
)

// TestAddresses: they are free, different, and none that the system gives to others.
func TestAddresses(t *testing.T) {
	all := append(testport.Addresses(t, 300), net.JoinHostPort("127.0.0.1", strconv.Itoa(testport.Free(t))))
	for _, address := range all {
		_, text, _ := net.SplitHostPort(address)
		if port, err := strconv.Atoi(text); err != nil || port < 10000 || port >= 30000 {
			t.Errorf("%s may be given away", address)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Errorf("it is not free: %v", err)
			continue
		}
		l.Close()
	}
	slices.Sort(all[:300])
	if len(slices.Compact(all[:300])) != 300 {
		t.Error("some are one")
	}
}
