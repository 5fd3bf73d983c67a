package cmd

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/demo"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

// A trial is a made-up disk: the emulator in this process, served through the
// same driver, file system and handler as a real one.
type trial struct {
	server *emulator.Server
	keep   string // folder that keeps the disk; empty: it is forgotten
	home   string // folder of this trial alone, to be removed; may be empty
}

func isTrial(c *cli.Context) bool { return c.Bool("demo") || c.String("demo-dir") != "" }

// startTrial starts the emulator, fills it, and turns the session's remotes to
// it. State goes into the trial's own folder: it must not touch what belongs
// to the real disk.
func (p program) startTrial(c *cli.Context) (*session, *trial, error) {
	if c.NArg() > 0 {
		return nil, nil, misuse("--demo serves a made-up disk: leave out %q", c.Args().First())
	}
	t := &trial{keep: c.String("demo-dir")}
	home := t.keep
	if home == "" {
		var err error
		if home, err = os.MkdirTemp("", "davdisk-demo-"); err != nil {
			return nil, nil, err
		}
		t.home = home
	} else if err := demo.Claim(home); err != nil {
		return nil, nil, inFlag("demo-dir", err)
	}
	s, err := t.start(p, c, home)
	if err != nil {
		return nil, nil, errors.Join(err, t.Close())
	}
	return s, t, nil
}

func (t *trial) start(p program, c *cli.Context, home string) (*session, error) {
	if !c.IsSet("state-dir") {
		if err := c.Set("state-dir", filepath.Join(home, "state")); err != nil {
			return nil, err
		}
	}
	s, err := p.newSession(c)
	if err != nil {
		return nil, err
	}
	content := filepath.Join(home, "content")
	if err := os.RemoveAll(content); err != nil { // of a demo that was killed
		return nil, err
	}
	if err := os.MkdirAll(content, 0o700); err != nil {
		return nil, err
	}
	if t.server, err = emulator.Start(emulator.Options{Dir: content}); err != nil {
		return nil, err
	}
	filled := false
	if t.keep != "" {
		if filled, err = demo.Load(t.keep, t.server); err != nil {
			return nil, language.Errorf("read the kept disk: %w", err)
		}
	}
	if !filled {
		if err := demo.Fill(t.server); err != nil {
			return nil, err
		}
	}
	s.cfg = &config.File{Path: s.cfg.Path} // remotes and users are those of the real disk
	s.registry = s.newRegistry(nil)
	return s, s.addRemotes(s.registry, map[string]map[string]string{"yandex": {
		"token": t.server.Token, "api-url": t.server.URL, "oauth-url": t.server.OAuthURL, "rate": "0",
	}})
}

// Close keeps the disk, if that was asked for, and ends the emulator.
func (t *trial) Close() error {
	var errs []error
	if t.server != nil {
		if t.keep != "" {
			errs = append(errs, demo.Save(t.keep, kept{t.server}))
		}
		errs = append(errs, t.server.Close())
	}
	if t.home != "" {
		errs = append(errs, os.RemoveAll(t.home))
	}
	return errors.Join(errs...)
}

// kept shows the disk of an emulator, without its trash, as demo.Save wants it.
type kept struct{ *emulator.Server }

func (k kept) Walk(f func(name string, dir bool) error) error {
	for _, e := range k.Dump() {
		if !strings.HasPrefix(e.Path, "disk:/") {
			continue
		}
		if err := f(e.Path, e.Dir); err != nil {
			return err
		}
	}
	return nil
}

func (k kept) Open(path string) (io.ReadSeekCloser, error) { return k.Server.Open(path) }
