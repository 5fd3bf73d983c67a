package cmd

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

func (p program) tokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "log in step by step, for scripts",
		Subcommands: []*cli.Command{
			{
				Name: "code", Usage: "request a code for a person to confirm", ArgsUsage: "[REMOTE:]",
				Description: "By default it is the device flow: the person types the user code at the address, then\n'davdisk token exchange --device CODE' gives the tokens. With --authorize it prints the address of a page\nthat shows a code to the person, for 'davdisk token exchange CODE'.",
				Flags:       p.withStores(append(clientFlags(), switchFlag("authorize", "use the code flow: print the address of its page"), jsonFlag(), serviceNamesFlag())...),
				Action:      p.withSession((*session).tokenCode),
			},
			{
				Name: "exchange", Usage: "exchange a code for tokens and print them", ArgsUsage: "CODE [REMOTE:]",
				Flags: p.withStores(append(clientFlags(),
					switchFlag("device", "the code is a device code"),
					switchFlag("save", "store the tokens instead of printing them"), jsonFlag(), serviceNamesFlag())...),
				Action: p.withSession((*session).tokenExchange),
			},
			{
				Name: "refresh", Usage: "refresh the stored token, or one in a file", ArgsUsage: "[REMOTE:]",
				Description: "With --refresh-token-file nothing is stored: it prints the new tokens. The old refresh token is spent by that, so write\nthem to a file with --output.",
				Flags: p.withStores(append(clientFlags(),
					textFlag("refresh-token-file", "", "`FILE` with the refresh token, in place of a stored login"), jsonFlag(), serviceNamesFlag())...),
				Action: p.withSession((*session).tokenRefresh),
			},
		},
	}
}

// clientOf is the account of an argument with the client that asks; a script
// cannot be asked, so it must be known.
func (s *session) clientOf(args []string) (*account, error) {
	a, err := s.account(append(args, defaultRemote)[0])
	if err != nil {
		return nil, err
	}
	if s.c.String("client-id") == "" && a.oauth.ClientID == "" {
		return nil, misuse("no application is known; give --client-id and --client-secret-file")
	}
	return a, s.client(a)
}

type deviceCodeJSON struct {
	UserCode string    `json:"userCode"`
	URL      string    `json:"url"`
	Code     string    `json:"code"`
	Expires  time.Time `json:"expires"`
	Interval float64   `json:"interval"` // seconds
}

func (s *session) tokenCode(args []string) error {
	a, err := s.clientOf(args)
	if err != nil {
		return err
	}
	out := s.out()
	if s.c.Bool("authorize") {
		return s.printAddress(a.remote, a.oauth.AuthorizeURL(""), time.Time{})
	}
	code, err := a.oauth.DeviceCode(s.ctx)
	if err != nil {
		return err
	}
	if s.c.Bool("service-names") {
		return writeJSON(out, serviceCode{code.UserCode, code.Code, code.URL, int(code.Interval.Seconds()), secondsUntil(code.Expires)})
	}
	if s.c.Bool("json") {
		return writeJSON(out, deviceCodeJSON{code.UserCode, code.URL, code.Code, code.Expires.UTC(), code.Interval.Seconds()})
	}
	s.printFields(out,
		field{"user code", code.UserCode}, field{"address", code.URL}, field{"code", code.Code},
		field{"expires", exactly(code.Expires)}, field{"ask every", code.Interval.String()})
	return nil
}

type tokensJSON struct {
	Access  string     `json:"accessToken"`
	Refresh string     `json:"refreshToken,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Scope   string     `json:"scope,omitempty"`
}

func (s *session) tokenExchange(args []string) error {
	a, err := s.clientOf(args[1:])
	if err != nil {
		return err
	}
	var tokens yandex.Tokens
	if s.c.Bool("device") {
		tokens, err = a.oauth.ExchangeDevice(s.ctx, args[0])
	} else {
		tokens, err = a.oauth.Exchange(s.ctx, args[0], "")
	}
	if err != nil {
		return s.printTokenStatus(err)
	}
	if s.c.Bool("save") {
		s.warnUntold(a)
		return a.keep(s.ctx, tokens)
	}
	return s.printTokens(tokens)
}

func (s *session) printTokens(tokens yandex.Tokens) error {
	out := s.out()
	if s.c.Bool("service-names") {
		return writeJSON(out, newServiceTokens(tokens))
	}
	if s.c.Bool("json") {
		return writeJSON(out, tokensJSON{tokens.Access, tokens.Refresh, known(tokens.Expires), tokens.Scope})
	}
	s.printFields(out, field{"access token", tokens.Access}, field{"refresh token", tokens.Refresh}, field{"expires", exactly(tokens.Expires)})
	return nil
}

// tokenRefresh lets the store renew the token in the way it always does: under
// its lock, the new one on disk before it is used.
func (s *session) tokenRefresh(args []string) error {
	if s.c.String("refresh-token-file") != "" {
		return s.refreshFromFile(args)
	}
	a, err := s.account(append(args, defaultRemote)[0])
	if err != nil {
		return err
	}
	if err := a.store.Renew(s.ctx); err != nil {
		return language.Errorf("the login was not renewed: %w", err)
	}
	after, err := a.store.Load()
	if err != nil {
		return err
	}
	if s.c.Bool("service-names") {
		return writeJSON(s.out(), newServiceTokens(after))
	}
	if s.c.Bool("json") {
		return writeJSON(s.out(), tokensJSON{Access: after.Access, Refresh: after.Refresh, Expires: known(after.Expires), Scope: after.Scope})
	}
	_, err = s.lang.Fprintf(s.c.App.Writer, "renewed; good until %s\n", exactly(after.Expires))
	return err
}

// refreshFromFile refreshes a token that a script keeps itself.
func (s *session) refreshFromFile(args []string) error {
	a, err := s.clientOf(args)
	if err != nil {
		return err
	}
	refresh, err := readSecret(s.c.String("refresh-token-file"))
	if err != nil {
		return inFlag("refresh-token-file", err)
	}
	tokens, err := a.oauth.Refresh(s.ctx, refresh)
	if err != nil {
		return err
	}
	if tokens.Refresh == "" {
		tokens.Refresh = refresh
	}
	return s.printTokens(tokens)
}
