package cmd

import (
	"context"
	"errors"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

// transferFlags are those of every command that copies.
func transferFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		transfersFlag(),
		switchFlag("dry-run", "print what would be done, and do nothing", "n"),
		switchFlag("json", "print what is done as JSON, an event a line, for scripts"),
	}, more...)
}

func transfersFlag() cli.Flag { return numberFlag("transfers", 4, "work on `N` files at a time") }

func filterFlags() []cli.Flag {
	return []cli.Flag{
		listFlag("include", "only files that match `PATTERN`, or are in a folder that does: *.jpg, photos/, docs/**/*.txt; repeatable"),
		listFlag("exclude", "leave out what matches `PATTERN`, with all that is in it; repeatable"),
	}
}

// filtered reports whether only a part is meant.
func (s *session) filtered() bool {
	return len(s.c.StringSlice("include"))+len(s.c.StringSlice("exclude")) > 0
}

// checkTransferFlags refuses values that make no sense.
func (s *session) checkTransferFlags() error {
	if s.c.Int("transfers") < 1 {
		return misuse("--transfers must be 1 or more")
	}
	if _, err := s.filter(); err != nil {
		return misuse("--include, --exclude: %v", err)
	}
	return nil
}

func (s *session) filter() (transfer.Filter, error) {
	return transfer.NewFilter(s.c.StringSlice("include"), s.c.StringSlice("exclude"))
}

// planOptions are what the flags say.
func (s *session) planOptions(p pair) transfer.Options {
	filter, _ := s.filter() // checked by checkTransferFlags
	return transfer.Options{
		Transfers: s.c.Int("transfers"), Filter: filter, Replace: s.c.Bool("overwrite"), Force: s.c.Bool("overwrite"),
		Within: p.from.root == p.to.root, Outer: p.outer,
	}
}

// A task is what is to be done about one pair: by a plan, or by the store itself,
// which may turn out not to be able to and make a plan.
type task struct {
	pair
	verb   string // of direct
	direct func() error
	plan   *transfer.Plan
	after  func(copied []transfer.Step) error // nil: nothing; called if all was done
	summed bool                               // the sum is printed at the end
}

// plan compares both sides of a pair.
func (s *session) plan(p pair, o transfer.Options) (*task, error) {
	defer terminal.Notice(s.c.App.ErrWriter, s.lang.Sprintf("comparing %s", terminal.Escape(p.from.address)))()
	plan, err := transfer.New(s.ctx, p.from.side(), p.to.side(), p.info, p.replaces, o)
	return &task{pair: p, plan: plan}, err
}

// do does tasks, after which it waits until the stores hold the modification
// times.
func (s *session) do(tasks []*task, errs []error) error {
	r := s.newReport(tasks)
	if s.c.Bool("dry-run") {
		return errors.Join(append(errs, r.dryRun(tasks)...)...)
	}
	for _, err := range errs {
		r.failed(err)
	}
	for _, j := range tasks {
		if s.ctx.Err() != nil {
			break
		}
		if err := s.doOne(j, r); err != nil && !errors.Is(err, context.Canceled) {
			r.failed(err)
		}
	}
	r.summed = len(tasks) > 0 && tasks[0].summed
	return errors.Join(r.end(s.ctx.Err() != nil), s.keepTimes())
}

func (s *session) doOne(j *task, r *report) error {
	if j.direct != nil {
		if err := j.direct(); err != nil || j.plan == nil {
			r.direct(j, err)
			return err
		}
		r.grow(j.plan)
	}
	before := len(r.errs)
	var copied []transfer.Step
	err := j.plan.Run(s.ctx, transfer.Watch{
		Moved: r.moved,
		Done: func(step transfer.Step) {
			copied = append(copied, step)
			if step.Kind == transfer.MakeFolder && step.Name == "" {
				if !s.noteUnfinished(j.pair) {
					r.unnoted = j
				}
			}
			r.done(j, step)
		},
		Failed: r.failed,
	})
	whole := err == nil && len(r.errs) == before
	if whole {
		s.forgetUnfinished(j.pair)
	}
	if j.after == nil {
		return err
	}
	if !whole {
		if slices.ContainsFunc(copied, func(step transfer.Step) bool { return !step.From.Dir }) {
			err = errors.Join(err, errNothingDeleted(j.from))
		}
		return err
	}
	return j.after(copied)
}
