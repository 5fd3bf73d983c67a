// Command davdisk serves a cloud disk over WebDAV as if it were a local one,
// and works on it from the command line.
//
// Each command has a file of its own. What they share: app.go lists them,
// args.go and flags.go read the command line, session.go opens what addresses
// name, stack.go puts the parts of a share together, exit.go ends.
package main

import "os"

func main() { os.Exit(run()) }

// run is the whole program and returns its exit code.
func run() int {
	ctx, stop := untilSignal()
	defer stop()
	forgetEmptyVariables()
	app := newApp(os.Stdin, os.Stdout, os.Stderr)
	args, err := os.Args, error(nil)
	if !asksForCompletion(args) {
		args, err = orderArgs(app, args)
	}
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	return exit(os.Stderr, err)
}
