package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/afero"
	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/vfs/vfstest"
)

func (p program) checkCommand() *cli.Command {
	return &cli.Command{
		Name:        "check",
		Usage:       "run the conformance suite on a live remote",
		ArgsUsage:   "REMOTE:PATH",
		Description: "It works in a folder of its own below PATH, which it removes again. Nothing else is touched.\nThe suite asks what programs expect of a file system; with --contract it is what davdisk expects of the store itself.",
		Flags: p.withStores(
			yesFlag(),
			switchFlag("contract", "run the tests of the store's driver, and show what the store declares as lacking"),
			textFlag("only", "", "run only cases that match `PATTERN`, such as rename/*"),
			textFlag("level", "parity", "what to check: `LEVEL` is data, errors or parity"),
			numberFlag("random", 0, "also run `N` sequences of random operations"),
			numberFlag("parallel", 4, "run `N` cases at a time"),
			jsonFlag(),
		),
		Action: p.withSession((*session).check),
	}
}

// scratchPrefix begins the name of the folder in which a check works.
const scratchPrefix = "davdisk-check-"

// callsPerCase and secondsPerCall are what a check roughly takes of the Yandex
// Disk API; measured on the emulator and taken from its rate limit.
const (
	callsPerCase   = 5
	secondsPerCall = 1.0 / 40
)

// cleanupTime is how long the folder of a check that was interrupted may take
// to be removed.
const cleanupTime = time.Minute

func (s *session) check(args []string) (err error) {
	options, err := s.checkOptions()
	if err != nil {
		return err
	}
	if s.c.Bool("contract") {
		if err := s.refuseConformanceFlags(); err != nil {
			return err
		}
	}
	t, err := s.target(args[0])
	if err != nil {
		return err
	}
	if info, err := s.stat(t); err != nil {
		return err
	} else if !info.Dir {
		return backend.PathError("check", args[0], backend.ErrNotDir, "a check needs a folder to work in")
	}
	scratch := t.in(scratchPrefix + uuid.NewString())
	if err := scratch.Mkdir(s.ctx, scratch.name); err != nil {
		return language.Errorf("nothing can be written to %q, so there is nothing to check: %w", args[0], err)
	}
	defer func() { err = errors.Join(err, s.removeScratch(scratch)) }()
	if s.c.Bool("contract") {
		return s.checkContract(scratch)
	}
	if err := s.announceCheck(scratch); err != nil {
		return err
	}
	report, err := s.runCheck(scratch, options)
	if err != nil {
		return err
	}
	return s.tellReport(report, report.Err() != nil)
}

// removeScratch is done also when the check was interrupted.
func (s *session) removeScratch(scratch target) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), cleanupTime)
	defer cancel()
	err := scratch.Remove(ctx, scratch.name, backend.RemoveOptions{Permanent: true})
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return language.Errorf("remove %q by hand, it is left of the check: %w", scratch.address, err)
}

func (s *session) checkOptions() ([]conformance.Option, error) {
	levels := map[string]conformance.Level{"data": conformance.Data, "errors": conformance.Errors, "parity": conformance.Parity}
	level, ok := levels[s.c.String("level")]
	if !ok {
		return nil, misuse("--level: %q is none of data, errors, parity", s.c.String("level"))
	}
	random, parallel := s.c.Int("random"), s.c.Int("parallel")
	if random < 0 || parallel < 1 {
		return nil, misuse("--random must not be negative, --parallel must be above 0")
	}
	options := []conformance.Option{
		conformance.UpTo(level), conformance.Effort(random, 40), conformance.Parallel(parallel),
		conformance.Deadline(2 * time.Minute),
	}
	if only := s.c.String("only"); only != "" {
		options = append(options, conformance.Only(only))
	}
	return options, nil
}

// foldersMove finds out whether the time of a folder shows at once that an entry
// has come, which a store may do or leave. Some count in whole seconds.
func foldersMove(ctx context.Context, f afero.Fs) (bool, error) {
	if err := f.MkdirAll("/probe/folder", 0o777); err != nil {
		return false, err
	}
	before, err := f.Stat("/probe/folder")
	if err != nil {
		return false, err
	}
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-time.After(1100 * time.Millisecond):
	}
	if err := f.Mkdir("/probe/folder/entry", 0o777); err != nil {
		return false, err
	}
	after, err := f.Stat("/probe/folder")
	if err != nil {
		return false, err
	}
	return after.ModTime().After(before.ModTime()), nil
}

// announceCheck prints what is going to happen, and asks for confirmation.
func (s *session) announceCheck(scratch target) error {
	cases := s.countCases()
	if cases == 0 {
		return misuse("--only: no case matches %q", s.c.String("only"))
	}
	calls := (cases + s.c.Int("random")) * callsPerCase
	took := time.Duration(float64(calls) * secondsPerCall * float64(time.Second)).Round(time.Second)
	s.lang.Fprintf(s.c.App.ErrWriter, "%d cases in %s, which is removed again: roughly %d calls, %v at 40 a second.\n",
		cases, terminal.Escape(scratch.address), calls, took)
	return s.confirm(s.lang.Text("begin?"))
}

func (s *session) countCases() int {
	n := 0
	for c := range conformance.Cases() {
		if s.selects(c.ID) {
			n++
		}
	}
	return n
}

// runCheck gives every case a folder of its own in the scratch folder.
func (s *session) runCheck(scratch target, options []conformance.Option) (conformance.Report, error) {
	b, err := s.registry.Open(s.ctx, scratch.full())
	if err != nil {
		return conformance.Report{}, err
	}
	f, err := vfs.New(permanent{b}, vfs.WithLogger(s.log))
	if err != nil {
		return conformance.Report{}, err
	}
	moves, err := foldersMove(s.ctx, f)
	if err != nil {
		return conformance.Report{}, errors.Join(err, f.Close())
	}
	var has []conformance.Capability
	if moves {
		has = append(has, conformance.DirUpdates)
	}
	options = append(options, vfstest.Declarations(b, has...)...)
	var number atomic.Int64
	under := func(tb conformance.TB) string {
		dir := fmt.Sprintf("/case-%d", number.Add(1))
		if err := f.Mkdir(dir, 0o777); err != nil {
			tb.Fatalf("make a folder for the case: %v", err)
		}
		return dir
	}
	progress := terminal.NewCounter(s.c.App.ErrWriter, s.lang.Text("checking"), s.countCases())
	report := conformance.Check(s.ctx, func(conformance.TB) afero.Fs { return f },
		append(options, conformance.Under(under), conformance.Each(func(conformance.Result) { progress.Add(1) }))...)
	progress.Close()
	return report, errors.Join(s.ctx.Err(), f.Close())
}

// permanent removes for good, so that a check leaves nothing in the trash.
type permanent struct{ backend.Backend }

func (p permanent) Remove(ctx context.Context, name string, o backend.RemoveOptions) error {
	o.Permanent = true
	return p.Backend.Remove(ctx, name, o)
}

// Unwrap shows the abilities of the backend.
func (p permanent) Unwrap() backend.Backend { return p.Backend }

// Close implements io.Closer.
func (p permanent) Close() error { return closeBackend(p.Backend) }

// tellReport prints the result of a check. It has printed the failures, so the
// error says nothing more.
func (s *session) tellReport(report io.WriterTo, failed bool) error {
	out := s.out()
	if s.c.Bool("json") {
		if err := writeJSON(out, report); err != nil {
			return err
		}
	} else {
		var text strings.Builder
		if _, err := report.WriteTo(&text); err != nil {
			return err
		}
		for line := range strings.Lines(text.String()) {
			fmt.Fprintln(out, out.Name(strings.TrimSuffix(line, "\n")))
		}
	}
	if failed {
		return said{errors.New("some cases failed")}
	}
	return nil
}
