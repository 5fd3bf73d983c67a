package writeback

import (
	"fmt"
	"path"
	"strings"

	"github.com/davdisk/davdisk/backend"
)

// conflict says that the store has a file of somebody else under the name of
// an entry, and where ours goes.
type conflict struct{ sibling string }

func (c *conflict) Error() string {
	return fmt.Sprintf("somebody else has changed it meanwhile; what was written here becomes %q", path.Base(c.sibling))
}

// giveWay gives an entry a name of its own beside the file that has been
// changed by somebody else, so that both stay.
func (q *Queue) giveWay(e *entry) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.entries[e.Name] != e {
		return &backend.Error{Kind: backend.ErrLocked, Message: "overtaken by a later one, which will find out for itself"}
	}
	aside := &entry{Entry: e.Entry, attempt: newAttempt()}
	aside.Name = sibling(e.Name, q.opts.Now().Format("2006-01-02 15-04-05"))
	aside.Replaces, aside.Growth = []string{""}, e.Size
	aside.Trouble = Trouble{}
	if q.entries[aside.Name] != nil {
		return &backend.Error{Kind: backend.ErrLocked, Message: "another conflict of this name is being stored"}
	}
	if err := q.folder.write(aside.Entry); err != nil {
		return &ourTrouble{err}
	}
	delete(q.entries, e.Name)
	q.entries[aside.Name] = aside
	q.acks++
	q.opts.Log.Warn("a file was changed elsewhere while ours waited; both are kept", "name", e.Name, "ours", aside.Name)
	q.opts.Changed(e.Name)
	q.opts.Changed(aside.Name)
	return &conflict{aside.Name}
}

// maxName is the longest name that every store takes, in characters.
const maxName = 255

// sibling is the name of a file whose own name belongs to somebody else's.
func sibling(name, when string) string {
	dir, base := path.Split(name)
	ext := path.Ext(base)
	if ext == base {
		ext = "" // .profile
	}
	mark := fmt.Sprintf(" (davdisk conflict %s)", when)
	stem := []rune(strings.TrimSuffix(base, ext))
	if room := maxName - len([]rune(mark+ext)); len(stem) > room {
		if room <= 0 { // all of it is extension
			stem, ext = stem[:0], string([]rune(ext)[:maxName-len([]rune(mark))])
		} else {
			stem = stem[:room]
		}
	}
	return dir + string(stem) + mark + ext
}
