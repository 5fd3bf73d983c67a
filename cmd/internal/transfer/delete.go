package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
)

// deleteExtra deletes what only the target holds, unless anything has failed. A
// listing of the source is not believed for that: each topmost entry that it
// lacks is asked for by its name.
func (r *run) deleteExtra(ctx context.Context) {
	first := len(r.Steps)
	for first > 0 && r.Steps[first-1].Kind == Delete {
		first--
	}
	steps := r.Steps[first:]
	if len(steps) == 0 {
		return
	}
	if r.failed > 0 {
		r.fail(fmt.Errorf("nothing was deleted at %q, because not all was listed and copied", r.To.Address))
		return
	}
	if err := r.confirmUnseen(ctx); err != nil {
		r.fail(errors.Join(err, fmt.Errorf("nothing was deleted at %q", r.To.Address)))
		return
	}
	for _, tree := range trees(steps) {
		if r.removeTree(ctx, tree) {
			continue
		}
		for _, s := range tree {
			if ctx.Err() != nil {
				return
			}
			r.remove(ctx, s)
		}
	}
}

// remove deletes one entry, unless it has changed since it was listed.
func (r *run) remove(ctx context.Context, s Step) {
	to := r.To.In(s.Name)
	err := to.Remove(ctx, to.Name, backend.RemoveOptions{IfVersion: s.To.Version, IfEmpty: s.To.Dir})
	switch {
	case err == nil:
		r.done(s)
	case !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil:
		r.fail(to.named(err))
	}
}

// trees splits deletions into those of what lies in no folder that is to go: a file,
// or a folder after all that is in it.
func trees(steps []Step) (all [][]Step) {
	gone := map[string]bool{}
	for _, s := range steps {
		gone[s.Name] = true
	}
	first := 0
	for i, s := range steps {
		if !gone[path.Dir(s.Name)] {
			all = append(all, steps[first:i+1])
			first = i + 1
		}
	}
	return all
}

// removeTree deletes a folder with all that is in it, by one call, if its store has
// a trash that takes what is added in that moment, and if it still holds just what
// was listed. It reports false if nothing was done.
func (r *run) removeTree(ctx context.Context, tree []Step) bool {
	if len(tree) < 2 || ctx.Err() != nil {
		return false
	}
	if _, ok := backend.As[backend.Trasher](r.To.Backend); !ok {
		return false
	}
	top := tree[len(tree)-1]
	to := r.To.In(top.Name)
	if same, err := r.unchanged(ctx, tree); !same || err != nil {
		return false
	}
	switch err := to.Remove(ctx, to.Name, backend.RemoveOptions{}); {
	case err == nil:
		for _, s := range tree {
			r.done(s)
		}
	case !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil:
		r.fail(to.named(err))
	}
	return true
}

// unchanged lists a tree once more, and reports whether it holds what its steps
// delete and nothing else.
func (r *run) unchanged(ctx context.Context, tree []Step) (bool, error) {
	left := map[string]backend.Info{}
	for _, s := range tree[:len(tree)-1] {
		left[s.Name] = s.To
	}
	for _, folder := range tree {
		if !folder.To.Dir {
			continue
		}
		to := r.To.In(folder.Name)
		self, children, err := to.List(ctx, to.Name)
		if err != nil || self.ID != folder.To.ID {
			return false, err
		}
		for info, err := range children {
			if err != nil {
				return false, err
			}
			name := path.Join(folder.Name, info.Name)
			was, ok := left[name]
			if !ok || info.Err != nil || info.Dir != was.Dir || info.Version != was.Version || info.ID != was.ID {
				return false, nil
			}
			delete(left, name)
		}
	}
	return len(left) == 0, nil
}

// confirmUnseen asks the source for what its listings lack.
func (r *run) confirmUnseen(ctx context.Context) error {
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(r.options.Transfers)
	for _, name := range r.unseen {
		asking.Go(func() error {
			from := r.From.In(name)
			_, err := from.Stat(ctx, from.Name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err == nil:
				return from.refuse("list", backend.ErrUnavailable, "it is there, but was missing in the listing of its folder")
			}
			return from.named(err)
		})
	}
	return asking.Wait()
}
