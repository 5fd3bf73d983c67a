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

// Binary builds etcd once and returns its path. That takes minutes.
func Binary(tb testing.TB) string {
	tb.Helper()
	return testtool.Build(tb, "etcd", Version, func(dir string) *exec.Cmd {
		for name, content := range map[string][]byte{"go.mod": mod, "go.sum": sum} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				tb.Fatal(err)
			}
		}
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "etcd", "go.etcd.io/etcd/server/v3")
		build.Dir = dir
		build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
		return build
	})
}
