//go:build linux

package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
	"github.com/davdisk/davdisk/internal/testwait"
)

// here is a bundle of the tree as it lies, with davdisk for this machine.
func here(t *testing.T) (b *bundle, this target, binary string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	b = &bundle{source: tree{dir: root}, made: filepath.Join(work, "made"), time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if err := b.prepare(t.Context(), filepath.Join(work, "shared")); err != nil {
		t.Fatal(err)
	}
	return b, target{os: runtime.GOOS, arch: runtime.GOARCH}, b.host()
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may change the root folder")
	}
}

// sh runs a command that must end well.
func sh(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testwait.Limit(t))
	defer cancel()
	cmd := exec.CommandContext(ctx, testtool.Find(t, name), args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestDebianPackage lives with the package in a bare Debian: it is installed,
// used as the unit would, upgraded, removed and purged.
func TestDebianPackage(t *testing.T) {
	testlevel.NeedMore(t)
	needRoot(t)
	b, this, binary := here(t)
	root := filepath.Join(t.TempDir(), "debian")
	sh(t, "debootstrap", "--variant=minbase", "stable", root)
	var files []string
	for i, version := range []string{"0.0.1", "0.0.2"} {
		into := filepath.Join(root, "tmp", version)
		if err := os.MkdirAll(into, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := b.pack(t.Context(), this, binary, "deb", version, into); err != nil {
			t.Fatal(err)
		}
		found, err := filepath.Glob(into + "/*.deb")
		if err != nil || len(found) != 1 {
			t.Fatalf("packages %v, %v", found, err)
		}
		files = append(files, found[0][len(root):])
		if i == 0 {
			sameTwice(t, b, this, binary, version, found[0])
		}
	}
	in := func(args ...string) string { t.Helper(); return sh(t, "chroot", append([]string{root}, args...)...) }
	exists := func(path string) bool { _, err := os.Lstat(filepath.Join(root, path)); return err == nil }

	in("dpkg", "--install", files[0])
	in("dpkg", "--verify", "davdisk")
	if out, want := in("davdisk", "version"), sh(t, binary, "version"); out != want {
		t.Errorf("the program says %q, want %q", out, want)
	}
	for _, path := range []string{
		"/usr/share/man/man1/davdisk.1.gz", "/usr/share/man/man1/davdisk-serve.1.gz", "/usr/share/bash-completion/completions/davdisk",
		"/usr/share/zsh/vendor-completions/_davdisk", "/usr/share/fish/vendor_completions.d/davdisk.fish", "/usr/share/doc/davdisk/copyright",
		"/usr/lib/systemd/system/davdisk.service", "/usr/lib/systemd/system/davdisk.socket", "/usr/lib/systemd/user/davdisk.service",
	} {
		if !exists(path) {
			t.Errorf("%s is not installed", path)
		}
	}
	for path, want := range map[string]string{
		"/etc/davdisk/config.toml": "root:davdisk:640", "/var/lib/davdisk": "davdisk:davdisk:700", "/var/cache/davdisk": "davdisk:davdisk:700",
	} {
		if got := strings.TrimSpace(in("stat", "-c", "%U:%G:%a", path)); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}

	disk, err := emulator.Start(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	useService(t, root, disk, "first")
	config := filepath.Join(root, "etc/davdisk/config.toml")
	own := "# of the administrator\n"
	appendTo(t, config, own)

	in("dpkg", "--install", files[1])
	if got := in("dpkg-query", "--showformat=${Version} ${Status}", "--show", "davdisk"); got != "0.0.2 install ok installed" {
		t.Errorf("after the upgrade: %q", got)
	}
	if text, err := os.ReadFile(config); err != nil || !strings.HasSuffix(string(text), own) {
		t.Errorf("the upgrade has replaced the configuration: %v", err)
	}
	useService(t, root, disk, "second")
	logInAndMount(t, root, disk)
	installUnit(t, root, binary)

	in("dpkg", "--remove", "davdisk")
	if exists("/usr/bin/davdisk") || !exists("/etc/davdisk/config.toml") {
		t.Error("removing leaves the program, or takes the configuration")
	}
	if out := in("dpkg", "--purge", "davdisk"); !strings.Contains(out, "/var/lib/davdisk holds logins") {
		t.Errorf("purging does not say that the state is left:\n%s", out)
	}
	if exists("/etc/davdisk") || exists("/var/cache/davdisk") || !exists("/var/lib/davdisk/version") {
		t.Error("purging leaves configuration or cache, or takes the state")
	}
	useRPM(t, b, this, binary, root, disk)
}

// sameTwice makes a package again and wants the same bytes.
func sameTwice(t *testing.T, b *bundle, this target, binary, version, first string) {
	t.Helper()
	again := t.TempDir()
	if err := b.pack(t.Context(), this, binary, "deb", version, again); err != nil {
		t.Fatal(err)
	}
	one, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := os.ReadFile(filepath.Join(again, filepath.Base(first))); err != nil || string(one) != string(other) {
		t.Errorf("the same package made twice differs, %v", err)
	}
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

var (
	listening = regexp.MustCompile(`listening on (http://\S+)`)
	watched   = regexp.MustCompile(`(?s)listening on (http://\S+).*metrics on http://(\S+)/`)
)

// useService runs what the unit runs, as its user, and stores a file through it.
func useService(t *testing.T, root string, disk *emulator.Server, name string) {
	t.Helper()
	url, stop := serveInstalled(t, root, append(ofDisk(disk), "DAVDISK_TOKEN="+disk.Token))
	store(t, url+name)
	stop()
	if data, err := disk.ReadFile("disk:/" + name); err != nil || string(data) != "content" {
		t.Errorf("the disk holds %q, %v", data, err)
	}
}

// ofDisk is the environment of a davdisk that uses the emulated disk.
func ofDisk(disk *emulator.Server) []string {
	return []string{"PATH=/usr/bin", "DAVDISK_YANDEX_API_URL=" + disk.URL, "DAVDISK_YANDEX_OAUTH_URL=" + disk.OAuthURL}
}

// installed is the davdisk of a root folder, run as the unit does.
func installed(root, command string, args ...string) *exec.Cmd {
	return exec.Command("chroot", append([]string{"--userspec=davdisk:davdisk", root, "/usr/bin/davdisk", command, "--config", "/etc/davdisk/config.toml"}, args...)...)
}

// serveInstalled starts the share of a root folder; stop ends it.
func serveInstalled(t *testing.T, root string, env []string) (url string, stop func()) {
	t.Helper()
	serving := installed(root, "serve", "--addr", "127.0.0.1:0")
	serving.Env = env
	url = startServing(t, serving, listening)[1]
	return url, func() {
		t.Helper()
		if err := serving.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := serving.Wait(); err != nil {
			t.Errorf("davdisk ended with %v", err)
		}
	}
}

// startServing starts a server and returns what a pattern finds in what it says.
func startServing(t *testing.T, cmd *exec.Cmd, pattern *regexp.Regexp) []string {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if err := out.SetReadDeadline(time.Now().Add(testwait.Limit(t))); err != nil {
		t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		said += line
		if found := pattern.FindStringSubmatch(said); found != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the pipe
			return found
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, said)
		}
	}
}

// store puts a file and reads it back.
func store(t *testing.T, url string) {
	t.Helper()
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		var body io.Reader
		if method == http.MethodPut {
			body = strings.NewReader("content")
		}
		req, err := http.NewRequestWithContext(t.Context(), method, url, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode/100 != 2 || method == http.MethodGet && string(text) != "content" {
			t.Fatalf("%s: %s, %q, %v", method, resp.Status, text, err)
		}
	}
}

// TestUnits asks systemd what it thinks of the units of the packages.
func TestUnits(t *testing.T) {
	testlevel.NeedMore(t)
	_, _, binary := here(t)
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir) // or the manager of user units does not begin
	for kind, names := range map[string][]string{"system": {"davdisk.service", "davdisk.socket"}, "user": {"davdisk.service"}} {
		args := []string{"verify", "--man=no", "--" + kind}
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join("../../cmd/systemd", kind, name))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, kind, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "/usr/bin/davdisk", binary)), 0o644); err != nil {
				t.Fatal(err)
			}
			args = append(args, file)
		}
		if out := sh(t, "systemd-analyze", args...); out != "" {
			t.Errorf("%s units: %s", kind, out)
		}
	}
	sh(t, "systemd-analyze", "security", "--offline=true", "--threshold=30", filepath.Join(dir, "system/davdisk.service"))
}

// TestImage builds the image by buildah, and runs it without a container engine:
// in its own root folder, as its user.
func TestImage(t *testing.T) {
	testlevel.NeedMore(t)
	needRoot(t)
	b, _, binary := here(t)
	work := t.TempDir()
	context := filepath.Join(work, "context")
	for from, to := range map[string]string{binary: "bin/davdisk", filepath.Join(b.source.dir, "packaging/data/tmp/.keep"): "packaging/data/tmp/.keep"} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(context, to)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	buildah := func(args ...string) string {
		t.Helper()
		return strings.TrimSpace(sh(t, "buildah", append([]string{"--storage-driver", "vfs", "--root", work + "/store", "--runroot", work + "/run"}, args...)...))
	}
	buildah("bud", "--quiet", "--isolation", "chroot", "--format", "docker", "--timestamp", "0", "-f", filepath.Join(b.source.dir, "packaging/Dockerfile"), "-t", "davdisk:test", context)
	if config := buildah("inspect", "--type", "image", "--format", "{{.Docker.Config.Healthcheck.Test}} {{.Docker.Config.User}} {{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}", "davdisk:test"); config != "[CMD /davdisk health] 65532:65532 [/davdisk] [serve]" {
		t.Errorf("the image is %s", config)
	}
	container := buildah("from", "--pull-never", "davdisk:test")
	defer buildah("rm", container)
	root := buildah("mount", container)
	in := func(env []string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "/davdisk", args...)
		cmd.Dir, cmd.Env = "/", env
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		return cmd
	}
	env := strings.Fields(strings.Trim(buildah("inspect", "--type", "image", "--format", "{{.Docker.Config.Env}}", "davdisk:test"), "[]"))
	serving := in(append(env, "DAVDISK_ADDR=127.0.0.1:0", "DAVDISK_ADMIN_ADDR=127.0.0.1:0"), "serve", "memory:")
	said := startServing(t, serving, watched)
	store(t, said[1]+"file")
	health := func() (string, error) {
		out, err := in(append(env, "DAVDISK_ADMIN_ADDR="+said[2]), "health").CombinedOutput()
		return string(out), err
	}
	if out, err := health(); err != nil || out != "ok\n" {
		t.Errorf("health is %q, %v", out, err)
	}
	if err := serving.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := serving.Wait(); err != nil {
		t.Errorf("davdisk ended with %v", err)
	}
	if out, err := health(); err == nil {
		t.Errorf("health without a server is %q", out)
	}
	// The state lies in the volume, and is its own.
	if out, err := exec.Command("stat", "-c", "%u:%g:%a", filepath.Join(root, "data/state")).CombinedOutput(); err != nil || string(out) != "65532:65532:700\n" {
		t.Errorf("the state folder is %q, %v", out, err)
	}
}
