package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

func TestCadaver(t *testing.T) {
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	local := t.TempDir()
	if err := os.WriteFile(filepath.Join(local, "h.txt"), []byte("from cadaver"), 0o644); err != nil {
		t.Fatal(err)
	}
	cadaver := command(t, "cadaver", s.url)
	cadaver.Dir = local
	cadaver.Env = append(os.Environ(), "HOME="+local)
	cadaver.Stdin = strings.NewReader(strings.Join([]string{
		"mkcol c", "cd c", "put h.txt", "lock h.txt", "discover h.txt", "showlocks", "propset h.txt color blue", "propget h.txt color",
		"unlock h.txt", "copy h.txt second.txt", "move second.txt third.txt", "get h.txt back.txt", "ls", "mkcol gone", "rmcol gone", "delete h.txt", "quit", "",
	}, "\n"))
	out := run(t, cadaver)
	if strings.Contains(out, "failed") || strings.Contains(out, "Failed") {
		t.Errorf("cadaver was refused something:\n%s", out)
	}
	if !strings.Contains(out, "blue") {
		t.Errorf("the property did not come back:\n%s", out)
	}
	if back, err := os.ReadFile(filepath.Join(local, "back.txt")); err != nil || string(back) != "from cadaver" {
		t.Errorf("it came back as %q, %v", back, err)
	}
	same(t, "at the disk", stored(disk), map[string]string{"c/third.txt": sum([]byte("from cadaver"))})
}

func TestCurl(t *testing.T) {
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	local := t.TempDir()
	file := filepath.Join(local, "f")
	content := []byte(strings.Repeat("curl ", 5000))
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	code := func(args ...string) string {
		t.Helper()
		return run(t, command(t, "curl", append([]string{"-sS", "-o", filepath.Join(local, "out"), "-w", "%{http_code}"}, args...)...))
	}
	u := s.url + url.PathEscape("Ж #1.txt")
	for _, step := range []struct {
		want string
		args []string
	}{
		{"201", []string{"-T", file, u}},
		{"204", []string{"-T", file, u}},
		{"412", []string{"-T", file, "-H", "If-None-Match: *", u}},
		{"409", []string{"-T", file, s.url + "missing/f"}},

		{"200", []string{u}},
		{"206", []string{"-r", "5-9", u}},
		{"416", []string{"-r", "999999-", u}},
		{"404", []string{s.url + "nothing"}},
		{"201", []string{"-X", "MKCOL", s.url + "d"}},
		{"405", []string{"-X", "MKCOL", s.url + "d"}},
		{"405", []string{"-T", file, s.url + "d"}},
		{"409", []string{"-X", "MKCOL", s.url + "x/y"}},
		{"201", []string{"-X", "COPY", "-H", "Destination: " + s.url + "d/copy", u}},
		{"412", []string{"-X", "MOVE", "-H", "Overwrite: F", "-H", "Destination: " + s.url + "d/copy", u}},
		{"204", []string{"-X", "MOVE", "-H", "Destination: " + s.url + "d/copy", u}},
		{"403", []string{"-X", "DELETE", s.url}},
	} {
		if got := code(step.args...); got != step.want {
			t.Errorf("curl %q answered %s, want %s", step.args, got, step.want)
		}
	}
	same(t, "at the disk", stored(disk), map[string]string{"d/copy": sum(content)})
}

func TestRclone(t *testing.T) {
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	local, home := t.TempDir(), t.TempDir()
	sow(t, local)
	want := hashes(t, local)
	remote := ":webdav,url='" + s.url + "',vendor=other:"
	rclone := func(args ...string) string {
		t.Helper()
		cmd := command(t, "rclone", append([]string{"--config", filepath.Join(home, "rclone.conf"), "--retries", "1", "--low-level-retries", "1"}, args...)...)
		return run(t, cmd)
	}
	rclone("copy", local, remote+"in/side")
	rclone("check", "--download", local, remote+"in/side")
	back := filepath.Join(home, "back")
	rclone("copy", remote+"in/side", back)
	same(t, "brought back", hashes(t, back), want)
	rclone("moveto", remote+"in/side/larger.bin", remote+"moved & renamed.bin")
	rclone("copyto", remote+"moved & renamed.bin", remote+"in/copied.bin")
	rclone("moveto", remote+"in/side/folder 01", remote+"folder of its own")
	rclone("delete", remote+"in/side/hostile")
	rclone("purge", remote+"in/side/folder 02")
	if out := rclone("about", remote); !strings.Contains(out, "Free") {
		t.Errorf("rclone about does not see the free space:\n%s", out)
	}
	if err := os.WriteFile(filepath.Join(local, "empty.txt"), []byte("no longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	rclone("sync", local, remote+"in/side")
	rclone("check", "--download", local, remote+"in/side")
	now := stored(disk)
	for name, hash := range map[string]string{"moved & renamed.bin": want["larger.bin"], "in/copied.bin": want["larger.bin"], "in/side/empty.txt": sum([]byte("no longer"))} {
		if now[name] != hash {
			t.Errorf("%s is %q at the disk, want %q", name, now[name], hash)
		}
	}
}

// gnome runs a shell script in a session of its own with gvfs in it.
func gnome(t *testing.T, script string) string {
	t.Helper()
	testtool.Find(t, "gio")
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "run", "gvfsd"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, "dbus-run-session", "--", "sh", "-euc", script)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+filepath.Join(home, "run"), "XDG_DATA_HOME="+filepath.Join(home, "data"))
	return run(t, cmd)
}

func TestGnome(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	local := t.TempDir()
	name := "Ведомость №1 & co.txt"
	if err := os.WriteFile(filepath.Join(local, name), []byte("from gio"), 0o644); err != nil {
		t.Fatal(err)
	}
	u := "dav" + strings.TrimPrefix(s.url, "http")
	out := gnome(t, `
		U='`+u+`'
		gio mount "$U"
		gio mkdir "${U}g"
		gio copy '`+filepath.Join(local, name)+`' "${U}g/"
		gio list -l "${U}g"
		echo second | gio save "${U}g/second.txt"
		echo changed | gio save "${U}g/second.txt"
		gio cat "${U}g/second.txt"
		gio copy "${U}g/second.txt" "${U}g/copy.txt"
		gio rename "${U}g/copy.txt" renamed.txt
		gio move "${U}g/renamed.txt" "${U}moved.txt"
		gio info -f "$U"
		gio remove "${U}g/second.txt"
		gio mount -u "$U"
	`)
	if !strings.Contains(out, name) || !strings.Contains(out, "changed") || !strings.Contains(out, "filesystem::free") {
		t.Errorf("gio saw something else:\n%s", out)
	}
	same(t, "at the disk", stored(disk), map[string]string{"g/" + name: sum([]byte("from gio")), "moved.txt": sum([]byte("changed\n"))})
}

func TestKDE(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	testtool.Find(t, "kioclient")
	testtool.Find(t, "xvfb-run")
	local, home := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(local, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(local, "dir", "Ж & co.txt"), []byte("from kio"), 0o644); err != nil {
		t.Fatal(err)
	}
	// Its helpers keep a pipe open after the end, so its output goes to files.
	script := `
		U='webdav` + strings.TrimPrefix(s.url, "http") + `'
		K() { kioclient --noninteractive "$@" >>'` + home + `/out' 2>&1 </dev/null; }
		K copy 'file://` + local + `/dir' "$U"
		K ls "$U"
		K move "${U}dir" "${U}dir2"
		K copy "${U}dir2" "${U}dir3"
		K remove "${U}dir2"
	`
	cmd := command(t, "xvfb-run", "-a", "dbus-run-session", "--", "sh", "-euc", script)
	if err := os.Mkdir(filepath.Join(home, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+filepath.Join(home, "run"))
	if err := cmd.Run(); err != nil {
		out, _ := os.ReadFile(filepath.Join(home, "out"))
		t.Fatalf("kio: %v\n%s", err, out)
	}
	same(t, "at the disk", stored(disk), map[string]string{"dir3/Ж & co.txt": sum([]byte("from kio"))})
}
