package sftp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// Options say how to reach the server. Only Host has no default.
type Options struct {
	Host string // name or address
	Port int    // 0: 22
	User string // empty: that of this process
	// Folder is the folder of the server that holds everything; empty: the one
	// in which a login begins. Root is the folder in it to open; empty: itself.
	Folder, Root string

	// Password is used after the keys. The server may ask for it in either of
	// SSH's two ways.
	Password string
	// KeyFile is a private key. Empty: the keys of the SSH agent and those in
	// ~/.ssh under their usual names.
	KeyFile       string
	KeyPassphrase string // of KeyFile

	// KnownHosts is the file of host keys, as OpenSSH keeps it; empty:
	// ~/.ssh/known_hosts. A server whose key is not in it is refused.
	KnownHosts string

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: net.Dialer
	Now  func() time.Time                                                     // nil: time.Now
	Log  *slog.Logger                                                         // nil: discard

	home    string        // of the user's .ssh; empty: os.UserHomeDir
	agent   string        // socket of the SSH agent; empty: none
	ticker  ticker        // of keepalive; nil: newTicker
	issued  time.Duration // that a change may take; 0: issuedTimeout
	without []string      // extensions that are not used
}

func (o Options) withDefaults() (Options, error) {
	if o.Host == "" {
		return o, errors.New("sftp: name the server with --sftp-host")
	}
	if o.Port == 0 {
		o.Port = 22
	}
	if o.User == "" {
		u, err := user.Current()
		if err != nil {
			return o, fmt.Errorf("sftp: name the user with --sftp-user: %w", err)
		}
		o.User = u.Username
	}
	if o.home == "" {
		if home, err := os.UserHomeDir(); err == nil {
			o.home = home
		}
	}
	if o.KnownHosts == "" {
		o.KnownHosts = filepath.Join(o.home, ".ssh", "known_hosts")
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.issued == 0 {
		o.issued = issuedTimeout
	}
	if o.ticker == nil {
		o.ticker = newTicker
	}
	return o, nil
}

// address is where to connect to.
func (o Options) address() string { return net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) }

// options are declared once, for command line, configuration and environment.
var options = []backend.Option{
	{Name: "host", Help: "name or address of the server"},
	{Name: "port", Default: "22", Help: "port of the server"},
	{Name: "user", Help: "user on the server; without it the one of this machine"},
	{Name: "folder", Help: "folder of the server that paths begin at, such as /srv/data; without it the one in which a login begins"},
	{Name: "key-file", Help: "private key; without it those of the SSH agent and in ~/.ssh are tried"},
	{Name: "key-passphrase", Secret: true, Help: "passphrase of the private key"},
	{Name: "password", Secret: true, Help: "password of the user"},
	{Name: "known-hosts", Help: "known_hosts file with the key of the server; without it ~/.ssh/known_hosts"},
}

// Driver registers the store as "sftp". The root of an address is below the
// folder of the options, with or without a slash before it.
func Driver() backend.Driver {
	return backend.Driver{Name: "sftp", Options: options, Open: open}
}

func open(ctx context.Context, root string, opts map[string]string, env backend.Env) (backend.Backend, error) {
	port, err := strconv.ParseUint(opts["port"], 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("sftp: option port: %q is no port", opts["port"])
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o := Options{
		Host: opts["host"], Port: int(port), User: opts["user"], Folder: opts["folder"], Root: root,
		Password: opts["password"], KeyFile: opts["key-file"], KeyPassphrase: opts["key-passphrase"], KnownHosts: opts["known-hosts"],
		Now: env.Now, Log: env.Log,
		agent: os.Getenv("SSH_AUTH_SOCK"),
	}
	b, err := New(ctx, o)
	if err != nil {
		return nil, err
	}
	return b, nil
}
