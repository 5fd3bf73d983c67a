package page

import (
	"cmp"
	"errors"

	"github.com/davdisk/davdisk/webdav"
)

type statusJSON struct {
	Version string       `json:"version,omitempty"`
	User    string       `json:"user,omitempty"`
	Space   *spaceJSON   `json:"space,omitempty"`
	Waiting []uploadJSON `json:"waiting"` // files that are accepted and still to be stored
	Trouble string       `json:"trouble,omitempty"`
}

type spaceJSON struct {
	Total int64 `json:"total"`
	Used  int64 `json:"used"`
	Trash int64 `json:"trash,omitempty"`
}

type uploadJSON struct {
	Path  string `json:"path"`
	Size  int64  `json:"size"`
	Error string `json:"error,omitempty"`
}

// status describes the state of the store, with the space that the folder asked for
// is in. A store that does not answer is part of the response, not an error.
func (p *Page) status(c *call) error {
	answer := statusJSON{Version: p.version, Waiting: []uploadJSON{}}
	if user, ok := webdav.PrincipalFromContext(c.Context()); ok {
		answer.User = user.Name
	}
	if p.store.Space != nil {
		name, err := c.name(cmp.Or(c.URL.Query().Get("path"), "/"))
		if err != nil {
			return err
		}
		space, err := p.store.Space.Space(c.Context(), c.stored(name))
		switch {
		case err == nil:
			answer.Space = &spaceJSON{space.Total, space.Used, space.Trash}
		case c.Context().Err() != nil:
			return err
		case !errors.Is(err, errors.ErrUnsupported):
			answer.Trouble = reason(err)
		}
	}
	if p.store.Uploads != nil {
		waiting, err := p.store.Uploads.Waiting()
		if err != nil {
			return err
		}
		for _, u := range waiting {
			if name, ok := c.visible(u.Name); ok {
				answer.Waiting = append(answer.Waiting, uploadJSON{name, u.Size, u.Error})
			}
		}
	}
	return c.reply(answer)
}

// reason returns the text of the innermost error, without names of files.
func reason(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
