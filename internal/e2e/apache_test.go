package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// runApache runs Apache with one server, given by its directives, until the
// test ends, and waits until it listens on the address. Its modules are those of
// Debian.
func runApache(t *testing.T, address, modules, directives string) {
	t.Helper()
	apache := testtool.Find(t, "apache2")
	dir := t.TempDir()
	var load strings.Builder
	for _, name := range append([]string{"mpm_event", "authz_core"}, strings.Fields(modules)...) {
		fmt.Fprintf(&load, "LoadModule %s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", name)
	}
	conf := filepath.Join(dir, "apache.conf")
	text := fmt.Sprintf("ServerRoot %s\nDefaultRuntimeDir %[1]s\nPidFile %[1]s/pid\nErrorLog %[1]s/error.log\nServerName localhost\nListen %s\n%s%s\n%s\n",
		dir, address, load.String(), asWebUser(t, ""), directives)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(apache, "-f", conf, "-D", "FOREGROUND")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	})
	until(t, "Apache listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// asWebUser returns the directive for the user that Apache is to become, and
// gives that user a folder. Apache refuses to run as root.
func asWebUser(t *testing.T, folder string) string {
	t.Helper()
	if os.Getuid() != 0 {
		return ""
	}
	web, err := osuser.Lookup("www-data")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(web.Uid)
	gid, _ := strconv.Atoi(web.Gid)
	if folder != "" {
		for _, err := range []error{os.Chown(folder, uid, gid), os.Chmod(filepath.Dir(folder), 0o755)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return "User www-data\nGroup www-data\n"
}

// startModDav serves an empty folder by Apache's mod_dav.
func startModDav(t *testing.T) (url string) {
	t.Helper()
	address, data, locks := freeAddress(t), t.TempDir(), t.TempDir()
	asWebUser(t, data)
	asWebUser(t, locks)
	runApache(t, address, "dav dav_fs dir", fmt.Sprintf(
		"DocumentRoot %s\nDavLockDB %s/locks\n<Directory %[1]s>\nDav On\nRequire all granted\n</Directory>", data, locks))
	return "http://" + address + "/"
}

// TestWhatApacheAnswersToLock records how Apache answers a LOCK of a name that
// does not exist, which davdisk does for davfs2 alone: 200, and the name is free.
// To others davdisk answers as RFC 4918 has it.
func TestWhatApacheAnswersToLock(t *testing.T) {
	testlevel.NeedMore(t)
	apache := startModDav(t)
	own := start(t, t.TempDir(), nil, "serve", t.TempDir(), "--addr", "127.0.0.1:0").url
	const davfs2, other = "davfs2/1.6.1 neon/0.32.2", "curl/7.88.1"
	for what, c := range map[string]struct {
		url, agent string
		want       []int // of LOCK, HEAD, PUT with If-None-Match: *
	}{
		"Apache":               {apache, other, []int{200, 404, 201}},
		"Apache, davfs2":       {apache, davfs2, []int{200, 404, 201}},
		"davdisk, for davfs2":  {own, davfs2, []int{200, 404, 201}},
		"davdisk, for another": {own, other, []int{201, 200, 412}},
	} {
		name := strings.NewReplacer(" ", "-", ",", "").Replace(what)
		do := func(method, body string, header ...string) *http.Response {
			req, err := http.NewRequest(method, c.url+name, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("User-Agent", c.agent)
			for i := 0; i < len(header); i += 2 {
				req.Header.Set(header[i], header[i+1])
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			return res
		}
		locked := do("LOCK", exclusiveLock, "Depth", "0", "Content-Type", "application/xml")
		token := "(" + locked.Header.Get("Lock-Token") + ")"
		got := []int{locked.StatusCode, do("HEAD", "").StatusCode, do("PUT", "content", "If-None-Match", "*", "If", token).StatusCode}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s answers %v, want %v", what, got, c.want)
		}
	}
}
