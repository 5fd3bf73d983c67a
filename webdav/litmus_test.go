package webdav

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/internal/testtool"
)

var (
	litmusSummary = regexp.MustCompile("<- summary for `(\\w+)': of (\\d+) tests run: (\\d+) passed, (\\d+) failed")
	litmusTest    = regexp.MustCompile(`(?m)^[ ]*\d+\. (\S+?)\.* (FAIL|SKIPPED|WARNING)(.*)$`)
)

// TestLitmus runs the WebDAV test suite by Joe Orton against the handler.
// Nothing may fail, be skipped or be warned of.
func TestLitmus(t *testing.T) {
	litmus := testtool.Find(t, "litmus")
	for name, fs := range map[string]afero.Fs{
		"os":     afero.NewBasePathFs(afero.NewOsFs(), t.TempDir()),
		"memory": afero.NewMemMapFs(),
	} {
		t.Run(name, func(t *testing.T) {
			handler, err := NewHandler(fs)
			if err != nil {
				t.Fatal(err)
			}
			defer handler.Close()
			server := httptest.NewServer(handler)
			defer server.Close()
			cmd := exec.Command(litmus, "-k", server.URL+"/")
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "TESTS=basic copymove props locks http")
			out, err := cmd.CombinedOutput()
			report := strings.ReplaceAll(string(out), "\r", "\n")
			if err != nil {
				t.Errorf("litmus: %v", err)
			}
			summaries := litmusSummary.FindAllStringSubmatch(report, -1)
			if len(summaries) != 5 {
				t.Errorf("%d of 5 suites have a summary", len(summaries))
			}
			for _, s := range summaries {
				if s[2] != s[3] || s[4] != "0" {
					t.Errorf("suite %s: %s run, %s passed, %s failed", s[1], s[2], s[3], s[4])
				}
			}
			for _, m := range litmusTest.FindAllStringSubmatch(report, -1) {
				t.Errorf("%s: %s%s", m[1], m[2], m[3])
			}
			if t.Failed() {
				t.Log(report)
			}
		})
	}
}
