package yandex

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// The shapes of the API's JSON, as far as the driver reads them. Members that
// are unknown are ignored, and one of a surprising type counts as absent: the
// service adds members without notice.

// resource is a file or a folder; in a listing it has items.
type resource struct {
	Type       text       `json:"type"` // "file" or "dir"
	Name       text       `json:"name"`
	Path       text       `json:"path"`
	Size       number     `json:"size"`
	MD5        text       `json:"md5"`
	SHA256     text       `json:"sha256"`
	Created    moment     `json:"created"`
	Modified   moment     `json:"modified"`
	Deleted    moment     `json:"deleted"`
	OriginPath text       `json:"origin_path"`
	MimeType   text       `json:"mime_type"`
	ID         text       `json:"resource_id"`
	Revision   number     `json:"revision"`
	File       text       `json:"file"` // download link
	Preview    text       `json:"preview"`
	PublicURL  text       `json:"public_url"`
	PublicKey  text       `json:"public_key"`
	Custom     properties `json:"custom_properties"`
	Embedded   *page      `json:"_embedded"`
}

// page is one page of a listing. The flat lists have no total.
type page struct {
	Items []resource `json:"items"`
	Total *count     `json:"total"`
}

// shown reports whether a page says which entries are on it, if only that there
// are none.
func (p *page) shown() bool { return p != nil && p.Items != nil }

// total is how many entries the folder has by its page, -1 if that is not told.
func (p *page) total() int {
	if p == nil || p.Total == nil {
		return -1
	}
	return int(*p.Total)
}

// link is where to go next: a resource, an operation, an upload, a download.
type link struct {
	Href        text `json:"href"`
	OperationID text `json:"operation_id"`
}

// operation is the state of an asynchronous change.
type operation struct {
	Status text `json:"status"`
}

// disk describes the account's disk.
type disk struct {
	Total    number  `json:"total_space"`
	Used     number  `json:"used_space"`
	Trash    number  `json:"trash_size"`
	MaxFile  number  `json:"max_file_size"`
	PaidMax  number  `json:"paid_max_file_size"`
	Paid     boolean `json:"is_paid"`
	Revision number  `json:"revision"`
	User     struct {
		Login   text `json:"login"`
		Name    text `json:"display_name"`
		UID     text `json:"uid"`
		Country text `json:"country"`
	} `json:"user"`
}

// failure is the body of an error.
type failure struct {
	Code        text `json:"error"`
	Description text `json:"description"` // English
	Message     text `json:"message"`     // in the language of the account
}

// text reads a JSON string; a number is taken as it is written.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = text(s)
	} else if _, err := strconv.ParseFloat(string(data), 64); err == nil {
		*t = text(data)
	}
	return nil
}

// number reads a JSON number, also one that is written as a string.
type number int64

func (n *number) UnmarshalJSON(data []byte) error {
	data = bytes.Trim(data, `"`)
	if i, err := strconv.ParseInt(string(data), 10, 64); err == nil {
		*n = number(i)
	} else if f, err := strconv.ParseFloat(string(data), 64); err == nil && f > -1<<62 && f < 1<<62 {
		*n = number(f)
	}
	return nil
}

// count reads the number of entries of a folder; one that cannot be is -1.
type count int

func (c *count) UnmarshalJSON(data []byte) error {
	n := number(-1)
	err := n.UnmarshalJSON(data)
	*c = count(max(-1, min(n, maxEntries+1)))
	return err
}

// boolean reads a JSON boolean, also one that is written as a string.
type boolean bool

func (b *boolean) UnmarshalJSON(data []byte) error {
	*b = string(bytes.Trim(data, `"`)) == "true"
	return nil
}

// moment reads an ISO 8601 time; an empty or unreadable one is the zero time.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(data []byte) error {
	m.Time, _ = time.Parse(time.RFC3339, string(bytes.Trim(data, `"`)))
	return nil
}

// properties reads custom_properties. They are null once all are deleted, and
// hold strings, numbers and booleans.
type properties map[string]string

func (p *properties) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if json.Unmarshal(data, &raw) != nil {
		return nil
	}
	*p = properties{}
	for key, value := range raw {
		var s string
		if json.Unmarshal(value, &s) != nil {
			s = string(value)
		}
		(*p)[key] = s
	}
	return nil
}
