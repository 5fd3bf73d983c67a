package cmd

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/cli/browser"
	"github.com/google/uuid"
	"github.com/urfave/cli/v2"
	"rsc.io/qr"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) loginCommand() *cli.Command {
	return &cli.Command{
		Name:      "login",
		Usage:     "log in to Yandex Disk",
		ArgsUsage: "[REMOTE:]",
		Flags:     p.withStores(append(clientFlags(), switchFlag("no-browser", "do not open a browser"))...),
		Action:    p.withSession((*session).login),
	}
}

// codesAsked is how many codes are asked for before davdisk gives up on a
// person who lets them lapse.
const codesAsked = 5

func (s *session) login(args []string) error {
	l, err := s.account(append(args, defaultRemote)[0])
	if err != nil {
		return err
	}
	if s.stateDir == "" {
		return errors.New("there is no folder to keep a login in; name one with --state-dir, or do without a login by DAVDISK_TOKEN")
	}
	if err := s.client(l); err != nil {
		return err
	}
	if l.oauth.DeviceID == "" {
		l.oauth.DeviceID = uuid.NewString()
	}
	l.oauth.DeviceName = "davdisk"
	if host, err := os.Hostname(); err == nil {
		l.oauth.DeviceName += " on " + strings.Map(printableASCII, host)
	}
	tokens, err := s.deviceFlow(l.oauth)
	if err != nil {
		return err
	}
	s.warnUntold(l)
	if err := l.keep(context.WithoutCancel(s.ctx), tokens); err != nil {
		return err
	}
	return s.greet(l, tokens)
}

// deviceFlow shows a code and waits until the person has typed it in; one that
// lapses is followed by another.
func (s *session) deviceFlow(oauth yandex.OAuth) (yandex.Tokens, error) {
	for range codesAsked {
		code, err := oauth.DeviceCode(s.ctx)
		if err != nil {
			return yandex.Tokens{}, err
		}
		s.showCode(code)
		tokens, err := oauth.Poll(s.ctx, code)
		if !errors.Is(err, yandex.ErrCodeExpired) {
			return tokens, err
		}
		s.lang.Fprintf(s.c.App.ErrWriter, "The code has lapsed. Here is a new one.\n")
	}
	return yandex.Tokens{}, errors.New("nobody typed the code in; run davdisk login again when you have the time")
}

func (s *session) showCode(code yandex.DeviceCode) {
	out := s.out()
	s.lang.Fprintf(out, "Open %s and type this code:\n\n    %s\n\nIt is good for %s, until %s.\n",
		out.Name(code.URL), out.Name(code.UserCode), life(time.Until(code.Expires)), code.Expires.Local().Format("15:04:05"))
	if !terminal.Is(s.c.App.Writer) {
		return
	}
	if picture, err := qr.Encode(code.URL, qr.L); err == nil {
		fmt.Fprintln(out, terminal.QR(picture.Size, picture.Black))
	}
	if !s.c.Bool("no-browser") && hasDesktop() {
		_ = browser.OpenURL(code.URL) // the address is on the screen as well
	}
}

// hasDesktop reports whether a browser could show up.
func hasDesktop() bool {
	return runtime.GOOS == "windows" || runtime.GOOS == "darwin" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// life is how long something is good, for a person.
func life(d time.Duration) language.Count {
	if d < 90*time.Second {
		return counted(int64(d.Round(time.Second).Seconds()), "second")
	}
	return counted(int64(d.Round(time.Minute).Minutes()), "minute")
}

func printableASCII(r rune) rune {
	if r < ' ' || r > '~' {
		return '-'
	}
	return r
}
