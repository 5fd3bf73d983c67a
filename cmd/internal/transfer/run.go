package transfer

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

// A Watch is told what happens during a run, one call at a time.
type Watch struct {
	Moved  func(n int64)   // n bytes were moved, negative if they are moved again
	Done   func(s Step)    // a step is done; From is what was copied
	Failed func(err error) // something could not be done, and stays as it was
}

// Run does what the plan has. After any error, of the plan or of the run, nothing
// is deleted. The error is only that of an ended context; others are passed to
// the watch.
func (p *Plan) Run(ctx context.Context, watch Watch) error {
	r := &run{Plan: p, watch: watch}
	missing := map[string]bool{} // folders that could not be made, and what is below
	for _, err := range p.Errs {
		r.fail(err)
	}
	var files errgroup.Group
	files.SetLimit(p.options.Transfers)
	for _, s := range p.Steps {
		if ctx.Err() != nil || s.Kind == Delete {
			break
		}
		if s.Name != "" && missing[path.Dir(s.Name)] { // nothing can be put there
			missing[s.Name] = true
			continue
		}
		switch s.Kind {
		case Same:
			r.done(s)
		case MakeFolder:
			if err := r.folder(ctx, s); err != nil {
				missing[path.Clean(s.Name)] = true
				r.fail(err)
			}
		case Copy, Replace:
			files.Go(func() error {
				r.file(ctx, s)
				return nil
			})
		}
	}
	files.Wait() // the error is always nil
	if ctx.Err() == nil {
		r.deleteExtra(ctx)
	}
	return ctx.Err()
}

// run is one run of a plan.
type run struct {
	*Plan

	mu     sync.Mutex // guards failed, and calls watch
	watch  Watch
	failed int
}

func (r *run) done(s Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch.Done(s)
}

func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed++
	r.watch.Failed(err)
}

func (r *run) moved(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch.Moved(n)
}

// folder makes a folder. One that somebody has made meanwhile will do.
func (r *run) folder(ctx context.Context, s Step) error {
	to := r.To.In(s.Name)
	err := to.Mkdir(ctx, to.Name)
	if errors.Is(err, fs.ErrExist) {
		if info, looking := to.Stat(ctx, to.Name); looking == nil && info.Dir {
			err = nil
		}
	}
	if err == nil {
		r.done(s)
	}
	return to.named(err)
}

// file copies a file, and once more if it was replaced since it was listed, or
// if the store served other bytes than it has.
func (r *run) file(ctx context.Context, s Step) {
	version := s.From.Version
	for try := 0; ; try++ {
		read, err := r.copy(ctx, s, version)
		switch {
		case err == nil:
			s.From = read
			r.done(s)
			return
		case try > 0 || ctx.Err() != nil:
		case errors.As(err, new(OtherBytesError)):
			continue
		case version != "" && errors.As(err, new(sourceChangedError)):
			version = ""
			continue
		}
		if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
			r.fail(err)
		}
		return
	}
}

// sourceChangedError is the error for a source of which the version that was
// listed is not there any more.
type sourceChangedError struct{ error }

func (e sourceChangedError) Unwrap() error { return e.error }

// copy copies one version of a file, and returns what was read.
func (r *run) copy(ctx context.Context, s Step, version string) (backend.Info, error) {
	from, to := r.From.In(s.Name), r.To.In(s.Name)
	if r.options.Within {
		if s.Kind == Replace && !r.options.Force { // Copy has no condition, so as late as can be
			now, err := to.Stat(ctx, to.Name)
			if err == nil && now.Version != s.To.Version {
				err = backend.PathError("copy", to.Name, backend.ErrChanged, "it was replaced after it was compared")
			}
			if err != nil {
				return backend.Info{}, to.named(err)
			}
		}
		err := backend.Copy(ctx, from.Backend, from.Name, to.Name, backend.CopyOptions{Overwrite: s.Kind == Replace})
		if err != nil {
			return backend.Info{}, namedBoth(err, from, to)
		}
		r.moved(s.From.Size)
		return s.From, nil
	}
	content, err := from.Open(ctx, from.Name, version)
	if errors.Is(err, backend.ErrChanged) {
		return backend.Info{}, sourceChangedError{from.named(err)}
	}
	if err != nil {
		return backend.Info{}, from.named(err)
	}
	defer content.Close()
	info := content.Info()
	if info.ModTime.IsZero() && info.Version == s.From.Version {
		info.ModTime = s.From.ModTime // the content of a link that was listed has none
	}
	body := &body{ctx: ctx, content: content, moved: r.moved}
	defer body.Close()
	opts := backend.PutOptions{Size: info.Size, IfAbsent: s.Kind == Copy, ModTime: info.ModTime}
	if !r.options.Force {
		opts.IfVersion = s.To.Version
	}
	stored, err := put(ctx, to, body, info, opts)
	if err == nil {
		err = check(info, stored, to.Name)
	}
	if err == nil {
		return info, nil
	}
	r.moved(-body.offset)
	if body.failed != nil && errors.Is(err, body.failed) {
		if errors.Is(body.failed, backend.ErrChanged) {
			return backend.Info{}, sourceChangedError{from.named(body.failed)}
		}
		return backend.Info{}, from.named(body.failed)
	}
	return backend.Info{}, to.named(err)
}

// namedBoth makes an error about two sides speak of their addresses.
func namedBoth(err error, from, to Side) error {
	if l, ok := err.(*os.LinkError); ok {
		return &os.LinkError{Op: l.Op, Old: from.Address, New: to.Address, Err: l.Err}
	}
	return from.named(err)
}

// check holds what was stored against what was read, as far as both stores
// tell.
func check(from, to backend.Info, name string) error {
	if same, known := sameHash(from, to); from.Size != to.Size || known && !same {
		return backend.PathError("copy", name, backend.ErrUncertain, "what was stored is not what was read")
	}
	return nil
}

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
		r.fail(language.Errorf("nothing was deleted at %q, because not all was listed and copied", r.To.Address))
		return
	}
	if err := r.confirmUnseen(ctx); err != nil {
		r.fail(errors.Join(err, language.Errorf("nothing was deleted at %q", r.To.Address)))
		return
	}
	for _, s := range steps {
		if ctx.Err() != nil {
			return
		}
		to := r.To.In(s.Name)
		err := to.Remove(ctx, to.Name, backend.RemoveOptions{IfVersion: s.To.Version, IfEmpty: s.To.Dir})
		switch {
		case err == nil:
			r.done(s)
		case !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil:
			r.fail(to.named(err))
		}
	}
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
