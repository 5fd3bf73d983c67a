package writeback

import (
	"fmt"
	"path"
	"strings"

	"github.com/davdisk/davdisk/backend"
)

// conflict is the error when another client has changed the file that an entry
// replaces. Ours is stored as sibling.
type conflict struct{ sibling string }

func (c *conflict) Error() string {
	return fmt.Sprintf("another client has changed it meanwhile; what was written here is stored as %q", path.Base(c.sibling))
}

// storeBeside renames an entry so that it is stored beside the file that another
// client has changed, and both are kept. It returns a *conflict if it succeeds.
func (q *Queue) storeBeside(e *entry) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.entries[e.Name] != e {
		return &backend.Error{Kind: backend.ErrLocked, Message: "replaced by a later one, which will detect the conflict itself"}
	}
	aside := &entry{Entry: e.Entry, attempt: newAttempt()}
	aside.Name = sibling(e.Name, q.opts.Now().Format("2006-01-02 15-04-05"))
	aside.Replaces, aside.Growth = []string{""}, e.Size
	aside.Trouble = Trouble{}
	if q.entries[aside.Name] != nil {
		return &backend.Error{Kind: backend.ErrLocked, Message: "another conflict of this name is being stored"}
	}
	// Before: a restart must not find neither the first name nor what became of it.
	if err := q.rememberRenamed(e.Entry, aside.Name); err != nil {
		return &localError{err}
	}
	if err := q.folder.write(aside.Entry); err != nil {
		return &localError{err}
	}
	delete(q.entries, e.Name)
	q.entries[aside.Name] = aside
	q.acks++
	q.gateways.Renamed(e.Name, aside.Name)
	q.opts.Log.Warn("a file was changed elsewhere while ours was queued; both are kept", "name", e.Name, "ours", aside.Name)
	q.opts.Changed(e.Name)
	q.opts.Changed(aside.Name)
	return &conflict{aside.Name}
}

// rememberRenamed remembers, where there are other gateways, that an entry is going to be
// stored under another name. It has an ID of its own: the files of the entry go on with
// the other name. The caller holds q.mu.
func (q *Queue) rememberRenamed(e Entry, to string) error {
	if q.id == "" {
		return nil
	}
	from := e.Name
	e.Renamed, e.ID, e.Beside = e.ID, q.newID(), to
	all := []Entry{e}
	for _, earlier := range q.removed {
		if earlier.Beside == from {
			earlier.Beside = to
			all = append(all, earlier)
		}
	}
	for _, e := range all {
		if err := q.folder.remember(e); err != nil {
			return err
		}
		if q.removed[e.Name].ID != e.ID {
			q.exhume(e.Name)
		}
		q.removed[e.Name] = e
	}
	return nil
}

// maxName is the longest name that every store accepts, in characters.
const maxName = 255

// sibling returns the name under which a file is stored after a conflict.
func sibling(name, when string) string {
	dir, base := path.Split(name)
	ext := path.Ext(base)
	if ext == base {
		ext = "" // .profile
	}
	mark := fmt.Sprintf(" (davdisk conflict %s)", when)
	stem := []rune(strings.TrimSuffix(base, ext))
	if room := maxName - len([]rune(mark+ext)); len(stem) > room {
		if room <= 0 { // the extension alone is too long
			stem, ext = stem[:0], string([]rune(ext)[:maxName-len([]rune(mark))])
		} else {
			stem = stem[:room]
		}
	}
	return dir + string(stem) + mark + ext
}
