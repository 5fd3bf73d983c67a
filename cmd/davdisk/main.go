// Command davdisk serves a cloud disk over WebDAV as if it were a local one,
// and works on it from the command line.
package main

import (
	"os"

	"github.com/davdisk/davdisk/cmd"
)

func main() { os.Exit(cmd.Main()) }
