package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// timeProperties are those by which servers set the time of a file: the live
// property itself, which RFC 4918 leaves to the server; that of Windows; that of
// Nextcloud.
var timeProperties = []struct {
	name   string // of features.TimeProperty
	space  string
	local  string
	format func(t time.Time) string
}{
	{"getlastmodified", "DAV:", "getlastmodified", httpTime},
	{"Win32LastModifiedTime", "urn:schemas-microsoft-com:", "Win32LastModifiedTime", httpTime},
	{"lastmodified", "DAV:", "lastmodified", func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }},
}

func httpTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// sameTime reports whether two times are one for a server, which has seconds.
func sameTime(a, b time.Time) bool { return a.Unix() == b.Unix() }

// SetModTime implements backend.ModTimer. Servers keep whole seconds. That the
// server took the time is not believed: it is asked for it.
func (s timed) SetModTime(ctx context.Context, name string, t time.Time) error {
	if err := check(ctx, "chtimes", name); err != nil {
		return err
	}
	unlock, err := s.names.Lock(ctx, pathlock.One(name))
	if err != nil {
		return pathError("chtimes", name, err)
	}
	defer unlock()
	_, err = s.setTime(ctx, name, t)
	return pathError("chtimes", name, err)
}

// setTime sets the time of a file or folder, and returns its new description.
func (s *store) setTime(ctx context.Context, name string, t time.Time) (entry, error) {
	err := s.client.proppatch(ctx, name, s.can.TimeProperty, t)
	switch {
	case is(err, fs.ErrNotExist):
		return entry{}, s.client.missing(ctx, err)
	case err != nil && !is(err, fs.ErrPermission) && !is(err, errors.ErrUnsupported):
		return entry{}, err
	}
	e, looking := s.stat(ctx, name)
	switch {
	case looking != nil:
		return e, looking
	case !sameTime(e.ModTime, t):
		return e, &backend.Error{Kind: errors.ErrUnsupported, Message: "the server does not set the time of this"}
	}
	return e, nil
}

// proppatch sets the time of a name by one of timeProperties.
func (c *client) proppatch(ctx context.Context, name, property string, t time.Time) error {
	for _, p := range timeProperties {
		if p.name != property {
			continue
		}
		var value strings.Builder
		if err := xml.EscapeText(&value, []byte(p.format(t))); err != nil {
			return err
		}
		body := `<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><t:` + p.local +
			` xmlns:t="` + p.space + `">` + value.String() + `</t:` + p.local + `></D:prop></D:set></D:propertyupdate>`
		resp, err := c.do(ctx, request{method: "PROPPATCH", url: c.address(name, false), body: body})
		if err == nil && resp.status == http.StatusMultiStatus {
			err = firstFailure(resp.body)
		}
		return err
	}
	return &backend.Error{Kind: errors.ErrUnsupported, Message: "the server sets no times"}
}
