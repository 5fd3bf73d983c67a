package api

import (
	"context"
	"net/http"
)

// A TokenSource returns the token for the next request.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// rejecter is a TokenSource that is notified when the service rejects a token, so
// that its next one may be another.
type rejecter interface {
	Rejected(token string)
}

// authorizer adds the token to requests to the API, and to no other host. The
// scheme is OAuth, although the service calls its tokens bearer (API
// reference, "Authorization").
type authorizer struct {
	next   http.RoundTripper
	source TokenSource // may be nil
	host   string
}

func (a authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Del("Authorization")
	if a.source == nil || req.URL.Host != a.host {
		return a.next.RoundTrip(req)
	}
	token, err := a.source.Token(req.Context())
	if err != nil {
		return nil, notSentError{err}
	}
	req.Header.Set("Authorization", "OAuth "+token)
	resp, err := a.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		if r, ok := a.source.(rejecter); ok {
			r.Rejected(token)
		}
	}
	return resp, err
}

// userAgent sets the User-Agent of requests to the servers of links.
type userAgent struct {
	next http.RoundTripper
	name string
}

func (u userAgent) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", u.name)
	return u.next.RoundTrip(req)
}

// CloseIdleConnections implements the method that
// http.Client.CloseIdleConnections calls.
func (u userAgent) CloseIdleConnections() {
	(&http.Client{Transport: u.next}).CloseIdleConnections()
}
