package yandex

import (
	"context"
	"net/http"

	"github.com/davdisk/davdisk/backend"
)

// A TokenSource gives the token for the next request. It may be used from
// many goroutines at once.
type TokenSource interface {
	// Token returns a token that is believed to be good. It may ask the OAuth
	// server for a new one.
	Token(ctx context.Context) (string, error)
}

// rejecter is a TokenSource that wants to know that a token was refused, so
// that its next one may be another.
type rejecter interface {
	Rejected(token string)
}

// StaticToken is a token that never changes.
type StaticToken string

// Token implements TokenSource.
func (t StaticToken) Token(context.Context) (string, error) {
	if t == "" {
		return "", &backend.Error{Kind: backend.ErrUnauthorized, Message: loginHint}
	}
	return string(t), nil
}

// String keeps the token out of logs.
func (t StaticToken) String() string { return "a token" }

// GoString keeps the token out of logs.
func (t StaticToken) GoString() string { return t.String() }

// authorizer gives requests to the API their token, and none to any other
// host. The scheme is OAuth, although the service calls its tokens bearer
// (API reference, "Authorization").
type authorizer struct {
	next      http.RoundTripper
	source    TokenSource // may be nil
	host      string
	userAgent string
}

func (a authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", a.userAgent)
	req.Header.Del("Authorization")
	if a.source == nil || req.URL.Host != a.host {
		return a.next.RoundTrip(req)
	}
	token, err := a.source.Token(req.Context())
	if err != nil {
		return nil, notSent{err}
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

// notSent says why a request never left.
type notSent struct{ error }

func (e notSent) Unwrap() error { return e.error }
