// Command davdisk serves a cloud disk over WebDAV as if it were a local one,
// and works on it from the command line.
//
// Each command has a file of its own. What they share: app.go lists them,
// args.go and flags.go read the command line, session.go opens what addresses
// name, stack.go puts the parts of a share together, exit.go ends.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

// run is the whole program and returns its exit code. The first signal asks
// it to finish what it is doing, a second one ends it at once.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	app := newApp(os.Stdin, os.Stdout, os.Stderr)
	args, err := orderArgs(app, os.Args)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	return exit(os.Stderr, err)
}
