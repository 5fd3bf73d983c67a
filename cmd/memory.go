package cmd

import (
	"os"
	"runtime/debug"
)

// leanHeap makes the garbage collector run when the heap has grown by half
// instead of doubled. A server on somebody's small machine should stay small
// when thousands of connections come, and the work it does is waiting for the
// network; what the collector takes is not noticed. GOGC overrules it.
func leanHeap() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
