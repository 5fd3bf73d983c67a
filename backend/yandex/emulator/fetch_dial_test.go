package emulator

import (
	"errors"
	"testing"
)

func TestOnlyThisMachineIsFetched(t *testing.T) {
	for _, address := range []string{"127.0.0.1:80", "127.9.9.9:1", "[::1]:80", "[::ffff:127.0.0.1]:80"} {
		if err := onlyLoopback(t.Context(), "tcp", address, nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"192.0.2.1:80", "10.0.0.1:80", "169.254.169.254:80", "[fe80::1]:80", "0.0.0.0:80", "[::ffff:192.0.2.1]:80"} {
		if err := onlyLoopback(t.Context(), "tcp", address, nil); !errors.Is(err, errNotLocal) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := onlyLoopback(t.Context(), "tcp", "nonsense", nil); err == nil {
		t.Error("no error")
	}
}
