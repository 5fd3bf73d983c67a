package emulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// A grant is the access that a user has given an application.
type grant struct {
	token   string
	refresh string
	client  string
	device  string
	scopes  []string  // empty: everything
	until   time.Time // zero: for ever
}

// appFolderOnly reports whether the grant reaches the application's own folder alone.
func (g *grant) appFolderOnly() bool {
	return len(g.scopes) > 0 && slices.Contains(g.scopes, "cloud_api:disk.app_folder") &&
		!slices.Contains(g.scopes, string(readRight)) && !slices.Contains(g.scopes, string(editRight))
}

// allows reports whether the grant covers a right. Reading or writing
// includes the disk's information; the application's folder includes both.
func (g *grant) allows(r right) bool {
	if len(g.scopes) == 0 || r == anyRight || slices.Contains(g.scopes, string(r)) || g.appFolderOnly() {
		return true
	}
	return r == infoRight && (slices.Contains(g.scopes, string(readRight)) || slices.Contains(g.scopes, string(editRight)))
}

// A pending is a code still to be exchanged for a token: a device code or a
// confirmation code.
type pending struct {
	code, userCode string
	client, device string
	scopes         []string
	challenge      string // of PKCE, empty for none
	plain          bool   // the challenge is the verifier itself
	until          time.Time
	interval       time.Duration
	asked          time.Time // when the device last asked
	polls          int
	approved       bool
	denied         bool
}

// oauthState is what the OAuth server knows. It is guarded by the emulator's lock.
type oauthState struct {
	token     string              // the one from Options
	grants    map[string]*grant   // by access token
	refreshes map[string]*grant   // by refresh token
	codes     map[string]*pending // by code
	devices   map[string]*pending // by device code
}

func newOAuthState(token string) oauthState {
	return oauthState{
		token:     token,
		grants:    map[string]*grant{token: {token: token}},
		refreshes: make(map[string]*grant),
		codes:     make(map[string]*pending),
		devices:   make(map[string]*pending),
	}
}

// granted returns the grant of a request's token, or nil.
func (s *oauthState) granted(r *http.Request, k Knobs, now time.Time) *grant {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "OAuth") && !(k.AcceptBearer && strings.EqualFold(scheme, "Bearer")) {
		return nil
	}
	g := s.grants[strings.TrimSpace(token)]
	if g == nil || !g.until.IsZero() && !now.Before(g.until) {
		return nil
	}
	return g
}

// AddToken makes another access token valid, for the given scopes or, if there
// are none, for everything.
func (e *Emulator) AddToken(token string, scopes ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.oauth.grants[token] = &grant{token: token, scopes: scopes}
}

// RevokeToken invalidates an access token and its refresh token, as a change of
// the password does.
func (e *Emulator) RevokeToken(token string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.oauth.revoke(token)
}

func (s *oauthState) revoke(token string) {
	if g := s.grants[token]; g != nil {
		delete(s.refreshes, g.refresh)
		delete(s.grants, token)
	}
}

// IssueCode returns a confirmation code as shown to a user who has agreed.
func (e *Emulator) IssueCode(clientID string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := &pending{client: clientID, approved: true}
	e.addCode(p)
	return p.code
}

// codeLife is how long a confirmation code is valid.
const codeLife = 10 * time.Minute

func (e *Emulator) addCode(p *pending) {
	p.code, p.until = e.word(7, "0123456789"), e.now().Add(codeLife)
	e.oauth.codes[p.code] = p
}

// ApproveDevice approves the device with this user code, as a user does on the
// page of the service. It reports whether the code is known.
func (e *Emulator) ApproveDevice(userCode string) bool {
	return e.decide(userCode, func(p *pending) { p.approved = true })
}

// DenyDevice denies the device with this user code. It reports whether the code
// is known.
func (e *Emulator) DenyDevice(userCode string) bool {
	return e.decide(userCode, func(p *pending) { p.denied = true })
}

func (e *Emulator) decide(userCode string, f func(*pending)) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.oauth.devices {
		if strings.EqualFold(p.userCode, strings.TrimSpace(userCode)) && e.now().Before(p.until) {
			f(p)
			return true
		}
	}
	return false
}

// year is the life of a token.
const year = 365 * 24 * time.Hour

// grant returns a token for an approved code. The same device gets the same
// token again, with its remaining life.
func (e *Emulator) grant(p *pending) *grant {
	now := e.now()
	for _, g := range e.oauth.grants {
		if p.device != "" && g.device == p.device && g.client == p.client && now.Before(g.until) {
			delete(e.oauth.refreshes, g.refresh)
			e.renewRefresh(g)
			return g
		}
	}
	g := &grant{client: p.client, device: p.device, scopes: p.scopes}
	e.renewAccess(g)
	e.renewRefresh(g)
	return g
}

func (e *Emulator) renewAccess(g *grant) {
	delete(e.oauth.grants, g.token)
	g.token, g.until = "y0_"+e.word(55, mixed), e.now().Add(orDefault(e.knobs.TokenLife, year))
	e.oauth.grants[g.token] = g
}

func (e *Emulator) renewRefresh(g *grant) {
	g.refresh = "1:" + e.word(16, mixed) + ":" + e.word(88, mixed) + ":" + e.word(22, mixed)
	e.oauth.refreshes[g.refresh] = g
}
