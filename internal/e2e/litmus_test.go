package e2e

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

var litmusSummary = regexp.MustCompile("<- summary for `([a-z]+)': of (\\d+) tests run: (\\d+) passed, (\\d+) failed")

// litmusTests are how many tests the suites have, and all of them run.
func litmusTests() map[string]string {
	return map[string]string{"basic": "16", "copymove": "13", "props": "30", "locks": "41", "http": "4"}
}

// litmus runs the protocol suite that all servers are judged by. Its exit code
// tells nothing with -k, so the summaries are read, and every line that tells
// of a failure, a warning or a test that was skipped, but for one that is not
// davdisk's doing.
func litmus(t *testing.T, url string, want map[string]string, excused string) {
	t.Helper()
	program := command(t, "litmus", "-k", url)
	program.Dir = t.TempDir()
	raw, err := program.CombinedOutput()
	out := strings.ReplaceAll(string(raw), "\r", "\n")
	if err != nil {
		t.Fatalf("litmus: %v\n%s", err, out)
	}
	want = maps.Clone(want)
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
		told := strings.Contains(line, "WARNING") || strings.Contains(line, "SKIPPED") || strings.Contains(line, "FAIL")
		if told && (excused == "" || !strings.Contains(line, excused)) {
			t.Error(strings.TrimSpace(line))
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestLitmus(t *testing.T) {
	litmus(t, serve(t, startDisk(t, emulator.Options{})).url, litmusTests(), "")
}

// TestLitmusBehindNginx: the suite sees the proxy's address and davdisk its own,
// so that each Destination and each tag of an If header has to be understood.
func TestLitmusBehindNginx(t *testing.T) {
	linux(t)
	t.Run("http", func(t *testing.T) {
		front := freeAddress(t)
		public := "http://" + front + "/files/"
		s := serve(t, startDisk(t, emulator.Options{}), "--base-url", "/dav", "--public-url", public)
		startNginx(t, front, `listen `+front+`; location /files/ { proxy_pass `+s.url+`; }`)
		litmus(t, public, litmusTests(), "delete_fragment") // which nginx cuts off where it rewrites a path
	})
	t.Run("https", func(t *testing.T) {
		s := serve(t, startDisk(t, emulator.Options{}), "--trusted-proxy", "127.0.0.1/32")
		front, _ := tlsFront(t, s.url, "proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;")
		want := litmusTests()
		want["http"] = "3" // expect100 is not for TLS
		litmus(t, front, want, "expect100")
	})
}
