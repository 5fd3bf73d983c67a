package page

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Limits of one search.
const (
	maxFound  = 500
	maxWalked = 50_000 // names looked at, where folders must be listed
)

type searchJSON struct {
	Entries []entryJSON `json:"entries"`
	// Complete is false if there may be more than what was found.
	Complete bool `json:"complete"`
}

var errEnough = errors.New("limit reached")

// search finds names below a folder that contain a text: in the flat list of the
// store if it has one, else by listing folder after folder.
func (p *Page) search(c *call) error {
	name, err := c.existing(c.URL.Query().Get("path"))
	if err != nil {
		return err
	}
	text := strings.ToLower(strings.TrimSpace(c.URL.Query().Get("q")))
	if text == "" {
		return refuse(http.StatusBadRequest, "the text to search for is empty")
	}
	s := &search{text: text, answer: searchJSON{Entries: []entryJSON{}, Complete: true}, folders: map[string]bool{}}
	if p.store.Files != nil {
		err = s.flat(c, p.store.Files, path.Join("/", name))
	} else {
		err = s.walk(c.Context(), c.share.FS, name)
	}
	if errors.Is(err, errEnough) {
		s.answer.Complete, err = false, nil
	}
	if err != nil {
		return err
	}
	return c.reply(s.answer)
}

type search struct {
	text    string
	answer  searchJSON
	folders map[string]bool // already found
}

func (s *search) matches(name string) bool {
	return strings.Contains(strings.ToLower(path.Base(name)), s.text)
}

func (s *search) add(e entryJSON) error {
	if len(s.answer.Entries) >= maxFound {
		return errEnough
	}
	s.answer.Entries = append(s.answer.Entries, e)
	return nil
}

// flat searches the flat list of files. It finds only folders that contain a
// file.
func (s *search) flat(c *call, files Files, folder string) error {
	below := strings.TrimSuffix(folder, "/") + "/"
	for item, err := range files.Files(c.Context()) {
		if err != nil {
			return err
		}
		name, ok := c.visible(item.Name)
		if !ok || !strings.HasPrefix(name, below) {
			continue
		}
		for dir := path.Dir(name); len(dir) > len(below); dir = path.Dir(dir) {
			if s.folders[dir] {
				break // and what is above it
			}
			s.folders[dir] = true
			if s.matches(dir) {
				if err := s.add(entryJSON{Path: dir, Dir: true}); err != nil {
					return err
				}
			}
		}
		if s.matches(name) {
			if err := s.add(itemJSON(item, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// walk searches by listing folder after folder.
func (s *search) walk(ctx context.Context, fsys fs.FS, folder string) error {
	walked := 0
	return fs.WalkDir(fsys, folder, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission):
			return fs.SkipDir // deleted meanwhile, or not the user's
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if walked++; walked > maxWalked {
			return errEnough
		}
		if name == folder || !s.matches(name) {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		e := entryOf(info)
		e.Path = path.Join("/", name)
		return s.add(e)
	})
}
