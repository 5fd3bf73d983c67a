package cmd

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

func (p program) compareCommand() *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "show in what two folders, or two files, differ",
		ArgsUsage: "SRC DST",
		Description: "By hash where both stores know one; files of this machine are read for that. Else by size and time, which is said. Nothing is\n" +
			"changed. The exit code is 0 if both hold the same, and 1 if not.\n\n   davdisk compare ./photos yandex:Photos",
		Flags:  p.withStores(append([]cli.Flag{transfersFlag(), switchFlag("json", "print JSON, a difference a line, for scripts")}, filterFlags()...)...),
		Action: p.withSession(func(s *session, args []string) error { return s.compare(args[0], args[1]) }),
	}
}

// difference names the kind of a step for compare.
func difference(k transfer.Kind) string {
	switch k {
	case transfer.Delete:
		return "only in DST"
	case transfer.Replace:
		return "differs"
	}
	return "only in SRC"
}

func (s *session) compare(source, destination string) error {
	if err := s.checkTransferFlags(); err != nil {
		return err
	}
	p, err := s.sides(source, destination)
	if err != nil {
		return err
	}
	if p.replaces == nil {
		_, err := s.stat(p.to)
		return err
	}
	o := s.planOptions(p)
	o.Replace, o.Delete, o.Verify = true, true, true
	j, err := s.plan(p, o)
	if err != nil {
		return err
	}
	r := s.newReport(nil)
	out := s.out()
	same, byTime, differ := 0, 0, 0
	for _, step := range j.plan.Steps {
		r.event(stepEvent(j, step))
		if step.Kind == transfer.Same {
			same++
			if step.By == transfer.BySizeAndMod {
				byTime++
			}
			continue
		}
		differ++
		if !s.c.Bool("json") {
			side := j.from
			if step.Kind == transfer.Delete {
				side = j.to
			}
			s.lang.Fprintf(out, "%-11s  %s\n", s.lang.Text(difference(step.Kind)), out.Name(side.side().In(step.Name).Address))
		}
	}
	if !s.c.Bool("json") {
		note := ""
		if byTime > 0 {
			note = s.lang.Sprintf(" (%d by size and time alone)", byTime)
		}
		s.lang.Fprintf(out, "%s the same%s, %s\n", counted(same, "file"), note, counted(differ, "difference"))
	}
	if differ > 0 {
		return errors.Join(append(j.plan.Errs, said{errors.New("they differ")})...)
	}
	return errors.Join(j.plan.Errs...)
}
