package yandex

import (
	"context"
	"path"
	"time"
)

// Modification times are read back some time after they were written. For many
// files in one folder that takes one page of the folder instead of a call for
// each.

const (
	// readBackLeast is from how many files on a page is requested.
	readBackLeast = 3
	// readBackOthers is how many more entries are on the page: files that were
	// uploaded meanwhile come before those that are looked for.
	readBackOthers = 300
	// heldFields are the members of a resource that say which time it has.
	heldFields = "type,name,md5,sha256,revision,resource_id,custom_properties"
)

// readBackAt returns when a time that is written now is to be read back:
// ModTimeWait later, and then together with others.
func (t *times) readBackAt(now time.Time) time.Time {
	step := max(1, t.b.cfg.ModTimeWait/3)
	return now.Add(t.b.cfg.ModTimeWait + step - 1).Truncate(step)
}

// readBack returns the stamps whose time the service holds. What it does not
// hold by this, or what is not on the page, has to be asked for by name.
func (t *times) readBack(ctx context.Context, due map[string]stamp) (kept map[string]bool) {
	folders := map[string][]string{}
	for name, s := range due {
		if s.Written && s.Version != "" {
			folders[path.Dir(name)] = append(folders[path.Dir(name)], name)
		}
	}
	kept = map[string]bool{}
	for dir, names := range folders {
		if len(names) < readBackLeast {
			continue
		}
		found := t.b.latest(ctx, dir, heldFields, min(4*len(names)+readBackOthers, pageSize))
		for _, name := range names {
			if r, ok := found[path.Base(name)]; ok && versionOf(r) == due[name].Version {
				at, ok := modTime(r)
				kept[name] = ok && at.Equal(due[name].Time)
			}
		}
	}
	return kept
}
