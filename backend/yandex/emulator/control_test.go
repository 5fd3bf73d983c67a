package emulator_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// controlServer serves the control port of an emulator.
func controlServer(t *testing.T, s *emulator.Server) string {
	t.Helper()
	control := httptest.NewServer(s.Control())
	t.Cleanup(control.Close)
	return control.URL
}

func TestControl(t *testing.T) {
	s := start(t, emulator.Options{})
	control := httptest.NewServer(s.Control())
	defer control.Close()
	do := func(method, path, body string) answer {
		return send(t, s, method, control.URL+path, strings.NewReader(body))
	}

	do("POST", "/seed", `[{"path":"/a.txt","text":"text","custom_properties":{"k":"v"}},{"path":"/d","dir":true},
		{"path":"/raw","data":"AP8="},{"path":"/huge","size":1000000,"pattern":3}]`).want(t, 200)
	wantPaths(t, s, "disk:/a.txt", "disk:/d", "disk:/huge", "disk:/raw")
	if got := do("GET", "/content?path=/raw", "").want(t, 200); string(got.body) != "\x00\xff" {
		t.Errorf("%q", got.body)
	}
	do("GET", "/content?path=/none", "").want(t, 404)
	var dump []emulator.Entry
	if err := json.Unmarshal(do("GET", "/dump", "").want(t, 200).body, &dump); err != nil {
		t.Fatal(err)
	}
	if len(dump) != 4 || dump[0].MD5 != "1cb251ec0d568de6a929b520c4aed8d1" || dump[0].Properties["k"] != "v" || dump[2].Size != 1000000 {
		t.Errorf("%+v", dump)
	}

	do("PATCH", "/knobs", `{"OperationPolls":2,"OperationDelay":"1.5s","Async":"always"}`).want(t, 200)
	if k := s.Knobs(); k.OperationPolls != 2 || k.OperationDelay != 1500*time.Millisecond || k.Async != "always" {
		t.Errorf("%+v", k)
	}
	if got := do("GET", "/knobs", "").want(t, 200); got.json["OperationDelay"] != "1.5s" || got.json["Async"] != "always" {
		t.Errorf("%s", got.body)
	}
	for _, bad := range []string{`{"Nonsense":1}`, `{"OperationDelay":5}`, `{"OperationDelay":"long"}`, `{"OperationPolls":"two"}`, `{"Async":"never","Nonsense":1}`, `[]`, `{`} {
		do("PATCH", "/knobs", bad).want(t, 400)
	}
	if s.Knobs().Async != "always" {
		t.Error("a refused change was half made")
	}

	do("POST", "/faults", `[{"Endpoint":"GET /v1/disk","Status":503,"RetryAfter":"2s"}]`).want(t, 200)
	api(t, s, "GET", "").wantError(t, 503, "ServiceUnavailableError")
	do("POST", "/faults/random", `{"Rate":1,"Seed":1,"Kinds":[{"Status":429}]}`).want(t, 200)
	api(t, s, "GET", "").want(t, 429)
	do("DELETE", "/faults", "").want(t, 200)
	api(t, s, "GET", "").want(t, 200)
	if got := do("GET", "/counters", "").want(t, 200); got.json["api"] != 3.0 || got.json["faults"] != 2.0 {
		t.Errorf("%s", got.body)
	}
	do("DELETE", "/counters", "").want(t, 200)
	if n := s.Counters().API(); n != 0 {
		t.Errorf("%d requests", n)
	}

	code := oauth(t, s, "/device/code", "client_id", "app").want(t, 200)
	do("POST", "/devices/approve", `{"UserCode":"nonsense"}`).want(t, 404)
	do("POST", "/devices/approve", `{"UserCode":"`+code.str("user_code")+`"}`).want(t, 200)
	oauth(t, s, "/token", "client_id", "app", "grant_type", "device_code", "code", code.str("device_code")).want(t, 200)
	code = oauth(t, s, "/device/code", "client_id", "app").want(t, 200)
	do("POST", "/devices/deny", `{"UserCode":"`+code.str("user_code")+`"}`).want(t, 200)
	oauth(t, s, "/token", "client_id", "app", "grant_type", "device_code", "code", code.str("device_code")).wantOAuthError(t, "access_denied")

	do("POST", "/tokens", `{"Token":"more"}`).want(t, 200)
	send(t, s, "GET", "/v1/disk", nil, "Authorization", "OAuth more").want(t, 200)
	do("DELETE", "/tokens/more", "").want(t, 200)
	send(t, s, "GET", "/v1/disk", nil, "Authorization", "OAuth more").want(t, 401)
	do("POST", "/fakes", `{"URL":"https://example.com/","Text":"far"}`).want(t, 200)
	do("POST", "/latency", `{"Latency":"1ms"}`).want(t, 200)
	if got := do("GET", "/ca.pem", "").want(t, 200); !strings.HasPrefix(string(got.body), "-----BEGIN CERTIFICATE-----") {
		t.Errorf("%s", got.body)
	}
	if got := do("GET", "/", "").want(t, 200); got.json["POST /reset"] == nil {
		t.Errorf("%s", got.body)
	}
	do("POST", "/reset", "").want(t, 200)
	wantPaths(t, s)
	api(t, s, "GET", "").want(t, 200)
	do("GET", "/nothing", "").want(t, 404)
}

func TestDirectAccess(t *testing.T) {
	s := start(t, emulator.Options{})
	if err := s.WriteFile("/a/b/"+hostile, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.SetProperties("/a", map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		s.WriteFile("/a/b", nil), s.WriteFile("/", nil), s.WriteFile("trash:/x", nil), s.WriteFile("/a/b/"+hostile+"/c", nil),
		s.Mkdir("/a/b/" + hostile), s.SetProperties("/none", nil), s.WriteFile("x:y", nil),
	} {
		if err == nil {
			t.Error("no error")
		}
	}
	for _, path := range []string{"/none", "/a"} {
		if _, err := s.ReadFile(path); err == nil {
			t.Errorf("%s can be read", path)
		}
	}
	if _, err := s.List("/a/b/" + hostile); err == nil {
		t.Error("a file can be listed")
	}
	entries, err := s.List("/a/b")
	if err != nil || len(entries) != 1 || entries[0].Size != 1 {
		t.Errorf("%+v, %v", entries, err)
	}
	for range 2 {
		if err := s.Remove("/a"); err != nil {
			t.Error(err)
		}
	}
	wantPaths(t, s)
	s.Reset()
	api(t, s, "GET", "").want(t, 200)
}

func TestStartTellsWhatIsWrong(t *testing.T) {
	s := start(t, emulator.Options{})
	if _, err := emulator.Start(emulator.Options{Addr: strings.TrimPrefix(s.URL, "http://")}); err == nil {
		t.Error("two servers at one address")
	}
	if _, err := s.StartProxy(strings.TrimPrefix(s.URL, "http://")); err == nil {
		t.Error("a proxy at a taken address")
	}
	broken := start(t, emulator.Options{Dir: t.TempDir() + "/none"})
	upload(t, broken, "/f", "x").want(t, 500)
	if err := broken.WriteFile("/f", nil); err == nil {
		t.Error("content is kept in a folder that is not there")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest("GET", "/v1/disk", nil))
	if recorder.Code != 503 {
		t.Errorf("a closed emulator answers %d", recorder.Code)
	}
}
