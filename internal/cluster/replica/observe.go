package replica

import (
	"context"
	"fmt"
)

// Observe follows the log without becoming a member, and returns when everything is
// applied here that was acknowledged to anybody before the call. From then on
// Status tells of the members; when one of them was last heard of it tells of those
// alone that were heard of since.
func (e *Engine) Observe(ctx context.Context) error {
	e.joining.Lock()
	defer e.joining.Unlock()
	ctx, cancel := e.bound(ctx)
	defer cancel()
	err := e.open(ctx)
	if err == nil {
		err = e.Barrier(ctx)
	}
	if err != nil {
		return fmt.Errorf("look at the gateways: %w", err)
	}
	return nil
}
