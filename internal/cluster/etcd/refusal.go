package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
)

// The kinds of a Refusal.
var (
	ErrNoTLS       = errors.New("it does not speak TLS")
	ErrUntrusted   = errors.New("its certificate is not trusted")
	ErrCertificate = errors.New("it refuses TLS, as it does without a certificate or with one that it does not trust")
	ErrLogin       = fmt.Errorf("it does not know the user with this password: %w", fs.ErrPermission)
	ErrRights      = fmt.Errorf("it does not let this user have the keys of the share: %w", fs.ErrPermission)
)

// A Refusal is the error of a call that fails for how etcd is reached, and will
// until that is changed on either side.
type Refusal struct {
	Endpoint string
	Kind     error // one of those above
	Err      error // what was said
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %v: %v", r.Endpoint, r.Kind, r.Err) }

func (r *Refusal) Unwrap() []error { return []error{r.Kind, r.Err} }

// refusalOf returns why a client was given up whose context this is; nil for
// another reason or none.
func refusalOf(ctx context.Context) error {
	if r := new(Refusal); errors.As(context.Cause(ctx), &r) {
		return r
	}
	return nil
}

// kindOf returns the kind of an error of a call, and nil for one that is none.
func kindOf(err error) error {
	switch {
	case errors.Is(err, rpctypes.ErrAuthFailed), errors.Is(err, rpctypes.ErrUserEmpty):
		return ErrLogin
	case code(err) == codes.PermissionDenied:
		return ErrRights
	}
	return nil
}

// kindOfTLS returns the kind of an error of a connection with TLS, and nil for one
// that is none. Which alert the other end has sent is told by its text alone.
func kindOfTLS(err error) error {
	var plain tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	var alert *net.OpError
	switch {
	case errors.As(err, &plain):
		return ErrNoTLS
	case errors.As(err, &untrusted):
		return ErrUntrusted
	case errors.As(err, &alert) && alert.Op == "remote error": // an alert
		return ErrCertificate
	}
	return nil
}

// judgedTLS is the TLS of a client. gRPC takes no for an answer that changes, tries
// again until the time of a call is over, and does not say why; with this the
// client is given up.
type judgedTLS struct {
	credentials.TransportCredentials
	endpoint string
	giveUp   context.CancelCauseFunc
}

func (j judgedTLS) judge(err error) {
	if kind := kindOfTLS(err); kind != nil {
		j.giveUp(&Refusal{Endpoint: j.endpoint, Kind: kind, Err: err})
	}
}

// ClientHandshake implements credentials.TransportCredentials.
func (j judgedTLS) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := j.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		j.judge(err)
		return conn, info, err
	}
	return judgedConn{conn, j}, info, nil
}

// Clone implements credentials.TransportCredentials.
func (j judgedTLS) Clone() credentials.TransportCredentials {
	j.TransportCredentials = j.TransportCredentials.Clone()
	return j
}

// judgedConn is a connection that the client takes for established. With TLS 1.3
// the server says only then what it thinks of the client's certificate.
type judgedConn struct {
	net.Conn
	judgedTLS
}

func (c judgedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.judge(err)
	}
	return n, err
}
