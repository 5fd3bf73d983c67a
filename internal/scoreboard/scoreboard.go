// Package scoreboard keeps what each file system scored in the conformance
// suite, one JSON file each, and prints docs/conformance.md and a part of the
// README from them. A test
// runs the suite through it, or hands it a report:
//
//	scoreboard.Run(t, "vfs over backend/memory", "davdisk", "", fresh, opts...)
//	scoreboard.Check(t, "vfs over backend/memory", "davdisk", report)
//
// Either fails if the score on record is another one. To record a new one, run
// the test with the variable DAVDISK_SCORES=update set, best together with
// -short, for which alone times are recorded:
//
//	DAVDISK_SCORES=update go test -short ./conformance ./vfs
//	(cd conformance/internal/matrix && DAVDISK_SCORES=update go test -short ./...)
package scoreboard

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/conformance"
)

// A Score is one row of the table.
type Score struct {
	Name     string            `json:"name"`
	Of       string            `json:"of"` // which version of what
	Cases    int               `json:"cases"`
	Passed   int               `json:"passed"`
	NotRun   int               `json:"notRun"`   // declared missing, or not applicable
	Known    map[string]string `json:"known"`    // cases that fail, with the reason
	Unstable map[string]string `json:"unstable"` // cases that are not run because they would end the process, or fail at times
	Lacks    []string          `json:"lacks"`    // what is declared
	Took     string            `json:"took"`     // with go test -short
}

const update = "DAVDISK_SCORES"

// Run runs the suite with the list of what is known of the file system, see
// Known, and checks the score. The random part is the same each time, so that
// the score does not depend on luck.
func Run(t *testing.T, name, of, list string, fresh conformance.Maker, opts ...conformance.Option) {
	t.Helper()
	opts = append(append(Known(t, list), conformance.Seed(1)), opts...)
	Check(t, name, of, conformance.Run(t, fresh, opts...))
}

// Check compares a report with the score on record, or records it. Which cases
// do not apply depends on the system and the user, so that those count like
// passed ones; the records are made on Linux.
func Check(t *testing.T, name, of string, r conformance.Report) {
	t.Helper()
	if runtime.GOOS != "linux" || !complete(r) {
		return
	}
	now := scoreOf(name, of, r)
	was, err := read(file(t, name))
	if os.Getenv(update) != "update" {
		switch {
		case err != nil:
			t.Errorf("no score on record: %v; record one with %s=update", err, update)
		case !now.same(was):
			t.Errorf("the score on record is another one (%d of %d passed, now %d of %d); record this one with %s=update",
				was.Passed, was.Cases, now.Passed, now.Cases, update)
		}
		return
	}
	if !testing.Short() {
		now.Took = was.Took
	}
	if err := now.write(file(t, name)); err != nil {
		t.Fatal(err)
	}
	table, err := Table(filepath.Join(root(t), scores))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root(t), "docs", "conformance.md"), table, 0o644); err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(root(t), "README.md")
	readme, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if readme, err = Summary(readme, filepath.Join(root(t), scores)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, readme, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Version is which version of a module the tests are built with.
func Version(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
	if err != nil {
		t.Fatalf("version of %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}

// complete reports whether all cases took part: -run, Only and UpTo leave some
// out.
func complete(r conformance.Report) bool {
	n := 0
	for range conformance.Cases() {
		n++
	}
	return len(r.Results) == n
}

func scoreOf(name, of string, r conformance.Report) Score {
	s := Score{
		Name: name, Of: of, Cases: len(r.Results), Passed: r.Count(conformance.Passed),
		NotRun: r.Count(conformance.Refused, conformance.Ignored, conformance.Skipped),
		Known:  map[string]string{}, Unstable: map[string]string{},
		Took: fmt.Sprintf("%.1f s", r.Took.Round(100*time.Millisecond).Seconds()),
	}
	for _, res := range r.Results {
		why, _, _ := strings.Cut(res.Detail, "\n")
		switch res.Verdict {
		case conformance.WasKnown:
			s.Known[res.Case.ID] = why
		case conformance.Crashing:
			s.Unstable[res.Case.ID] = why
		}
	}
	for _, d := range r.Declared {
		s.Lacks = append(s.Lacks, fmt.Sprintf("%v %v: %s", d.Verdict, d.Capability, d.Why))
	}
	return s
}

// same leaves out what depends on the machine.
func (s Score) same(o Score) bool {
	return s.Name == o.Name && s.Of == o.Of && s.Cases == o.Cases && s.Passed+s.NotRun == o.Passed+o.NotRun &&
		maps.Equal(s.Known, o.Known) && maps.Equal(s.Unstable, o.Unstable) && slices.Equal(s.Lacks, o.Lacks)
}

const scores = "internal/scoreboard/scores"

func file(t *testing.T, name string) string {
	base := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" /():,", r) {
			return '-'
		}
		return r
	}, strings.ToLower(name))
	return filepath.Join(root(t), scores, base+".json")
}

// root finds the top of the repository, from whatever package is tested.
func root(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module github.com/davdisk/davdisk\n") {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("this is not in a checkout of davdisk")
		}
	}
}

func read(name string) (Score, error) {
	var s Score
	data, err := os.ReadFile(name)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

func (s Score) write(name string) error {
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(data, '\n'), 0o644)
}
