package cmd

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

func (p program) publicCommand() *cli.Command {
	remote := textFlag("remote", defaultRemote, "`REMOTE:` of the service that made the link")
	command := func(name, usage, args string, work func(*session, []string) error, flags ...cli.Flag) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: args, Flags: p.withStores(flags...), Action: p.withSession(work)}
	}
	return &cli.Command{
		Name:  "public",
		Usage: "read public links; only save needs a login",
		Description: "URL is the address that was given out; INNER is a path in a public folder.\n\n" +
			"   davdisk public ls https://disk.yandex.ru/d/… talks\n   davdisk public get https://disk.yandex.ru/d/… talks/first.pdf .",
		Subcommands: []*cli.Command{
			command("stat", "show details of a public file or folder", "URL [INNER]", (*session).publicStat, remote, jsonFlag()),
			command("ls", "list a public folder", "URL [INNER]", (*session).publicList, remote,
				switchFlag("long", "show sizes and times", "l"), switchFlag("recursive", "include subfolders", "R", "r"), jsonFlag()),
			command("link", "print a temporary download link", "URL [INNER]", (*session).publicLink, remote, jsonFlag()),
			command("get", "download to a folder or a new name", "URL [INNER] PATH", (*session).publicGet, remote, overwriteFlag()),
			command("save", "copy to a folder or a new name on your own disk, without downloading", "URL [INNER] REMOTE:PATH", (*session).publicSave),
		},
	}
}

// publicTarget opens what is at a public address. The first argument is the
// address, the second, if there are so many, a path in the folder there.
func (s *session) publicTarget(args []string) (target, error) {
	reader, err := s.publicReader()
	if err != nil {
		return target{}, err
	}
	return s.publicIn(reader, args)
}

// publicIn is publicTarget for a service that is known.
func (s *session) publicIn(reader backend.PublicReader, args []string) (target, error) {
	inner, err := publicInner(args)
	if err != nil {
		return target{}, err
	}
	b, err := reader.Public(s.ctx, args[0])
	if err != nil {
		return target{}, err
	}
	return target{Backend: b, name: ".", root: args[0], address: args[0]}.in(inner), nil
}

// publicInner is the path in a public folder, "." if none is given.
func publicInner(args []string) (string, error) {
	if len(args) < 2 {
		return ".", nil
	}
	inner := path.Clean(strings.TrimLeft(args[1], "/"))
	if err := backend.CheckName("public", inner); err != nil {
		return "", misuse("%q is no path in a public folder", args[1])
	}
	return inner, nil
}

// publicReader is the service, with the login if there is one.
func (s *session) publicReader() (backend.PublicReader, error) {
	remote := strings.TrimSuffix(s.c.String("remote"), ":") + ":"
	b, err := s.backend(remote)
	if errors.Is(err, backend.ErrUnauthorized) {
		b, err = s.anonymous(remote)
	}
	if err != nil {
		return nil, err
	}
	return backend.PublicOf(b)
}

// anonymous opens a remote without a login, if its driver can.
func (s *session) anonymous(remote string) (backend.Backend, error) {
	force := map[string]map[string]string{}
	for _, d := range s.drivers {
		for _, o := range d.Options {
			if o.Name == "anonymous" {
				force[d.Name] = map[string]string{o.Name: "true"}
			}
		}
	}
	r := s.newRegistry(nil)
	if err := s.addRemotes(r, force); err != nil {
		return nil, err
	}
	b, err := r.Open(s.ctx, remote)
	if err == nil {
		s.open["anonymous "+remote] = b
	}
	return b, err
}

func (s *session) publicStat(args []string) error {
	t, err := s.publicTarget(args)
	if err != nil {
		return err
	}
	info, err := s.stat(t)
	if err != nil {
		return err
	}
	if info.Name, err = s.publicName(t); err != nil {
		return err
	}
	return s.describe(t.address, info)
}

func (s *session) publicList(args []string) error {
	t, err := s.publicTarget(args)
	if err != nil {
		return err
	}
	list := func(yield func(visit, error) bool) {
		for v, err := range s.walk(t, s.c.Bool("recursive")) {
			if err == nil && v.target.name == "." { // the address is that of a file
				v.info.Name, err = s.publicName(t)
			}
			if !yield(v, err) {
				return
			}
		}
	}
	return printList(s, list, visit.json, s.lsLine(t))
}

func (s *session) publicLink(args []string) error {
	t, err := s.publicTarget(args)
	if err != nil {
		return err
	}
	return s.printLink(t)
}

// publicGet downloads into a folder, or to a new name.
func (s *session) publicGet(args []string) error {
	from, err := s.publicTarget(args[:len(args)-1])
	if err != nil {
		return err
	}
	to, err := s.target(args[len(args)-1])
	if err != nil {
		return err
	}
	p := pair{from: from, to: to}
	if p.info, err = s.stat(from); err != nil {
		return err
	}
	if p.to, err = s.place(to, func() (string, error) { return s.publicName(from) }); err != nil {
		return err
	}
	if p.replaces, err = s.there(p.to); err != nil {
		return err
	}
	if err := s.checkPair(p); err != nil {
		return err
	}
	j, err := s.plan(p, transfer.Options{Transfers: 4, Replace: s.c.Bool("overwrite"), Force: s.c.Bool("overwrite")})
	if err != nil {
		return err
	}
	return s.do([]*task{j}, nil)
}

// publicName is the name of a download: a name chosen by others, which must
// not lead out of the folder it goes to.
func (s *session) publicName(t target) (string, error) {
	name := path.Base(t.name)
	if root, ok := backend.As[interface {
		Name(ctx context.Context) (string, error)
	}](t.Backend); ok && t.name == "." {
		var err error
		if name, err = root.Name(s.ctx); err != nil {
			return "", err
		}
	}
	return name, transfer.CheckBase(name)
}

func (s *session) publicSave(args []string) error {
	to, err := s.target(args[len(args)-1])
	if err != nil {
		return err
	}
	inner, err := publicInner(args[:len(args)-1])
	if err != nil {
		return err
	}
	reader, err := backend.PublicOf(to.Backend)
	if err != nil {
		return named(err, to)
	}
	to, err = s.place(to, func() (string, error) {
		from, err := s.publicIn(reader, args[:len(args)-1])
		if err != nil {
			return "", err
		}
		return s.publicName(from)
	})
	if err != nil {
		return err
	}
	return named(reader.SavePublic(s.ctx, args[0], inner, to.name), to)
}
