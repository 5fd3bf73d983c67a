//go:build unix

package replica

import (
	"fmt"
	"io/fs"
	"syscall"
)

// lockedIn adds to a boot ID which file was locked: a copy of the folder has another.
func lockedIn(boot string, info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s %d %d", boot, stat.Dev, stat.Ino)
}
