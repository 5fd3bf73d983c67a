package main

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/davdisk/internal/transfer"
)

func publicCommand() *cli.Command {
	command := func(name, usage, args string, work func(*session) error, flags ...cli.Flag) *cli.Command {
		flags = append(flags, textFlag("remote", defaultRemote, "the `REMOTE:` whose service the address is of"))
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: args, Flags: withStores(flags...), Action: withSession(work)}
	}
	return &cli.Command{
		Name:  "public",
		Usage: "read what others have made public; no login is needed but for save",
		Subcommands: []*cli.Command{
			command("stat", "describe what is at a public address", "URL [INNER]", (*session).publicStat, jsonFlag()),
			command("ls", "list a public folder", "URL [INNER]", (*session).publicList,
				switchFlag("long", "sizes and times too", "l"), switchFlag("recursive", "all that lies below", "R", "r"), jsonFlag()),
			command("link", "print an address from which the file can be downloaded", "URL [INNER]", (*session).publicLink, jsonFlag()),
			command("get", "download", "URL [INNER] FOLDER", (*session).publicGet, overwriteFlag()),
			command("save", "copy into a disk of one's own, without a download", "URL [INNER] REMOTE:PATH", (*session).publicSave),
		},
	}
}

// publicTarget opens what is at a public address. The first argument is the
// address, the second, if there are so many, a path in the folder there.
func (s *session) publicTarget(args []string) (target, error) {
	inner := "."
	if len(args) > 1 {
		inner = path.Clean(strings.TrimPrefix(args[1], "/"))
	}
	if err := backend.CheckName("public", inner); err != nil {
		return target{}, misuse("%q is no path in a public folder", args[1])
	}
	reader, err := s.publicReader()
	if err != nil {
		return target{}, err
	}
	b, err := reader.Public(s.ctx, args[0])
	if err != nil {
		return target{}, err
	}
	t := target{Backend: b, name: ".", root: args[0], address: args[0]}
	if inner != "." {
		t = t.in(inner)
	}
	return t, nil
}

// publicReader is the service, with the login if there is one.
func (s *session) publicReader() (backend.PublicReader, error) {
	remote := s.c.String("remote")
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
	for _, d := range drivers() {
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

func (s *session) publicStat() error {
	args, err := arguments(s.c, 1, 2)
	if err != nil {
		return err
	}
	t, err := s.publicTarget(args)
	if err != nil {
		return err
	}
	info, err := s.stat(t)
	if err != nil {
		return err
	}
	return s.describe(t.address, info)
}

func (s *session) publicList() error {
	args, err := arguments(s.c, 1, 2)
	if err != nil {
		return err
	}
	t, err := s.publicTarget(args)
	if err != nil {
		return err
	}
	return printList(s, s.walk(t, s.c.Bool("recursive")), visit.json, s.lsLine(t))
}

func (s *session) publicLink() error {
	args, err := arguments(s.c, 1, 2)
	if err != nil {
		return err
	}
	t, err := s.publicTarget(args)
	if err != nil {
		return err
	}
	return s.printLink(t)
}

// publicGet downloads into a folder, or to a new name.
func (s *session) publicGet() error {
	args, err := arguments(s.c, 2, 3)
	if err != nil {
		return err
	}
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
	if info, err := to.Stat(s.ctx, to.name); err == nil && info.Dir {
		name, err := s.publicName(from)
		if err != nil {
			return err
		}
		p.to = to.in(name)
	}
	if p.replaces, err = s.there(p.to); err != nil {
		return err
	}
	if err := s.checkPair(p); err != nil {
		return err
	}
	return s.transfer(p, nil)
}

// publicName is what a download is called: a name told by others, which must
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

func (s *session) publicSave() error {
	args, err := arguments(s.c, 2, 3)
	if err != nil {
		return err
	}
	to, err := s.target(args[len(args)-1])
	if err != nil {
		return err
	}
	inner := "."
	if len(args) == 3 {
		inner = path.Clean(strings.TrimPrefix(args[1], "/"))
	}
	reader, err := backend.PublicOf(to.Backend)
	if err != nil {
		return named(err, to)
	}
	return named(reader.SavePublic(s.ctx, args[0], inner, to.name), to)
}
