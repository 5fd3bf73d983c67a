package sftp

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/davdisk/davdisk/backend"
)

// refused is an error of a login that trying again does not cure.
func refused(format string, args ...any) error {
	return &backend.Error{Kind: backend.ErrUnauthorized, Message: fmt.Sprintf(format, args...)}
}

// signers returns the keys to log in with. done releases the agent.
func (o Options) signers(ctx context.Context) (keys []ssh.Signer, done func(), err error) {
	done = func() {}
	if o.KeyFile != "" {
		key, err := readKey(o.KeyFile, o.KeyPassphrase)
		if err != nil {
			return nil, done, refused("the key %s: %v", o.KeyFile, err)
		}
		return []ssh.Signer{key}, done, nil
	}
	if o.agent != "" {
		socket, err := (&net.Dialer{}).DialContext(ctx, "unix", o.agent)
		if err != nil {
			o.Log.Debug("the SSH agent cannot be reached", "error", err)
		} else {
			done = func() { socket.Close() }
			if keys, err = agent.NewClient(socket).Signers(); err != nil {
				o.Log.Debug("the SSH agent does not tell its keys", "error", err)
			}
		}
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		file := filepath.Join(o.home, ".ssh", name)
		key, err := readKey(file, o.KeyPassphrase)
		switch {
		case err == nil:
			keys = append(keys, key)
		case !errors.Is(err, fs.ErrNotExist):
			o.Log.Debug("a key is not used", "file", file, "error", err)
		}
	}
	return keys, done, nil
}

// readKey reads a private key, with a passphrase if it needs one.
func readKey(file, passphrase string) (ssh.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		return key, err
	}
	if passphrase == "" {
		return nil, errors.New("it has a passphrase; give that with --sftp-key-passphrase-file, or add the key to the SSH agent")
	}
	key, err = ssh.ParsePrivateKeyWithPassphrase(text, []byte(passphrase))
	if err != nil {
		return nil, fmt.Errorf("the passphrase does not open it (%w)", err)
	}
	return key, nil
}

// methods returns the ways to log in, in the order in which they are tried.
func (o Options) methods(keys []ssh.Signer) []ssh.AuthMethod {
	var methods []ssh.AuthMethod
	if len(keys) > 0 {
		methods = append(methods, ssh.PublicKeys(keys...))
	}
	if o.Password != "" {
		methods = append(methods, ssh.Password(o.Password), ssh.KeyboardInteractive(o.answer))
	}
	return methods
}

// answer answers a server that asks for the password as one question.
func (o Options) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	if len(questions) == 0 {
		return nil, nil
	}
	if len(questions) > 1 || echos[0] {
		return nil, refused("the server asks for more than a password, which a program cannot answer")
	}
	return []string{o.Password}, nil
}

// hostKeys returns the check of the server's key, and the algorithms to ask it
// for: one of which a key is known, because a server with several keys would
// otherwise show another, which looks like a changed one.
func (o Options) hostKeys() (ssh.HostKeyCallback, []string, error) {
	known, err := knownhosts.New(o.KnownHosts)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		known = func(string, net.Addr, ssh.PublicKey) error { return &knownhosts.KeyError{} }
	case err != nil:
		return nil, nil, refused("the file of known hosts: %v", err)
	}
	check := func(address string, remote net.Addr, key ssh.PublicKey) error {
		err := known(address, remote, key)
		var unknown *knownhosts.KeyError
		var revoked *knownhosts.RevokedError
		shown := fmt.Sprintf("%s %s", key.Type(), ssh.FingerprintSHA256(key))
		switch {
		case err == nil:
			return nil
		case errors.As(err, &revoked):
			return refused("the key of %s (%s) is revoked in %s: the server may be somebody else's", address, shown, o.KnownHosts)
		case errors.As(err, &unknown) && len(unknown.Want) > 0:
			want := unknown.Want[0]
			return refused("the key of %s has CHANGED: it shows %s, and %s has %s in line %d; if nobody told you of a new key, somebody may be between you and the server; if it is right, 'ssh-keygen -R' removes the old one",
				address, shown, want.Filename, ssh.FingerprintSHA256(want.Key), want.Line)
		case errors.As(err, &unknown):
			return refused("the key of %s (%s) is not in %s: compare it with that of the server, then connect once with 'ssh -p %d %s@%s', which adds it",
				address, shown, o.KnownHosts, o.Port, o.User, o.Host)
		}
		return refused("the key of %s (%s): %v", address, shown, err)
	}
	return check, o.knownAlgorithms(known), nil
}

// knownAlgorithms returns the algorithms of the keys that are known of the
// server, nil if there are none. It asks for a key that nobody has.
func (o Options) knownAlgorithms(known ssh.HostKeyCallback) []string {
	nobody, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		return nil
	}
	var unknown *knownhosts.KeyError
	if !errors.As(known(o.address(), &net.TCPAddr{}, nobody), &unknown) {
		return nil
	}
	var algorithms []string
	for _, want := range unknown.Want {
		if isAuthority(want) {
			return nil // of certificates, which the usual order has first
		}
		types := []string{want.Key.Type()}
		if types[0] == ssh.KeyAlgoRSA {
			types = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, t := range types {
			if !slices.Contains(algorithms, t) {
				algorithms = append(algorithms, t)
			}
		}
	}
	return algorithms
}

// isAuthority reports whether a known key is not the server's, but that of an
// authority which certifies it.
func isAuthority(known knownhosts.KnownKey) bool {
	text, err := os.ReadFile(known.Filename)
	lines := strings.Split(string(text), "\n")
	return err == nil && known.Line <= len(lines) && strings.HasPrefix(strings.TrimSpace(lines[known.Line-1]), "@cert-authority")
}
