// Command example is davdisk with one more store: a tree of files kept in a
// JSON file.
package main

import (
	"os"

	"github.com/davdisk/davdisk/cmd"
)

func main() { os.Exit(cmd.Main(driver())) }
