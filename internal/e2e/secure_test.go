package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// users is a share over TLS, with a certificate that davdisk made itself, for
// the user of the command line and for one of the configuration, who has a
// folder to see and nothing to change.
func users(t *testing.T) (*emulator.Server, *server, *url.URL) {
	t.Helper()
	linux(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "mine & yours.txt", "for the first user")
	put(t, disk, "Анна/hers.txt", "for the second")
	secrets := t.TempDir()
	secret := func(name, content string) string {
		t.Helper()
		name = filepath.Join(secrets, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	config := secret("config.toml", fmt.Sprintf("[users.anna]\npassword-file = %q\nroot = \"Анна\"\nread-only = true\n", secret("annas", "annas: wörd\n")))
	s := serve(t, disk, "--tls-self-signed", "--user", "me", "--pass-file", secret("mine", "se:cret\n"), "--config", config)
	address, err := url.Parse(s.url)
	if err != nil || address.Scheme != "https" {
		t.Fatalf("it listens on %s: %v", s.url, err)
	}
	return disk, s, address
}

// TestBehindPasswords has real clients come as either user.
func TestBehindPasswords(t *testing.T) {
	disk, s, address := users(t)
	cert, print := shownCert(t, address.Host)

	for _, c := range []struct {
		name string
		try  func(t *testing.T)
	}{
		{"curl", func(t *testing.T) {
			code := func(args ...string) string {
				t.Helper()
				return run(t, command(t, "curl", append([]string{"-sS", "--cacert", cert, "-o", filepath.Join(t.TempDir(), "out"), "-w", "%{http_code}"}, args...)...))
			}
			me, anna := []string{"-u", "me:se:cret"}, []string{"-u", "anna:annas: wörd"}
			for _, step := range []struct {
				want string
				user []string
				args []string
			}{
				{"401", nil, []string{s.url}},
				{"401", []string{"-u", "me:annas: wörd"}, []string{s.url}},
				{"401", []string{"-u", "nobody:se:cret"}, []string{"-X", "DELETE", s.url + "mine%20&%20yours.txt"}},
				{"200", me, []string{s.url + "mine%20&%20yours.txt"}},
				{"201", me, []string{"-T", cert, s.url + "by%20curl.pem"}},
				{"200", anna, []string{s.url + "hers.txt"}},
				{"404", anna, []string{s.url + "mine%20&%20yours.txt"}},
				{"400", anna, []string{"--path-as-is", s.url + "%2e%2e/mine%20&%20yours.txt"}},
				{"403", anna, []string{"-T", cert, s.url + "new.txt"}},
				{"403", anna, []string{"-X", "DELETE", s.url + "hers.txt"}},
				{"403", anna, []string{"-X", "MOVE", "-H", "Destination: " + s.url + "x", s.url + "hers.txt"}},
				{"403", anna, []string{"-X", "LOCK", "--data", lockBody, s.url + "hers.txt"}},
			} {
				if got := code(append(step.user, step.args...)...); got != step.want {
					t.Errorf("curl %q answered %s, want %s", step.args, got, step.want)
				}
			}
		}},
		{"cadaver", func(t *testing.T) {
			testtool.Find(t, "cadaver")
			home := t.TempDir()
			if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte("machine 127.0.0.1\nlogin me\npassword se:cret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			// It asks about a certificate only at a terminal, which script is.
			cadaver := command(t, "script", "-qec", "cadaver "+s.url, "/dev/null")
			cadaver.Dir = home
			cadaver.Env = append(os.Environ(), "HOME="+home)
			cadaver.Stdin = strings.NewReader("y\nput .netrc cadaver.txt\nls\nquit\n")
			if out := run(t, cadaver); strings.Contains(out, "failed") || !strings.Contains(out, "mine & yours.txt") {
				t.Errorf("cadaver was refused something:\n%s", out)
			}
		}},
		{"davfs2", func(t *testing.T) {
			mnt, unmount := mountDavfsAs(t, s.url, "me", "se:cret", "trust_server_cert "+cert+"\n")
			if err := os.WriteFile(filepath.Join(mnt, "davfs2.txt"), []byte("from davfs2"), 0o644); err != nil {
				t.Fatal(err)
			}
			unmount()
			mnt, unmount = mountDavfsAs(t, s.url, "anna", "annas: wörd", "trust_server_cert "+cert+"\n")
			same(t, "what she sees", hashes(t, mnt), map[string]string{"hers.txt": sum([]byte("for the second"))})
			if err := os.WriteFile(filepath.Join(mnt, "hers.txt"), []byte("changed"), 0o644); err == nil {
				t.Error("she opened a file for writing")
			}
			unmount()
		}},
	} {
		t.Run(c.name, c.try)
	}
	now := stored(disk)
	pemFile, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "at the disk", now, map[string]string{
		"mine & yours.txt": sum([]byte("for the first user")), "Анна/hers.txt": sum([]byte("for the second")), "by curl.pem": sum(pemFile),
		"cadaver.txt": sum([]byte("machine 127.0.0.1\nlogin me\npassword se:cret\n")), "davfs2.txt": sum([]byte("from davfs2")),
	})
	if log := logOfUsers(s); !strings.Contains(log, print) {
		t.Errorf("the log does not tell the certificate:\n%s", log)
	}
}

// TestGnomeBehindPasswords has GNOME's programs come as either user.
func TestGnomeBehindPasswords(t *testing.T) {
	testlevel.NeedMore(t)
	disk, s, _ := users(t)
	u := "davs" + strings.TrimPrefix(s.url, "https")
	out := gnome(t, `
		U='`+u+`'
		printf '1\nme\nse:cret\n' | gio mount "$U"
		echo from gio | gio save "${U}gio.txt"
		gio list "$U"
		gio mount -u "$U"
		printf '1\nanna\nannas: wörd\n' | gio mount "$U"
		echo "she sees $(gio list "$U")"
		echo changed | gio save "${U}hers.txt" || echo "and changes nothing"
	`)
	if !strings.Contains(out, "mine & yours.txt") || !strings.Contains(out, "she sees hers.txt\n") || !strings.Contains(out, "and changes nothing") {
		t.Errorf("gio saw something else:\n%s", out)
	}
	if now := stored(disk)["gio.txt"]; now != sum([]byte("from gio\n")) {
		t.Errorf("the disk holds %v", stored(disk))
	}
	logOfUsers(s)
}

// logOfUsers ends davdisk and returns its log, which must hold no password.
func logOfUsers(s *server) string {
	s.Helper()
	s.stop()
	log := s.log.String()
	if strings.Contains(log, "se:cret") || strings.Contains(log, "wörd") {
		s.Errorf("the log tells a password:\n%s", log)
	}
	return log
}

// shownCert stores the certificate that a server shows, and gives its SHA-256
// in hex.
func shownCert(t *testing.T, host string) (file, print string) {
	t.Helper()
	conn, err := tls.Dial("tcp", host, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	der := conn.ConnectionState().PeerCertificates[0].Raw
	dir := t.TempDir()
	file = filepath.Join(dir, "shown.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	// davfs2 reads it as a user of its own.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return file, fmt.Sprintf("%X", sha256.Sum256(der))
}

// mountDavfsAs is mountDavfs for a user, with more lines of configuration.
func mountDavfsAs(t *testing.T, url, name, password, more string) (dir string, unmount func()) {
	t.Helper()
	mount := testtool.Find(t, "mount.davfs")
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	conf := t.TempDir()
	dir = filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{
		"conf":    davfsConf + "secrets " + conf + "/secrets\n" + more,
		"secrets": fmt.Sprintf("%s %s %q\n", url, name, password),
	} {
		if err := os.WriteFile(filepath.Join(conf, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, command(t, mount, url, dir, "-o", "conf="+conf+"/conf,noauto"))
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	return dir, func() {
		t.Helper()
		run(t, command(t, "umount", dir))
	}
}
