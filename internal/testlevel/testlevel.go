// Package testlevel reports how much of the tests runs, by the environment
// variable DAVDISK_TEST, which is read nowhere else:
//
//	unset  what every change must pass, in minutes: make test
//	more   also what drives desktop programs or needs packages of hundreds of
//	       megabytes: make test-more
//	long   everything, and nothing shortened: make test-long
//
// A test that belongs to a higher level calls NeedMore or NeedLong in its first
// lines. scripts/more-tests finds the callers of NeedMore in the source, so
// that make test-more runs them alone.
package testlevel

import (
	"os"
	"testing"
)

const variable = "DAVDISK_TEST"

// NeedMore skips the test below the level more.
func NeedMore(tb testing.TB) {
	tb.Helper()
	if level := os.Getenv(variable); level != "more" && level != "long" {
		tb.Skipf("only with %s=more, as make test-more does", variable)
	}
}

// NeedLong skips the test below the level long.
func NeedLong(tb testing.TB) {
	tb.Helper()
	if !Long() {
		tb.Skipf("only with %s=long, as make test-long does", variable)
	}
}

// Long reports whether nothing is to be shortened.
func Long() bool { return os.Getenv(variable) == "long" }
