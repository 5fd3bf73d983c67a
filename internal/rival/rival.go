// Package rival tells a store, by the context of a Put, of others that store the
// same file at the same time and past it: the other gateways of a share.
package rival

import (
	"context"
	"errors"
)

// ErrReplaced reports that a file was stored, as far as the store says, and that
// another has stored its own in its place since.
var ErrReplaced = errors.New("another gateway has stored the file after it")

// Known is what is known of others that store the same file. It is safe for
// concurrent use.
type Known interface {
	// Possible reports whether another may have stored the file since the Put
	// began, or be about to: content that is not what was sent may then be theirs.
	Possible(ctx context.Context) bool
	// Told is how often another has told since then that it stored the file.
	Told() int
	// Stored reports whether another has told that it stored this version, not
	// counting as many as Told was. It asks nobody.
	Stored(version string, told int) bool
}

type key struct{}

// With returns a context for a Put beside others.
func With(ctx context.Context, k Known) context.Context { return context.WithValue(ctx, key{}, k) }

// From returns what is known of others, which is that there are none in a context
// that is not of With.
func From(ctx context.Context) Known {
	if k, ok := ctx.Value(key{}).(Known); ok {
		return k
	}
	return none{}
}

type none struct{}

func (none) Possible(context.Context) bool { return false }
func (none) Told() int                     { return 0 }
func (none) Stored(string, int) bool       { return false }
