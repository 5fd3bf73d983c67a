// Package cmd is the command line of davdisk as a library: a program with a
// store of its own is a call of [Main] with one driver more.
//
// Each command has a file of its own. What they share: app.go lists them,
// args.go and flags.go read the command line, session.go opens what addresses
// name, stack.go puts the parts of a share together, exit.go ends.
package cmd

import (
	"context"
	"errors"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

// Main runs the command line in os.Args and returns the exit code: 0 done,
// 1 failed, 2 misused, 3 not found, 4 not logged in, 10 a code is pending,
// 11 it has expired, 12 access was denied, 130 interrupted. It reads the standard
// input, writes to the standard output and standard error, and ends early on
// an interrupt or SIGTERM, so a program calls it once, from its main function:
//
//	func main() { os.Exit(cmd.Main(mystore.Driver())) }
//
// The drivers are added to those of davdisk ("davdisk drivers" lists them). The
// options of each become flags of every command that opens a store
// (--mystore-url), environment variables (DAVDISK_MYSTORE_URL) and keys of the
// configuration file; an option that is a secret has the variable and a flag
// that names a file (--mystore-key-file). A driver whose name is taken or could
// not begin an address, or whose option would be a flag that exists, is reported on
// standard error, and the exit code is 2.
func Main(drivers ...backend.Driver) int {
	ctx, stop := untilSignal()
	defer stop()
	ctx, stopped := underManager(ctx)
	defer stopped()
	forgetEmptyVariables()
	p, err := newProgram(drivers...)
	lang, langErr := language.Preferred(os.Getenv, language.System())
	switch {
	case err != nil || langErr != nil:
		err = errors.Join(err, langErr)
	case asksForCompletion(os.Args):
		err = p.complete(ctx, os.Stdout, os.Args[2:])
	default:
		p.lang = lang
		err = execute(ctx, p.newApp(os.Stdin, os.Stdout, os.Stderr), os.Args)
	}
	code := exitIn(lang, os.Stderr, err)
	if err != nil && ctx.Err() != nil {
		code = exitInterrupted
	}
	return code
}

// execute runs a command line.
func execute(ctx context.Context, app *cli.App, args []string) error {
	args, err := orderArgs(app, args)
	if err != nil {
		return err
	}
	out := newWritten(app.Writer) // also what the library prints, such as help
	app.Writer = out
	return checkWritten(out, app.RunContext(ctx, args))
}
