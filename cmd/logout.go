package cmd

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

func (p program) logoutCommand() *cli.Command {
	return &cli.Command{
		Name:      "logout",
		Usage:     "log out: revoke the token and delete it",
		ArgsUsage: "[REMOTE:]",
		Flags:     p.withStores(switchFlag("forget-only", "delete the token here without revoking it at Yandex")),
		Action:    p.withSession((*session).logout),
	}
}

func (s *session) logout(args []string) error {
	a, err := s.account(append(args, defaultRemote)[0])
	if err != nil {
		return err
	}
	tokens, err := a.store.Load()
	if err != nil {
		return err
	}
	if s.c.Bool("forget-only") && a.store.Untold() {
		return errors.New("this login is the only copy that is good: gateways share it, and have not been told yet that it was renewed; start the gateway of this state folder, which tells them, or revoke the login by davdisk logout without --forget-only")
	}
	if !s.c.Bool("forget-only") {
		err = a.oauth.Revoke(s.ctx, tokens.Access)
	}
	if err != nil && !errors.Is(err, yandex.ErrNoRevoke) {
		return language.Errorf("the login was not revoked, and is kept: %w; --forget-only forgets it all the same", err)
	}
	return errors.Join(a.store.Delete(s.ctx), err)
}
