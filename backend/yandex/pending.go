package yandex

import (
	"context"
)

// pending holds the uploads of which the end is unknown.
type pending struct{}

func openPending(cfg Config) (*pending, error)                   { return &pending{}, nil }
func (p *pending) Close() error                                  { return nil }
func (b *Backend) settle(ctx context.Context, name string) error { return nil }
