package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/davdisk/davdisk/backend"
)

const (
	// keepaliveInterval is how often the server must answer. A call may take
	// long, but the server answers in between.
	keepaliveInterval = 15 * time.Second
	// dialTimeout is how long connecting and logging in may take.
	dialTimeout = 30 * time.Second
	// issuedTimeout is how long a change that was issued may take. What has not
	// been answered then is judged as after a lost connection.
	issuedTimeout = 2 * time.Minute
	// changeTries is how often a change is issued whose answer was lost.
	changeTries = 3
)

// conn is one connection to the server.
type conn struct {
	*sftp.Client
	ssh  *ssh.Client
	once sync.Once
	done chan struct{} // closed when the connection is given up
}

// close gives the connection up: calls on it fail.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.done)
		c.ssh.Close()
	})
}

// isClosed reports whether the connection was given up.
func (c *conn) isClosed() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// extensions are what the server can do beyond the protocol.
type extensions struct{ posixRename, fsync, hardlink, statvfs bool }

func (c *conn) extensions(without []string) extensions {
	has := func(name string) bool {
		_, ok := c.HasExtension(name)
		return ok && !slices.Contains(without, name)
	}
	return extensions{has("posix-rename@openssh.com"), has("fsync@openssh.com"), has("hardlink@openssh.com"), has("statvfs@openssh.com")}
}

// connected returns the connection, and makes one if there is none.
func (b *Backend) connected(ctx context.Context) (*conn, error) {
	select {
	case <-b.dialing:
		defer func() { b.dialing <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b.mu.Lock()
	c, closed := b.conn, b.closed
	b.mu.Unlock()
	if c != nil || closed {
		if closed {
			return nil, errClosed
		}
		return c, nil
	}
	c, err := b.dial(ctx)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		c.close()
		return nil, errClosed
	}
	b.conn = c
	b.calls.Go(func() { c.watch(b.opts.ticker) })
	return c, nil
}

var errClosed = errors.New("the store is closed")

// lose gives a connection up, so that the next call makes another.
func (b *Backend) lose(c *conn, err error) {
	b.mu.Lock()
	if b.conn == c {
		b.conn = nil
		b.opts.Log.Info("the connection to the SFTP server was lost", "server", b.opts.Host, "error", err)
	}
	b.mu.Unlock()
	c.close()
}

// dial connects and logs in.
func (b *Backend) dial(ctx context.Context) (*conn, error) {
	o := b.opts
	hostKey, algorithms, err := o.hostKeys()
	if err != nil {
		return nil, err
	}
	keys, done, err := o.signers(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	methods := o.methods(keys)
	if len(methods) == 0 {
		return nil, refused("there is no key and no password to log in with: give --sftp-key-file or --sftp-password-file, or start the SSH agent")
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	socket, err := o.Dial(ctx, "tcp", o.address())
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { socket.Close() })
	defer stop()
	sshConn, channels, requests, err := ssh.NewClientConn(socket, o.address(), &ssh.ClientConfig{
		User: o.User, Auth: methods, HostKeyCallback: hostKey, HostKeyAlgorithms: algorithms,
	})
	if err != nil {
		socket.Close()
		return nil, o.loginError(ctx, err)
	}
	c := &conn{ssh: ssh.NewClient(sshConn, channels, requests), done: make(chan struct{})}
	c.Client, err = sftp.NewClient(c.ssh, sftp.UseConcurrentWrites(true))
	if err != nil {
		c.close()
		if ctx.Err() != nil {
			return nil, unreachable(ctx, err)
		}
		return nil, &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the server lets %s in, but serves no SFTP: %v", o.User, err)}
	}
	return c, nil
}

// loginError says why a login failed.
func (o Options) loginError(ctx context.Context, err error) error {
	var told *backend.Error // of the host key, or an answer
	switch {
	case ctx.Err() != nil:
		return unreachable(ctx, err)
	case errors.As(err, &told):
		return told
	case isAuthFailure(err):
		tried := "no key that was tried is the right one"
		if o.Password != "" {
			tried = "neither the password nor a key is the right one"
		}
		return refused("%s refuses user %q: %s", o.Host, o.User, tried)
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("%s does not speak SSH as it should: %v", o.address(), err)}
}

// unreachable is the error of a server that could not be reached.
func unreachable(ctx context.Context, err error) error {
	if ended := context.Cause(ctx); errors.Is(ended, context.Canceled) {
		return ended
	}
	message := err.Error()
	if ctx.Err() != nil {
		message = "it does not answer"
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: message}
}

// A ticker is time.NewTicker, or that of a test.
type ticker func(time.Duration) (ticks <-chan time.Time, stop func())

func newTicker(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// watch gives the connection up once the server does not answer any more.
func (c *conn) watch(ticker ticker) {
	ticks, stop := ticker(keepaliveInterval)
	defer stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticks:
		}
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			// Any answer will do, and a refusal is what most servers give.
			if _, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil); err != nil {
				c.close()
			}
		}()
		select {
		case <-answered:
		case <-c.done:
		case <-ticks:
			c.close()
		}
		<-answered
	}
}

// do makes a call that only looks. After a lost connection it is made again,
// once. It returns when ctx ends; the call goes on alone, and what it opens is
// closed.
func do[T any](ctx context.Context, b *Backend, f func(*conn) (T, error)) (T, error) {
	for again := true; ; again = false {
		var none T
		c, err := b.connected(ctx)
		if err != nil {
			return none, err
		}
		value, err := run(ctx, b, c, f)
		if err == nil || !isLost(err) {
			return value, err
		}
		b.lose(c, err)
		if !again {
			return none, lost(err)
		}
	}
}

// within is do for what is in the root.
func within[T any](ctx context.Context, b *Backend, f func(*conn) (T, error)) (T, error) {
	value, err := do(ctx, b, f)
	return value, b.present(ctx, err)
}

// present makes an answer that something does not exist one that the store is in
// trouble, if the root is missing too: its volume may not be mounted, and then
// nothing is known of what is in it.
func (b *Backend) present(ctx context.Context, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	root, rootErr := do(ctx, b, func(c *conn) (fs.FileInfo, error) { return c.Stat(b.root) })
	switch {
	case rootErr == nil && root.IsDir():
		return err
	case errors.Is(rootErr, context.Canceled), errors.Is(rootErr, context.DeadlineExceeded), errors.Is(rootErr, errClosed):
		return rootErr
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: "the folder of the store is missing on the server"}
}

// run makes a call on one connection.
func run[T any](ctx context.Context, b *Backend, c *conn, f func(*conn) (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done := make(chan outcome)
	started := b.begin(func() {
		value, err := f(c)
		select {
		case done <- outcome{value, err}:
		case <-ctx.Done(): // nobody waits any more
			if opened, ok := any(value).(io.Closer); ok && err == nil {
				opened.Close()
			}
		}
	})
	if !started {
		return none, errClosed
	}
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// begin starts a goroutine that Close waits for, unless that was called.
func (b *Backend) begin(f func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.calls.Go(f)
	return true
}

// change issues a change, and returns once its outcome is known, whatever
// happens to the caller's context. If the answer is lost, made says whether the
// change was carried out; if not, it is issued again.
func (b *Backend) change(ctx context.Context, issue func(*conn) error, made func(context.Context) (bool, error)) error {
	return b.changeIn(ctx, changeTries, issue, made)
}

// changeIn is change, which issues as often at most.
func (b *Backend) changeIn(ctx context.Context, tries int, issue func(*conn) error, made func(context.Context) (bool, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.opts.issued)
	defer cancel()
	var last error
	for try := range tries {
		c, err := b.connected(ctx)
		if err != nil && try == 0 {
			return err
		}
		if err != nil {
			return unanswered(last)
		}
		_, err = run(ctx, b, c, func(c *conn) (struct{}, error) { return struct{}{}, issue(c) })
		if err == nil {
			return nil
		}
		answered := ctx.Err() == nil && !isLost(err)
		if answered && try == 0 {
			return b.present(ctx, err)
		}
		if !answered {
			b.lose(c, err)
		}
		// An error that is answered to a later try may mean that the first one
		// was carried out after all.
		last = err
		yes, err := b.look(ctx, made)
		switch {
		case err != nil:
			return &backend.Error{Kind: backend.ErrUncertain, Message: fmt.Sprintf("the connection was lost before the server answered (%v), and what it did cannot be found out: %v", last, err)}
		case yes:
			return nil
		case answered:
			return b.present(ctx, last)
		case ctx.Err() != nil:
			return unanswered(last)
		}
	}
	return unanswered(last)
}

// unanswered is the error of a change that had no effect until now.
func unanswered(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &backend.Error{Kind: backend.ErrUncertain, Message: "the server did not answer in time, and may carry it out yet"}
	}
	return &backend.Error{Kind: backend.ErrUncertain, Message: fmt.Sprintf("the connection was lost before the server answered, and it may carry it out yet: %v", err)}
}

// look finds out whether a change was made, which has time of its own.
func (b *Backend) look(ctx context.Context, made func(context.Context) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTimeout)
	defer cancel()
	return made(ctx)
}

// isAuthFailure reports whether the server refused every way to log in, for
// which x/crypto/ssh has no type.
func isAuthFailure(err error) bool {
	return strings.Contains(err.Error(), "unable to authenticate") || strings.Contains(err.Error(), "Too many authentication failures")
}
