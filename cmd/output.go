package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

// entryJSON is a file or a folder for scripts. What the store does not report is
// left out.
type entryJSON struct {
	Path        string     `json:"path"`
	Name        string     `json:"name"`
	Type        string     `json:"type"` // "file" or "folder"
	Size        *int64     `json:"size,omitempty"`
	Modified    *time.Time `json:"modified,omitempty"`
	Created     *time.Time `json:"created,omitempty"`
	ID          string     `json:"id,omitempty"`
	Version     string     `json:"version,omitempty"`
	MD5         string     `json:"md5,omitempty"`
	SHA256      string     `json:"sha256,omitempty"`
	ContentType string     `json:"contentType,omitempty"`
	Public      string     `json:"public,omitempty"`
}

func newEntryJSON(path string, info backend.Info) entryJSON {
	e := entryJSON{
		Path: path, Name: info.Name, Type: kindOf(info),
		Modified: known(info.ModTime), Created: known(info.Created),
		ID: info.ID, Version: info.Version, MD5: info.MD5, SHA256: info.SHA256, ContentType: info.ContentType, Public: info.Public,
	}
	if !info.Dir {
		e.Size = &info.Size
	}
	return e
}

func kindOf(info backend.Info) string {
	if info.Dir {
		return "folder"
	}
	return "file"
}

// known is a time, or nil if there is none.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// writeJSON writes one value, for a person to read as well: characters stay what
// they are, but those that could do harm on a terminal are escaped.
func writeJSON(w io.Writer, v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, terminal.EscapeJSON(text.String()))
	return err
}

// printList writes a sequence: as one JSON array, or each by line. What was
// written before an error stays, as with every list.
func printList[T any](s *session, list iter.Seq2[T, error], asJSON func(T) any, line func(terminal.Writer, T)) error {
	out := s.out()
	if !s.c.Bool("json") {
		for item, err := range list {
			if err != nil {
				return err
			}
			line(out, item)
		}
		return nil
	}
	all := []any{}
	for item, err := range list {
		if err != nil {
			return err
		}
		all = append(all, asJSON(item))
	}
	return writeJSON(out, all)
}

// printEntry writes the line of ls -l.
func printEntry(w terminal.Writer, name string, info backend.Info) {
	size, slash := terminal.Size(info.Size), ""
	if info.Dir {
		size, slash = "-", "/"
	}
	fmt.Fprintf(w, "%10s  %s  %s%s\n", size, when(info.ModTime), w.Name(name), slash)
}

// when formats a time for people, in the local time zone.
func when(t time.Time) string {
	if t.IsZero() {
		return strings.Repeat(" ", len("2006-01-02 15:04"))
	}
	return t.Local().Format("2006-01-02 15:04")
}

// field is a line of what describes one thing.
type field struct{ name, value string }

// printFields writes those that have a value, names in one column.
func (p program) printFields(w terminal.Writer, fields ...field) {
	width := 0
	for i, f := range fields {
		fields[i].name = p.lang.Text(f.name)
		if f.value != "" {
			width = max(width, utf8.RuneCountInString(fields[i].name))
		}
	}
	for _, f := range fields {
		if f.value != "" {
			fmt.Fprintf(w, "%-*s  %s\n", width, f.name, w.Name(f.value))
		}
	}
}
