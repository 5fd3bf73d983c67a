package yandex

import (
	"context"

	"github.com/davdisk/davdisk/backend"
)

// A TokenSource returns the token for the next request. It may be used from
// many goroutines at once. One that also has the method Rejected(token string)
// is notified when the service rejects a token, so that its next one may be
// another.
type TokenSource interface {
	// Token returns a token that should be valid. It may get a new one from
	// the OAuth server.
	Token(ctx context.Context) (string, error)
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
