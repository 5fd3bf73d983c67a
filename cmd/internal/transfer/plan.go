package transfer

import (
	"context"
	"errors"
	"io/fs"

	"github.com/davdisk/davdisk/backend"
)

// Kind is what a step does.
type Kind string

// The kinds of steps.
const (
	Same       Kind = "same"        // nothing: both sides hold the same file
	MakeFolder Kind = "make-folder" // a folder that the target lacks
	Copy       Kind = "copy"        // a file that the target lacks
	Replace    Kind = "replace"     // a file that the target has with other content
	Delete     Kind = "delete"      // what only the target holds
)

// A Step is about one entry.
type Step struct {
	Kind Kind
	Name string       // below both sides; "" for the sides themselves
	From backend.Info // zero for Delete
	To   backend.Info // zero for MakeFolder and Copy
	By   How          // of Same
}

// A Plan is what there is to do, counted. Nothing has been changed yet.
type Plan struct {
	From, To Side
	Steps    []Step  // folders before what is in them; deletions last, the other way round
	Errs     []error // what could not be listed, compared or is not to be replaced
	Files    int     // that will be copied
	Bytes    int64   // in them
	Held     int     // entries of the target that the filter does not leave out
	Extra    int     // those of them that the source lacks

	options Options
	unseen  []string // the topmost entries that the source lacks
}

// New compares two sides. source describes from; target describes to, and is nil
// if there is nothing. An error that concerns one entry is in the plan, and the
// rest is planned.
func New(ctx context.Context, from, to Side, source backend.Info, target *backend.Info, o Options) (*Plan, error) {
	o.Transfers = max(1, o.Transfers)
	p := &Plan{From: from, To: to, options: o}
	root := &node{from: &source, to: target}
	w := &walker{Plan: p, turns: make(chan struct{}, o.Transfers), source: source, target: target}
	if source.Dir && (target == nil || target.Dir) {
		w.visit(ctx, root)
		w.running.Wait()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.Errs = w.errs
	p.add(root)
	p.addExtra(root)
	p.compare(ctx)
	return p, ctx.Err()
}

// add enters what the source holds. It reports whether that is to be at
// the target, which for a folder that is only a way to files of a filter depends
// on them.
func (p *Plan) add(n *node) bool {
	source, target := n.from, n.to
	switch {
	case source == nil:
		return false
	case target != nil && target.Dir != source.Dir:
		p.refuse(n.name, fs.ErrExist, OtherKind(*target))
		return false
	case !source.Dir && target == nil:
		p.Steps = append(p.Steps, Step{Kind: Copy, Name: n.name, From: *source})
		p.Files, p.Bytes = p.Files+1, p.Bytes+source.Size
		return true
	case !source.Dir: // to be compared
		p.Steps = append(p.Steps, Step{Kind: Replace, Name: n.name, From: *source, To: *target})
		return true
	}
	at := len(p.Steps)
	if target == nil {
		p.Steps = append(p.Steps, Step{Kind: MakeFolder, Name: n.name, From: *source})
	}
	needed := n.name == "" || len(p.options.Filter.include) == 0
	for _, child := range n.children {
		needed = p.add(child) || needed
	}
	if !needed && target == nil {
		p.Steps = p.Steps[:at]
	}
	return needed
}

// addExtra enters what only the target holds, the deepest first, and reports
// whether all of a folder is to go.
func (p *Plan) addExtra(n *node) (all bool) {
	all = !n.kept
	held := 0
	for _, child := range n.children {
		gone := p.addExtra(child)
		if gone {
			held++
		}
		all = all && gone
	}
	if n.to != nil && n.name != "" {
		p.Held++
	}
	switch {
	case n.from != nil || n.to == nil || n.name == "":
		return false
	case n.to.Dir && (!all || held == 0 && len(p.options.Filter.include) > 0):
		return false
	}
	p.Extra++
	if p.options.Delete {
		p.Steps = append(p.Steps, Step{Kind: Delete, Name: n.name, To: *n.to})
		if n.top {
			p.unseen = append(p.unseen, n.name)
		}
	}
	return true
}

// refuse notes that an entry of the target stays as it is.
func (p *Plan) refuse(name string, kind error, message string) {
	p.Errs = append(p.Errs, p.To.In(name).refuse("write", kind, message))
}

// settle gives a step that compares two files its kind.
func (p *Plan) settle(s *Step, by How, err error) {
	switch {
	case err != nil:
		if !errors.Is(err, context.Canceled) {
			p.Errs = append(p.Errs, err)
		}
		s.Kind = ""
	case by != "":
		s.Kind, s.By = Same, by
	case !p.options.Replace:
		s.Kind = ""
		p.refuse(s.Name, fs.ErrExist, "--overwrite replaces it")
	default:
		p.Files, p.Bytes = p.Files+1, p.Bytes+s.From.Size
	}
}

// OtherKind says that a file has the name of a folder that is to be there, or the
// reverse; target is what is there.
func OtherKind(target backend.Info) string {
	if target.Dir {
		return "a folder is there, which a file never replaces"
	}
	return "a file is there, which a folder never replaces"
}
