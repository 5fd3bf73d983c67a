//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// logInAndMount is what a person does with the package: log in, serve, mount the
// share by davfs2, and put a file there.
func logInAndMount(t *testing.T, root string, disk *emulator.Server) {
	t.Helper()
	disk.SetKnobs(func(k *emulator.Knobs) { k.DeviceInterval, k.DevicePolls = 1, 1 })
	login := installed(root, "login")
	login.Env = append(ofDisk(disk), "DAVDISK_CLIENT_ID=some-id", "DAVDISK_CLIENT_SECRET=some-secret")
	if out, err := login.CombinedOutput(); err != nil || !strings.Contains(string(out), "Logged in as") {
		t.Fatalf("login: %v\n%s", err, out)
	}
	url, stop := serveInstalled(t, root, ofDisk(disk))
	work := t.TempDir()
	conf, mnt := filepath.Join(work, "davfs.conf"), filepath.Join(work, "mnt")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte("ask_auth 0\nbuf_size 2048\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sh(t, "mount.davfs", url, mnt, "-o", "conf="+conf+",noauto")
	defer func() { _ = exec.Command("umount", "-l", mnt).Run() }() // if it still is
	if err := os.WriteFile(filepath.Join(mnt, "by mount"), []byte("through davfs2"), 0o644); err != nil {
		t.Error(err)
	}
	sh(t, "umount", mnt) // waits until davfs2 has written it
	stop()
	if data, err := disk.ReadFile("disk:/by mount"); err != nil || string(data) != "through davfs2" {
		t.Errorf("the disk holds %q, %v", data, err)
	}
}

// installUnit lets the program install a service of the system in a root folder
// where a stand-in for systemctl notes what it is told, and shows the unit to
// systemd.
func installUnit(t *testing.T, root, binary string) {
	t.Helper()
	for name, text := range map[string]string{"systemctl": "#!/bin/sh\necho \"$@\" >>/calls\n", "rpm-ostree": "#!/bin/sh\n"} {
		if err := os.WriteFile(filepath.Join(root, "usr/local/bin", name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "etc/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	proc := filepath.Join(root, "proc") // by which a program finds itself
	sh(t, "mount", "-t", "proc", "proc", proc)
	defer sh(t, "umount", proc)
	in := func(args ...string) string {
		t.Helper()
		return sh(t, "chroot", append([]string{root, "env", "PATH=/usr/local/bin:/usr/bin:/bin"}, args...)...)
	}
	in("davdisk", "service", "install", "/srv", "--run-as", "davdisk", "--config", "/etc/davdisk/config.toml", "--read-only")
	file := filepath.Join(root, "etc/systemd/system/davdisk.service")
	unit, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile("../../cmd/systemd/system/davdisk.service")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(shipped)) {
		if !strings.HasPrefix(line, "ExecStart=") && !slices.Contains(slices.Collect(strings.Lines(string(unit))), line) {
			t.Errorf("the unit lacks %q", line)
		}
	}
	// The configuration of the package names the cache itself.
	want := `ExecStart="/usr/bin/davdisk" "serve" "--read-only=true" "--config=/etc/davdisk/config.toml" "--state-dir=/var/lib/davdisk" "--" "/srv"` + "\nReadWritePaths=\"/srv\"\n"
	if !strings.Contains(string(unit), want) {
		t.Errorf("the unit is\n%s\nwant\n%s", unit, want)
	}
	here := filepath.Join(t.TempDir(), "davdisk.service")
	if err := os.WriteFile(here, []byte(strings.ReplaceAll(strings.ReplaceAll(string(unit), "/usr/bin/davdisk", binary), "User=davdisk", "User=daemon")), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := sh(t, "systemd-analyze", "verify", "--man=no", "--system", here); out != "" {
		t.Error(out)
	}
	in("davdisk", "service", "uninstall")
	if _, err := os.Lstat(file); err == nil {
		t.Error("the unit is still there")
	}
	const calls = "enable davdisk.service\ndaemon-reload\nstart davdisk.service\nstop davdisk.service\ndisable davdisk.service\ndaemon-reload\n"
	if told, err := os.ReadFile(filepath.Join(root, "calls")); err != nil || string(told) != calls {
		t.Errorf("systemctl was told %q, %v", told, err)
	}
}

// useRPM installs, upgrades and removes the RPM package with its scripts. The root
// folder is that of a Debian, so its dependencies are not looked at, and what is
// special to Fedora (SELinux, macros of its systemd) is not tried.
func useRPM(t *testing.T, b *bundle, this target, binary, root string, disk *emulator.Server) {
	t.Helper()
	rpm := func(args ...string) string {
		t.Helper()
		return sh(t, "rpm", append([]string{"--root", root}, args...)...)
	}
	exists := func(path string) bool { _, err := os.Lstat(filepath.Join(root, path)); return err == nil }
	rpm("--initdb")
	config := filepath.Join(root, "etc/davdisk/config.toml")
	for i, version := range []string{"0.0.1", "0.0.2"} {
		into := filepath.Join(root, "tmp/rpm", version)
		if err := os.MkdirAll(into, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := b.pack(t.Context(), this, binary, "rpm", version, into); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(into + "/*.rpm")
		if err != nil || len(files) != 1 {
			t.Fatalf("packages %v, %v", files, err)
		}
		rpm("--nodeps", "--upgrade", files[0])
		if got := rpm("--query", "--queryformat", "%{VERSION}", "davdisk"); got != version {
			t.Errorf("the version is %q, want %s", got, version)
		}
		if i == 0 {
			if got := strings.TrimSpace(sh(t, "chroot", root, "stat", "-c", "%U:%G:%a", "/etc/davdisk/config.toml")); got != "root:davdisk:640" {
				t.Errorf("the configuration is %s", got)
			}
			appendTo(t, config, "# of the administrator\n")
		}
		useService(t, root, disk, "by rpm "+version)
	}
	if text, err := os.ReadFile(config); err != nil || !strings.HasSuffix(string(text), "# of the administrator\n") {
		t.Errorf("the upgrade has replaced the configuration: %v", err)
	}
	for _, path := range []string{"/usr/share/man/man1/davdisk.1.gz", "/usr/share/zsh/site-functions/_davdisk", "/usr/lib/systemd/system/davdisk.service"} {
		if !exists(path) {
			t.Errorf("%s is not installed", path)
		}
	}
	rpm("--erase", "davdisk")
	if exists("/usr/bin/davdisk") || !exists("/var/lib/davdisk/version") || !exists("/etc/davdisk/config.toml.rpmsave") {
		t.Error("removing leaves the program, or takes the state or the changed configuration")
	}
}
