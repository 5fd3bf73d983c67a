//go:build unix

package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// initCluster makes the log of a cluster.
func initCluster(tb testing.TB, address string) {
	tb.Helper()
	initialize, home := exec.Command(binary, "cluster", "init", address), tb.TempDir()
	initialize.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME="+home)
	run(tb, initialize)
}

// TestThreeGateways has three davdisks serve one disk by one etcd: they have the
// same locks and show the same files, also when one of them is killed, and change
// nothing while etcd does not answer.
func TestThreeGateways(t *testing.T) {
	testlevel.NeedMore(t)
	etcd := etcdtest.Start(t, 1)
	disk := startDisk(t, emulator.Options{})
	address := etcd.Address()
	home := t.TempDir()
	command := func(args ...string) *exec.Cmd {
		c := exec.Command(binary, args...)
		c.Env = append(append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home+"/config", "XDG_STATE_HOME="+home+"/state", "XDG_CACHE_HOME="+home+"/cache"), account(disk)...)
		return c
	}
	fails := func(says string, args ...string) {
		t.Helper()
		if out, err := command(args...).CombinedOutput(); err == nil || !strings.Contains(string(out), says) {
			t.Errorf("davdisk %s: %v, %s; want %q", strings.Join(args, " "), err, out, says)
		}
	}
	fails("davdisk cluster init makes one", "serve", "yandex:", "--addr", "127.0.0.1:0", "--cluster", address)
	if out := run(t, command("cluster", "init", address)); !strings.Contains(out, "the log is made") {
		t.Errorf("cluster init says %q", out)
	}
	fails("there is a log already", "cluster", "init", address)

	var all []*server
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, serveIn(t, disk, t.TempDir(), "--cluster", address, "--gateway", name))
	}
	a, b, c := all[0], all[1], all[2]
	wants := func(s *server, want int, method, path, body string, header ...string) string {
		t.Helper()
		got, answer := s.request(method, path, strings.NewReader(body), header...)
		for got == http.StatusServiceUnavailable && want != got { // a slow machine may miss its beats, and joins again
			got, answer = s.request(method, path, strings.NewReader(body), header...)
		}
		if got != want {
			t.Errorf("%s %s is answered %d, want %d: %s", method, path, got, want, answer)
		}
		return answer
	}
	reads := func(s *server, path, want string) {
		t.Helper()
		if got := wants(s, http.StatusOK, "GET", path, ""); got != want {
			t.Errorf("%s has %q, want %q", path, got, want)
		}
	}
	lock := func(s *server, path, timeout string) (token string) {
		t.Helper()
		return regexp.MustCompile(`urn:uuid:[0-9a-f-]+`).FindString(wants(s, http.StatusOK, "LOCK", path, exclusiveLock, "Timeout", timeout))
	}
	wants(a, 201, "PUT", "f", "one")
	wants(b, 207, "PROPFIND", "", "", "Depth", "1") // and caches it
	wants(a, 201, "PUT", "g", "of a")
	if listed := wants(b, 207, "PROPFIND", "", "", "Depth", "1"); !strings.Contains(listed, "/g<") {
		t.Errorf("what a has stored is not listed by b: %s", listed)
	}
	reads(b, "f", "one")
	wants(a, 204, "PUT", "f", "second")
	reads(b, "f", "second")

	long := lock(a, "f", "Second-86400")
	lock(a, "g", "Second-2")
	wants(b, 423, "PUT", "f", "x")
	wants(b, 423, "LOCK", "f", exclusiveLock)
	wants(c, 204, "PUT", "f", "three", "If", "(<"+long+">)")
	reads(b, "f", "three")
	status := run(t, command("cluster", "status", address, "--json"))
	for _, name := range []string{`"a-`, `"b-`, `"c-`, "with less than three"} {
		if !strings.Contains(status, name) {
			t.Errorf("%s is missing in %s", name, status)
		}
	}
	if heard := strings.Count(status, `"heard"`); heard != 3 {
		t.Errorf("%d gateways are heard of: %s", heard, status)
	}

	a.kill()
	wants(b, 423, "PUT", "f", "x")
	wants(b, 204, "PUT", "f", "fourth", "If", "(<"+long+">)")
	reads(c, "f", "fourth")
	until(t, "the short lock of the killed gateway has ended", func() bool {
		code, _ := c.request("PUT", "g", strings.NewReader("of c"))
		return code == http.StatusNoContent
	})
	reads(b, "g", "of c")

	etcd.Nodes[0].Stop()
	wants(b, 503, "PUT", "g", "while etcd is away")
	wants(c, 503, "MKCOL", "d", "")
	reads(b, "g", "of c")
	wants(c, 207, "PROPFIND", "", "", "Depth", "1")
	etcd.Nodes[0].Cont()
	until(t, "changes are taken again", func() bool {
		code, _ := b.request("PUT", "g", strings.NewReader("again"))
		return code == http.StatusNoContent
	})
	reads(c, "g", "again")
	wants(c, 423, "PUT", "f", "x")
	if got, err := disk.ReadFile("disk:/f"); err != nil || string(got) != "fourth" {
		t.Errorf("the disk has %q, %v", got, err)
	}
}
