//go:build !windows

package backend

import "syscall"

func notEmpty() []syscall.Errno { return []syscall.Errno{syscall.ENOTEMPTY} }
