package cmd

import (
	"log/slog"

	"github.com/urfave/cli/v2"
)

// newLog writes to standard error. A command that runs once has only errors to
// tell, unless more is asked for; a server also tells what it does.
func newLog(c *cli.Context) *slog.Logger {
	level := slog.LevelError
	if c.Command.Name == "serve" || c.Command.Name == "emulator" {
		level = slog.LevelInfo
	}
	switch {
	case c.Bool("quiet"):
		level = slog.LevelError
	case c.Bool("verbose"):
		level = slog.LevelDebug
	}
	options := &slog.HandlerOptions{Level: level}
	if c.String("log-format") == "json" {
		return slog.New(slog.NewJSONHandler(c.App.ErrWriter, options))
	}
	return slog.New(slog.NewTextHandler(c.App.ErrWriter, options))
}
