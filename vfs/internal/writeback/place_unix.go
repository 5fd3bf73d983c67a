//go:build unix

package writeback

import (
	"fmt"
	"io/fs"
	"syscall"
)

// placeOf tells a folder from a copy of it.
func placeOf(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d %d", stat.Dev, stat.Ino)
}
