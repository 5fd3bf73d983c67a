package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/davdisk/internal/terminal"
)

func statCommand() *cli.Command {
	return &cli.Command{
		Name:      "stat",
		Usage:     "describe a file or a folder",
		ArgsUsage: "PATH",
		Flags:     withStores(jsonFlag()),
		Action: withSession(func(s *session) error {
			args, err := arguments(s.c, 1, 1)
			if err != nil {
				return err
			}
			t, err := s.target(args[0])
			if err != nil {
				return err
			}
			info, err := s.stat(t)
			if err != nil {
				return err
			}
			return s.describe(t.address, info)
		}),
	}
}

// describe tells all that is known of one entry.
func (s *session) describe(address string, info backend.Info) error {
	if s.c.Bool("json") {
		return writeJSON(s.out(), newEntryJSON(address, info))
	}
	size := ""
	if !info.Dir {
		size = fmt.Sprintf("%d bytes (%s)", info.Size, terminal.Size(info.Size))
	}
	printFields(s.out(),
		field{"path", address}, field{"kind", kindOf(info)}, field{"size", size},
		field{"modified", exactly(info.ModTime)}, field{"created", exactly(info.Created)},
		field{"content type", info.ContentType}, field{"md5", info.MD5}, field{"sha256", info.SHA256},
		field{"version", info.Version}, field{"id", info.ID}, field{"public", info.Public},
	)
	return nil
}

// exactly tells a time with its zone; nothing if it is unknown.
func exactly(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.RFC3339)
}
