package cmd

import (
	"fmt"
	"os"
	"slices"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

// The two options that say whose disk it is: the name of a login that is kept,
// or a token in place of one. A driver that is given both uses the token.
func isLogin(option string) bool { return option == "account" || option == "token" }

// hasLogin reports whether a remote says itself whose disk it is.
func hasLogin(r config.Remote) bool { return r.Options["account"]+r.Options["token"] != "" }

// typed reports whether the command line has the flag of an option. A flag is
// set by its variable and by the configuration, too.
func (s *session) typed(driver, option string) bool {
	flag := driver + "-" + option
	if s.isSecretOption(flag) {
		flag += "-file"
	}
	value := s.c.String(flag)
	return s.c.IsSet(flag) && value != os.Getenv(variable(flag)) && !slices.Contains(s.configured(flag), value)
}

// preferAccount takes the token out of the options where an account is named
// nearer by, because it would open somebody else's disk, and tells what names
// that token. It is nil if no token goes unused.
func (s *session) preferAccount(remote config.Remote, opts map[string]string) fmt.Stringer {
	account, token := s.typed(remote.Driver, "account"), s.typed(remote.Driver, "token")
	source := s.tokenSource(remote.Driver)
	switch {
	case opts["account"] == "", token, source == nil && opts["token"] == "":
		return nil
	case !hasLogin(remote):
		delete(opts, "token")
		return source
	case remote.Options["token"] == "":
		return source
	case account:
		delete(opts, "token")
		return language.Say("the token in %s", s.cfg.Path)
	}
	return nil
}

// tokenSource returns the option that has a token for the remotes of a driver,
// other than the remotes themselves; nil for nothing.
func (s *session) tokenSource(driver string) fmt.Stringer {
	flag := driver + "-token"
	names := append([]string{variable(flag + "-file")}, secretVariables(flag)...)
	for _, name := range names {
		if os.Getenv(name) != "" {
			return language.Say("%s", name)
		}
	}
	for _, key := range []string{flag + "-file", flag} {
		if len(s.configured(key)) > 0 {
			return language.Say("%s in %s", key, s.cfg.Path)
		}
	}
	return nil
}

// sayUnused prints which token is not used for an address that is opened.
func (s *session) sayUnused(address string) {
	name, _, ok := backend.SplitAddress(address)
	if !ok || s.unused[name] == nil || s.c.Bool("quiet") {
		return
	}
	s.lang.Fprintf(s.c.App.ErrWriter, "davdisk: %s: uses the account that is named for it, not %s\n", name, s.unused[name])
	s.unused[name] = nil // once is enough
}
