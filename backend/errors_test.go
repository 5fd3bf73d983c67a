package backend

import (
	"errors"
	"io/fs"
	"net/http"
	"testing"
)

// TestKinds holds what each kind of error means to a client.
func TestKinds(t *testing.T) {
	for kind, want := range map[error]int{
		ErrQuota:              507,
		ErrTooLarge:           413,
		ErrLocked:             503,
		ErrUnauthorized:       503,
		ErrRateLimited:        503,
		ErrUnavailable:        503,
		ErrUncertain:          503,
		ErrChanged:            412,
		ErrIsDir:              405,
		ErrNotDir:             409,
		ErrNotEmpty:           409,
		fs.ErrNotExist:        404,
		fs.ErrExist:           412,
		fs.ErrPermission:      403,
		fs.ErrInvalid:         400,
		errors.ErrUnsupported: 403,
	} {
		err := PathError("put", "a", kind, "words of the store")
		var status *Error
		if !errors.As(err, &status) || !errors.Is(err, kind) {
			t.Errorf("%v is lost in %v", kind, err)
			continue
		}
		if code, _ := status.HTTPStatus(); code != want {
			t.Errorf("%v is answered %d %s, want %d", kind, code, http.StatusText(code), want)
		}
	}
}
