package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// moveRounds is how often a folder is listed again before its move gives up,
// because others keep changing it.
const moveRounds = 5

// Move implements backend.Backend: all is copied, the copies are compared, and then
// the sources are removed, each only if it is still what was copied. A move that
// fails before that is taken back.
func (s *store) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := s.checkTwo(ctx, "move", from, to); err != nil {
		return err
	}
	unlock, err := s.lock(ctx, false, pathlock.Tree(from), pathlock.Tree(to))
	if err != nil {
		return linkError("move", from, to, err)
	}
	defer unlock()
	src, dst, err := s.ends(ctx, from, to, opts.Overwrite)
	if err != nil || from == to {
		return linkError("move", from, to, err)
	}
	m := intent{To: to, Dir: src.Dir, Begun: s.cfg.Now()}
	if err := s.moves.set(from, m); err != nil {
		return linkError("move", from, to, fmt.Errorf("the move cannot be noted: %w", err))
	}
	if src.Dir {
		err = s.moveFolder(ctx, from, to, m)
	} else {
		err = s.moveFile(ctx, from, to, src, dst)
	}
	if err = s.ended(from, err); err == nil {
		s.renamed(from, to, src.Dir)
	}
	return linkError("move", from, to, err)
}

// moveFile moves a file, in place of dst if that has a key.
func (s *store) moveFile(ctx context.Context, from, to string, src, dst entry) error {
	if err := s.keepFolder(ctx, from); err != nil {
		return err
	}
	made, err := s.copyKey(ctx, src, s.key(to), dst)
	if err != nil {
		return err
	}
	ctx, cancel := outliving(ctx)
	defer cancel()
	err = s.deleteSeen(ctx, src) // the copy took a while
	switch {
	case err == nil || is(err, fs.ErrNotExist):
		return nil
	case is(err, backend.ErrUncertain):
		return err
	}
	if dst.key == "" {
		failed := s.deleteSeen(ctx, made)
		if failed == nil || is(failed, backend.ErrChanged) || is(failed, fs.ErrNotExist) {
			return err
		}
	}
	return uncertainError{fmt.Errorf("it was copied, and the source is still there: %w", err)}
}

// moveFolder moves a folder. It is listed again and again until all of it is
// copied as it is.
func (s *store) moveFolder(ctx context.Context, from, to string, m intent) error {
	if err := s.keepFolder(ctx, from); err != nil {
		return err
	}
	c := s.newCopies(from, to)
	for round := 0; ; round++ {
		n, err := c.round(ctx)
		if err == nil && n > 0 && round == moveRounds {
			err = &backend.Error{Kind: backend.ErrLocked, Message: "it changes again and again"}
		}
		if err != nil {
			return c.takeBack(ctx, err)
		}
		if n == 0 {
			break
		}
	}
	m.Copied = true
	if err := s.moves.set(from, m); err != nil {
		return c.takeBack(ctx, fmt.Errorf("the move cannot be noted: %w", err))
	}
	ctx = context.WithoutCancel(ctx)
	var sources []entry
	for _, copied := range c.made {
		sources = append(sources, copied.src)
	}
	if _, err := s.deleteAll(ctx, sources); err != nil {
		return uncertainError{fmt.Errorf("all of it was copied, and a part of the source is still there: %w", err)}
	}
	left, err := s.client.any(ctx, c.from)
	switch {
	case err != nil:
		return uncertainError{errors.New("it was moved, and the source cannot be looked at: " + translate(err).Error())}
	case left:
		s.renamed(from, to, true)
		return uncertainError{errors.New("it was moved, and another client has stored something under the old name meanwhile")}
	}
	return nil
}
