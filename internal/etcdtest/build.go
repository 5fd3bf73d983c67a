// Package etcdtest runs etcd, of one node or several, on this machine.
package etcdtest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/davdisk/davdisk/internal/testtool"
)

// Version is that of etcd, as in server.mod.
const Version = "v3.7.3"

// server.mod and server.sum are a module whose only purpose is to build the
// server with known dependencies: it cannot be installed by its version, since
// its go.mod has replacements, and the program's own module is to have none of
// what it needs.
var (
	//go:embed server.mod
	mod []byte
	//go:embed server.sum
	sum []byte
)

// binary builds etcd once, in the cache folder of the user. That takes minutes.
func binary(tb testing.TB) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	dir := filepath.Join(cache, "davdisk-test", "etcd-"+Version)
	bin := filepath.Join(dir, "etcd")
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	fresh, err := os.MkdirTemp(dir, "build-") // another package may build it too
	if err != nil {
		tb.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	for name, content := range map[string][]byte{"go.mod": mod, "go.sum": sum} {
		if err := os.WriteFile(filepath.Join(fresh, name), content, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "etcd", "go.etcd.io/etcd/server/v3")
	build.Dir = fresh
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		if testtool.Required() {
			tb.Fatalf("etcd is not built: %v\n%s", err, out)
		}
		tb.Skipf("etcd is not built here: %v\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(fresh, "etcd"), bin); err != nil {
		tb.Fatal(err)
	}
	return bin
}
