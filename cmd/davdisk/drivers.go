package main

import (
	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/backend/yandex"
)

// drivers are all the stores that davdisk knows. A new one is added here, and
// its options become flags, variables and configuration by that.
func drivers() []backend.Driver {
	return []backend.Driver{yandex.Driver(), local.Driver(), memory.Driver()}
}

// defaultRemote is what a command works on that is told nothing.
const defaultRemote = "yandex:"
