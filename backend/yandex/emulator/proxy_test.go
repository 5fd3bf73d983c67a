package emulator_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// trusting is a client that trusts the emulator's authority.
func trusting(t *testing.T, e *emulator.Emulator) *http.Client {
	t.Helper()
	cert, err := e.CACert()
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(cert) {
		t.Fatalf("no certificate in %s", cert)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func secureAPI(t *testing.T, client *http.Client, s *emulator.Server, method, path string, params ...string) answer {
	t.Helper()
	return via(t, client, s, method, s.URL+"/v1/disk"+path+"?"+query(params...), nil)
}

func via(t *testing.T, client *http.Client, s *emulator.Server, method, address string, body io.Reader) answer {
	t.Helper()
	req, err := http.NewRequest(method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(req.URL.Path, "/v1/disk") {
		req.Header.Set("Authorization", "OAuth "+s.Token)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := answer{status: resp.StatusCode, header: resp.Header, body: data}
	json.Unmarshal(data, &out.json)
	return out
}

func TestTLS(t *testing.T) {
	s := start(t, emulator.Options{TLS: true})
	client := trusting(t, s.Emulator)
	if !strings.HasPrefix(s.URL, "https://") || !strings.HasPrefix(s.OAuthURL, "https://") {
		t.Fatalf("%s, %s", s.URL, s.OAuthURL)
	}
	href := secureAPI(t, client, s, "GET", "/resources/upload", "path", "/f").want(t, 200).str("href")
	via(t, client, s, "PUT", href, strings.NewReader("hello")).want(t, 201)
	href = secureAPI(t, client, s, "GET", "/resources/download", "path", "/f").want(t, 200).str("href")
	if got := via(t, client, s, "GET", href, nil).want(t, 200); string(got.body) != "hello" {
		t.Errorf("%q", got.body)
	}
	if _, err := http.Get(s.URL); err == nil {
		t.Error("a client that does not know the authority trusts it")
	}
}

func TestProxyStandsForYandex(t *testing.T) {
	s, proxy, _ := proxied(t, emulator.Options{})
	address, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	client := trusting(t, s.Emulator)
	client.Transport.(*http.Transport).Proxy = http.ProxyURL(address)
	for _, host := range []string{"cloud-api.yandex.net", "cloud-api.yandex.com"} {
		link := via(t, client, s, "GET", "https://"+host+"/v1/disk/resources/upload?overwrite=true&path=/f", nil).want(t, 200)
		if !strings.HasPrefix(link.str("href"), "https://uploader61j.disk.yandex.net:443/upload-target/") {
			t.Errorf("upload link %s", link.str("href"))
		}
		via(t, client, s, "PUT", link.str("href"), strings.NewReader("hello")).want(t, 201)
		link = via(t, client, s, "GET", "https://"+host+"/v1/disk/resources/download?path=/f", nil).want(t, 200)
		if !strings.HasPrefix(link.str("href"), "https://downloader.disk.yandex.ru/disk/") {
			t.Errorf("download link %s", link.str("href"))
		}
		if got := via(t, client, s, "GET", link.str("href"), nil).want(t, 200); string(got.body) != "hello" {
			t.Errorf("%q", got.body)
		}
		folder := via(t, client, s, "PUT", "https://"+host+"/v1/disk/resources?path=/"+host, nil).want(t, 201)
		if !strings.HasPrefix(folder.str("href"), "https://"+host+"/v1/disk/resources?path=disk%3A%2F") {
			t.Errorf("link %s", folder.str("href"))
		}
		via(t, client, s, "GET", "http://"+host+"/v1/disk", nil).want(t, 200) // in clear, as old operation links are
	}
	zip := via(t, client, s, "GET", "https://cloud-api.yandex.net/v1/disk/resources/download?path=/", nil).want(t, 200)
	if !strings.HasPrefix(zip.str("href"), "https://zipper-external.disk.yandex.net/") {
		t.Errorf("archive link %s", zip.str("href"))
	}
	via(t, client, s, "GET", zip.str("href"), nil).want(t, 200)
	via(t, client, s, "GET", "https://oauth.yandex.ru/device", nil).want(t, 200)
	via(t, client, s, "GET", "https://login.yandex.ru/info?format=json", nil).want(t, 401)
	for _, host := range []string{"example.com", "yandex.net.example.com", "webdav.yandex.ru", "127.0.0.1:1"} {
		if resp, err := client.Get("https://" + host + "/"); err == nil {
			resp.Body.Close()
			t.Errorf("the proxy connects to %s", host)
		}
		if got := via(t, client, s, "GET", "http://"+host+"/", nil); got.status != 403 {
			t.Errorf("%s: %d", host, got.status)
		}
	}
}

// A client may send its first bytes together with CONNECT.
func TestProxyKeepsEarlyBytes(t *testing.T) {
	s, proxy, _ := proxied(t, emulator.Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(proxy, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	pool := x509.NewCertPool()
	cert, err := s.CACert()
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(cert)
	early := &connectFirst{Conn: conn}
	secure := tls.Client(early, &tls.Config{RootCAs: pool, ServerName: "cloud-api.yandex.net"})
	if _, err := fmt.Fprintf(secure, "GET / HTTP/1.1\r\nHost: cloud-api.yandex.net\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(secure), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
}

// connectFirst puts a CONNECT before the first bytes that are written, and
// takes the answer to it off the first that are read.
type connectFirst struct {
	net.Conn
	wrote bool
	read  *bufio.Reader
}

func (c *connectFirst) Write(p []byte) (int, error) {
	if !c.wrote {
		c.wrote = true
		n, err := c.Conn.Write(append([]byte("CONNECT cloud-api.yandex.net:443 HTTP/1.1\r\nHost: cloud-api.yandex.net:443\r\n\r\n"), p...))
		return min(n, len(p)), err
	}
	return c.Conn.Write(p)
}

func (c *connectFirst) Read(p []byte) (int, error) {
	if c.read == nil {
		c.read = bufio.NewReader(c.Conn)
		for {
			line, err := c.read.ReadString('\n')
			if err != nil {
				return 0, err
			}
			if line == "\r\n" {
				break
			}
		}
	}
	return c.read.Read(p)
}
