package cmd

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) statCommand() *cli.Command {
	return &cli.Command{
		Name:      "stat",
		Usage:     "show details of a file or folder",
		ArgsUsage: "PATH",
		Flags:     p.withStores(jsonFlag()),
		Action: p.withTarget(func(s *session, t target) error {
			info, err := s.stat(t)
			if err != nil {
				return err
			}
			return s.describe(t.address, info)
		}),
	}
}

// describe prints all that is known of one entry.
func (s *session) describe(address string, info backend.Info) error {
	if s.c.Bool("json") {
		return writeJSON(s.out(), newEntryJSON(address, info))
	}
	size := ""
	if !info.Dir {
		size = counted(info.Size, "byte").In(s.lang)
		if info.Size >= 1024 {
			size += " (" + terminal.Size(info.Size) + ")"
		}
	}
	s.printFields(s.out(),
		field{"path", address}, field{"name", nameBeside(address, info.Name)}, field{"kind", s.lang.Text(kindOf(info))}, field{"size", size},
		field{"modified", exactly(info.ModTime)}, field{"created", exactly(info.Created)},
		field{"content type", info.ContentType}, field{"md5", info.MD5}, field{"sha256", info.SHA256},
		field{"version", info.Version}, field{"id", info.ID}, field{"public", info.Public},
	)
	return nil
}

// nameBeside is a name that is not in the address.
func nameBeside(address, name string) string {
	if name == "." || strings.HasSuffix(strings.TrimSuffix(address, "/"), name) {
		return ""
	}
	return name
}

// counted is a number of things: "1 file", "2 files".
func counted[N int | int64](n N, thing string) language.Count {
	return language.Count{N: int64(n), Noun: thing}
}

// exactly formats a time with its zone; nothing if it is unknown.
func exactly(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.RFC3339)
}
