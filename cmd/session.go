package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/state"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

// A session is what a command works with: the remotes as flags, environment
// and configuration have them, and the backends it has opened.
type session struct {
	program
	ctx      context.Context
	c        *cli.Context
	cfg      *config.File
	log      *slog.Logger
	stateDir string // prepared; empty if there is none
	registry *backend.Registry
	open     map[string]backend.Backend // by address of the root
	asked    map[string]bool            // addresses of roots that were to be opened
	unused   map[string]fmt.Stringer    // by name of a remote: which token its account keeps from being used
	tokens   map[string]fmt.Stringer    // by name of a remote: what the token comes from that it uses in place of a login
}

// newSession reads the configuration and fills the registry.
func (p program) newSession(c *cli.Context) (*session, error) {
	cfg, err := p.loadConfig(c)
	if err != nil {
		return nil, err
	}
	s := &session{program: p, ctx: c.Context, c: c, cfg: cfg, log: newLog(c), open: map[string]backend.Backend{}, asked: map[string]bool{}, unused: map[string]fmt.Stringer{}, tokens: map[string]fmt.Stringer{}}
	if s.stateDir, err = s.prepareState(); err != nil {
		return nil, err
	}
	s.registry = s.newRegistry(nil)
	if err := s.addRemotes(s.registry, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// newRegistry returns one with all drivers.
func (s *session) newRegistry(transport http.RoundTripper) *backend.Registry {
	if transport == nil && s.c.Count("verbose") > 1 {
		transport = callLog{http.DefaultTransport, s.log}
	}
	r := backend.NewRegistry(backend.Env{StateDir: s.stateDir, Log: s.log, Transport: transport})
	for _, d := range s.drivers {
		r.Register(d)
	}
	return r
}

// prepareState makes the state folder. Where nobody has named one and none can
// be made, the environment alone must do.
func (s *session) prepareState() (string, error) {
	dir := s.c.String("state-dir")
	if dir != "" {
		return dir, inFlag("state-dir", state.Prepare(dir))
	}
	if dir = state.DefaultDir(); dir == "" {
		return "", nil
	}
	err := state.Prepare(dir)
	if errors.Is(err, os.ErrPermission) || isReadOnly(err) {
		s.log.Warn("nothing will be remembered", "error", err)
		return "", nil
	}
	return dir, err
}

// addRemotes enters the configured remotes and the drivers themselves. What
// force holds, by driver and option, comes before all else.
func (s *session) addRemotes(r *backend.Registry, force map[string]map[string]string) error {
	remotes := map[string]config.Remote{}
	maps.Copy(remotes, s.cfg.Remotes)
	for _, d := range s.drivers {
		if _, configured := remotes[d.Name]; !configured {
			remotes[d.Name] = config.Remote{Driver: d.Name}
		}
	}
	for name, remote := range remotes {
		opts, err := s.options(remote)
		if err != nil {
			return err
		}
		if _, forced := force[remote.Driver]; !forced {
			s.unused[name] = s.preferAccount(remote, opts)
		}
		maps.Copy(opts, force[remote.Driver])
		if opts["token"] != "" {
			s.tokens[name] = s.sourceOf(remote)
		}
		if err := r.Remote(name, remote.Driver, opts); err != nil {
			return language.Errorf("%s: %w", s.cfg.Path, err)
		}
	}
	return nil
}

// options are those of a remote: what the command line or the environment
// says, else the remote's own, else what the configuration says for all. Its
// login is its own unless the command line names another.
func (s *session) options(remote config.Remote) (map[string]string, error) {
	opts := maps.Clone(remote.Options)
	if opts == nil {
		opts = map[string]string{}
	}
	for _, d := range s.drivers {
		if d.Name != remote.Driver {
			continue
		}
		for _, o := range d.Options {
			value, given, err := s.given(d.Name+"-"+o.Name, o)
			if err != nil {
				return nil, err
			}
			if hasLogin(remote) && isLogin(o.Name) && !s.typed(remote.Driver, o.Name) {
				continue
			}
			if given {
				opts[o.Name] = value
			} else if values := s.configured(d.Name + "-" + o.Name); values != nil && opts[o.Name] == "" {
				opts[o.Name] = strings.Join(values, ",")
			}
		}
	}
	return opts, nil
}

// configured returns what the configuration says of a flag of this command; nil
// for nothing.
func (s *session) configured(flag string) []string {
	command, _, _ := strings.Cut(commandPath(s.c), " ")
	if values, ok := s.cfg.Commands[command][flag]; ok {
		return values
	}
	return s.cfg.Flags[flag]
}

// given is what the command line or the environment says of an option.
func (s *session) given(flag string, o backend.Option) (value string, given bool, err error) {
	if o.Secret {
		value, err = s.secret(flag)
		return value, value != "", err
	}
	if !s.c.IsSet(flag) {
		return "", false, nil
	}
	if o.Bool {
		return fmt.Sprint(s.c.Bool(flag)), true, nil
	}
	return s.c.String(flag), true, nil
}

// secret comes from a file or from the environment.
func (s *session) secret(flag string) (string, error) {
	if file := s.c.String(flag + "-file"); file != "" {
		value, err := readSecret(file)
		return value, inFlag(flag+"-file", err)
	}
	for _, name := range secretVariables(flag) {
		if value := strings.TrimSpace(os.Getenv(name)); value != "" {
			return value, nil
		}
	}
	return "", nil
}

// secretVariables are those that may hold a secret. The token of the default
// remote has a short one, because it is all that is needed.
func secretVariables(flag string) []string {
	names := []string{variable(flag)}
	if flag == strings.TrimSuffix(defaultRemote, ":")+"-token" {
		names = append(names, "DAVDISK_TOKEN")
	}
	return names
}

// readSecret reads the first line of a file.
func readSecret(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" {
		return "", language.Errorf("%s is empty; write the secret on its first line", file)
	}
	return line, nil
}

// backend opens an address, once.
func (s *session) backend(address string) (backend.Backend, error) {
	if b, ok := s.open[address]; ok {
		return b, nil
	}
	if err := s.checkRemote(address); err != nil {
		return nil, err
	}
	s.sayUnused(address)
	s.asked[address] = true
	b, err := s.registry.Open(s.ctx, address)
	if err != nil {
		return nil, err
	}
	s.open[address] = b
	return b, nil
}

// isRemote reports whether a word would be a remote, had it a colon.
func (s *session) isRemote(word string) bool {
	_, configured := s.cfg.Remotes[word]
	return configured || word+":" == defaultRemote
}

// checkRemote refuses an address with an unknown name.
func (s *session) checkRemote(address string) error {
	name, _, ok := backend.SplitAddress(address)
	if _, configured := s.cfg.Remotes[name]; !ok || configured {
		return nil
	}
	known := slices.Sorted(maps.Keys(s.cfg.Remotes))
	for _, d := range s.drivers {
		if d.Name == name {
			return nil
		}
		known = append(known, d.Name)
	}
	return misuse("%q: no remote is called %q; there are %s (a file of this machine goes after ./)", address, name, strings.Join(known, ", "))
}

// close ends the background work of what was opened, and joins what that says
// to err.
func (s *session) close(err *error) {
	for _, b := range s.open {
		*err = errors.Join(*err, closeBackend(b))
	}
}

// closeBackend ends the background work of a store, if it has any.
func closeBackend(b backend.Backend) error {
	if c, ok := b.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// each does something with every argument, also after one that fails.
func each(args []string, do func(address string) error) error {
	var errs []error
	for _, address := range args {
		errs = append(errs, do(address))
	}
	return errors.Join(errs...)
}

// out is where results go.
func (s *session) out() terminal.Writer { return newOut(s.c) }

func newOut(c *cli.Context) terminal.Writer { return terminal.NewWriter(c.App.Writer) }

// withSession turns the work of a command into its action.
func (p program) withSession(work func(s *session, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) (err error) {
		args, err := arguments(c)
		if err != nil {
			return err
		}
		s, err := p.newSession(c)
		if err != nil {
			return err
		}
		defer s.close(&err)
		return s.advise(work(s, args))
	}
}

// withTarget is withSession for a command with one address, by default that of
// the default remote.
func (p program) withTarget(work func(*session, target) error) cli.ActionFunc {
	return p.withSession(func(s *session, args []string) error {
		t, err := s.target(append(args, defaultRemote)[0])
		if err != nil {
			return err
		}
		return work(s, t)
	})
}
