package backend

import "syscall"

// notEmpty includes the number that Windows has for it, which package os does
// not translate.
func notEmpty() []syscall.Errno {
	return []syscall.Errno{syscall.ENOTEMPTY, syscall.ERROR_DIR_NOT_EMPTY}
}
