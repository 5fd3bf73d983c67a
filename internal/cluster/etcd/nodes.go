package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// pauseBetween is the time between attempts that fail at once.
const pauseBetween = 50 * time.Millisecond

// nodes has a client for one endpoint at a time.
type nodes struct {
	config  Config
	timeout time.Duration

	ctx    context.Context // ends with close
	cancel context.CancelFunc
	calls  sync.WaitGroup

	mu      sync.Mutex // never held while a node is waited for
	closed  bool
	client  *clientv3.Client // nil until it is needed
	dialing *dialing         // nil if no client is being made
	index   int              // of the endpoint of either
}

// dialing is a client that is being made. A user is logged in then, which takes
// as long as the node likes.
type dialing struct {
	done   chan struct{} // closed when what follows is there
	client *clientv3.Client
	err    error
}

// current returns the client, which is made once for all who wait for it.
func (n *nodes) current(ctx context.Context) (*clientv3.Client, error) {
	n.mu.Lock()
	if n.closed || n.client != nil {
		defer n.mu.Unlock()
		if n.closed {
			return nil, fs.ErrClosed
		}
		return n.client, nil
	}
	if n.dialing == nil {
		n.dialing = &dialing{done: make(chan struct{})}
		d, endpoint := n.dialing, n.config.Endpoints[n.index]
		n.calls.Go(func() {
			client, err := n.dial(n.ctx, endpoint)
			n.dialed(d, client, err)
		})
	}
	d := n.dialing
	n.mu.Unlock()
	select {
	case <-d.done:
		return d.client, d.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// dialed notes a client that was made, or leaves its endpoint for the next.
func (n *nodes) dialed(d *dialing, client *clientv3.Client, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if d.client, d.err = client, err; err == nil {
		n.client = client // close waits for it
	} else {
		n.index = (n.index + 1) % len(n.config.Endpoints)
	}
	n.dialing = nil
	close(d.done)
}

// dial makes a client that ends with its context, and when it is refused.
func (n *nodes) dial(ctx context.Context, endpoint string) (*clientv3.Client, error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	c := clientv3.Config{
		Context: ctx, Endpoints: []string{endpoint}, TLS: n.config.TLS, Username: n.config.Username, Password: n.config.Password,
		DialTimeout: n.timeout, MaxUnaryRetries: 1, Logger: zap.NewNop(), // it would write to standard error
	}
	if c.TLS != nil && !strings.HasPrefix(endpoint, "http://") {
		judged := judgedTLS{TransportCredentials: credentials.NewTLS(c.TLS), endpoint: endpoint, giveUp: giveUp}
		c.DialOptions = append(c.DialOptions, grpc.WithTransportCredentials(judged))
	}
	client, err := clientv3.New(c)
	if err != nil {
		err = cmp.Or(refusalOf(ctx), err)
		giveUp(nil)
		return nil, refusal(endpoint, err)
	}
	context.AfterFunc(client.Ctx(), func() { giveUp(nil) })
	return client, nil
}

// next leaves a client for one of the next endpoint. Other calls that it has under
// way are made again.
func (n *nodes) next(failed *clientv3.Client) {
	n.mu.Lock()
	left := failed != nil && n.client == failed
	if left {
		n.client, n.index = nil, (n.index+1)%len(n.config.Endpoints)
	}
	n.mu.Unlock()
	if left {
		_ = failed.Close()
	}
}

// begin makes a context that also ends with close, and tells close of the call.
func (n *nodes) begin(ctx context.Context) (context.Context, func(), error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ctx, nil, fs.ErrClosed
	}
	n.calls.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(n.ctx, cancel)
	return ctx, func() { stop(); cancel(); n.calls.Done() }, nil
}

// call makes a call until it succeeds, etcd or each of its nodes refuses it, or the
// context ends. A node is left when it fails or has had its time, and not because the
// context ends: all calls of this gateway, and its watch, share one connection. It
// reports whether an attempt may have been carried out that did not succeed.
func (n *nodes) call(ctx context.Context, do func(context.Context, *clientv3.Client) error) (sent bool, err error) {
	ctx, done, err := n.begin(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	refusing := map[string]error{} // by their endpoints: the other nodes may have another certificate
	for {
		client, err := n.current(ctx)
		switch {
		case err != nil && isRefusal(err): // of the login
			return sent, unavailable(err)
		case err == nil:
			attempt, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), n.timeout)
			if err = connect(attempt, client); err == nil {
				err = do(attempt, client)
				sent = sent || err != nil && !isRefusal(err)
			}
			cancel()
			switch {
			case err == nil:
				return sent, nil
			case isRefusal(err):
				return sent, unavailable(refusal(client.Endpoints()[0], err))
			case ctx.Err() == nil: // else the call was given up, which says nothing of the node
				n.next(client)
			}
		}
		if r := new(Refusal); errors.As(err, &r) {
			refusing[r.Endpoint] = err
			if !slices.ContainsFunc(n.config.Endpoints, func(e string) bool { return refusing[e] == nil }) {
				return sent, unavailable(err)
			}
		}
		select {
		case <-time.After(pauseBetween):
		case <-ctx.Done():
			for _, refused := range refusing {
				err = refused // says more than that another one does not answer
			}
			return sent, fmt.Errorf("%w: %w: %w", cluster.ErrUnavailable, context.Cause(ctx), err)
		}
	}
}

// code returns the code of an error of etcd or of gRPC.
func code(err error) codes.Code {
	var refused rpctypes.EtcdError
	if errors.As(err, &refused) {
		return refused.Code()
	}
	return status.Code(err)
}

// isRefusal reports whether etcd has refused a call, and would again at any node.
func isRefusal(err error) bool {
	switch code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.FailedPrecondition, codes.OutOfRange, codes.ResourceExhausted, codes.NotFound:
		return true
	}
	return errors.Is(err, cluster.ErrOtherLog) || errors.Is(err, cluster.ErrFormat) || errors.Is(err, replica.ErrTaken)
}

// refusal makes an error a Refusal if it is a kind of one.
func refusal(endpoint string, err error) error {
	if kind := kindOf(err); kind != nil {
		return &Refusal{Endpoint: endpoint, Kind: kind, Err: err}
	}
	return err
}

// unavailable wraps the error of a call that was refused, unless it is one of this
// package.
func unavailable(err error) error {
	if errors.Is(err, cluster.ErrOtherLog) || errors.Is(err, cluster.ErrFormat) {
		return err
	}
	return fmt.Errorf("%w: %w", cluster.ErrUnavailable, err)
}

// connect waits until a client has a connection. As long as it has none, nothing
// is sent.
func connect(ctx context.Context, client *clientv3.Client) error {
	conn := client.ActiveConnection()
	for {
		state := conn.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			return cmp.Or(refusalOf(client.Ctx()), fmt.Errorf("there is no connection to %s", client.Endpoints()[0]))
		case connectivity.Idle:
			conn.Connect()
		}
		if !conn.WaitForStateChange(ctx, state) {
			return fmt.Errorf("%s does not answer", client.Endpoints()[0])
		}
	}
}

// close ends all calls and waits for them.
func (n *nodes) close() error {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.cancel()
	n.calls.Wait()
	n.mu.Lock()
	client := n.client
	n.client = nil
	n.mu.Unlock()
	if client == nil {
		return nil
	}
	if err := client.Close(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
