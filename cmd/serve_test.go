package cmd

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testwait"
)

func TestServeDemoNeedsNothing(t *testing.T) {
	home(t)
	s := startServing(t, "--demo")
	for _, path := range []string{"Read%20me%20first.txt", "Documents/Budget%20100%25%20final%20%282%29.csv", "Documents/Ideas/What%20if%3F%20%231.txt",
		"Documents/Ideas/100%20+%201%20&%20more.txt", "Photos/Dusk%20%F0%9F%8C%86.jpg", "Photos/Night%20&%20day.png", "empty.txt"} {
		s.wants("GET", path, "", "", 200)
	}
	if _, picture := s.do("GET", "Photos/Sunrise.jpg", "", ""); http.DetectContentType([]byte(picture)) != "image/jpeg" {
		t.Error("the sample picture is none")
	}
	if got := s.wants("GET", "Videos/large%20file,%2064%20MiB.bin", "", "", 200); len(got) != 64<<20 {
		t.Errorf("the large file has %d bytes", len(got))
	}
	s.wants("PUT", "new.txt", "", "mine", 201)
	s.wants("MOVE", "Documents", "", "", 400) // no Destination
	if got := s.wants("GET", "new.txt", "", "", 200); got != "mine" {
		t.Errorf("it holds %q", got)
	}
	s.stop()
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "davdisk-demo-*")); err != nil || len(left) > 0 {
		t.Errorf("it left %q, %v", left, err)
	}
}

func TestDemoDirKeepsTheDisk(t *testing.T) {
	home(t)
	dir := t.TempDir()
	s := startServing(t, "--demo-dir", dir)
	s.wants("PUT", "Documents/%D0%96%20%26%201%25.txt", "", "kept", 201)
	s.wants("DELETE", "Photos", "", "", 204)
	s.stop()
	s = startServing(t, "--demo", "--demo-dir", dir)
	if got := s.wants("GET", "Documents/%D0%96%20%26%201%25.txt", "", "", 200); got != "kept" {
		t.Errorf("it holds %q", got)
	}
	s.wants("GET", "Photos/Sunrise.jpg", "", "", 404)
	s.wants("PROPFIND", "Empty%20folder/", "", "", 207)
}

func TestDemoDirIsNotTakenFromSomebodyElse(t *testing.T) {
	home(t)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "content"), 0o700); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(dir, "content", "thesis.txt")
	if err := os.WriteFile(precious, []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, cancel, ended := begin(t, "serve", "--demo-dir", dir, "--addr", "127.0.0.1:0")
	defer cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "a demo needs a folder of its own") {
		t.Errorf("it ended with %v", err)
	}
	if got, err := os.ReadFile(precious); err != nil || string(got) != "years of work" {
		t.Errorf("it holds %q, %v", got, err)
	}
}

func TestServeAFolderOfThisMachine(t *testing.T) {
	home(t)
	dir := t.TempDir()
	s := startServing(t, dir)
	s.wants("PUT", "a%20b.txt", "", "here", 201)
	if got, err := os.ReadFile(filepath.Join(dir, "a b.txt")); err != nil || string(got) != "here" {
		t.Errorf("it holds %q, %v", got, err)
	}
	s.wants("GET", "..%2f..%2fetc%2fpasswd", "", "", 400)
	s.stop()
	s = startServing(t, "memory:", "--state-dir", t.TempDir())
	s.wants("PUT", "x", "", "y", 201)
}

// TestWholeTreesAreListedOnceAskedFor: with Depth infinity, which is refused
// unless it was switched on, and beyond the bound.
func TestWholeTreesAreListedOnceAskedFor(t *testing.T) {
	home(t)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b", "c"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		flags []string
		want  int
	}{{nil, http.StatusForbidden}, {[]string{"--depth-infinity", "4"}, http.StatusMultiStatus}, {[]string{"--depth-infinity", "3"}, http.StatusForbidden}} {
		s := startServing(t, append(test.flags, dir)...)
		req, err := http.NewRequest("PROPFIND", s.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Depth", "infinity")
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != test.want || (res.StatusCode == http.StatusMultiStatus) != strings.Contains(string(body), "<D:href>/a/b/c/</D:href>") {
			t.Errorf("%v: %d, %v: %s", test.flags, res.StatusCode, err, body)
		}
		s.stop()
	}
}

func TestServeADiskWithATokenAlone(t *testing.T) {
	disk := onDisk(t)
	if err := disk.WriteFile("disk:/Docs/a.txt", []byte("alpha")); err != nil {
		t.Fatal(err)
	}
	s := startServing(t)
	if got := s.wants("GET", "Docs/a.txt", "", "", 200); got != "alpha" {
		t.Errorf("it holds %q", got)
	}
	s.stop()
	s = startServing(t, "yandex:Docs", "--read-only", "--base-url", "/dav")
	if !strings.HasSuffix(s.url, "/dav/") {
		t.Errorf("it listens on %s", s.url)
	}
	s.wants("GET", "a.txt", "", "", 200)
	s.wants("PUT", "a.txt", "", "x", 403)
	s.wants("DELETE", "a.txt", "", "", 403)
	if got, err := disk.ReadFile("disk:/Docs/a.txt"); err != nil || string(got) != "alpha" {
		t.Errorf("the disk holds %q, %v", got, err)
	}
}

// annasHash is that of "annas word".
const annasHash = "$2a$05$sq/mKMPB.b4F4rmc3HVvy.flUumrKyUMg.F1pGX.KFNZqYgBZUy8y"

func TestUsersAreAskedForTheirPassword(t *testing.T) {
	disk := onDisk(t)
	if err := disk.WriteFile("disk:/Anna/a.txt", []byte("hers")); err != nil {
		t.Fatal(err)
	}
	config := file(t, `
[users.anna]
password-hash = "`+annasHash+`"
root = "Anna"
read-only = true
`)
	s := startServing(t, "--user", "me", "--pass-file", file(t, "secret word\n"), "--config", config)
	s.wants("GET", "Anna/a.txt", "", "", 401)
	s.wants("GET", "Anna/a.txt", "me:wrong", "", 401)
	s.wants("GET", "Anna/a.txt", "me:secret word", "", 200)
	s.wants("PUT", "b.txt", "me:secret word", "x", 201)
	if got := s.wants("GET", "a.txt", "anna:annas word", "", 200); got != "hers" {
		t.Errorf("she sees %q", got)
	}
	s.wants("PUT", "a.txt", "anna:annas word", "x", 403)
	s.wants("GET", "b.txt", "anna:annas word", "", 404)
	if strings.Contains(s.log.String(), "secret word") {
		t.Error("the log has a password")
	}
}

func TestServeWithTLS(t *testing.T) {
	home(t)
	s := startServing(t, "memory:", "--tls-self-signed")
	if !strings.HasPrefix(s.url, "https://") {
		t.Fatalf("it listens on %s", s.url)
	}
	told := s.log.wait(t, `SHA-256 ([0-9A-F]{64})`)
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true,
		VerifyPeerCertificate: func(certs [][]byte, _ [][]*x509.Certificate) error {
			if got := fingerprint(&tls.Certificate{Certificate: certs}); got != told {
				return fmt.Errorf("certificate %s, told %s", got, told)
			}
			return nil
		},
	}}
	s.wants("PUT", "x", "", "y", 201)
	s.stop()
	again := startServing(t, "memory:", "--tls-self-signed")
	if print := again.log.wait(t, `SHA-256 ([0-9A-F]{64})`); print != told {
		t.Errorf("another start shows %s, not %s, which clients were told to trust", print, told)
	}
}

// TestWhatTheServerSaysItselfIsJSON: also what net/http has to say, such as of
// a client that speaks no TLS.
func TestWhatTheServerSaysItselfIsJSON(t *testing.T) {
	home(t)
	s := startServing(t, "memory:", "--tls-self-signed", "--log-format", "json")
	res, err := http.Get("http" + strings.TrimPrefix(s.url, "https"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s.log.wait(t, `\{[^\n]*"level":"WARN"[^\n]*HTTP request to an HTTPS server[^\n]*\}`)
}

// TestOptionsOfTheWholeServer: OPTIONS * is about no path, and tells DAV too.
func TestOptionsOfTheWholeServer(t *testing.T) {
	home(t)
	s := startServing(t, "memory:")
	host := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "OPTIONS * HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 200 || res.Header.Get("DAV") != "1, 2" || res.Header.Get("MS-Author-Via") != "DAV" {
		t.Errorf("OPTIONS * is answered %+v, %v", res, err)
	}
}

func TestAdminTellsHealthAndNumbers(t *testing.T) {
	home(t)
	s := startServing(t, "memory:", "--admin-addr", "127.0.0.1:0")
	s.wants("PUT", "x", "", "y", 201)
	s.wants("GET", "missing", "", "", 404)
	s.wants("BREW", "x", "", "", 405)
	s.url = s.log.wait(t, `metrics on (\S+)`)
	if got := s.wants("GET", "healthz", "", "", 200); got != "ok\n" {
		t.Errorf("health is %q", got)
	}
	if got := s.wants("GET", "readyz", "", "", 200); got != "ok\n" {
		t.Errorf("it is ready: %q", got)
	}
	numbers := s.wants("GET", "metrics", "", "", 200)
	for _, want := range []string{`davdisk_requests_total{method="PUT",status="201"} 1`, `davdisk_requests_total{method="GET",status="404"} 1`,
		`{method="other",status="`, "process_resident_memory_bytes"} {
		if !strings.Contains(numbers, want) {
			t.Errorf("no %s in:\n%s", want, numbers)
		}
	}
	for host, want := range map[string]int{"localhost": 200, "[::1]:80": 200, "evil.example": 421, "localhost.evil.example": 421, "192.0.2.1": 421} {
		for _, page := range []string{"metrics", "healthz", "none"} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+page, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if page == "none" && want == 200 {
				want = 404
			}
			if res.StatusCode != want {
				t.Errorf("/%s of Host %s: %d, want %d", page, host, res.StatusCode, want)
			}
		}
	}
}

func TestTheAccessLogIsJSON(t *testing.T) {
	disk := onDisk(t)
	s := startServing(t, "--log-format", "json")
	s.wants("PUT", "a%20b%0A.txt", "", "x", 201)
	var line struct {
		Time, Method, Path, Client string
		Status                     int
		Bytes, Duration, Upstream  *int64
	}
	if err := json.Unmarshal([]byte(s.log.wait(t, `(\{[^\n]*"method":"PUT"[^\n]*\})`)), &line); err != nil {
		t.Fatal(err)
	}
	if at, err := time.Parse(time.RFC3339Nano, line.Time); err != nil || time.Since(at) > time.Minute || line.Path != "/a b\n.txt" || line.Client != "127.0.0.1" ||
		line.Status != 201 || line.Bytes == nil || line.Duration == nil || *line.Duration <= 0 || line.Upstream == nil || *line.Upstream < 2 {
		t.Errorf("the line tells %+v: %v", line, err)
	}
	if strings.Contains(s.log.String(), disk.Token) {
		t.Error("the log has the token")
	}
}

func TestOneAccountIsServedOnce(t *testing.T) {
	onDisk(t)
	s := startServing(t)
	_, cancel, ended := begin(t, "serve", "yandex:Docs", "--addr", "127.0.0.1:0")
	defer cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "another davdisk is serving this already") {
		t.Errorf("a second one: %v", err)
	}
	s.stop()
}

// TestServersAreServedBesideEachOther: what another process serves is told by the
// server and the bucket, whatever the remote is called.
func TestServersAreServedBesideEachOther(t *testing.T) {
	buckets(t, "one", "two")
	config := "[remotes.archive]\ndriver = \"s3\"\nbucket = \"one\"\n[remotes.also]\ndriver = \"s3\"\nbucket = \"one\"\nroot = \"d\"\n"
	dir := os.Getenv("XDG_CONFIG_HOME") + "/davdisk"
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(dir+"/config.toml", []byte(config), 0o600)); err != nil {
		t.Fatal(err)
	}
	startServing(t, "archive:")
	startServing(t, "s3:two")
	for _, again := range []string{"archive:", "also:", "s3:one", "s3:two/d"} {
		_, cancel, ended := begin(t, "serve", again, "--addr", "127.0.0.1:0")
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "another davdisk is serving this already") {
			t.Errorf("%s is served twice: %v", again, err)
		}
		cancel()
	}
}

func TestServeRefusesWhatCannotWork(t *testing.T) {
	disk := onDisk(t)
	if err := disk.WriteFile("disk:/a.txt", []byte("alpha")); err != nil {
		t.Fatal(err)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	t.Setenv("DAVDISK_ADDR", "127.0.0.1:0")
	tests := []struct {
		words string
		says  string
		code  int
	}{
		{"--addr " + busy.Addr().String(), "another program has this address; name another with --addr", exitFailed},
		{"--addr 0.0.0.0:0", "can be reached by others, and nobody would be asked for a password", exitMisuse},
		{"--addr :0", "can be reached by others", exitMisuse},
		{"--addr nonsense", "write HOST:PORT", exitMisuse},
		{"--addr 127.0.0.1:99999", "write HOST:PORT", exitMisuse},
		{"nobody:", `no remote is called "nobody"`, exitMisuse},
		{"yandex:missing", `"yandex:missing": file does not exist`, exitNotFound},
		{"yandex:a.txt", "is not a folder", exitFailed},
		{"./missing", "file does not exist", exitNotFound},
		{"yandex: --adr x", "--adr is no flag of davdisk serve; did you mean --addr?", exitMisuse},
		{"yandex: more", "too many arguments", exitMisuse},
		{"yandex: --demo", "leave out \"yandex:\"", exitMisuse},
		{"--log-format xml", `"xml" is neither text nor json`, exitMisuse},
		{"--litter throw", "--litter", exitMisuse},
		{"--depth-infinity -1", "--depth-infinity: -1 is no number of names", exitMisuse},
		{"--write-back .", "is on this machine's disk at once", exitMisuse},
		{"--cache-size many", `"many" is no size`, exitMisuse},
		{"--cache-size -1", "is no size", exitMisuse},
		{"--trusted-proxy here", `"here" is no network`, exitMisuse},
		{"--allow-origin https://app.example.org/", `want one as browsers send it`, exitMisuse},
		{"--allow-origin *", `want one as browsers send it`, exitMisuse},
		{"--public-url example.org", "is no address; write https://host/path", exitMisuse},
		{"--base-url /a/../b", "is not a path", exitMisuse},
		{"--tls-cert x", "go together", exitMisuse},
		{"--tls-cert x --tls-key y", `--tls-cert: open "x": no such file`, exitMisuse},
		{"--user me", "--pass-file names the file", exitMisuse},
		{"--pass-file x", "no --user", exitMisuse},
		{"--user me --pass-file missing", `--pass-file: open "missing": no such file`, exitMisuse},
		{"--htpasswd missing", `--htpasswd: open "missing": no such file`, exitMisuse},
		{"--poll-interval -1s", "must not be negative", exitMisuse},
		{"--poll-interval soon", "poll-interval", exitMisuse},
		{"--transfers-per-file 0", "must be 1 to 8", exitMisuse},
		{"--transfers-per-file 9", "must be 1 to 8", exitMisuse},
		{"--yandex-rate quick", "is not a number", exitFailed},
		{"--yandex-token-file " + file(t, "dead-token"), "davdisk login", exitNotLoggedIn},
	}
	for _, test := range tests {
		_, cancel, ended := begin(t, append([]string{"serve"}, strings.Fields(test.words)...)...)
		var err error
		select {
		case err = <-ended:
		case <-time.After(testwait.Limit(t)):
			t.Errorf("%s: it runs", test.words)
			cancel()
			err = <-ended
		}
		cancel()
		var said bytes.Buffer
		code := exit(&said, err)
		if code != test.code || !strings.Contains(said.String(), test.says) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("serve %s ends with %d and says %q; want %d and %q in one line", test.words, code, said.String(), test.code, test.says)
		}
	}
	if got, err := disk.ReadFile("disk:/a.txt"); err != nil || string(got) != "alpha" {
		t.Errorf("the disk holds %q, %v", got, err)
	}
}

func TestHtpasswdAndCertificateFiles(t *testing.T) {
	home(t)
	_, both, err := makeCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, keyPEM := pem.Decode(both)
	certPEM := pem.EncodeToMemory(cert)
	s := startServing(t, "memory:", "--htpasswd", file(t, "anna:"+annasHash+"\n"), "--addr", "0.0.0.0:0",
		"--tls-cert", file(t, string(certPEM)), "--tls-key", file(t, string(keyPEM)))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	s.wants("PUT", "x", "", "y", 401)
	s.wants("PUT", "x", "anna:annas word", "y", 201)
}
