package cmd

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kardianos/service"
	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

const (
	serviceName   = "davdisk"
	systemdSystem = "linux-systemd"
)

func (p program) serviceCommand() *cli.Command {
	return &cli.Command{
		Name:  "service",
		Usage: "let the system run davdisk serve, from its start on",
		Subcommands: []*cli.Command{{
			Name: "install", Usage: "install, enable and start a service", ArgsUsage: "[REMOTE:PATH]",
			Description: "   davdisk service install yandex:Photos --addr 127.0.0.1:8090\n" +
				"   sudo davdisk service install --run-as davdisk --config /etc/davdisk/config.toml\n" +
				"It takes the flags of davdisk serve, and those that variables set, and keeps them in the unit. Without --run-as it is a service of you alone.",
			Flags:  append(p.serveCommand().Flags, textFlag("run-as", "", "a service of the system that runs as `USER`; needs root")),
			Action: p.withSession((*session).installService),
		}, {
			Name: "uninstall", Usage: "stop, disable and remove the service that install has made",
			Action: p.uninstallService,
		}},
	}
}

// serviceOptions are what a service runs.
type serviceOptions struct {
	binary   string   // absolute
	args     []string // with absolute paths
	runAs    string   // empty: a service of the caller alone
	writable []string // folders of this machine that it changes
	paths    []string // all files of this machine that it needs
}

// manager returns what manages services on this system. Its unit is written
// only when it installs.
func (o serviceOptions) manager() (service.Service, error) {
	c := &service.Config{
		Name: serviceName, DisplayName: serviceName, Description: "davdisk, a cloud disk over WebDAV",
		Executable: o.binary, Arguments: o.args, UserName: o.runAs,
		Option: service.KeyValue{"UserService": o.runAs == "", "RunAtLoad": true},
	}
	switch {
	case runtime.GOOS == "linux" && service.Platform() != systemdSystem:
		return nil, errors.New("this system is not run by systemd; let its own means start 'davdisk serve'")
	case runtime.GOOS == "linux":
		unit, err := o.newUnit()
		if err != nil {
			return nil, err
		}
		c.Option["SystemdScript"] = unit
	}
	return service.New(noService{}, c)
}

// noService is not run: davdisk serve ends by itself, or by a signal.
type noService struct{}

func (noService) Start(service.Service) error { return nil }
func (noService) Stop(service.Service) error  { return nil }

func (s *session) installService(args []string) error {
	o, err := s.serviceOptions(args)
	if err != nil {
		return err
	}
	m, err := o.manager()
	if err != nil {
		return err
	}
	file := unitFile(o.runAs != "")
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) && file != "" {
		return language.Errorf("%s is there already; 'davdisk service uninstall' removes it if davdisk wrote it", file)
	}
	if err := m.Install(); err != nil {
		return o.failed(language.Say("install the service"), errors.Join(err, undo(m, file)))
	}
	out := s.out()
	s.lang.Fprintf(out, "installed: davdisk %s\n", out.Name(strings.Join(o.args, " ")))
	s.warnOfVariables()
	if err := m.Start(); err != nil {
		return o.failed(language.Say("the service is installed and did not start"), err)
	}
	if o.runAs == "" && runtime.GOOS == "linux" {
		s.lang.Fprintf(s.c.App.ErrWriter, "It ends when you log out, unless you run: loginctl enable-linger\n")
	}
	return nil
}

// undo removes what a failed installation has left: the unit, of which a full disk
// may have only a part, and links to it.
func undo(m service.Service, file string) error {
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(text), unitMark) && !strings.HasPrefix(unitMark, string(text)) {
		return nil // nothing of ours
	}
	if m.Uninstall() == nil {
		return nil
	}
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// warnOfVariables names the secrets that a service would not see.
func (s *session) warnOfVariables() {
	for _, d := range s.drivers {
		for _, option := range d.Options {
			flag := d.Name + "-" + option.Name
			for _, name := range secretVariables(flag) {
				if option.Secret && os.Getenv(name) != "" {
					s.lang.Fprintf(s.c.App.ErrWriter, "davdisk: a service does not see the variable %s; name a file with --%s-file\n", name, flag)
				}
			}
		}
	}
}

// serviceOptions are those of the command line, with what would mean something
// else in a service made absolute or refused.
func (s *session) serviceOptions(args []string) (o serviceOptions, err error) {
	o.runAs = s.c.String("run-as")
	switch {
	case s.c.String("pass") != "" || s.c.String("client-secret") != "":
		return o, misuse("a password would be for everybody to read in the unit; use --pass-file")
	case o.runAs != "" && runtime.GOOS != "windows" && os.Geteuid() != 0:
		return o, misuse("only root may install a service with --run-as; leave it out for a service of your own")
	case o.runAs == "" && runtime.GOOS == "windows":
		return o, misuse("Windows has services of the system alone: name its account with --run-as, as administrator")
	}
	if o.binary, err = os.Executable(); err != nil {
		return o, err
	}
	o.paths = []string{o.binary}
	if err := o.addFlags(s); err != nil {
		return o, err
	}
	o.args = append(o.args, "--")
	for _, address := range args {
		if err := o.addAddress(s, &address); err != nil {
			return o, err
		}
		o.args = append(o.args, address)
	}
	if o.runAs != "" && runtime.GOOS == "linux" {
		return o, areSeen(o.paths)
	}
	return o, nil
}

// addAddress makes what is to be served absolute.
func (o *serviceOptions) addAddress(s *session, address *string) (err error) {
	if _, _, remote := backend.SplitAddress(*address); remote {
		return s.checkRemote(*address)
	}
	*address, err = o.absolute(*address)
	o.writable = append(o.writable, *address)
	return err
}

func (o *serviceOptions) absolute(file string) (string, error) {
	file, err := filepath.Abs(file)
	o.paths = append(o.paths, file)
	return file, err
}

// addFlags takes over what the command line and the environment set. Where a
// configuration and state are is always among it: a service has other defaults.
func (o *serviceOptions) addFlags(s *session) error {
	o.args = []string{"serve"}
	own := map[string]string{"config": s.c.String("config"), "state-dir": s.stateDir}
	if _, err := os.Stat(s.cfg.Path); err == nil && o.runAs == "" {
		own["config"] = s.cfg.Path
	}
	if o.runAs != "" {
		if own["config"] == "" {
			return misuse("a service of the system needs a configuration that its user can read: --config /etc/davdisk/config.toml; 'davdisk config init' with the same flag makes it")
		}
		if runtime.GOOS == "linux" {
			own["state-dir"], own["cache-dir"] = "/var/lib/davdisk", "/var/cache/davdisk" // of the unit
		}
		for name := range own {
			if s.c.String(name) != "" || s.cfg.Commands["serve"][name] != nil {
				own[name] = s.c.String(name)
			}
		}
	}
	for _, f := range s.c.Command.Flags {
		name := f.Names()[0]
		values := s.outsideOfConfig(name, &knownFlag{variables: f.(cli.DocGenerationFlag).GetEnvVars()})
		if value, ok := own[name]; ok && value != "" {
			values = []string{value}
		}
		if len(values) == 0 || name == "run-as" || name == "output" {
			continue
		}
		if _, ok := f.(*cli.StringSliceFlag); ok {
			values = s.c.StringSlice(name)
		}
		for _, value := range values {
			var err error
			folder, address, isMount := strings.Cut(value, "=")
			switch {
			case name == "mount" && isMount:
				err = o.addAddress(s, &address)
				value = folder + "=" + address
			case takesPath(f):
				value, err = o.absolute(value)
			}
			if err != nil {
				return err
			}
			o.args = append(o.args, "--"+name+"="+value)
		}
	}
	return nil
}

// failed says how to find out more where systemctl failed, of which the library
// tells the exit code alone.
func (o serviceOptions) failed(what language.Phrase, err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || runtime.GOOS != "linux" {
		return language.Errorf("%s: %w", what, err)
	}
	own := "--user "
	if o.runAs != "" {
		own = ""
	}
	return language.Errorf("%s: systemctl: %w; 'systemctl %sstatus davdisk' may tell why", what, err, own)
}

// takesPath reports whether the value of a flag names a file of this machine.
func takesPath(f cli.Flag) bool {
	documented, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return false
	}
	_, rest, _ := strings.Cut(documented.GetUsage(), "`")
	placeholder, _, _ := strings.Cut(rest, "`")
	return placeholder == "FILE" || placeholder == "DIR"
}

// areSeen refuses files in folders that the unit of the system hides from the
// service (ProtectHome=, PrivateTmp=).
func areSeen(paths []string) error {
	for _, file := range paths {
		for _, hidden := range []string{"/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"} {
			if strings.HasPrefix(file+"/", hidden) {
				return misuse("%s is not seen by a service of the system, which has no access to %s; keep it elsewhere, or leave out --run-as", file, hidden)
			}
		}
	}
	return nil
}

// unitFile is where systemd has the unit; empty on other systems.
func unitFile(system bool) string {
	home, err := os.UserHomeDir()
	switch {
	case runtime.GOOS != "linux":
		return ""
	case system:
		return "/etc/systemd/system/" + serviceName + ".service"
	case err != nil:
		return ""
	}
	return filepath.Join(home, ".config/systemd/user", serviceName+".service")
}

func isOurUnit(file string) bool {
	text, err := os.ReadFile(file)
	return err == nil && strings.HasPrefix(string(text), unitMark)
}

// uninstallService removes the caller's own service or, if there is none, that
// of the system.
func (p program) uninstallService(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	o := serviceOptions{}
	if runtime.GOOS == "linux" {
		if _, err := os.Lstat(unitFile(false)); errors.Is(err, fs.ErrNotExist) {
			o.runAs = serviceName
		}
	} else if os.Geteuid() <= 0 {
		o.runAs = serviceName // that of the system
	}
	file := unitFile(o.runAs != "")
	if _, err := os.Lstat(file); file != "" && errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no service to remove; 'davdisk service install' makes one")
	}
	if file != "" && !isOurUnit(file) {
		return language.Errorf("%s was not written by 'davdisk service install'; it stays", file)
	}
	m, err := o.manager()
	if err != nil {
		return err
	}
	stopped := m.Stop() // fails, too, if it does not run
	if err := m.Uninstall(); err != nil {
		return o.failed(language.Say("remove the service"), errors.Join(stopped, err))
	}
	_, err = p.lang.Fprintf(newOut(c), "removed; logins, state and configuration are kept\n")
	return err
}
