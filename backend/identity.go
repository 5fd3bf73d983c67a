package backend

import (
	"context"
	"errors"
)

// An Identifier can tell which store it is.
type Identifier interface {
	// Identity returns a text that is the same for each backend of the same
	// folder of the same account, whatever login it is reached by, and
	// another for others. It is no secret.
	Identity(ctx context.Context) (string, error)
}

// Identity returns which store b is; errors.ErrUnsupported if it cannot tell.
func Identity(ctx context.Context, b Backend) (string, error) {
	if i, ok := As[Identifier](b); ok {
		return i.Identity(ctx)
	}
	return "", PathError("identity", ".", errors.ErrUnsupported, "the store does not tell which one it is")
}
