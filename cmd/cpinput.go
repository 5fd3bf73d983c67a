package cmd

import (
	"context"
	"io"
	"io/fs"
	"os"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
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
	if s.c.Bool("dry-run") {
		s.lang.Fprintf(s.out(), "%-11s  %s\n", s.lang.Text("copy"), s.out().Name(to.address))
		return nil
	}
	spool, err := os.CreateTemp("", "davdisk-input-*")
	if err != nil {
		return language.Errorf("keep the standard input in a temporary file: %w", err)
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	size, err := readAll(s.ctx, spool, s.c.App.Reader)
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		return language.Errorf("read the standard input: %w", err)
	}
	_, err = to.Put(s.ctx, to.name, spool, backend.PutOptions{Size: size, IfAbsent: !s.c.Bool("overwrite")})
	return named(err, to)
}

// readAll copies as long as ctx lasts. What is interrupted is not whole, even if
// it ends well; the reading, which may not end at all, is left to end with the
// program.
func readAll(ctx context.Context, to io.Writer, from io.Reader) (int64, error) {
	type result struct {
		size int64
		err  error
	}
	done := make(chan result, 1)
	go func() {
		size, err := io.Copy(to, from)
		done <- result{size, err}
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return r.size, r.err
}
