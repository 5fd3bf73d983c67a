package page

import (
	"io/fs"
	"path"
	"time"
	"unicode/utf8"

	"github.com/davdisk/davdisk/webdav"
)

// An entryJSON describes a file or folder in the JSON interface.
type entryJSON struct {
	Name string `json:"name,omitempty"` // in its folder
	Path string `json:"path,omitempty"` // from the user's root, where entries are of several folders
	Dir  bool   `json:"dir,omitempty"`
	Size int64  `json:"size"`
	Time int64  `json:"time,omitempty"` // milliseconds since 1970; 0 is unknown
	Tag  string `json:"etag,omitempty"`
	Link string `json:"link,omitempty"` // address of its public link
}

type listJSON struct {
	Path     string      `json:"path"`
	ReadOnly bool        `json:"readOnly"`
	Entries  []entryJSON `json:"entries"`
	Unnamed  int         `json:"unnamed,omitempty"` // entries whose names are not UTF-8, which no request can name
}

// list responds with the entries of a folder.
func (p *Page) list(c *call) error {
	asked := c.URL.Query().Get("path")
	name, err := c.name(asked)
	if err != nil {
		return err
	}
	children, err := fs.ReadDir(c.share.FS, name)
	if err != nil {
		return err
	}
	answer := listJSON{Path: path.Join("/", name), ReadOnly: c.share.ReadOnly, Entries: make([]entryJSON, 0, len(children))}
	for _, child := range children {
		info, err := child.Info()
		if err != nil {
			return err
		}
		if !utf8.ValidString(info.Name()) {
			answer.Unnamed++
			continue
		}
		e := entryOf(info)
		e.Name = info.Name()
		answer.Entries = append(answer.Entries, e)
	}
	return c.reply(answer)
}

func entryOf(info fs.FileInfo) entryJSON {
	e := entryJSON{Dir: info.IsDir(), Time: milliseconds(info.ModTime()), Tag: webdav.EntityTag(info)}
	if !e.Dir {
		e.Size = info.Size()
	}
	return e
}

// itemJSON describes an item of the store by the user's path.
func itemJSON(item Item, visible string) entryJSON {
	return entryJSON{Path: visible, Dir: item.Dir, Size: item.Size, Time: milliseconds(item.ModTime), Link: item.Address}
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
