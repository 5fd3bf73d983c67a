package cmd

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

func (p program) propsCommand() *cli.Command {
	return &cli.Command{
		Name:        "props",
		Usage:       "show or change custom properties of a file or folder",
		ArgsUsage:   "PATH [NAME=VALUE …]",
		Description: "   davdisk props yandex:plan.txt state=draft --remove author",
		Flags: p.withStores(
			listFlag("remove", "remove the property `NAME`; repeatable"),
			jsonFlag(),
		),
		Action: p.withSession(func(s *session, args []string) error {
			set := map[string]string{}
			for _, arg := range args[1:] {
				name, value, ok := strings.Cut(arg, "=")
				if !ok || name == "" {
					return misuse("%q is no property; write NAME=VALUE", arg)
				}
				set[name] = value
			}
			t, err := s.target(args[0])
			if err != nil {
				return err
			}
			if err := s.checkSlash(t); err != nil {
				return err
			}
			if remove := s.c.StringSlice("remove"); len(set)+len(remove) > 0 {
				return s.setProps(t, set, remove)
			}
			return s.showProps(t)
		}),
	}
}

func (s *session) setProps(t target, set map[string]string, remove []string) error {
	for _, name := range remove {
		if _, both := set[name]; both {
			return misuse("the property %q cannot be set and removed at once", name)
		}
	}
	err := named(backend.SetProperties(s.ctx, t, t.name, set, remove), t)
	if errors.Is(err, backend.ErrTooLarge) {
		err = language.Errorf("%s", quotedError{err}) // the advice for files does not fit
	}
	return err
}

func (s *session) showProps(t target) error {
	props, err := backend.Properties(s.ctx, t, t.name)
	if err != nil {
		return named(err, t)
	}
	out := s.out()
	if s.c.Bool("json") {
		return writeJSON(out, props)
	}
	for _, name := range slices.Sorted(maps.Keys(props)) {
		fmt.Fprintf(out, "%s=%s\n", out.Name(name), out.Name(props[name]))
	}
	return nil
}
