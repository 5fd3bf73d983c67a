package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pkg/sftp"

	"github.com/davdisk/davdisk/backend"
)

// The codes of the protocol that are more than a failure
// (draft-ietf-secsh-filexfer-02, section 7).
const (
	codeNoSuchFile  = 2
	codePermission  = 3
	codeBadMessage  = 5
	codeUnsupported = 8
)

// isLost reports whether a call failed with its connection, so that its outcome
// is unknown. Everything that is not the server's answer counts: what cannot be
// understood ends the connection too.
func isLost(err error) bool {
	var status *sftp.StatusError
	var told *backend.Error
	var body *passed
	switch {
	case err == nil, errors.As(err, &told), errors.As(err, &body), errors.Is(err, errClosed):
		return false
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &status):
		return false
	}
	return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, os.ErrClosed)
}

// lost is the error of a call that could not be made.
func lost(err error) error {
	return &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the connection was lost: %v", err)}
}

// pathError translates an error, once, where it enters. What is translated
// already is returned as it is, or gets its name.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if told, ok := err.(*fs.PathError); ok { //nolint:errorlint // the outermost error alone
		if _, ok := told.Err.(*backend.Error); ok { //nolint:errorlint // it is the contract's form
			return err
		}
	}
	return &fs.PathError{Op: op, Path: name, Err: translated(err)}
}

// linkError is pathError for an operation on two names.
func linkError(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	if told, ok := err.(*os.LinkError); ok { //nolint:errorlint // the outermost error alone
		return told
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: translated(err)}
}

// translated returns the kind and the message of an error. Those of the context
// and of the body stay what they are.
func translated(err error) error {
	var told *backend.Error
	var status *sftp.StatusError
	var body *passed
	switch {
	case errors.As(err, &body):
		return body.error
	case errors.As(err, &told):
		return told
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return &backend.Error{Kind: fs.ErrNotExist}
	case errors.Is(err, fs.ErrPermission):
		return &backend.Error{Kind: fs.ErrPermission, Message: "the server refuses it"}
	case errors.Is(err, errClosed), errors.Is(err, os.ErrClosed):
		return fs.ErrClosed
	case !errors.As(err, &status):
		return &backend.Error{Kind: backend.ErrUnavailable, Message: err.Error()}
	}
	switch status.Code {
	case codeNoSuchFile:
		return &backend.Error{Kind: fs.ErrNotExist}
	case codePermission:
		return &backend.Error{Kind: fs.ErrPermission, Message: "the server refuses it"}
	case codeBadMessage:
		return &backend.Error{Kind: fs.ErrInvalid, Message: "the server does not take such a name"}
	case codeUnsupported:
		return &backend.Error{Kind: errors.ErrUnsupported, Message: "the server cannot do that"}
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the server says %q and no more", status.FxCode().Error())}
}

// body remembers the error that it ended with, which is none of the server's.
type body struct {
	src io.Reader
	err error
}

func (r *body) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // one that wraps io.EOF is a failure, and ends the body too early
		r.err = err
	}
	return n, err
}
