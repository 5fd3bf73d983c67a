// Package testport finds ports for servers that do not choose one themselves.
// The system gives ports of the upper half to those that listen on port 0 or
// connect to something, perhaps the one that was free a moment ago: those found
// here it gives to nobody, and a server that is killed gets its port again.
package testport

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// first and last are below what Linux, macOS and Windows give away.
const first, last = 10000, 29999

const tries = 1000

// Free returns a port of 127.0.0.1 that nothing listens on.
func Free(tb testing.TB) int {
	tb.Helper()
	l := listen(tb)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Addresses returns different addresses, each HOST:PORT, that nothing listens on.
func Addresses(tb testing.TB, count int) []string {
	tb.Helper()
	var all []string
	for range count {
		l := listen(tb)
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all
}

func listen(tb testing.TB) net.Listener {
	tb.Helper()
	var err error
	for range tries {
		port := first + rand.IntN(last-first+1)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return l
		}
	}
	tb.Fatalf("no port is free: %v", err)
	return nil
}
