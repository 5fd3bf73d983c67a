package yandex

import (
	"context"

	"github.com/davdisk/davdisk/backend"
)

// Rate implements backend.Rater.
func (b *Backend) Rate() backend.Rate { return b.api.Rate() }

// Identity implements backend.Identifier: the account, by its number, and the
// root in it.
func (b *Backend) Identity(ctx context.Context) (string, error) {
	a, err := b.Account(ctx)
	if err != nil {
		return "", err
	}
	if a.UID == "" {
		return "", backend.PathError("identity", ".", backend.ErrUnavailable, "the service did not tell whose disk it is")
	}
	return a.UID + " " + b.root, nil
}
