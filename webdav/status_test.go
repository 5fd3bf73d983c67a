package webdav

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// TestNoSpaceNamesItsCondition: RFC 4331 section 6 tells a quota from a disk
// that is full. What the handler itself has no room for is neither.
func TestNoSpaceNamesItsCondition(t *testing.T) {
	const quota, disk = `<D:error xmlns:D="DAV:"><D:quota-not-exceeded/></D:error>`, `<D:error xmlns:D="DAV:"><D:sufficient-disk-space/></D:error>`
	for _, c := range []struct {
		err  error
		want string
	}{
		{&codeError{code: 507}, quota},
		{syscall.EDQUOT, quota},
		{syscall.ENOSPC, disk},
		{fmt.Errorf("keep: %w", lock.ErrTooMany), ""},
		{&codeError{code: 503}, ""},
		{errors.New("anything"), ""},
	} {
		s := newShare(t, newCapableFs())
		s.put("/f", "x")
		s.capable().setFail(func(op, name string) error {
			if op == "put" || op == "mkdir" || op == "copy" {
				return &fs.PathError{Op: op, Path: name, Err: c.err}
			}
			return nil
		})
		for _, request := range [][]string{{"PUT", "/g"}, {"MKCOL", "/d"}, {"COPY", "/f"}} {
			a := s.do(request[0], request[1], "", "Destination: {server}/c")
			if a.status < 500 || c.want != "" && !strings.Contains(a.body, c.want) || c.want == "" && strings.Contains(a.body, "<D:error") {
				t.Errorf("%v: %s: %d %s", c.err, request[0], a.status, a.body)
			}
		}
	}
}
