package cmd

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// TestOwnCertificateIsKeptWhileItFits: a client that was told to trust it need
// not be told again, until it lapses or is damaged.
func TestOwnCertificateIsKeptWhileItFits(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	print := func(dir string, now time.Time) string {
		t.Helper()
		cert, err := ownCertificate(dir, now)
		if err != nil {
			t.Fatal(err)
		}
		return fingerprint(cert)
	}
	first := print(dir, now)
	if got := print(dir, now.Add(29*24*time.Hour)); got != first {
		t.Error("it is another after four weeks")
	}
	if print(t.TempDir(), now) == first || print("", now) == print("", now) { //nolint:staticcheck // each call makes another
		t.Error("two that are not kept are the same")
	}
	file := filepath.Join(dir, "self-signed.pem")
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the key is kept as %v, %v", info, err)
	}
	late := now.Add(31 * 24 * time.Hour)
	second := print(dir, late)
	if second == first || print(dir, late) != second {
		t.Error("what has lapsed is not replaced once")
	}
	if err := os.WriteFile(file, []byte("-----BEGIN CERTIFICATE-----\nbroken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if third := print(dir, now); third == second || print(dir, now) != third {
		t.Error("what is damaged is not replaced once")
	}
}
