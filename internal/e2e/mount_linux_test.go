package e2e

import "syscall"

// mount mounts 4 MiB of memory.
func mount(dir string) error { return syscall.Mount("davdisk-test", dir, "tmpfs", 0, "size=4m") }

func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
