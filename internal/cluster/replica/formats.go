package replica

import (
	"context"
	"fmt"
	"maps"

	"github.com/davdisk/davdisk/internal/cluster"
)

// reads reports an error if the log has machines or formats that this gateway
// does not. Those that the log has not are empty.
func (e *Engine) reads() error {
	for name, format := range e.state.Formats {
		if own := e.self.formats[name]; own != format {
			return fmt.Errorf("%w: of %s it has %q, this gateway %q", errNoFollower, name, format, own)
		}
	}
	return nil
}

// silent returns the members that must be expelled before this gateway can join,
// because it has more machines than they do. It is an upgrade, and they are what
// gateways of the other version have left that were killed; nobody else can expel
// them. It waits until each was silent for the time of its lease.
func (e *Engine) silent(ctx context.Context) ([]expel, error) {
	beats := map[uint64]uint64{} // by epoch
	for {
		e.mu.Lock()
		if e.state.Formats == nil || maps.Equal(e.state.Formats, e.self.formats) {
			e.mu.Unlock()
			return nil, nil
		}
		var all []expel
		now, waits := e.cfg.Clock.Now(), false
		for _, epoch := range e.state.epochs() {
			m := e.state.Members[epoch]
			if before, ok := beats[epoch]; ok && before != m.Beat {
				e.mu.Unlock()
				return nil, fmt.Errorf("%w: the log has %v, this gateway %v; stop %s and all others of that version first", cluster.ErrFormat, e.state.Formats, e.self.formats, m.Gateway)
			}
			beats[epoch] = m.Beat
			waits = waits || now.least(e.heard[epoch]) < m.Lease
			all = append(all, expel{Epoch: epoch, Beat: m.Beat})
		}
		failed := e.failed
		e.mu.Unlock()
		if failed != nil || !waits {
			return all, failed
		}
		select {
		case <-e.cfg.Clock.After(e.cfg.Lease / 24):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: gateways of another version may still run: %w", cluster.ErrFormat, context.Cause(ctx))
		}
	}
}
