package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testclock"
)

// hostile is a name that a careless encoder breaks.
const hostile = `50% off $HOME <b> #1 ? a+b & "Ж" 😀 й`

// start serves an emulator for the length of a test.
func start(t testing.TB, o emulator.Options) *emulator.Server {
	t.Helper()
	s, err := emulator.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// An answer is what came back from a request.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

func (a answer) str(key string) string {
	text, _ := a.json[key].(string)
	return text
}

// send makes one request with the server's token and does not follow redirects.
func send(t testing.TB, s *emulator.Server, method, address string, body io.Reader, header ...string) answer {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = s.URL + address
	}
	req, err := http.NewRequest(method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(address, s.URL) {
		req.Header.Set("Authorization", "OAuth "+s.Token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	out := answer{status: resp.StatusCode, header: resp.Header, body: data}
	json.Unmarshal(data, &out.json)
	return out
}

// api calls an endpoint under /v1/disk with parameters name, value, ...
func api(t testing.TB, s *emulator.Server, method, path string, params ...string) answer {
	t.Helper()
	return send(t, s, method, "/v1/disk"+path+"?"+query(params...), nil)
}

func query(params ...string) string {
	values := url.Values{}
	for i := 0; i < len(params); i += 2 {
		values.Set(params[i], params[i+1])
	}
	return values.Encode()
}

// want stops the test unless the answer has the status.
func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// wantError stops the test unless the answer is this error of the API.
func (a answer) wantError(t testing.TB, status int, code string) {
	t.Helper()
	if a.want(t, status); a.str("error") != code {
		t.Fatalf("error %q, want %q: %s", a.str("error"), code, a.body)
	}
	for _, key := range []string{"message", "description"} {
		if a.str(key) == "" {
			t.Errorf("no %s in %s", key, a.body)
		}
	}
}

// upload stores a file as a client does and returns the uploader's answer.
func upload(t testing.TB, s *emulator.Server, path, content string, header ...string) answer {
	t.Helper()
	l := api(t, s, "GET", "/resources/upload", "path", path, "overwrite", "true").want(t, 200)
	return send(t, s, "PUT", l.str("href"), strings.NewReader(content), header...)
}

// download reads a file as a client does, by way of the redirect.
func download(t testing.TB, s *emulator.Server, href string, header ...string) answer {
	t.Helper()
	hop := send(t, s, "GET", href, nil).want(t, http.StatusFound)
	return send(t, s, "GET", hop.header.Get("Location"), nil, header...)
}

// endOf polls an operation until it ends and returns its status.
func endOf(t testing.TB, s *emulator.Server, href string) string {
	t.Helper()
	for range 100 {
		if status := send(t, s, "GET", href, nil).want(t, 200).str("status"); status != "in-progress" {
			return status
		}
	}
	t.Fatalf("operation %s does not end", href)
	return ""
}

func newClock() *testclock.Clock {
	return testclock.At(time.Date(2024, 7, 10, 16, 0, 0, 0, time.UTC))
}
