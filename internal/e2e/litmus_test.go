package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

var litmusSummary = regexp.MustCompile("<- summary for `([a-z]+)': of (\\d+) tests run: (\\d+) passed, (\\d+) failed")

// TestLitmus runs the protocol suite that all servers are judged by, on the
// whole of davdisk. Its exit code tells nothing with -k, so the summaries are
// read.
func TestLitmus(t *testing.T) {
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	litmus := command(t, "litmus", "-k", s.url)
	litmus.Dir = t.TempDir()
	raw, err := litmus.CombinedOutput()
	out := strings.ReplaceAll(string(raw), "\r", "\n")
	if err != nil {
		t.Fatalf("litmus: %v\n%s", err, out)
	}
	want := map[string]string{"basic": "16", "copymove": "13", "props": "30", "locks": "41", "http": "4"}
	for _, found := range litmusSummary.FindAllStringSubmatch(out, -1) {
		suite, ran, passed, failed := found[1], found[2], found[3], found[4]
		if ran != want[suite] || passed != ran || failed != "0" {
			t.Errorf("%s: %s of %s tests ran, %s passed, %s failed", suite, ran, want[suite], passed, failed)
		}
		delete(want, suite)
	}
	for suite := range want {
		t.Errorf("no summary of %s", suite)
	}
	for line := range strings.Lines(out) {
		// RFC 4918 section 10.4.1 wants the 412 that litmus frowns at here.
		if strings.Contains(line, "WARNING") && !strings.Contains(line, "412") {
			t.Errorf("a warning: %s", strings.TrimSpace(line))
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}
