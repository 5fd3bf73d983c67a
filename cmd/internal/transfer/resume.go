package transfer

import (
	"context"
	"errors"
	"io"

	"github.com/davdisk/davdisk/backend"
)

// resumableSize is the size of the smallest file that a repeated run does not copy
// from its beginning.
const resumableSize = 16 << 20

// resumable is a store that keeps what was written of a file when a run ends, and
// compares the hash in content.
type resumable interface {
	PutResumable(ctx context.Context, name string, body io.ReadSeeker, content backend.Info, mismatch error, opts backend.PutOptions) (backend.Info, error)
}

// put stores a file, and resumes it if the store can do that.
func put(ctx context.Context, to Side, body *body, content backend.Info, opts backend.PutOptions) (backend.Info, error) {
	store, ok := backend.As[resumable](to.Backend)
	if !ok || content.Size < resumableSize {
		return to.Put(ctx, to.Name, body, opts)
	}
	body.raw = true
	stored, err := store.PutResumable(ctx, to.Name, body, content, OtherBytesError{}, opts)
	if errors.Is(err, OtherBytesError{}) {
		body.failed = OtherBytesError{} // the source, not the target
	}
	return stored, err
}
