package emulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// A grant is what a person has allowed an application.
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

// allows reports whether the grant is enough. The right to read or write
// includes that to look at the disk; the application's folder includes both.
func (g *grant) allows(r right) bool {
	if len(g.scopes) == 0 || r == anyRight || slices.Contains(g.scopes, string(r)) || g.appFolderOnly() {
		return true
	}
	return r == infoRight && (slices.Contains(g.scopes, string(readRight)) || slices.Contains(g.scopes, string(editRight)))
}

// oauthState is what the OAuth server knows. It is guarded by the emulator's lock.
type oauthState struct {
	token  string            // the one from Options
	grants map[string]*grant // by access token
}

func newOAuthState(token string) oauthState {
	return oauthState{token: token, grants: map[string]*grant{token: {token: token}}}
}

// granted finds the grant that a request shows, or nil.
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
