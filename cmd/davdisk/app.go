package main

import (
	"io"

	"github.com/urfave/cli/v2"
)

// newApp lists the commands.
func newApp(in io.Reader, out, errs io.Writer) *cli.App {
	app := &cli.App{
		Name:            "davdisk",
		Usage:           "a cloud disk as a WebDAV share, and from the command line",
		Description:     "Paths are REMOTE:PATH, where REMOTE is a configured remote or a driver (yandex:Docs), or paths of this machine.\nFlags may stand anywhere; what follows -- is never a flag. Every flag has a variable DAVDISK_… and a place in the\nconfiguration file, which 'davdisk config path' names. DAVDISK_TOKEN alone is a login.\n\nExit codes: 0 done, 1 failed, 2 misused, 3 not found, 4 not logged in.",
		Reader:          in,
		Writer:          out,
		ErrWriter:       errs,
		HideVersion:     true,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // see exit
		Commands: []*cli.Command{
			serveCommand(),
			loginCommand(), logoutCommand(), aboutCommand(),
			lsCommand(), treeCommand(), statCommand(), catCommand(), duCommand(),
			cpCommand(), mvCommand(), rmCommand(), mkdirCommand(),
			linkCommand(), propsCommand(), filesCommand(),
			shareCommand(), unshareCommand(), sharedCommand(), publicCommand(), saveURLCommand(), trashCommand(),
			remotesCommand(), configCommand(), tokenCommand(), queueCommand(),
			checkCommand(), emulatorCommand(), completionCommand(), versionCommand(),
		},
	}
	equip(app.Commands)
	return app
}

// equip gives every command what all of them have.
func equip(commands []*cli.Command) {
	for _, c := range commands {
		c.HideHelpCommand = true
		c.OnUsageError = func(c *cli.Context, err error, _ bool) error {
			return misuse("%v; 'davdisk %s --help' tells what it takes", err, commandPath(c))
		}
		if len(c.Subcommands) > 0 {
			equip(c.Subcommands)
			continue
		}
		c.Flags = append(c.Flags, commonFlags()...)
		c.Before = fillFromConfig
	}
}
