package page

import (
	"io/fs"
	"net/http"
	"path"
	"slices"
)

type trashedJSON struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Origin  string `json:"origin,omitempty"` // from the user's root
	Dir     bool   `json:"dir,omitempty"`
	Size    int64  `json:"size"`
	Deleted int64  `json:"deleted,omitempty"` // milliseconds since 1970
}

// trashed returns the entries deleted below the user's root, latest first. Items
// from outside the file system are visible to users whose root is the whole of it.
func (p *Page) trashed(c *call) ([]trashedJSON, error) {
	all := []trashedJSON{}
	for item, err := range p.store.Trash.Trashed(c.Context()) {
		if err != nil {
			return nil, err
		}
		origin, ok := c.visible(item.Origin)
		if !ok && c.share.Root != "/" {
			continue
		}
		all = append(all, trashedJSON{item.ID, item.Name, origin, item.Dir, item.Size, milliseconds(item.Deleted)})
	}
	slices.SortStableFunc(all, func(a, b trashedJSON) int { return int(min(1, max(-1, b.Deleted-a.Deleted))) })
	return all, nil
}

func (p *Page) trash(c *call) error {
	all, err := p.trashed(c)
	if err != nil {
		return err
	}
	return c.reply(struct {
		Entries []trashedJSON `json:"entries"`
	}{all})
}

type trashCall struct {
	ID string `json:"id"`
	To string `json:"to"` // where to restore it; empty: where it was
}

// entry reads the body of a call and finds the entry among those of the user,
// because an id does not tell its owner.
func (p *Page) entry(c *call) (trashCall, trashedJSON, error) {
	var body trashCall
	if err := c.decode(&body); err != nil {
		return body, trashedJSON{}, err
	}
	all, err := p.trashed(c)
	if err != nil {
		return body, trashedJSON{}, err
	}
	at := slices.IndexFunc(all, func(e trashedJSON) bool { return e.ID == body.ID })
	if at < 0 {
		return body, trashedJSON{}, refuse(http.StatusNotFound, "the item is no longer in the trash")
	}
	return body, all[at], nil
}

// restore restores an entry.
func (p *Page) restore(c *call) error {
	body, entry, err := p.entry(c)
	if err != nil {
		return err
	}
	to := body.To
	if to == "" {
		to = entry.Origin
	}
	name, err := c.name(to)
	if err != nil {
		return err
	}
	if _, err := fs.Stat(c.share.FS, name); err == nil {
		return &fs.PathError{Op: "restore", Path: name, Err: fs.ErrExist}
	}
	stored, err := p.store.Trash.Restore(c.Context(), entry.ID, c.stored(name))
	if err != nil {
		return err
	}
	restored, _ := c.visible(stored)
	return c.reply(pathJSON{path.Join("/", restored)})
}

// discard deletes an entry permanently.
func (p *Page) discard(c *call) error {
	_, entry, err := p.entry(c)
	if err != nil {
		return err
	}
	if err := p.store.Trash.Discard(c.Context(), entry.ID); err != nil {
		return err
	}
	return c.reply(struct{}{})
}

// emptyTrash deletes all entries of the user permanently.
func (p *Page) emptyTrash(c *call) error {
	if err := c.decode(&struct{}{}); err != nil {
		return err
	}
	if c.share.Root == "/" {
		if err := p.store.Trash.Empty(c.Context()); err != nil {
			return err
		}
		return c.reply(struct{}{})
	}
	all, err := p.trashed(c)
	if err != nil {
		return err
	}
	for _, entry := range all {
		if err := p.store.Trash.Discard(c.Context(), entry.ID); err != nil {
			return err
		}
	}
	return c.reply(struct{}{})
}
