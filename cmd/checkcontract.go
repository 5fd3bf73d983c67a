package cmd

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

// trashTest is the one test of the contract that needs the trash; it takes out
// again what it puts there.
const trashTest = "ability/trash"

// checkContract runs the tests that every driver must pass on a live store. Each
// gets a folder of its own in the scratch folder.
func (s *session) checkContract(scratch target) error {
	selected := slices.DeleteFunc(backendtest.Tests(), func(name string) bool { return !s.selects(name) })
	if len(selected) == 0 {
		return misuse("--only: no test matches %q", s.c.String("only"))
	}
	s.lang.Fprintf(s.c.App.ErrWriter, "%d tests in %s, which is removed again.\n", len(selected), terminal.Escape(scratch.address))
	if err := s.confirm(s.lang.Text("begin?")); err != nil {
		return err
	}
	var number atomic.Int64
	open := func(tb backendtest.TB) backend.Backend {
		root := scratch.in("test-" + strconv.FormatInt(number.Add(1), 10))
		if err := root.Mkdir(s.ctx, root.name); err != nil {
			tb.Fatalf("make a folder for the test: %v", err)
		}
		b, err := s.registry.Open(tb.Context(), root.full())
		if err != nil {
			tb.Fatalf("open the folder of the test: %v", err)
		}
		if tb.Name() == trashTest {
			return b
		}
		return permanent{b}
	}
	progress := terminal.NewCounter(s.c.App.ErrWriter, s.lang.Text("checking"), len(selected))
	report := backendtest.Check(s.ctx, open, backendtest.Only(s.selects), backendtest.Each(func(backendtest.Result) { progress.Add(1) }))
	progress.Close()
	if err := s.ctx.Err(); err != nil {
		return err
	}
	return s.tellReport(report, report.Count(backendtest.Failed) > 0)
}

// selects reports whether --only lets a case or a test through.
func (s *session) selects(name string) bool {
	pattern := s.c.String("only")
	match, _ := path.Match(pattern, name)
	return match || pattern == ""
}

// refuseConformanceFlags refuses flags that have no meaning for the contract.
func (s *session) refuseConformanceFlags() error {
	var given []string
	for _, flag := range []string{"level", "random", "parallel"} {
		if s.c.IsSet(flag) {
			given = append(given, "--"+flag)
		}
	}
	if len(given) > 0 {
		return misuse("%s: the tests of the contract are run whole, one after the other", strings.Join(given, ", "))
	}
	return nil
}
