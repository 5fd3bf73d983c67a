package cmd

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/webdav/server"
)

// hangups reports each SIGHUP, by which supervisors ask a server to read its
// configuration again. On a terminal the signal means that the terminal is gone,
// and ends the program as it does others. stop must be called.
func hangups(errs io.Writer) (c <-chan os.Signal, stop func()) {
	if terminal.Is(errs) {
		return nil, func() {}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}

// reload reads the users and the certificate again. What cannot be read stays as
// it was, and is logged.
func (h *share) reload() {
	for what, again := range map[string]func() error{"users": h.reloadUsers, "certificate": h.reloadCertificate} {
		if err := again(); err != nil {
			h.s.log.Error("cannot read the "+what+" again: unchanged", "error", err)
		} else {
			h.s.log.Info("read the " + what + " again")
		}
	}
}

func (h *share) reloadUsers() error {
	if h.s.c.String("user") != "" && h.s.c.String("pass-file") == "" && h.s.c.String("pass") == "" {
		return errors.New("the password of --user was typed when the server was started")
	}
	cfg, err := h.s.cfg.Again()
	if err != nil {
		return err
	}
	before := h.s.cfg.Users
	h.s.cfg.Users = cfg.Users
	users, err := h.s.users()
	if err == nil && (len(users) > 0) != h.withPasswords {
		err = errors.New("a share with users does not become one without, nor the other way round, until the server is started again")
	}
	if err != nil {
		h.s.cfg.Users = before
		return err
	}
	return h.stack.setServer(h.withUsers(users))
}

// withUsers returns what stands around the handler, with these users.
func (h *share) withUsers(users []server.User) []server.Option {
	h.withPasswords = len(users) > 0
	if !h.withPasswords {
		return h.around
	}
	return append(slices.Clip(h.around), server.WithUsers(users...))
}

// holdCertificate has connections use the certificate of h.cert, which can be
// replaced. Those of ACME renew themselves.
func (h *share) holdCertificate() {
	if len(h.tls.Certificates) == 0 {
		return
	}
	h.cert.Store(&h.tls.Certificates[0])
	h.tls.Certificates = nil
	h.tls.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return h.cert.Load(), nil }
}

func (h *share) reloadCertificate() error {
	if h.cert.Load() == nil {
		return nil
	}
	again, err := tlsConfig(h.s.c, h.s.stateDir)
	if err != nil {
		return err
	}
	h.cert.Store(&again.Certificates[0])
	return nil
}
