package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/davdisk/davdisk/backend"
)

// standardInput is the source of cp that stands for what comes in.
const standardInput = "-"

// copyInput stores what comes in. It is gathered in a temporary file first: a
// store wants to know the length before, and a broken upload is repeated from
// there.
func (s *session) copyInput(address string) error {
	to, err := s.target(address)
	if err != nil {
		return err
	}
	to, err = s.place(to, func() (string, error) {
		return "", misuse("%q is a folder: say what the file is to be called", address)
	})
	if err != nil {
		return err
	}
	old, err := s.there(to)
	switch {
	case err != nil:
		return err
	case old != nil && !s.c.Bool("overwrite"):
		return backend.PathError("write", to.address, fs.ErrExist, "--overwrite replaces it")
	}
	spool, err := os.CreateTemp("", "davdisk-input-*")
	if err != nil {
		return err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	size, err := io.Copy(spool, whileContext{s.ctx, s.c.App.Reader})
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("read the standard input: %w", err)
	}
	_, err = to.Put(s.ctx, to.name, spool, backend.PutOptions{Size: size, IfAbsent: !s.c.Bool("overwrite")})
	return named(err, to)
}

// whileContext reads as long as its context lasts: what was interrupted ends
// too, and is not whole.
type whileContext struct {
	ctx context.Context
	r   io.Reader
}

func (r whileContext) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if ended := r.ctx.Err(); ended != nil {
		return 0, ended
	}
	return n, err
}
