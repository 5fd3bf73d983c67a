package backend

import (
	"errors"
	"io/fs"
	"net/http"
	"testing"
)

// TestKinds holds what each kind of error means to a client, and to who might
// try again.
func TestKinds(t *testing.T) {
	type meaning struct {
		status    int
		retryable bool
	}
	for kind, want := range map[error]meaning{
		ErrQuota:              {507, false},
		ErrTooLarge:           {413, false},
		ErrLocked:             {503, true},
		ErrUnauthorized:       {503, false},
		ErrRateLimited:        {503, true},
		ErrUnavailable:        {503, true},
		ErrUncertain:          {503, false},
		ErrChanged:            {412, false},
		ErrIsDir:              {405, false},
		ErrNotDir:             {409, false},
		ErrNotEmpty:           {409, false},
		fs.ErrNotExist:        {404, false},
		fs.ErrExist:           {412, false},
		fs.ErrPermission:      {403, false},
		fs.ErrInvalid:         {400, false},
		errors.ErrUnsupported: {403, false},
	} {
		err := PathError("put", "a", kind, "words of the store")
		var status *Error
		if !errors.As(err, &status) || !errors.Is(err, kind) {
			t.Errorf("%v is lost in %v", kind, err)
			continue
		}
		code, _ := status.HTTPStatus()
		if got := (meaning{code, Retryable(err)}); got != want {
			t.Errorf("%v is answered %d %s, again %v; want %d, %v", kind, code, http.StatusText(code), got.retryable, want.status, want.retryable)
		}
	}
}
