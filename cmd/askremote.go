package cmd

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

// askRemote asks the person at the terminal for the options that a new remote
// lacks, tries it, and reports whether it is to be added.
func (p program) askRemote(c *cli.Context, name string, r config.Remote) (bool, error) {
	s, err := p.newSession(c)
	if err != nil {
		return false, err
	}
	for _, d := range p.drivers {
		if d.Name != r.Driver {
			continue
		}
		if err := s.askOptions(d, r.Options); err != nil {
			return false, err
		}
	}
	option, err := s.tryRemote(name, r)
	if option != "" {
		p.lang.Fprintf(c.App.ErrWriter, "%s: added without a trial, because its paths begin with the %s, as in %s:%s/FOLDER\n", terminal.Escape(name), option, terminal.Escape(name), strings.ToUpper(option))
		return true, nil
	}
	if err != nil {
		p.lang.Fprintf(c.App.ErrWriter, "%s: does not work yet: %v\n", terminal.Escape(name), terminal.Escape(p.lang.Error(err)))
		return terminal.Confirm(c.Context, c.App.Reader, c.App.ErrWriter, p.lang.Text("Add it all the same?"))
	}
	return true, nil
}

// askOptions asks for the options of a driver that have no default and that
// neither the command line nor the environment says. A line without text leaves
// one out.
func (s *session) askOptions(d backend.Driver, opts map[string]string) error {
	for _, o := range d.Options {
		_, given, err := s.given(d.Name+"-"+o.Name, o)
		if err != nil {
			return err
		}
		if _, said := opts[o.Name]; said || given || o.Bool || o.Default != "" {
			continue
		}
		ask := terminal.Ask
		if o.Secret {
			ask = terminal.AskSecret
		}
		answer, err := ask(s.ctx, s.c.App.Reader, s.c.App.ErrWriter, s.lang.Sprintf("%s (%s; empty for none): ", o.Name, s.lang.Text(o.Help)))
		if err != nil {
			return err
		}
		if answer != "" {
			opts[o.Name] = answer
		}
	}
	return nil
}

// tryRemote opens a remote that is not in the configuration yet and looks at its
// root. It does not if the root depends on an option that each path has to say,
// which it returns then.
func (s *session) tryRemote(name string, r config.Remote) (pathOption string, err error) {
	opts, err := s.options(r)
	if err != nil {
		return "", err
	}
	if err := s.registry.Remote(name, r.Driver, opts); err != nil {
		return "", err
	}
	if first, _ := s.registry.SplitPath(name, "any"); first != "" {
		i := slices.IndexFunc(s.drivers, func(d backend.Driver) bool { return d.Name == r.Driver })
		return s.drivers[i].PathOption, nil
	}
	b, err := s.registry.Open(s.ctx, name+":")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, closeBackend(b)) }()
	_, err = b.Stat(s.ctx, ".")
	return "", err
}
