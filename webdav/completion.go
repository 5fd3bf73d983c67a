package webdav

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// lastRead is how long a Read of the body may still take after the request's
// context has ended.
const lastRead = time.Second

// untilComplete returns the request with a context that ends if its body breaks
// off, and not with the connection. done must be called before the
// handler returns.
//
// net/http ends a request's context when it sees the connection end, also if
// the client has only shut its sending side after the last byte, as ffmpeg and
// firmware do. But a request that is complete by its own framing was meant (RFC
// 9112 section 8), and a change that has begun should be finished. A deadline,
// or a cause that is not context.Canceled, does not come from the connection
// and still ends the request.
func untilComplete(w http.ResponseWriter, req *http.Request) (whole *http.Request, done func()) {
	connected := req.Context()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(connected))
	c := &completion{connected: connected, cancel: cancel, conn: http.NewResponseController(w)}
	ended := make(chan struct{})
	stop := context.AfterFunc(connected, func() {
		defer close(ended)
		_ = c.disconnected() // the context has the reason
	})
	whole = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		whole.Body = &decisiveBody{ReadCloser: req.Body, completion: c}
	}
	return whole, func() {
		if !stop() {
			<-ended // w may not be used afterwards
		}
		cancel(nil)
	}
}

// A completion decides when a request's context ends.
type completion struct {
	connected context.Context // as net/http made it
	cancel    context.CancelCauseFunc
	conn      *http.ResponseController
}

// disconnected is called when the connected context has ended. The rest of the
// body is buffered already, unless the server ended the context: then its reason
// is returned.
func (c *completion) disconnected() (reason error) {
	if cause := context.Cause(c.connected); cause != context.Canceled { //nolint:errorlint // a cause that wraps it is not the connection
		c.cancel(cause)
		reason = cause
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(lastRead)) // not every ResponseWriter supports it
	return reason
}

// endedError is the error of a body whose request the server has ended.
type endedError struct{ error }

func (e endedError) Unwrap() error { return e.error }

// decisiveBody cancels its request if it breaks off.
type decisiveBody struct {
	io.ReadCloser
	*completion
}

func (b *decisiveBody) Read(p []byte) (int, error) {
	if b.connected.Err() != nil {
		if reason := b.disconnected(); reason != nil {
			return 0, endedError{reason}
		}
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		if reason := context.Cause(b.connected); reason != nil && reason != context.Canceled { //nolint:errorlint // as above
			err = endedError{reason}
		}
		b.cancel(err)
	}
	return n, err
}
