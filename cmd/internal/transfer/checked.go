package transfer

import (
	"io"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/reading"
)

// Checked returns a reader of a whole content that returns its last bytes only if
// all match the hash that the store told, and an [OtherBytesError] otherwise.
func Checked(src io.Reader, info backend.Info) io.Reader {
	return reading.Checked(src, info.Size, reading.NewCheck(info.SHA256, info.MD5), OtherBytesError{})
}

// OtherBytesError is the error for a content that is not what the store says it
// is.
type OtherBytesError struct{}

func (OtherBytesError) Error() string {
	return "the store served other bytes than it has for this file"
}

func (OtherBytesError) Unwrap() error { return backend.ErrUnavailable }
