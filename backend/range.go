package backend

import (
	"context"
	"io/fs"
)

// ClipRange checks a range that [Content] is asked for, and clips it to a file of
// size bytes: for drivers. name is that of the file, for errors. The range is
// empty if start equals end.
func ClipRange(ctx context.Context, name string, offset, length, size int64) (start, end int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	if offset < 0 {
		return 0, 0, PathError("read", name, fs.ErrInvalid, "negative offset")
	}
	start, end = min(offset, size), size
	if length >= 0 && length < end-start {
		end = start + length
	}
	return start, end, nil
}
