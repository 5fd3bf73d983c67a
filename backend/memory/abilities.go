package memory

import (
	"context"
	"io/fs"
	"maps"
	"strconv"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// Revision implements backend.Revisioner.
func (b *Backend) Revision(ctx context.Context) (string, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return strconv.FormatUint(b.revision, 10), ctx.Err()
}

// SetModTime implements backend.ModTimer.
func (b *Backend) SetModTime(ctx context.Context, name string, t time.Time) error {
	return b.change(ctx, "chtimes", name, func(n *node) { n.modTime = t })
}

// Properties implements backend.Propertier.
func (b *Backend) Properties(ctx context.Context, name string) (map[string]string, error) {
	if err := check(ctx, "properties", name); err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := b.lookup(name)
	if n == nil {
		return nil, backend.PathError("properties", name, fs.ErrNotExist, "")
	}
	props := map[string]string{}
	maps.Copy(props, n.props)
	return props, nil
}

// SetProperties implements backend.Propertier.
func (b *Backend) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	return b.change(ctx, "properties", name, func(n *node) {
		props := map[string]string{}
		maps.Copy(props, n.props)
		for _, key := range remove {
			delete(props, key)
		}
		maps.Copy(props, set)
		n.props = props
	})
}

// change applies f to the node of a name.
func (b *Backend) change(ctx context.Context, op, name string, f func(*node)) error {
	if err := check(ctx, op, name); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.lookup(name)
	if n == nil {
		return backend.PathError(op, name, fs.ErrNotExist, "")
	}
	f(n)
	b.revision++
	return nil
}

// VersionOf implements backend.Versioner.
func (b *Backend) VersionOf(sha256 string) string { return versionOf(sha256) }
