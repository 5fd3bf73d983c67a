package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// hostileWords are words of a command line that a unit must not change.
var hostileWords = []string{"serve", `--user=a "b" \ 'c'`, "--pass-file=/etc/100% $HOME ${HOME} %h", "--base-url=/{{Name}}{x", "--", "/srv/Ж\tx\n[Service]\nUser=root"}

// A unit differs from that of the packages in its mark, in what is run, by whom,
// and in the folders that it may change.
func TestServiceUnit(t *testing.T) {
	for runAs, shipped := range map[string]string{"": userUnit, "anna": systemUnit} {
		o := serviceOptions{binary: "/opt/$x/davdisk", args: hostileWords, runAs: runAs, writable: []string{"/srv/100% $x"}}
		unit, err := o.newUnit()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimPrefix(unit, unitMark), "\n")
		want := strings.Split(shipped, "\n")
		i := slices.IndexFunc(want, func(line string) bool { return strings.HasPrefix(line, "ExecStart=") })
		want[i] = `ExecStart="/opt/$x/davdisk" "serve" "--user=a \"b\" \\ 'c'" "--pass-file=/etc/100%% $$HOME $$\x7bHOME\x7d %%h" "--base-url=/\x7b\x7bName\x7d\x7d\x7bx" "--" "/srv/Ж\x09x\x0a[Service]\x0aUser=root"`
		if runAs != "" {
			want = slices.Insert(want, i+1, `ReadWritePaths="/srv/100%% $x"`)
			want[slices.Index(want, "User=davdisk")] = "User=anna"
		}
		if !slices.Equal(got, want) {
			t.Errorf("the unit for %q is\n%s", runAs, unit)
		}
	}
	for _, o := range []serviceOptions{{runAs: "a\nb"}, {runAs: "%u"}, {args: []string{"\xff"}}, {runAs: "a", writable: []string{"/a\nb"}}} {
		if unit, err := o.newUnit(); err == nil {
			t.Errorf("%+v: %s", o, unit)
		}
	}
}

// A service of the system does not see what its unit hides.
func TestServiceFilesAreSeen(t *testing.T) {
	for _, file := range []string{"/home/me/go/bin/davdisk", "/home", "/root/users", "/tmp/x", "/run/user/1000/s"} {
		if err := areSeen([]string{"/usr/bin/davdisk", file}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := areSeen([]string{"/usr/bin/davdisk", "/srv/home/x", "/homes", "/etc/davdisk/users"}); err != nil {
		t.Error(err)
	}
}

// TestServiceUnitVerified asks systemd what it thinks of the units.
func TestServiceUnitVerified(t *testing.T) {
	testlevel.NeedMore(t)
	analyze := testtool.Find(t, "systemd-analyze")
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir) // or the manager of user units does not begin
	for kind, runAs := range map[string]string{"--user": "", "--system": "daemon"} {
		unit, err := serviceOptions{binary: binary, args: hostileWords, runAs: runAs, writable: []string{"/srv/100% $x"}}.newUnit()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, kind, "davdisk.service")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", kind, file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", kind, err, out)
		}
		if runAs == "" {
			continue
		}
		if out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=30", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", kind, err, out)
		}
	}
}
