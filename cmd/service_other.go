//go:build !windows

package cmd

import "context"

// underManager is for Windows: elsewhere a service is asked to stop by a signal.
func underManager(ctx context.Context) (context.Context, func()) { return ctx, func() {} }
