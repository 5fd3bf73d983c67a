package backend

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
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

// TestKindsOfPackageOS checks that programs written for package os recognize the
// conditions for which it returns error numbers, and take no other for them.
func TestKindsOfPackageOS(t *testing.T) {
	numbers := map[error]syscall.Errno{ErrIsDir: syscall.EISDIR, ErrNotDir: syscall.ENOTDIR, ErrNotEmpty: syscall.ENOTEMPTY}
	for kind := range numbers {
		for other, errno := range numbers {
			for _, err := range []error{PathError("remove", "a", kind, "words of the store"), LinkError("move", "a", "b", kind, "")} {
				if got, want := errors.Is(err, errno), kind == other; got != want {
					t.Errorf("errors.Is(%v, %v) is %v", err, errno, got)
				}
			}
		}
		for _, no := range []error{syscall.EINVAL, fs.ErrNotExist, fs.ErrInvalid} {
			if errors.Is(kind, no) {
				t.Errorf("%v is taken for %v", kind, no)
			}
		}
	}
	// A folder that is not empty, as package os itself reports it on this system.
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o777); err != nil {
		t.Fatal(err)
	}
	var errno syscall.Errno
	if err := os.Remove(dir); !errors.As(err, &errno) || !errors.Is(ErrNotEmpty, errno) {
		t.Errorf("package os returns %v, which ErrNotEmpty is not", err)
	}
}
