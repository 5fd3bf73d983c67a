package cmd

import (
	"io"

	"github.com/urfave/cli/v2"
)

// newApp lists the commands.
func (p program) newApp(in io.Reader, out, errs io.Writer) *cli.App {
	app := &cli.App{
		Name:            "davdisk",
		Usage:           "serve a cloud disk over WebDAV, and work on it from the command line",
		Description:     "Paths are REMOTE:PATH, where REMOTE is a configured remote or a driver (yandex:Docs), or paths of this machine.\nFlags may stand anywhere; what follows -- is never a flag. Every flag has a variable DAVDISK_… and a place in the\nconfiguration file, which 'davdisk config path' names. DAVDISK_TOKEN alone is a login.\n\nExit codes: 0 done, 1 failed, 2 misused, 3 not found, 4 not logged in,\n10 a code is pending, 11 it has expired, 12 access was denied, 130 interrupted.",
		Reader:          in,
		Writer:          out,
		ErrWriter:       errs,
		HideVersion:     true,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // see exitIn
		Commands: []*cli.Command{
			p.serveCommand(), p.serviceCommand(), p.clusterCommand(),
			p.loginCommand(), p.logoutCommand(), p.aboutCommand(), p.doctorCommand(),
			p.lsCommand(), p.treeCommand(), p.statCommand(), p.catCommand(), p.duCommand(),
			p.cpCommand(), p.mvCommand(), p.syncCommand(), p.compareCommand(), p.rmCommand(), p.mkdirCommand(),
			p.linkCommand(), p.propsCommand(), p.filesCommand(),
			p.shareCommand(), p.unshareCommand(), p.sharedCommand(), p.publicCommand(), p.saveURLCommand(), p.trashCommand(),
			p.remotesCommand(), p.driversCommand(), p.configCommand(), p.tokenCommand(), p.queueCommand(),
			p.checkCommand(), emulatorCommand(), completionCommand(), versionCommand(), healthCommand(), p.manCommand(),
		},
	}
	p.equip(app.Commands)
	translateHelp(app, p.lang)
	return app
}

// equip gives every command what all of them have.
func (p program) equip(commands []*cli.Command) {
	for _, c := range commands {
		c.HideHelpCommand = true
		c.OnUsageError = func(c *cli.Context, err error, _ bool) error {
			return misuse("%v; see 'davdisk %s --help'", flagError(err), commandPath(c))
		}
		if len(c.Subcommands) > 0 {
			p.equip(c.Subcommands)
			continue
		}
		if c.Action != nil {
			c.Action = withWritten(c.Action)
		}
		if c.Action != nil && !printsNothing(c.Name) {
			c.Flags = append(c.Flags, outputFlag())
			c.Action = withOutput(c.Action)
		}
		c.Flags = append(c.Flags, commonFlags()...)
		c.Before = p.fillFromConfig
	}
}
