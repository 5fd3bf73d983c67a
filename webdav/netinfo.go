package webdav

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	xdav "golang.org/x/net/webdav"
)

// netInfo is an info whose ETag or ContentType has the signature of x/net,
// bound to a context. Its other abilities are forwarded.
type netInfo struct {
	fs.FileInfo
	ctx context.Context
	tag func() (string, error) // asked for once
}

// withContext binds an info with a signature of x/net to a context, and returns
// others unchanged.
func withContext(ctx context.Context, info fs.FileInfo) fs.FileInfo {
	etager, hasTag := info.(xdav.ETager)
	if _, hasType := info.(xdav.ContentTyper); !hasTag && !hasType {
		return info
	}
	return netInfo{info, ctx, sync.OnceValues(func() (string, error) {
		if !hasTag {
			return "", xdav.ErrNotImplemented
		}
		return etager.ETag(ctx)
	})}
}

// entityTagError returns the error of getting the entity tag of an info.
func entityTagError(info fs.FileInfo) error {
	if n, ok := info.(netInfo); ok {
		if _, err := n.tag(); !errors.Is(err, xdav.ErrNotImplemented) {
			return err
		}
	}
	return nil
}

// contentType returns xdav.ErrNotImplemented if the info does not know.
func (n netInfo) contentType() (string, error) {
	switch c := n.FileInfo.(type) {
	case xdav.ContentTyper:
		return c.ContentType(n.ctx)
	case ContentTyper:
		return c.ContentType(), nil
	}
	return "", xdav.ErrNotImplemented
}

// Created implements [CreationTimer].
func (n netInfo) Created() time.Time {
	if c, ok := n.FileInfo.(CreationTimer); ok {
		return c.Created()
	}
	return time.Time{}
}

// Hash implements [Hasher].
func (n netInfo) Hash(algorithm string) string { return hashOf(n.FileInfo, algorithm) }

// Properties implements [PropertyHolder].
func (n netInfo) Properties() (props map[string]string, known bool) {
	if p, ok := n.FileInfo.(PropertyHolder); ok {
		return p.Properties()
	}
	return nil, false
}
