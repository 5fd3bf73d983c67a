package cmd

import (
	"maps"
	"os"
	"slices"

	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/webdav/server"
)

// users are all who may log in to a share: --user, those of --htpasswd, and
// those of the configuration.
func (s *session) users() ([]server.User, error) {
	var users []server.User
	if name := s.c.String("user"); name != "" {
		password, err := s.password(name)
		if err != nil {
			return nil, err
		}
		users = append(users, server.User{Name: name, Verify: server.PlainPassword(password), Secret: password})
	} else if s.c.String("pass")+s.c.String("pass-file") != "" {
		return nil, misuse("a password was given, but no --user")
	}
	if file := s.c.String("htpasswd"); file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, inFlag("htpasswd", err)
		}
		defer f.Close()
		more, err := server.ReadHtpasswd(f)
		if err != nil {
			return nil, language.Errorf("--htpasswd: %s: %w", file, err)
		}
		users = append(users, more...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Users)) {
		user, err := configuredUser(name, s.cfg.Users[name])
		if err != nil {
			return nil, language.Errorf("%s: user %q: %w", s.cfg.Path, name, err)
		}
		users = append(users, user)
	}
	seen := map[string]bool{}
	for _, user := range users {
		if seen[user.Name] {
			return nil, misuse("the user %q is there twice", user.Name)
		}
		seen[user.Name] = true
	}
	return users, nil
}

// password comes from a file, from the environment, or from the person.
func (s *session) password(user string) (string, error) {
	switch {
	case s.c.String("pass-file") != "":
		secret, err := readSecret(s.c.String("pass-file"))
		return secret, inFlag("pass-file", err)
	case s.c.String("pass") != "":
		if os.Getenv(variable("pass")) == "" {
			s.log.Warn("others on this machine can see a password on the command line; --pass-file hides it")
		}
		return s.c.String("pass"), nil
	case terminal.Is(s.c.App.Reader):
		typed, err := terminal.AskSecret(s.ctx, s.c.App.Reader, s.c.App.ErrWriter, s.lang.Sprintf("password for %s: ", user))
		if err == nil && typed == "" {
			err = misuse("the password is empty")
		}
		return typed, err
	}
	return "", misuse("--user %s needs a password: --pass-file names the file with it", user)
}

func configuredUser(name string, u config.User) (user server.User, err error) {
	user = server.User{Name: name, Root: u.Root, ReadOnly: u.ReadOnly}
	switch {
	case u.PasswordHash != "" && u.PasswordFile != "":
		err = language.Errorf("password-hash and password-file are both there; leave one out")
	case u.PasswordHash != "":
		user.Verify, err = server.BcryptPassword(u.PasswordHash)
		user.Secret = u.PasswordHash
	case u.PasswordFile != "":
		var secret string
		if secret, err = readSecret(u.PasswordFile); err != nil {
			err = language.Errorf("password-file: %w", err)
		}
		user.Verify, user.Secret = server.PlainPassword(secret), secret
	default:
		err = language.Errorf("no password; write password-hash, as htpasswd -nB makes it, or password-file")
	}
	return user, err
}
