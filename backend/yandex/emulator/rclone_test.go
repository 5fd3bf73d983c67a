package emulator_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
)

// proxied starts an emulator that stands behind a proxy for the hosts of
// Yandex, and returns the proxy's address and the file with its certificate.
func proxied(t *testing.T, o emulator.Options) (s *emulator.Server, proxy, caFile string) {
	t.Helper()
	s = start(t, o)
	proxy, err := s.StartProxy("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := s.CACert()
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	return s, proxy, caFile
}

// An rclone runs Debian's rclone as it comes, by way of the proxy.
type rclone struct {
	t      *testing.T
	path   string
	env    []string
	caFile string
}

func newRclone(t *testing.T, o emulator.Options) (*emulator.Server, *rclone) {
	path := testtool.Find(t, "rclone")
	s, proxy, caFile := proxied(t, o)
	return s, &rclone{t: t, path: path, caFile: caFile, env: []string{
		"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "HTTPS_PROXY=" + proxy, "RCLONE_CONFIG=" + filepath.Join(t.TempDir(), "rclone.conf"),
		"RCLONE_CONFIG_YA_TYPE=yandex", "RCLONE_CONFIG_YA_CLIENT_ID=rclone", "RCLONE_CONFIG_YA_CLIENT_SECRET=secret",
		rcloneToken(s.Token, "none", "2099-01-01T00:00:00Z"),
	}}
}

func rcloneToken(access, refresh, expiry string) string {
	return `RCLONE_CONFIG_YA_TOKEN={"access_token":"` + access + `","token_type":"OAuth","refresh_token":"` + refresh + `","expiry":"` + expiry + `"}`
}

// run runs rclone, which must neither fail nor complain nor retry.
func (r *rclone) run(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), r.path, append([]string{"--ca-cert", r.caFile, "--retries", "1", "--low-level-retries", "1", "-v"}, args...)...)
	cmd.Env = r.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("rclone %q: %v\n%s", args, err, stderr.String())
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "ERROR") || strings.Contains(line, "CRITICAL") {
			r.t.Errorf("rclone %q: %s", args, line)
		}
	}
	return stdout.String()
}

func TestRcloneWorksUnmodified(t *testing.T) {
	t.Parallel()
	for _, async := range []string{"", "always", "never"} {
		t.Run("async="+async, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			s, r := newRclone(t, emulator.Options{Now: clock.Now, Knobs: emulator.Knobs{Async: async, OperationPolls: 1}})
			src := t.TempDir()
			want := make(map[string]string)
			for i, name := range []string{"plain.txt", "sub/deep/" + hostile, "sub/empty", "sub/big.bin", "x:y/й"} {
				content := strings.Repeat(name, i*20000)
				if name == "sub/empty" {
					content = ""
				}
				want[name] = content
				path := filepath.Join(src, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r.run("copy", src, "ya:dst")
			for name, content := range want {
				if got, err := s.ReadFile("disk:/dst/" + name); err != nil || string(got) != content {
					t.Errorf("%q arrived as %d bytes, %v", name, len(got), err)
				}
			}
			r.run("check", src, "ya:dst")
			back := t.TempDir()
			r.run("copy", "ya:dst", back)
			r.run("check", src, back)
			listed := strings.Split(strings.TrimSpace(r.run("lsf", "-R", "--files-only", "ya:dst")), "\n")
			slices.Sort(listed)
			var names []string
			for name := range want {
				names = append(names, name)
			}
			slices.Sort(names)
			if !slices.Equal(listed, names) {
				t.Errorf("lsf shows %q, want %q", listed, names)
			}
			r.run("moveto", "ya:dst/plain.txt", "ya:dst/moved.txt")
			r.run("copyto", "ya:dst/moved.txt", "ya:dst/copied.txt")
			r.run("moveto", "ya:dst/sub", "ya:dst/sub2")
			if _, err := s.Stat("/dst/sub2/deep/" + hostile); err != nil {
				t.Error(err)
			}
			if link := strings.TrimSpace(r.run("link", "ya:dst/copied.txt")); !strings.HasPrefix(link, "https://yadi.sk/d/") {
				t.Errorf("link %q", link)
			}
			if about := r.run("about", "ya:"); !strings.Contains(about, "42 GiB") {
				t.Errorf("about says %q", about)
			}
			r.run("delete", "ya:dst/sub2")
			if _, err := s.Stat("/dst/sub2/big.bin"); err == nil {
				t.Error("delete left a file")
			}
			r.run("purge", "ya:dst")
			if _, err := s.Stat("/dst"); err == nil {
				t.Error("purge left the folder")
			}
			r.run("cleanup", "ya:")
			clock.Advance(time.Minute) // rclone does not wait for the trash to be empty
			if left := s.Dump(); len(left) != 0 {
				t.Errorf("left over: %+v", left)
			}
		})
	}
}

func TestRcloneStoresManyFilesAtOnce(t *testing.T) {
	t.Parallel()
	s, r := newRclone(t, emulator.Options{})
	src := t.TempDir()
	for i := range 200 {
		if err := os.WriteFile(filepath.Join(src, fmt.Sprintf("file %03d.txt", i)), fmt.Appendf(nil, "content %d", i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.run("copy", "--transfers", "32", "--checkers", "32", "--tpslimit", "0", src, "ya:many")
	entries, err := s.List("/many")
	if err != nil || len(entries) != 200 {
		t.Fatalf("%d files arrived, %v", len(entries), err)
	}
	r.run("check", src, "ya:many")
}

// rclone sends a token that it has just refreshed by the scheme Bearer, as the
// answer calls it, and by OAuth from the next run on.
func TestRcloneRefreshesItsToken(t *testing.T) {
	t.Parallel()
	s, r := newRclone(t, emulator.Options{Knobs: emulator.Knobs{AcceptBearer: true}})
	grant := send(t, s, "POST", s.OAuthURL+"/token", strings.NewReader(query("grant_type", "authorization_code", "client_id", "rclone", "client_secret", "secret",
		"code", s.IssueCode("rclone"))), "Content-Type", "application/x-www-form-urlencoded").want(t, 200)
	r.env = append(r.env, rcloneToken("stale", grant.str("refresh_token"), "2020-01-01T00:00:00Z"))
	r.run("mkdir", "ya:made")
	if _, err := s.Stat("/made"); err != nil {
		t.Error(err)
	}
	if n := s.Counters().By[emulator.Token]; n != 2 {
		t.Errorf("%d requests for a token, want the code's and one refresh", n)
	}
}
