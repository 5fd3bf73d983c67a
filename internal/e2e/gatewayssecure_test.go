//go:build unix

package e2e

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestGatewaysOverTLS has gateways agree by an etcd that asks for a certificate and
// a password, with the flags for that. What is wrong in them is told in one line,
// and at once, by each command that has them.
func TestGatewaysOverTLS(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	etcd := etcdtest.StartTLS(t, 1)
	etcd.AddUsers(t, "office/")
	disk := startDisk(t, emulator.Options{})
	secrets := t.TempDir()
	secret := func(name, content string) string {
		t.Helper()
		name = filepath.Join(secrets, name)
		if err := os.WriteFile(name, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	address := etcd.Address() + "/office"
	flags := func(files etcdtest.Files, user, password string) []string {
		return []string{"--cluster-ca", files.CA, "--cluster-cert", files.Cert, "--cluster-key", files.Key, "--cluster-user", user, "--cluster-pass-file", secret(user, password)}
	}
	right := flags(etcd.Files, "davdisk", "secret")

	davdisk := func(args ...string) (string, int) {
		t.Helper()
		home := t.TempDir()
		c := command(t, binary, args...)
		c.Env = append(append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home+"/config", "XDG_STATE_HOME="+home+"/state"), account(disk)...)
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), c.ProcessState.ExitCode()
	}
	if out, code := davdisk(append([]string{"cluster", "init", address}, right...)...); code != 0 {
		t.Fatalf("cluster init ends with %d and says %s", code, out)
	}
	a := serveIn(t, disk, t.TempDir(), append([]string{"--cluster", address, "--gateway", "a"}, right...)...)
	b := serveIn(t, disk, t.TempDir(), append([]string{"--cluster", address, "--gateway", "b"}, right...)...)
	wants := func(s *server, want int, method, body string) {
		t.Helper()
		if got, answer := s.request(method, "f", strings.NewReader(body)); got != want {
			t.Errorf("%s is answered %d, want %d: %s", method, got, want, answer)
		}
	}
	wants(a, http.StatusCreated, http.MethodPut, "content")
	wants(a, http.StatusOK, "LOCK", exclusiveLock)
	wants(b, http.StatusLocked, http.MethodPut, "other")
	wants(b, http.StatusOK, http.MethodGet, "")
	status, code := davdisk(append([]string{"cluster", "status", address}, right...)...)
	if code != 0 || !strings.Contains(status, "a-") || !strings.Contains(status, "b-") || !strings.Contains(status, "locks: 1\n") {
		t.Errorf("cluster status ends with %d and says %s", code, status)
	}

	strange := etcdtest.Strangers(t)
	ofStrangers, shown := etcd.Files, etcd.Files
	ofStrangers.CA, shown.Cert, shown.Key = strange.CA, strange.Cert, strange.Key
	for _, wrong := range []struct {
		name  string
		flags []string
		says  string
	}{
		{"an authority that has not signed etcd's certificate", flags(ofStrangers, "davdisk", "secret"), "--cluster-ca names the file"},
		{"the same without a user", flags(ofStrangers, "davdisk", "secret")[:6], "--cluster-ca names the file"},
		{"a certificate of another authority", flags(shown, "davdisk", "secret"), "--cluster-cert and --cluster-key name"},
		{"no certificate", slices.Concat(right[:2], right[6:]), "--cluster-cert and --cluster-key name"},
		{"no authority and no certificate", right[6:], "--cluster-ca names the file"},
		{"another password", flags(etcd.Files, "davdisk", "guessed"), "look at --cluster-user"},
		{"another user", flags(etcd.Files, "nobody", "secret"), "look at --cluster-user"},
		{"a user without rights", flags(etcd.Files, "stranger", "strange"), "give it a role"},
		{"a user who may only read", flags(etcd.Files, "reader", "read"), "give it a role"},
	} {
		for _, command := range [][]string{
			{"serve", "yandex:", "--addr", "127.0.0.1:0", "--cluster", address},
			{"cluster", "init", address},
			{"cluster", "status", address},
		} {
			out, code := davdisk(append(command, wrong.flags...)...)
			if strings.HasSuffix(wrong.name, "only read") && command[1] == "status" {
				if code != 0 {
					t.Errorf("who may read is not shown how the cluster is: %d, %s", code, out)
				}
				continue
			}
			if code != 2 || strings.Count(out, "davdisk: ") != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(out, wrong.says) || strings.Contains(out, "deadline") {
				t.Errorf("%s with %s ends with %d and says\n%s", command[:2], wrong.name, code, out)
			}
		}
	}
}
