package scoreboard

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/conformance"
)

// Known reads a list of what a file system does wrong: a reason, and indented
// below it the cases that fail for that, which may be patterns. An exclamation
// mark is before a reason not to run a case at all. The list is a file in the
// folder testdata/known of the package that is tested; "" is an empty one.
func Known(t *testing.T, list string) []conformance.Option {
	t.Helper()
	if list == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join("testdata", "known", list+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	var opts []conformance.Option
	var why string
	for line := range strings.Lines(string(data)) {
		pattern, isCase := strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
		if !isCase {
			why = pattern
			continue
		}
		found := false
		for c := range conformance.Cases() {
			if match, err := path.Match(pattern, c.ID); err != nil || !match {
				continue
			}
			found = true
			if reason, crashes := strings.CutPrefix(why, "! "); crashes {
				opts = append(opts, conformance.Crashes(c.ID, reason))
			} else {
				opts = append(opts, conformance.Known(c.ID, why))
			}
		}
		if !found {
			t.Errorf("testdata/known/%s.txt: there is no case %q", list, pattern)
		}
	}
	return opts
}
