package transfer

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
)

// node is an entry of one side or of both.
type node struct {
	name     string // below the sides
	from, to *backend.Info
	children []*node // by name
	kept     bool    // the target has something in it that the filter leaves out
	top      bool    // the folder that it is in is on both sides
	linked   bool    // the target reaches it through a symbolic link
}

// walker lists both sides.
type walker struct {
	*Plan
	source  backend.Info
	target  *backend.Info // what is at the target now
	turns   chan struct{} // one for each listing under way
	running sync.WaitGroup

	mu   sync.Mutex // guards errs
	errs []error
}

func (w *walker) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

// visit lists a folder on the sides that have it, and what is below.
func (w *walker) visit(ctx context.Context, n *node) {
	w.running.Go(func() {
		children := map[string]*node{}
		if n.from != nil {
			for _, info := range w.list(ctx, w.From.In(n.name)) {
				w.child(children, n, info.Name).from = &info
			}
			for _, err := range w.omitted(ctx, n) {
				w.fail(err)
			}
		}
		if n.to != nil {
			for _, info := range w.list(ctx, w.To.In(n.name)) {
				w.child(children, n, info.Name).to = &info
			}
		}
		for _, c := range children {
			if err := w.followed(ctx, n, c); err != nil {
				w.fail(err)
				n.kept = true
			} else if w.choose(n, c) {
				n.children = append(n.children, c)
			}
		}
		slices.SortFunc(n.children, func(a, b *node) int { return strings.Compare(a.name, b.name) })
		for _, c := range n.children {
			if c.from != nil && c.from.Dir && (c.to == nil || c.to.Dir) || c.from == nil && c.to.Dir && w.options.Delete {
				w.visit(ctx, c)
			}
		}
	})
}

func (w *walker) omitted(ctx context.Context, n *node) []error {
	w.turns <- struct{}{}
	defer func() { <-w.turns }()
	return w.From.In(n.name).omitted(ctx)
}

func (w *walker) child(children map[string]*node, n *node, base string) *node {
	if children[base] == nil {
		children[base] = &node{name: path.Join(n.name, base), top: n.from != nil && n.to != nil}
	}
	return children[base]
}

// followed notes what lies behind a symbolic link of the target, which its store
// follows: deleting there would delete what has another name elsewhere.
func (w *walker) followed(ctx context.Context, n, c *node) (err error) {
	c.linked = n.linked
	if !w.options.Delete || c.linked || c.to == nil || !c.to.Dir {
		return nil
	}
	w.turns <- struct{}{}
	defer func() { <-w.turns }()
	to := w.To.In(c.name)
	if l, ok := backend.As[linker](to.Backend); ok {
		c.linked, err = l.IsLink(ctx, to.Name)
	}
	return to.named(err)
}

// A linker is a store that follows symbolic links.
type linker interface {
	IsLink(ctx context.Context, name string) (bool, error)
}

// choose reports whether an entry is one of the plan.
func (w *walker) choose(n, c *node) bool {
	if c.from == nil && c.linked {
		n.kept = true
		return false
	}
	if c.from != nil && w.options.Filter.excludes(c.name, c.from.Dir) {
		c.from = nil
		if c.to != nil {
			n.kept = true
		}
		return false
	}
	if c.to != nil && w.options.Filter.excludes(c.name, c.to.Dir) {
		n.kept = true
		if c.from == nil {
			return false
		}
	}
	from, to := w.From.In(c.name), w.To.In(c.name)
	switch {
	case c.from != nil && c.from.Err != nil:
		w.fail(from.named(c.from.Err))
	case c.to != nil && c.to.Err != nil:
		w.fail(to.named(c.to.Err))
	case c.from != nil && c.from.Dir && w.isTarget(c.from.ID):
		w.fail(from.refuse("copy", fs.ErrInvalid, "a folder cannot go below itself"))
	case c.from == nil && SameID(c.to.ID, w.source.ID):
		w.fail(to.refuse("delete", fs.ErrInvalid, "it is what is copied"))
	default:
		return true
	}
	n.kept = true
	return false
}

func (w *walker) isTarget(id string) bool {
	return SameID(id, w.options.Outer) || w.target != nil && SameID(id, w.target.ID)
}

// list returns what is in a folder. What is missing from it is an error of the
// plan, and with any of those nothing is deleted.
func (w *walker) list(ctx context.Context, side Side) (infos []backend.Info) {
	w.turns <- struct{}{}
	defer func() { <-w.turns }()
	if ctx.Err() != nil {
		return nil // which New returns
	}
	_, children, err := side.List(ctx, side.Name)
	if err != nil {
		w.fail(side.named(err))
		return nil
	}
	for info, err := range children {
		if err != nil {
			w.fail(side.named(err))
			break
		}
		if err := CheckBase(info.Name); err != nil {
			w.fail(err)
			continue
		}
		infos = append(infos, info)
	}
	return infos
}

// compare decides which of the files that both sides have are the same.
func (p *Plan) compare(ctx context.Context) {
	type result struct {
		by  How
		err error
	}
	results := make([]result, len(p.Steps))
	var reading errgroup.Group
	reading.SetLimit(p.options.Transfers)
	for i, s := range p.Steps {
		if s.Kind != Replace {
			continue
		}
		reading.Go(func() error {
			by, err := equal(ctx, p.From.In(s.Name), p.To.In(s.Name), s.From, s.To, p.options)
			results[i] = result{by, err}
			return nil
		})
	}
	reading.Wait() // the error is always nil
	for i := range p.Steps {
		if p.Steps[i].Kind == Replace {
			p.settle(&p.Steps[i], results[i].by, results[i].err)
		}
	}
	p.Steps = slices.DeleteFunc(p.Steps, func(s Step) bool { return s.Kind == "" })
}
