package cmd

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

// diskRights are what an application must be registered with, and how the page
// of Yandex calls it (https://oauth.yandex.ru).
var diskRights = []struct{ scope, title string }{
	{"cloud_api:disk.read", "Чтение всего Диска (read the whole disk)"},
	{"cloud_api:disk.write", "Запись в любом месте на Диске (write anywhere on the disk)"},
	{"cloud_api:disk.info", "Доступ к информации о Диске (information about the disk)"},
}

const appFolderRight = "cloud_api:disk.app_folder"

// greet tries the new login, and says what it is good for. A token that comes
// before it would be tried in its place, so none is used.
func (s *session) greet(l *account, tokens yandex.Tokens) (err error) {
	name := strings.TrimSuffix(l.remote, ":")
	if source := s.tokens[name]; source != nil {
		s.lang.Fprintf(s.c.App.ErrWriter, "davdisk: the login is stored, but %s comes before it: take that out, or name the account in the configuration: davdisk remotes add NAME yandex account=NAME\n", source)
	}
	s.warnRights(tokens.Scope)
	r := s.newRegistry(nil)
	if err := s.addRemotes(r, map[string]map[string]string{"yandex": {"token": ""}}); err != nil {
		return err
	}
	b, err := r.Open(s.ctx, l.remote)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBackend(b)) }()
	root := ""
	if _, err := b.Stat(s.ctx, "."); errors.Is(err, fs.ErrPermission) && s.onlyApp(r, l.remote) {
		root = "app:/"
	} else if err != nil {
		return language.Errorf("the login is stored, but the disk cannot be reached with it: %w; 'davdisk doctor %s' finds out why", err, l.remote)
	}
	who := language.Say("Logged in.")
	if owner, ok := b.(accountant); ok {
		if a, err := owner.Account(s.ctx); err == nil {
			who = language.Say("Logged in as %s.", s.out().Name(a.Login))
		}
	}
	out := s.out()
	if root != "" {
		_, err = s.lang.Fprintf(out, "%s This login opens the folder of its application alone: write %s%s, as in 'davdisk ls %s%s'.\n", who, l.remote, root, l.remote, root)
		return err
	}
	_, err = s.lang.Fprintf(out, "%s 'davdisk serve%s' serves the disk, 'davdisk ls%s' lists it.\n", who, l.words(), l.words())
	return err
}

// words is the remote as it is typed after a command.
func (a *account) words() string {
	if a.remote == defaultRemote {
		return ""
	}
	return " " + a.remote
}

// onlyApp reports whether a login opens the folder of its application.
func (s *session) onlyApp(r *backend.Registry, remote string) bool {
	b, err := r.Open(s.ctx, remote+"app:/")
	if err != nil {
		return false
	}
	defer closeBackend(b)
	_, err = b.Stat(s.ctx, ".")
	return err == nil || errors.Is(err, fs.ErrNotExist) // it is made with the first file
}

// warnRights prints which rights are missing, and what to tick. The service
// lists what it granted only if that is less than what was asked for.
func (s *session) warnRights(scope string) {
	granted := strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' })
	if len(granted) == 0 || slices.Contains(granted, appFolderRight) {
		return
	}
	for _, right := range diskRights {
		if !slices.Contains(granted, right.scope) {
			s.lang.Fprintf(s.c.App.ErrWriter, "davdisk: the login lacks %s: tick %q at https://oauth.yandex.ru, on the page of the application, and log in again\n", right.scope, right.title)
		}
	}
}
