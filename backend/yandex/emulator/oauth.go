package emulator

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// An oauthError is the error response of the token endpoint, always with status
// 400.
type oauthError struct{ code, description string }

// oauthRoutes is every endpoint of the OAuth server.
func oauthRoutes() map[Endpoint]func(*Emulator, http.ResponseWriter, *http.Request) {
	return map[Endpoint]func(*Emulator, http.ResponseWriter, *http.Request){
		DeviceCode:  (*Emulator).deviceCode,
		DevicePage:  (*Emulator).devicePage,
		DeviceEntry: (*Emulator).deviceEntry,
		Authorize:   (*Emulator).authorize,
		CodePage:    (*Emulator).codePage,
		Token:       (*Emulator).tokenEndpoint,
		RevokeToken: (*Emulator).revokeEndpoint,
		UserInfo:    (*Emulator).userInfo,
	}
}

func oauthEndpoint(r *http.Request) Endpoint {
	endpoint := Endpoint(r.Method + " " + strings.TrimSuffix(r.URL.Path, "/"))
	if _, ok := oauthRoutes()[endpoint]; ok {
		return endpoint
	}
	return Unknown
}

// serveOAuth answers a request to the OAuth server.
func (e *Emulator) serveOAuth(w http.ResponseWriter, r *http.Request) {
	answer, ok := oauthRoutes()[oauthEndpoint(r)]
	if !ok {
		nginxError(w, http.StatusNotFound)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		e.writeOAuth(w, oauthError{"invalid_request", "Malformed form"}.body(), http.StatusBadRequest)
		return
	}
	answer(e, w, r)
}

func (f oauthError) body() object {
	return object{{"error", f.code}, {"error_description", f.description}}
}

// writeOAuth writes spaced JSON, as this server does and the API does not.
func (e *Emulator) writeOAuth(w http.ResponseWriter, body object, status int) {
	style := e.style(e.Knobs())
	style.comma, style.colon = ", ", ": "
	payload := style.appendJSON(nil, body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(payload)))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(payload)
}

// client returns the client ID, from the form or from HTTP Basic, and checks
// the secret unless a PKCE verifier takes its place.
func (e *Emulator) client(r *http.Request, withoutSecret bool) (string, *oauthError) {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if header := r.Header.Get("Authorization"); header != "" {
		if scheme, _, _ := strings.Cut(header, " "); !strings.EqualFold(scheme, "Basic") {
			return "", &oauthError{"Basic auth required", "Authorization type must be Basic"}
		}
		var ok bool
		if id, secret, ok = r.BasicAuth(); !ok {
			return "", &oauthError{"Malformed Authorization header", "Cannot decode the header"}
		}
	}
	switch {
	case id == "":
		return "", &oauthError{"invalid_request", "client_id not passed"}
	case e.opts.ClientID != "" && id != e.opts.ClientID:
		return "", &oauthError{"invalid_client", "Client not found"}
	case e.opts.ClientSecret != "" && secret != e.opts.ClientSecret && !withoutSecret:
		return "", &oauthError{"invalid_client", "Wrong client secret"}
	}
	return id, nil
}

var deviceIDForm = regexp.MustCompile(`^[\x20-\x7e]{6,50}$`)

// deviceCode starts the flow for devices without a browser.
func (e *Emulator) deviceCode(w http.ResponseWriter, r *http.Request) {
	client, fail := e.client(r, true)
	device := r.PostForm.Get("device_id")
	if fail == nil && (device != "" && !deviceIDForm.MatchString(device) || len(r.PostForm.Get("device_name")) > 100) {
		fail = &oauthError{"invalid_request", "Wrong device_id or device_name"}
	}
	if fail != nil {
		e.writeOAuth(w, fail.body(), http.StatusBadRequest)
		return
	}
	address := "https://ya.ru/device"
	if h := e.hostsOf(r); !h.yandex {
		address = h.base(roleOAuth) + "/device"
	}
	e.mu.Lock()
	life := orDefault(e.knobs.DeviceCodeLife, 300*time.Second)
	p := &pending{code: e.hex(32), userCode: e.word(8, letters), client: client, device: device,
		scopes: scopes(r), until: e.now().Add(life), interval: orDefault(e.knobs.DeviceInterval, 5*time.Second)}
	e.oauth.devices[p.code] = p
	e.mu.Unlock()
	e.writeOAuth(w, object{{"device_code", p.code}, {"expires_in", int(life / time.Second)}, {"interval", int(p.interval / time.Second)},
		{"user_code", p.userCode}, {"verification_url", address}}, http.StatusOK)
}

func scopes(r *http.Request) []string {
	return strings.Fields(r.Form.Get("scope") + " " + r.Form.Get("optional_scope"))
}

// tokenEndpoint exchanges codes and refresh tokens for tokens.
func (e *Emulator) tokenEndpoint(w http.ResponseWriter, r *http.Request) {
	client, fail := e.client(r, r.PostForm.Get("code_verifier") != "")
	if fail != nil {
		e.writeOAuth(w, fail.body(), http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	body, fail := e.exchange(r.PostForm, client)
	e.mu.Unlock()
	if fail != nil {
		e.writeOAuth(w, fail.body(), http.StatusBadRequest)
		return
	}
	e.writeOAuth(w, body, http.StatusOK)
}

func (e *Emulator) exchange(form url.Values, client string) (object, *oauthError) {
	var g *grant
	var fail *oauthError
	switch kind := form.Get("grant_type"); kind {
	case "authorization_code":
		g, fail = e.byCode(form, client)
	case "device_code", "urn:ietf:params:oauth:grant-type:device_code":
		code := form.Get("code")
		if kind != "device_code" {
			if !e.knobs.DeviceRFC {
				return nil, &oauthError{"unsupported_grant_type", "Unknown grant_type"}
			}
			code = form.Get("device_code")
		}
		g, fail = e.byDevice(code, form.Get("device_id"), client)
	case "refresh_token":
		g, fail = e.byRefresh(form.Get("refresh_token"), client)
	case "":
		fail = &oauthError{"invalid_request", "grant_type not passed"}
	default:
		fail = &oauthError{"unsupported_grant_type", "Unknown grant_type"}
	}
	if fail != nil {
		return nil, fail
	}
	body := object{{"access_token", g.token}, {"expires_in", int(g.until.Sub(e.now()) / time.Second)}, {"refresh_token", g.refresh}, {"token_type", "bearer"}}
	if len(g.scopes) > 0 {
		body = body.with("scope", strings.Join(g.scopes, " "))
	}
	return body, nil
}

var codeForm = regexp.MustCompile(`^[0-9]{7}$|^[a-z0-9]{16}$`)

// byCode exchanges a confirmation code, which is valid once.
func (e *Emulator) byCode(form url.Values, client string) (*grant, *oauthError) {
	code := form.Get("code")
	if !codeForm.MatchString(code) {
		return nil, &oauthError{"bad_verification_code", "Invalid code"}
	}
	p := e.oauth.codes[code]
	if p == nil || p.client != client || !e.now().Before(p.until) {
		return nil, &oauthError{"invalid_grant", "Code has expired"}
	}
	if p.challenge != "" && !p.verified(form.Get("code_verifier")) {
		return nil, &oauthError{"invalid_grant", "code_verifier not matched"}
	}
	delete(e.oauth.codes, code)
	if device := form.Get("device_id"); device != "" {
		p.device = device
	}
	return e.grant(p), nil
}

func (p *pending) verified(verifier string) bool {
	if p.plain {
		return verifier == p.challenge
	}
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:]) == p.challenge
}

// byDevice answers the poll of a device.
func (e *Emulator) byDevice(code, device, client string) (*grant, *oauthError) {
	p := e.oauth.devices[code]
	now := e.now()
	if p == nil || p.client != client || !now.Before(p.until) || p.device != device {
		return nil, &oauthError{"invalid_grant", "Code has expired"}
	}
	early := !p.asked.IsZero() && now.Sub(p.asked) < p.interval
	p.asked = now
	p.polls++
	switch {
	case p.denied:
		delete(e.oauth.devices, code)
		return nil, &oauthError{"access_denied", "User denied access"}
	case early && e.knobs.SlowDown:
		return nil, &oauthError{"slow_down", "Too frequent polling"}
	case !p.approved && (e.knobs.DevicePolls <= 0 || p.polls <= e.knobs.DevicePolls):
		return nil, &oauthError{"authorization_pending", "User has not yet authorized your application"}
	}
	delete(e.oauth.devices, code)
	return e.grant(p), nil
}

// byRefresh returns a new refresh token and, while it is far from expiry, the
// same access token.
func (e *Emulator) byRefresh(refresh, client string) (*grant, *oauthError) {
	g := e.oauth.refreshes[refresh]
	if g == nil || g.client != client {
		return nil, &oauthError{"invalid_grant", "expired_token"}
	}
	if !e.knobs.RefreshKeepsOld {
		delete(e.oauth.refreshes, refresh)
	}
	now := e.now()
	if e.knobs.RefreshNewAccess || g.until.Sub(now) < orDefault(e.knobs.TokenLife, year)/2 {
		e.renewAccess(g)
	}
	e.renewRefresh(g)
	return g, nil
}

// revokeEndpoint revokes a token that belongs to a device; it is idempotent.
func (e *Emulator) revokeEndpoint(w http.ResponseWriter, r *http.Request) {
	_, fail := e.client(r, false)
	token := r.PostForm.Get("access_token")
	if fail == nil && token == "" {
		fail = &oauthError{"invalid_request", "access_token not passed"}
	}
	if fail == nil {
		e.mu.Lock()
		if g := e.oauth.grants[token]; g != nil && g.device == "" {
			fail = &oauthError{"unsupported_token_type", "Only tokens of a device can be revoked"}
		} else {
			e.oauth.revoke(token)
		}
		e.mu.Unlock()
	}
	if fail != nil {
		e.writeOAuth(w, fail.body(), http.StatusBadRequest)
		return
	}
	e.writeOAuth(w, object{{"status", "ok"}}, http.StatusOK)
}

// userInfo is the account service at login.yandex.ru.
func (e *Emulator) userInfo(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	g := e.oauth.granted(r, e.knobs, e.now())
	e.mu.Unlock()
	if g == nil {
		w.Header().Set("WWW-Authenticate", `OAuth realm="passport.yandex.ru"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	e.writeOAuth(w, object{{"id", uid}, {"login", login}, {"client_id", g.client}, {"psuid", "1.EMULATOR." + uid}}, http.StatusOK)
}
