package emulator_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

func TestScriptedFaults(t *testing.T) {
	s := start(t, emulator.Options{})
	info := func() answer { return api(t, s, "GET", "") }
	for _, test := range []struct {
		fault  emulator.Fault
		status int
		code   string
	}{
		{emulator.Fault{}, 500, "InternalServerError"},
		{emulator.Fault{Status: 401}, 401, "UnauthorizedError"},
		{emulator.Fault{Status: 423}, 423, "DiskResourceLockedError"},
		{emulator.Fault{Status: 429}, 429, "TooManyRequestsError"},
		{emulator.Fault{Status: 503}, 503, "ServiceUnavailableError"},
		{emulator.Fault{Status: 504}, 504, "GatewayTimeoutError"},
		{emulator.Fault{Status: 507, Code: "DiskNotEnoughFreeSpaceError"}, 507, "DiskNotEnoughFreeSpaceError"},
	} {
		s.Inject(test.fault)
		info().wantError(t, test.status, test.code)
		info().want(t, 200)
	}
	s.Inject(emulator.Fault{Status: 429, RetryAfter: 3 * time.Second})
	if got := info().want(t, 429).header.Get("Retry-After"); got != "3" {
		t.Errorf("Retry-After %q", got)
	}
	s.Inject(emulator.Fault{Status: 502, HTML: true})
	if got := info().want(t, 502); got.header.Get("Content-Type") != "text/html" {
		t.Errorf("%s", got.body)
	}
	s.Inject(emulator.Fault{Body: `{"error":"half`})
	if got := info().want(t, 200); string(got.body) != `{"error":"half` {
		t.Errorf("%s", got.body)
	}
	s.Inject(emulator.Fault{Body: `[]`, Status: 418})
	info().want(t, 418)
	s.Inject(emulator.Fault{Delay: time.Millisecond})
	info().want(t, 200)
	if n := s.Counters().Faults; n != 12 {
		t.Errorf("%d faults counted", n)
	}
}

func TestWhichRequestsAreHit(t *testing.T) {
	s := start(t, emulator.Options{})
	s.Inject(emulator.Fault{Endpoint: emulator.GetResource, Path: "/b", Nth: 2, Times: 2, Status: 503},
		emulator.Fault{Method: "PUT", Times: -1, Status: 502})
	for _, path := range []string{"/a", "/b"} {
		if err := s.Mkdir(path); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{200, 503, 503, 200} {
		api(t, s, "GET", "/resources", "path", "/a").want(t, 200)
		if got := api(t, s, "GET", "/resources", "path", "/b"); got.status != want {
			t.Errorf("request %d: %d, want %d", i, got.status, want)
		}
	}
	for range 3 {
		api(t, s, "PUT", "/resources", "path", "/c").want(t, 502)
	}
	s.ClearFaults()
	api(t, s, "PUT", "/resources", "path", "/c").want(t, 201)
}

// try sends a request that may break.
func try(s *emulator.Server, method, address string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequest(method, address, body)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(address, s.URL) {
		req.Header.Set("Authorization", "OAuth "+s.Token)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	return transport.RoundTrip(req)
}

func TestConnectionIsReset(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := start(t, emulator.Options{})
		mkdir := func(path string) error {
			resp, err := try(s, "PUT", s.URL+"/v1/disk/resources?path="+path, nil)
			if err == nil {
				resp.Body.Close()
				return fmt.Errorf("answered %s", resp.Status)
			}
			return err
		}
		if secure {
			s = start(t, emulator.Options{TLS: true})
			client := trusting(t, s.Emulator)
			mkdir = func(path string) error {
				req, err := http.NewRequest("PUT", s.URL+"/v1/disk/resources?path="+path, nil)
				if err != nil {
					return err
				}
				req.Header.Set("Authorization", "OAuth "+s.Token)
				resp, err := client.Do(req)
				if err == nil {
					resp.Body.Close()
					return fmt.Errorf("answered %s", resp.Status)
				}
				return err
			}
		}
		s.Inject(emulator.Fault{Reset: true})
		if err := mkdir("/before"); !secure && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) || strings.HasPrefix(err.Error(), "answered") {
			t.Errorf("reset: %v", err)
		}
		s.Inject(emulator.Fault{Reset: true, After: true})
		if err := mkdir("/after"); strings.HasPrefix(err.Error(), "answered") {
			t.Errorf("reset: %v", err)
		}
		wantPaths(t, s, "disk:/after")
		s.Inject(emulator.Fault{Status: 500, After: true})
		if err := mkdir("/told"); err.Error() != "answered 500 Internal Server Error" {
			t.Error(err)
		}
		wantPaths(t, s, "disk:/after", "disk:/told")
	}
}

func TestFaultyTransfers(t *testing.T) {
	s := start(t, emulator.Options{})
	text := strings.Repeat("0123456789", 1000)
	s.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Status: 503})
	if got := upload(t, s, "/f", text).want(t, 503); len(got.body) != 0 {
		t.Errorf("%s", got.body)
	}
	wantPaths(t, s)
	s.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Status: 500, After: true})
	upload(t, s, "/f", text).want(t, 500)
	wantPaths(t, s, "disk:/f")
	href := downloadLink(t, s, "/f")
	for _, endpoint := range []emulator.Endpoint{emulator.Download, emulator.Storage} {
		s.Inject(emulator.Fault{Endpoint: endpoint, Status: 500})
	}
	if got := send(t, s, "GET", href, nil).want(t, 500); got.header.Get("Content-Type") != "text/html" {
		t.Errorf("%v", got.header)
	}
	hop := send(t, s, "GET", href, nil).want(t, 302).header.Get("Location")
	send(t, s, "GET", hop, nil).want(t, 500)
	s.Inject(emulator.Fault{Endpoint: emulator.Storage, Truncate: 777})
	resp, err := try(s, "GET", hop, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err == nil || len(data) != 777 || resp.ContentLength != 10000 {
		t.Errorf("a truncated download: %d of %d bytes, %v", len(data), resp.ContentLength, err)
	}
	s.Inject(emulator.Fault{Endpoint: emulator.Storage, Slow: 1 << 20})
	if got := send(t, s, "GET", hop, nil).want(t, 200); string(got.body) != text {
		t.Errorf("a slow download: %d bytes", len(got.body))
	}
}

func TestRandomFaultsComeFromTheSeed(t *testing.T) {
	run := func(seed uint64) []int {
		s := start(t, emulator.Options{})
		s.InjectRandom(emulator.RandomFaults{Rate: 0.3, Seed: seed, Kinds: []emulator.Fault{{Status: 429}, {Status: 500}, {Status: 503}}})
		var out []int
		for range 60 {
			out = append(out, api(t, s, "GET", "").status)
		}
		s.InjectRandom(emulator.RandomFaults{})
		for range 20 {
			api(t, s, "GET", "").want(t, 200)
		}
		return out
	}
	first, again, other := run(1), run(1), run(2)
	if !slices.Equal(first, again) || slices.Equal(first, other) {
		t.Error("the seed does not decide")
	}
	for _, status := range []int{200, 429, 500, 503} {
		if !slices.Contains(first, status) {
			t.Errorf("no %d in %v", status, first)
		}
	}
	s := start(t, emulator.Options{})
	s.InjectRandom(emulator.RandomFaults{Rate: 1})
	seen := 0
	for range 40 {
		resp, err := try(s, "GET", s.URL+"/v1/disk", nil)
		if err == nil {
			resp.Body.Close()
		}
		if err != nil || resp.StatusCode != 200 {
			seen++
		}
	}
	if seen != 40 {
		t.Errorf("%d of 40 requests failed", seen)
	}
}

func TestLatency(t *testing.T) {
	s, err := emulator.Start(emulator.Options{Latency: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error)
	go func() {
		resp, err := try(s, "GET", s.URL+"/v1/disk", nil)
		if err == nil {
			resp.Body.Close()
			err = fmt.Errorf("answered %s", resp.Status)
		}
		answered <- err
	}()
	until(t, func() bool { return s.Counters().API() == 1 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-answered; strings.HasPrefix(err.Error(), "answered") {
		t.Errorf("a request that never had its turn was %v", err)
	}
	quick := start(t, emulator.Options{Latency: time.Hour})
	quick.SetLatency(time.Millisecond)
	api(t, quick, "GET", "").want(t, 200)
}

// TestLateRequest: a request whose connection was reset is carried out when it is due, as
// it finds the disk then.
func TestLateRequest(t *testing.T) {
	now := time.Now()
	s := start(t, emulator.Options{Now: func() time.Time { return now }})
	write := func(content string) {
		t.Helper()
		if err := s.WriteFile("disk:/f", []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	s.Inject(emulator.Fault{Endpoint: emulator.DeleteResource, Late: time.Minute})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.URL+"/v1/disk/resources?path=disk:/f", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "OAuth "+s.Token)
	if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Errorf("it is answered %s", resp.Status)
	}
	write("newer")
	now = now.Add(59 * time.Second)
	if got, err := s.ReadFile("disk:/f"); err != nil || string(got) != "newer" {
		t.Errorf("before it is due %q is there, %v", got, err)
	}
	now = now.Add(time.Second)
	if got, err := s.ReadFile("disk:/f"); err == nil {
		t.Errorf("when it is due %q is there", got)
	}
	write("newest")
	now = now.Add(time.Hour)
	if got, err := s.ReadFile("disk:/f"); err != nil || string(got) != "newest" {
		t.Errorf("after it %q is there, %v", got, err)
	}
}
