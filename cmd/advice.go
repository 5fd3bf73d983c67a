package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

// driverAdvice begins the part of a driver's message that this program knows
// better: it knows the name of the remote, and what it takes a token from.
const driverAdvice = "run davdisk login"

// advise makes the errors of a login, and of a store without room, say what helps.
// Where that of a login does not name the remote, it is the only one that was
// opened.
func (s *session) advise(err error) error {
	if s.ctx.Err() != nil {
		return err
	}
	all := separate(err)
	for i, one := range all {
		if errors.Is(one, backend.ErrUnauthorized) || errors.Is(one, yandex.ErrDead) {
			all[i] = s.adviseLogin(one)
		} else if errors.Is(one, fs.ErrPermission) {
			all[i] = s.adviseRights(one)
		} else if errors.Is(one, backend.ErrQuota) {
			all[i] = s.adviseRoom(one)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

func (s *session) adviseLogin(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	address := ""
	switch {
	case errors.As(err, &path):
		address = path.Path
	case errors.As(err, &link):
		address = link.Old
	}
	name, _, ok := backend.SplitAddress(address)
	if _, known := s.driverOf(name); !ok || !known {
		if name = s.onlyOpened(); name == "" {
			return err
		}
	}
	advised := advisedError{err, name + ":", s.loginAdvice(name)}
	return advised
}

// adviseRights says how to find out which right an account of Yandex lacks.
func (s *session) adviseRights(err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) || s.c.Command.Name == "doctor" {
		return err
	}
	name, _, ok := backend.SplitAddress(path.Path)
	if driver, known := s.driverOf(name); !ok || !known || driver != yandex.Driver().Name {
		return err
	}
	return advisedError{err, name + ":", language.Say("'davdisk doctor %s:' finds out which right is missing", name)}
}

// adviseRoom says what makes room where there is none.
func (s *session) adviseRoom(err error) error {
	if s.c.Command.Name == "doctor" {
		return err
	}
	name, _, ok := backend.SplitAddress(addressIn(err))
	switch {
	case ok:
	case s.openedHere():
		name = "local"
	default:
		name = s.onlyOpened() // which an error need not name
	}
	switch _, known := s.driverOf(name); {
	case name == "local":
		return advisedError{err, "", language.Say(makeRoomHere)}
	case known:
		return advisedError{err, name + ":", s.makeRoom(name)}
	}
	return err
}

// makeRoomHere is the advice where the disk of this machine is full.
const makeRoomHere = "make room on the disk of this machine"

// makeRoom says what makes room in a remote.
func (s *session) makeRoom(name string) language.Phrase {
	if driver, _ := s.driverOf(name); driver != yandex.Driver().Name {
		return language.Say("make room in %s:, or have its limit raised", name)
	}
	return language.Say("make room: 'davdisk trash empty %s:', or delete something for good", name)
}

// openedHere reports whether a folder of this machine was to be opened.
func (s *session) openedHere() bool {
	for address := range s.asked {
		if strings.HasPrefix(address, "local:") {
			return true
		}
	}
	return false
}

// addressIn returns the address that an error names, of a move or copy that which
// cannot be written.
func addressIn(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Path
	case errors.As(err, &link):
		return link.New
	}
	return ""
}

// driverOf returns the driver of a remote.
func (s *session) driverOf(name string) (string, bool) {
	if r, ok := s.cfg.Remotes[name]; ok {
		return r.Driver, true
	}
	return name, slices.ContainsFunc(s.drivers, func(d backend.Driver) bool { return d.Name == name })
}

// onlyOpened is the remote that was asked for, if it is the only one that needs
// a login; empty else.
func (s *session) onlyOpened() string {
	found := map[string]bool{}
	for address := range s.asked {
		if name, _, ok := backend.SplitAddress(address); ok && name != "local" {
			found[name] = true
		}
	}
	if len(found) != 1 {
		return ""
	}
	return slices.Collect(maps.Keys(found))[0]
}

// loginAdvice says what makes the login of a remote work.
func (s *session) loginAdvice(name string) language.Phrase {
	login := language.Say("run 'davdisk login %s:'", name)
	if source := s.tokens[name]; source != nil {
		return language.Say("replace the token in %s, or take it out and %s", source, login)
	}
	if name+":" == defaultRemote && !hasLogin(s.cfg.Remotes[name]) {
		return language.Say("%s, or set DAVDISK_TOKEN", login)
	}
	return login
}

// sourceOf names what the token of a remote comes from.
func (s *session) sourceOf(remote config.Remote) fmt.Stringer {
	if remote.Options["token"] != "" && !s.typed(remote.Driver, "token") {
		return language.Say("%s", s.cfg.Path)
	}
	if flag := remote.Driver + "-token-file"; s.c.String(flag) != "" && os.Getenv(variable(flag)) == "" {
		return language.Say("%s", s.c.String(flag))
	}
	return s.tokenSource(remote.Driver)
}

// advisedError is an error of a login, with the remote and the command that helps.
type advisedError struct {
	error
	remote string
	advice language.Phrase
}

func (e advisedError) Unwrap() error { return e.error }

// text is the sentence for a person: what a driver advises is replaced.
func (e advisedError) text(lang language.Language) string {
	said := sentence(lang, e.error)
	before, after, found := strings.Cut(said, lang.Text(driverAdvice))
	_, words, quoted := strings.Cut(after, " (") // the service's own words
	said = strings.TrimRight(before, ": ")
	if !strings.Contains(said, e.remote) {
		said = e.remote + " " + said
	}
	said += ": " + e.advice.In(lang)
	if found && quoted {
		said += " (" + words
	}
	return said
}
