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

	"github.com/urfave/cli/v2"
)

func main() { os.Exit(run()) }

// run is the whole program and returns its exit code.
func run() int {
	ctx, stop := untilSignal()
	defer stop()
	forgetEmptyVariables()
	return exit(os.Stderr, execute(ctx, newApp(os.Stdin, os.Stdout, os.Stderr), os.Args))
}

// execute runs a command line, or completes it if a shell asks for that.
func execute(ctx context.Context, app *cli.App, args []string) error {
	if asksForCompletion(args) {
		return complete(app, args[1:len(args)-1])
	}
	args, err := orderArgs(app, args)
	if err != nil {
		return err
	}
	return app.RunContext(ctx, args)
}
