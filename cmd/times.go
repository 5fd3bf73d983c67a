package cmd

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

// timeKeeper is a store that takes a moment after an upload until it holds the
// modification time, and may lose it before.
type timeKeeper interface {
	SyncTimes(ctx context.Context) (left int, err error)
}

func noWaitFlag() cli.Flag {
	return switchFlag("no-wait", "do not wait until modification times are stored: the next davdisk on the store writes them")
}

// keepTimes waits until the stores hold the modification times of what was
// copied to them.
func (s *session) keepTimes() error {
	if s.c.Bool("no-wait") {
		return nil
	}
	clear := terminal.Notice(s.c.App.ErrWriter, s.lang.Text("keeping modification times; Ctrl-C leaves that to the next davdisk"))
	defer clear()
	var errs []error
	for _, b := range s.open {
		keeper, ok := backend.As[timeKeeper](b)
		if !ok {
			continue
		}
		left, err := keeper.SyncTimes(s.ctx)
		switch {
		case left > 0 && s.stateDir == "":
			errs = append(errs, language.Errorf("the store does not hold the modification times of %s, which are lost with this process: there is no state folder", counted(left, "file")))
		case left > 0:
			errs = append(errs, language.Errorf("the store does not hold the modification times of %s yet; the next davdisk on it goes on, 'davdisk queue' lists them", counted(left, "file")))
		case err != nil && !errors.Is(err, context.Canceled):
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
