package webdav

import (
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
	"github.com/davdisk/davdisk/vfs"
)

var (
	litmusSummary = regexp.MustCompile("<- summary for `(\\w+)': of (\\d+) tests run: (\\d+) passed, (\\d+) failed")
	litmusTest    = regexp.MustCompile(`(?m)^[ ]*\d+\. (\S+?)\.* (FAIL|SKIPPED|WARNING)(.*)$`)
)

// litmus runs the WebDAV test suite by Joe Orton against an address. It gives
// the summary of each suite ("16 run, 16 passed"), and what failed, was skipped
// or was warned of.
func litmus(t *testing.T, url string) (summaries map[string]string, complaints []string, report string) {
	t.Helper()
	cmd := exec.Command(testtool.Find(t, "litmus"), "-k", url)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "TESTS=basic copymove props locks http")
	out, err := cmd.CombinedOutput()
	report = strings.ReplaceAll(string(out), "\r", "\n")
	if err != nil {
		t.Errorf("litmus: %v", err)
	}
	summaries = map[string]string{}
	for _, s := range litmusSummary.FindAllStringSubmatch(report, -1) {
		summaries[s[1]] = s[2] + " run, " + s[3] + " passed"
	}
	for _, m := range litmusTest.FindAllStringSubmatch(report, -1) {
		complaints = append(complaints, m[1]+" "+m[2]+m[3])
	}
	return summaries, complaints, report
}

// TestLitmus runs litmus against the handler. Nothing may fail, be skipped or be
// warned of.
func TestLitmus(t *testing.T) {
	want := map[string]string{
		"basic": "16 run, 16 passed", "copymove": "13 run, 13 passed", "props": "30 run, 30 passed",
		"locks": "41 run, 41 passed", "http": "4 run, 4 passed",
	}
	for name, fs := range map[string]xdav.FileSystem{
		"os":       FromAfero(afero.NewBasePathFs(afero.NewOsFs(), t.TempDir())),
		"memory":   FromAfero(afero.NewMemMapFs()),
		"NewMemFS": xdav.NewMemFS(),
		"Dir":      xdav.Dir(t.TempDir()),
	} {
		t.Run(name, func(t *testing.T) {
			handler, err := New(fs, WithStrictAbilities())
			if err != nil {
				t.Fatal(err)
			}
			defer handler.Close()
			server := httptest.NewServer(handler)
			defer server.Close()
			summaries, complaints, report := litmus(t, server.URL+"/")
			if !maps.Equal(summaries, want) || len(complaints) > 0 {
				t.Errorf("%v %q\n%s", summaries, complaints, report)
			}
		})
	}
}

// TestLitmusOfXNet runs litmus against the handler of x/net on all that davdisk
// has below its own: its file system on an emulated disk, and its locks. What
// fails is that handler's, and docs/litmus.md tells it.
func TestLitmusOfXNet(t *testing.T) {
	disk, err := emulator.Start(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	store, err := yandex.New(yandex.Config{APIURL: disk.URL, Token: yandex.StaticToken(disk.Token), Rate: -1})
	if err != nil {
		t.Fatal(err)
	}
	fs, err := vfs.New(store)
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	server := httptest.NewServer(&xdav.Handler{FileSystem: FromAfero(fs), LockSystem: newLocks(t, t.TempDir())})
	defer server.Close()
	want := map[string]string{
		"basic": "16 run, 16 passed", "copymove": "13 run, 13 passed", "props": "14 run, 10 passed",
		"locks": "34 run, 32 passed", "http": "4 run, 4 passed",
	}
	wantFaults := []string{
		"propfind_invalid2", "propset", "propmanyns", "propget", "cond_put_corrupt_token", "fail_complex_cond_put", "lock_shared",
	}
	summaries, complaints, report := litmus(t, server.URL+"/")
	var faults []string
	for _, complaint := range complaints {
		if name, rest, _ := strings.Cut(complaint, " "); !strings.HasPrefix(rest, "SKIPPED") { // what needs what has failed
			faults = append(faults, name)
		}
	}
	if !maps.Equal(summaries, want) || !slices.Equal(faults, wantFaults) {
		t.Errorf("%v %q\n%s", summaries, faults, report)
	}
}
