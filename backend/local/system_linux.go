package local

import "syscall"

func statusTime(st *syscall.Stat_t) *syscall.Timespec { return &st.Ctim }
