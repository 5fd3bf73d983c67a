package cmd

import (
	"errors"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

func (p program) syncCommand() *cli.Command {
	return &cli.Command{
		Name:      "sync",
		Usage:     "make a folder hold everything that another holds",
		ArgsUsage: "SRC DST",
		Description: "What is the same on both sides is left alone, files of other content are replaced, and with --delete what only DST holds\n" +
			"is deleted: only after all else was listed and copied without an error, and never more than --max-delete of DST without -f.\n\n" +
			"   davdisk sync ./photos yandex:Photos\n   davdisk sync --delete --exclude cache/ yandex:Work ./work\n   davdisk sync --dry-run --delete yandex:Work other:Work",
		Flags: p.withStores(append([]cli.Flag{
			switchFlag("delete", "delete what only DST holds; it goes to the trash if the store has one"),
			textFlag("max-delete", "50%", "with --delete: `MOST` of DST that may go, in percent or as a number; if it is more, nothing is done"),
			switchFlag("force", "with --delete: delete more than --max-delete, too", "f"),
			noWaitFlag(),
		}, transferFlags(filterFlags()...)...)...),
		Action: p.withSession(func(s *session, args []string) error { return s.sync(args[0], args[1]) }),
	}
}

func (s *session) sync(source, destination string) error {
	most, err := parseMost(s.c.String("max-delete"))
	if err == nil {
		err = s.checkTransferFlags()
	}
	if err != nil {
		return err
	}
	p, err := s.sides(source, destination)
	if err != nil {
		return err
	}
	o := s.planOptions(p)
	o.Replace, o.Delete = true, s.c.Bool("delete")
	j, err := s.plan(p, o)
	if err != nil {
		return err
	}
	if o.Delete && !s.c.Bool("force") && most.exceeded(j.plan) {
		return errors.Join(append(j.plan.Errs, language.Errorf("%d of the %d entries of %q would be deleted, which is more than --max-delete %s; nothing was done. -f allows it, --dry-run shows them",
			j.plan.Extra, j.plan.Held, p.to.address, s.c.String("max-delete")))...)
	}
	j.summed = true
	return s.do([]*task{j}, nil)
}

// sides are two folders, of which the second may be missing, or two files.
func (s *session) sides(source, destination string) (pair, error) {
	from, err := s.target(source)
	if err != nil {
		return pair{}, err
	}
	to, err := s.target(destination)
	if err != nil {
		return pair{}, err
	}
	p := pair{from: from, to: to}
	if p.info, err = s.stat(from); err != nil {
		return p, err
	}
	if p.replaces, err = s.there(to); err != nil {
		return p, err
	}
	if p.info.Dir && p.replaces != nil && p.replaces.Dir && strings.HasPrefix(from.full(), strings.TrimSuffix(to.full(), "/")+"/") {
		return p, misuse("%q is in %q, which cannot be made equal to it", source, destination)
	}
	return p, s.checkPair(p)
}

// most is a limit of what is deleted: a share of the target, or a number.
type most struct {
	percent float64 // negative: it is a number
	number  int
}

func parseMost(text string) (most, error) {
	if share, ok := strings.CutSuffix(text, "%"); ok {
		if n, err := strconv.ParseFloat(share, 64); err == nil && n >= 0 && n <= 100 {
			return most{percent: n}, nil
		}
	} else if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return most{percent: -1, number: n}, nil
	}
	return most{}, misuse("--max-delete: %q is neither a percentage nor a number; write 10%% or 200", text)
}

func (m most) exceeded(p *transfer.Plan) bool {
	if m.percent < 0 {
		return p.Extra > m.number
	}
	return float64(p.Extra)*100 > m.percent*float64(p.Held)
}
