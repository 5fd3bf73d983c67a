package emulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// oauth posts a form to the OAuth server.
func oauth(t *testing.T, s *emulator.Server, path string, form ...string) answer {
	t.Helper()
	return send(t, s, "POST", s.OAuthURL+path, strings.NewReader(query(form...)), "Content-Type", "application/x-www-form-urlencoded")
}

// wantOAuthError stops the test unless the answer is this error, which
// always has status 400.
func (a answer) wantOAuthError(t *testing.T, code string) {
	t.Helper()
	if a.want(t, 400); a.str("error") != code || a.str("error_description") == "" || !strings.Contains(string(a.body), `": "`) {
		t.Fatalf("error %q, want %q: %s", a.str("error"), code, a.body)
	}
}

var registered = []string{"client_id", "app", "client_secret", "secret"}

func with(more ...string) []string { return append(append([]string{}, registered...), more...) }

func TestDeviceFlow(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now, ClientID: "app", ClientSecret: "secret", Knobs: emulator.Knobs{SlowDown: true}})
	begin := func() answer {
		got := oauth(t, s, "/device/code", "client_id", "app", "device_id", "laptop", "device_name", "my laptop").want(t, 200)
		if len(got.str("device_code")) != 32 || len(got.str("user_code")) != 8 || got.json["expires_in"] != 300.0 || got.json["interval"] != 5.0 ||
			got.str("verification_url") != s.OAuthURL+"/device" {
			t.Errorf("%s", got.body)
		}
		return got
	}
	poll := func(code answer, more ...string) answer {
		return oauth(t, s, "/token", with(append([]string{"grant_type", "device_code", "code", code.str("device_code"), "device_id", "laptop"}, more...)...)...)
	}
	code := begin()
	poll(code).wantOAuthError(t, "authorization_pending")
	poll(code).wantOAuthError(t, "slow_down")
	clock.Advance(5 * time.Second)
	poll(code, "device_id", "another").wantOAuthError(t, "invalid_grant")
	poll(code).wantOAuthError(t, "authorization_pending")
	if s.ApproveDevice("nonsense") || !s.ApproveDevice(strings.ToUpper(code.str("user_code"))) {
		t.Fatal("the wrong code is approved")
	}
	clock.Advance(5 * time.Second)
	token := poll(code).want(t, 200)
	if token.str("token_type") != "bearer" || token.json["expires_in"] != 31536000.0 || token.json["scope"] != nil {
		t.Errorf("%s", token.body)
	}
	poll(code).wantOAuthError(t, "invalid_grant")
	send(t, s, "GET", "/v1/disk", nil, "Authorization", "OAuth "+token.str("access_token")).want(t, 200)

	clock.Advance(time.Hour)
	code = begin()
	s.ApproveDevice(code.str("user_code"))
	again := poll(code).want(t, 200)
	if again.str("access_token") != token.str("access_token") || again.json["expires_in"] != 31536000.0-3600 {
		t.Errorf("the same device got another token: %s", again.body)
	}

	code = begin()
	if got := send(t, s, "GET", s.OAuthURL+"/device", nil).want(t, 200); !strings.Contains(string(got.body), "user_code") {
		t.Errorf("%s", got.body)
	}
	oauth(t, s, "/device", "user_code", "nonsense").want(t, 200)
	oauth(t, s, "/device", "user_code", code.str("user_code"), "deny", "1").want(t, 200)
	poll(code).wantOAuthError(t, "access_denied")
	code = begin()
	oauth(t, s, "/device", "user_code", code.str("user_code")).want(t, 200)
	poll(code).want(t, 200)

	code = begin()
	clock.Advance(300 * time.Second)
	if s.ApproveDevice(code.str("user_code")) {
		t.Error("a lapsed code is approved")
	}
	poll(code).wantOAuthError(t, "invalid_grant")
	oauth(t, s, "/device/code", "client_id", "app", "device_id", "short").wantOAuthError(t, "invalid_request")
	s.SetKnobs(func(k *emulator.Knobs) {
		*k = emulator.Knobs{DevicePolls: 1, DeviceCodeLife: 10 * time.Minute, DeviceInterval: time.Second, DeviceRFC: true}
	})
	code = oauth(t, s, "/device/code", "client_id", "app").want(t, 200)
	if code.json["expires_in"] != 600.0 || code.json["interval"] != 1.0 {
		t.Errorf("%s", code.body)
	}
	rfc := with("grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", code.str("device_code"))
	oauth(t, s, "/token", rfc...).wantOAuthError(t, "authorization_pending")
	oauth(t, s, "/token", rfc...).want(t, 200)
	s.SetKnobs(func(k *emulator.Knobs) { k.DeviceRFC = false })
	oauth(t, s, "/token", rfc...).wantOAuthError(t, "unsupported_grant_type")
}

func TestCodeFlow(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now, ClientID: "app", ClientSecret: "secret"})
	authorize := func(params ...string) *url.URL {
		t.Helper()
		got := send(t, s, "GET", s.OAuthURL+"/authorize?"+query(append([]string{"client_id", "app"}, params...)...), nil).want(t, 302)
		to, err := url.Parse(got.header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	exchange := func(code string, more ...string) answer {
		return oauth(t, s, "/token", with(append([]string{"grant_type", "authorization_code", "code", code}, more...)...)...)
	}
	shown := authorize("response_type", "code")
	if got := send(t, s, "GET", shown.String(), nil).want(t, 200); !strings.Contains(string(got.body), shown.Query().Get("code")) {
		t.Errorf("%s", got.body)
	}
	exchange(shown.Query().Get("code")).want(t, 200)
	exchange(shown.Query().Get("code")).wantOAuthError(t, "invalid_grant")
	exchange("nonsense").wantOAuthError(t, "bad_verification_code")

	back := authorize("response_type", "code", "redirect_uri", "http://127.0.0.1:1/back?x=y", "state", hostile, "scope", "cloud_api:disk.read cloud_api:disk.info")
	if back.Host != "127.0.0.1:1" || back.Query().Get("state") != hostile || back.Query().Get("x") != "y" {
		t.Errorf("%s", back)
	}
	limited := exchange(back.Query().Get("code")).want(t, 200)
	if limited.str("scope") != "cloud_api:disk.read cloud_api:disk.info" {
		t.Errorf("%s", limited.body)
	}
	send(t, s, "PUT", "/v1/disk/resources?path=/a", nil, "Authorization", "OAuth "+limited.str("access_token")).wantError(t, 403, "ForbiddenError")

	digest := sha256.Sum256([]byte("the verifier"))
	for method, challenge := range map[string]string{"S256": base64.RawURLEncoding.EncodeToString(digest[:]), "plain": "the verifier"} {
		code := authorize("response_type", "code", "code_challenge", challenge, "code_challenge_method", method).Query().Get("code")
		pkce := []string{"client_id", "app", "grant_type", "authorization_code", "code", code, "code_verifier"}
		oauth(t, s, "/token", append(pkce, "another")...).wantOAuthError(t, "invalid_grant")
		oauth(t, s, "/token", append(pkce, "the verifier")...).want(t, 200)
	}
	if fragment, err := url.ParseQuery(authorize("response_type", "token").Fragment); err != nil || fragment.Get("access_token") == "" {
		t.Errorf("%v, %v", fragment, err)
	}
	if got := authorize("response_type", "nonsense").Query().Get("error"); got != "unsupported_response_type" {
		t.Error(got)
	}
	lapsed := s.IssueCode("app")
	clock.Advance(10 * time.Minute)
	exchange(lapsed).wantOAuthError(t, "invalid_grant")
	s.SetKnobs(func(k *emulator.Knobs) { k.DenyAuthorize = true })
	if got := authorize("response_type", "code", "redirect_uri", "http://127.0.0.1:1/").Query().Get("error"); got != "access_denied" {
		t.Error(got)
	}
	send(t, s, "GET", s.OAuthURL+"/authorize?client_id=other&response_type=code", nil).want(t, 400)
}

func TestRefreshAndRevoke(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	token := oauth(t, s, "/token", with("grant_type", "authorization_code", "code", s.IssueCode("app"), "device_id", "laptop")...).want(t, 200)
	refresh := func(old string) answer {
		return oauth(t, s, "/token", with("grant_type", "refresh_token", "refresh_token", old)...)
	}
	alive := func(token string) int {
		return send(t, s, "GET", "/v1/disk", nil, "Authorization", "OAuth "+token).status
	}
	second := refresh(token.str("refresh_token")).want(t, 200)
	if second.str("access_token") != token.str("access_token") || second.str("refresh_token") == token.str("refresh_token") {
		t.Errorf("%s", second.body)
	}
	refresh(token.str("refresh_token")).wantOAuthError(t, "invalid_grant")
	s.SetKnobs(func(k *emulator.Knobs) { k.RefreshKeepsOld = true })
	refresh(second.str("refresh_token")).want(t, 200)
	third := refresh(second.str("refresh_token")).want(t, 200)
	s.SetKnobs(func(k *emulator.Knobs) { k.RefreshNewAccess = true })
	fourth := refresh(third.str("refresh_token")).want(t, 200)
	if alive(third.str("access_token")) != 401 || alive(fourth.str("access_token")) != 200 {
		t.Error("the old access token lives, or the new one does not")
	}
	s.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{TokenLife: time.Hour} })
	clock.Advance(364 * 24 * time.Hour)
	fifth := refresh(fourth.str("refresh_token")).want(t, 200)
	if fifth.json["expires_in"] != 86400.0 {
		t.Errorf("%s", fifth.body)
	}
	clock.Advance(24 * time.Hour)
	if alive(fifth.str("access_token")) != 401 {
		t.Error("a token outlives its time")
	}
	sixth := refresh(fifth.str("refresh_token")).want(t, 200)
	if sixth.json["expires_in"] != 3600.0 || alive(sixth.str("access_token")) != 200 {
		t.Errorf("%s", sixth.body)
	}
	for range 2 {
		if got := oauth(t, s, "/revoke_token", with("access_token", sixth.str("access_token"))...).want(t, 200); string(got.body) != `{"status": "ok"}` {
			t.Errorf("%s", got.body)
		}
	}
	if alive(sixth.str("access_token")) != 401 {
		t.Error("a revoked token lives")
	}
	refresh(sixth.str("refresh_token")).wantOAuthError(t, "invalid_grant")
	bare := oauth(t, s, "/token", with("grant_type", "authorization_code", "code", s.IssueCode("app"))...).want(t, 200)
	oauth(t, s, "/revoke_token", with("access_token", bare.str("access_token"))...).wantOAuthError(t, "unsupported_token_type")
	oauth(t, s, "/revoke_token", registered...).wantOAuthError(t, "invalid_request")
}

func TestOAuthRefusals(t *testing.T) {
	s := start(t, emulator.Options{ClientID: "app", ClientSecret: "secret"})
	oauth(t, s, "/token", "client_id", "app", "client_secret", "wrong", "grant_type", "refresh_token").wantOAuthError(t, "invalid_client")
	oauth(t, s, "/token", "client_id", "other", "client_secret", "secret").wantOAuthError(t, "invalid_client")
	oauth(t, s, "/device/code", "client_id", "other").wantOAuthError(t, "invalid_client")
	oauth(t, s, "/token").wantOAuthError(t, "invalid_request")
	oauth(t, s, "/token", registered...).wantOAuthError(t, "invalid_request")
	oauth(t, s, "/token", with("grant_type", "password")...).wantOAuthError(t, "unsupported_grant_type")
	basic := func(header string) answer {
		return send(t, s, "POST", s.OAuthURL+"/token", strings.NewReader("grant_type=password"), "Content-Type", "application/x-www-form-urlencoded", "Authorization", header)
	}
	basic("Bearer x").wantOAuthError(t, "Basic auth required")
	basic("Basic ???").wantOAuthError(t, "Malformed Authorization header")
	basic("Basic "+base64.StdEncoding.EncodeToString([]byte("app:wrong"))).wantOAuthError(t, "invalid_client")
	basic("Basic "+base64.StdEncoding.EncodeToString([]byte("app:secret"))).wantOAuthError(t, "unsupported_grant_type")
	send(t, s, "POST", s.OAuthURL+"/token", strings.NewReader("%zz"), "Content-Type", "application/x-www-form-urlencoded").wantOAuthError(t, "invalid_request")
	info := send(t, s, "GET", s.OAuthURL+"/info?format=json", nil, "Authorization", "OAuth "+s.Token).want(t, 200)
	if info.str("login") != "usr01" || info.str("id") != "100000001" {
		t.Errorf("%s", info.body)
	}
	send(t, s, "GET", s.OAuthURL+"/info", nil).want(t, 401)
}
