package cmd

import (
	"context"
	"net/http"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

// An account is a login of Yandex: where it is stored, and the client it belongs to.
type account struct {
	remote string
	store  *yandex.TokenStore
	apiURL string       // of the service
	oauth  yandex.OAuth // with the client of the login that is stored, if there is one
}

// clientFlags name the application that asks for a login.
func clientFlags() []cli.Flag {
	return []cli.Flag{
		textFlag("client-id", "", "`ID` of the registered application"),
		textFlag("client-secret-file", "", "`FILE` with its secret"),
		textFlag("client-secret", "", "the `SECRET` itself; visible to other users, prefer --client-secret-file"),
	}
}

// account finds the account of a remote.
func (s *session) account(address string) (*account, error) {
	name, inner, ok := backend.SplitAddress(address)
	if !ok {
		return nil, misuse("%q is on this machine, which needs no login; write REMOTE:", address)
	}
	if inner != "" {
		return nil, misuse("a login is for a whole disk: write %q", name+":")
	}
	remote, configured := s.cfg.Remotes[name]
	if !configured {
		remote.Driver = name
	}
	if remote.Driver != yandex.Driver().Name {
		return nil, misuse("%s: is not a Yandex Disk: there is nothing to log in to", name)
	}
	opts, err := s.options(remote)
	if err != nil {
		return nil, err
	}
	for _, o := range yandex.Driver().Options {
		if opts[o.Name] == "" {
			opts[o.Name] = o.Default
		}
	}
	a := &account{remote: name + ":", apiURL: opts["api-url"], oauth: yandex.OAuth{URL: opts["oauth-url"]}}
	if s.c.Count("verbose") > 1 {
		a.oauth.Transport = callLog{http.DefaultTransport, s.log}
	}
	a.store = yandex.NewTokenStore(s.stateDir, opts["account"], a.oauth)
	if tokens, err := a.store.Load(); err == nil {
		a.oauth.ClientID, a.oauth.ClientSecret, a.oauth.DeviceID = tokens.ClientID, tokens.ClientSecret, tokens.DeviceID
		if tokens.OAuthURL != "" && a.oauth.URL == yandex.DefaultOAuthURL {
			a.oauth.URL = tokens.OAuthURL
		}
		if tokens.APIURL != "" && a.apiURL == yandex.DefaultAPIURL {
			a.apiURL = tokens.APIURL
		}
	}
	return a, nil
}

// keep stores a login, with the addresses of the service if it is another than
// that of Yandex.
func (a *account) keep(ctx context.Context, tokens yandex.Tokens) error {
	if a.oauth.URL != yandex.DefaultOAuthURL {
		tokens.OAuthURL = a.oauth.URL
	}
	if a.apiURL != yandex.DefaultAPIURL {
		tokens.APIURL = a.apiURL
	}
	return a.store.Save(ctx, tokens)
}

// warnUntold warns a person who is about to replace a login that others wait for.
func (s *session) warnUntold(a *account) {
	if a.store.Untold() {
		s.lang.Fprintf(s.c.App.ErrWriter, "davdisk: the login before is shared with other gateways, which have not been told yet that it was renewed: they need a copy of the new one\n")
	}
}

// client finds the OAuth client: in flags, the environment, the login
// before, or by asking the user, who is told how to register an application.
func (s *session) client(a *account) error {
	id, secret := s.c.String("client-id"), s.c.String("client-secret")
	if secret != "" && os.Getenv(variable("client-secret")) == "" {
		s.lang.Fprintf(s.c.App.ErrWriter, "davdisk: others on this machine can see a secret on the command line; --client-secret-file hides it\n")
	}
	if file := s.c.String("client-secret-file"); file != "" {
		var err error
		if secret, err = readSecret(file); err != nil {
			return inFlag("client-secret-file", err)
		}
	}
	switch {
	case id != "":
		a.oauth.ClientID, a.oauth.ClientSecret = id, secret
	case a.oauth.ClientID == "":
		return s.askClient(a)
	}
	return nil
}

// howToRegister says how an application is registered, for those who have none yet.
const howToRegister = `davdisk needs an application of your own at Yandex, once:

  1. Open https://oauth.yandex.ru/client/new and log in.
  2. Give it any name. Platform: web services.
     Redirect URI: https://oauth.yandex.ru/verification_code
  3. Rights, under "Yandex Disk REST API": read everything, write everything,
     and information about the disk (cloud_api:disk.read, .write, .info).
  4. Create it. The page shows a ClientID and a client secret: type them here.

`

func (s *session) askClient(a *account) error {
	s.lang.Fprintf(s.c.App.ErrWriter, howToRegister)
	var err error
	a.oauth.ClientID, err = terminal.Ask(s.ctx, s.c.App.Reader, s.c.App.ErrWriter, "ClientID: ")
	switch {
	case s.ctx.Err() != nil:
		return err
	case err != nil:
		return misuse("no application is known: %v; give --client-id and --client-secret-file", err)
	case a.oauth.ClientID == "":
		return misuse("no application is known; give --client-id and --client-secret-file")
	}
	a.oauth.ClientSecret, err = terminal.AskSecret(s.ctx, s.c.App.Reader, s.c.App.ErrWriter, "Client secret: ")
	return err
}
