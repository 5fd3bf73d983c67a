package backendtest

import "context"

// CheckStrictly is Check as strict as Run.
func CheckStrictly(ctx context.Context, open Maker, opts ...Option) Report {
	return newSettings(opts).checkAll(ctx, open)
}
