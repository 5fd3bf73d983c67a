package crypt

import (
	"context"

	"github.com/davdisk/davdisk/backend"
)

// Keys are those of a password, which take time to derive.
type Keys = keys

var DeriveKeys = deriveKeys

// NewWithKeys is New with keys that are derived already.
func NewWithKeys(ctx context.Context, inner backend.Backend, k Keys, opts Options) (backend.Backend, error) {
	s, err := newStore(ctx, inner, k, opts)
	if err != nil {
		return nil, err
	}
	return s.withAbilities(), nil
}

// StoredName is the name of a file in the store below.
func StoredName(k Keys, opts Options, name string) (string, error) {
	n, err := newNames(k, opts)
	if err != nil {
		return "", err
	}
	return n.file("put", name)
}
