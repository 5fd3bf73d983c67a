package conformance

import (
	"os"
	"runtime"
)

// notUnder is for the cases about the root itself.
func notUnder(c *config) string {
	if c.under != nil {
		return "the suite works below a directory here, and this is about the root"
	}
	return ""
}

// notReadOnly is for the cases about a sealed file system.
func notReadOnly(c *config) string {
	if c.readOnly == nil {
		return "it is about read-only file systems, and this one is not declared to be one"
	}
	return ""
}

// notFaulty is for the cases that break what the file system stands on.
func notFaulty(c *config) string {
	if c.faulty == nil {
		return "there is nothing that could be broken: no option Faulty"
	}
	return ""
}

// unlimited is for the cases about a largest file.
func unlimited(c *config) string {
	if c.limits.FileSize == 0 {
		return "no largest file is declared"
	}
	return ""
}

// longOnly is for the cases that move more bytes than a quick run wants.
func longOnly(c *config) string {
	if !c.long {
		return "heavy; it runs with the option Long"
	}
	return ""
}

// asRoot is for the cases about permissions, which do not bind root.
func asRoot(*config) string {
	if os.Geteuid() == 0 {
		return "permissions do not bind root, who runs this"
	}
	return ""
}

// onWindows is for the cases that its rules for names do not allow.
func onWindows(*config) string {
	if runtime.GOOS == "windows" {
		return "Windows has other rules for names"
	}
	return ""
}

// roomFor skips a case that needs a larger file than the store can hold.
func (t *rig) roomFor(size int64) {
	if limit := t.suite.limits.FileSize; limit > 0 && size > limit {
		t.Skipf("the largest file is declared to have %d bytes", limit)
	}
}
