package api

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// The shapes of the API's JSON, as far as the driver reads them. Members that
// are unknown are ignored, and one of a surprising type counts as absent: the
// service adds members without notice.

// Resource is a file or a folder; in a listing it has items.
type Resource struct {
	Type       Text       `json:"type"` // "file" or "dir"
	Name       Text       `json:"name"`
	Path       Text       `json:"path"`
	Size       Number     `json:"size"`
	MD5        Text       `json:"md5"`
	SHA256     Text       `json:"sha256"`
	Created    Time       `json:"created"`
	Modified   Time       `json:"modified"`
	Deleted    Time       `json:"deleted"`
	OriginPath Text       `json:"origin_path"`
	MimeType   Text       `json:"mime_type"`
	ID         Text       `json:"resource_id"`
	Revision   Number     `json:"revision"`
	File       Text       `json:"file"` // download link
	Preview    Text       `json:"preview"`
	PublicURL  Text       `json:"public_url"`
	PublicKey  Text       `json:"public_key"`
	Custom     Properties `json:"custom_properties"`
	Embedded   *Page      `json:"_embedded"`
}

// Page is one page of a listing. The flat lists have no total.
type Page struct {
	Items []Resource `json:"items"`
	Total *Count     `json:"total"`
}

// Listed reports whether a page has a list of entries, even an empty
// one.
func (p *Page) Listed() bool { return p != nil && p.Items != nil }

// Count returns the total of the folder in its page, -1 if there is none.
func (p *Page) Count() int {
	if p == nil || p.Total == nil {
		return -1
	}
	return int(*p.Total)
}

// Link is a link to a resource, an operation, an upload or a download.
type Link struct {
	Href        Text `json:"href"`
	OperationID Text `json:"operation_id"`
}

// Operation is the state of an asynchronous change.
type Operation struct {
	Status Text `json:"status"`
}

// Disk describes the account's disk.
type Disk struct {
	Total    Number `json:"total_space"`
	Used     Number `json:"used_space"`
	Trash    Number `json:"trash_size"`
	MaxFile  Number `json:"max_file_size"`
	PaidMax  Number `json:"paid_max_file_size"`
	Paid     Bool   `json:"is_paid"`
	Revision Number `json:"revision"`
	User     struct {
		Login   Text `json:"login"`
		Name    Text `json:"display_name"`
		UID     Text `json:"uid"`
		Country Text `json:"country"`
	} `json:"user"`
}

// failure is the body of an error.
type failure struct {
	Code        Text `json:"error"`
	Description Text `json:"description"` // English
	Message     Text `json:"message"`     // in the language of the account
}

// Text reads a JSON string; a number is taken as it is written.
type Text string

func (t *Text) UnmarshalJSON(data []byte) error {
	if inner := bytes.Trim(data, `"`); len(inner) == len(data)-2 && bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		*t = Text(inner) // as it is written; the decoder has checked the rest
		return nil
	}
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = Text(s)
	} else if _, err := strconv.ParseFloat(string(data), 64); err == nil {
		*t = Text(data)
	}
	return nil
}

// Number reads a JSON number, also one that is written as a string.
type Number int64

func (n *Number) UnmarshalJSON(data []byte) error {
	data = bytes.Trim(data, `"`)
	if i, err := strconv.ParseInt(string(data), 10, 64); err == nil {
		*n = Number(i)
	} else if f, err := strconv.ParseFloat(string(data), 64); err == nil && f > -1<<62 && f < 1<<62 {
		*n = Number(f)
	}
	return nil
}

// Count reads the number of entries of a folder; one that cannot be is -1.
type Count int

func (c *Count) UnmarshalJSON(data []byte) error {
	n := Number(-1)
	err := n.UnmarshalJSON(data)
	*c = Count(max(-1, min(n, math.MaxInt32)))
	return err
}

// Bool reads a JSON boolean, also one that is written as a string.
type Bool bool

func (b *Bool) UnmarshalJSON(data []byte) error {
	*b = string(bytes.Trim(data, `"`)) == "true"
	return nil
}

// Time reads an ISO 8601 time; an empty or unreadable one is the zero time.
type Time struct{ time.Time }

func (t *Time) UnmarshalJSON(data []byte) error {
	t.Time, _ = time.Parse(time.RFC3339, string(bytes.Trim(data, `"`)))
	return nil
}

// Properties reads custom_properties. They are null once all are deleted, and
// hold strings, numbers and booleans.
type Properties map[string]string

func (p *Properties) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if json.Unmarshal(data, &raw) != nil {
		return nil //nolint:nilerr // an unexpected type counts as absent
	}
	*p = Properties{}
	for key, value := range raw {
		var s string
		if json.Unmarshal(value, &s) != nil {
			s = string(value)
		}
		(*p)[key] = s
	}
	return nil
}
