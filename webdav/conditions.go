package webdav

import (
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/ifheader"
)

// A guard is a precondition that must still hold when a write takes effect.
// It is passed to the file system, so that check and write are atomic.
type guard struct {
	ifMatch  string // the file system's entity tag that the content must have, or ""
	ifAbsent bool
}

// errNotModified answers 304; it carries no body.
var errNotModified = errors.New("not modified")

// conditions evaluates If-Match, If-None-Match and the dates against the
// resource (nil if it does not exist), in the order of RFC 9110 section 13.2.2.
// It returns errNotModified for a GET or HEAD of what the client already has,
// 412 for a condition that does not hold, and otherwise the guard for a write.
//
// It must be called last before acting, because a condition counts only where
// the method would succeed without it (section 13.2.1), and never for PROPFIND:
// the network layer of iOS adds If-None-Match to it on its own, and Joplin
// breaks if it is honored.
func (r *request) conditions(info fs.FileInfo) (guard, error) {
	var g guard
	failed := refuse(http.StatusPreconditionFailed, "the file is not what the request expects")
	h := r.Header
	if values := h.Values("If-Match"); len(values) > 0 {
		if info == nil || !matchesAny(values, info, strongMatch) {
			return g, failed
		}
		g.ifMatch = storeTag(info)
	} else if since, ok := headerDate(h, "If-Unmodified-Since"); ok && hasDate(info) {
		if lastModified(info).After(since) {
			return g, failed
		}
		g.ifMatch = storeTag(info)
	}
	isRead := r.Method == http.MethodGet || r.Method == http.MethodHead
	if values := h.Values("If-None-Match"); len(values) > 0 {
		matched := info != nil && (hasAny(values) || matchesAny(values, info, weakMatch))
		switch {
		case matched && isRead:
			return g, errNotModified
		case matched:
			return g, failed
		}
		g.ifAbsent = info == nil && hasAny(values)
	} else if since, ok := headerDate(h, "If-Modified-Since"); ok && isRead && hasDate(info) {
		if !lastModified(info).After(since) {
			return g, errNotModified
		}
	}
	if r.judged != nil && g == (guard{}) {
		g = *r.judged
	}
	if info != nil && isPlaceholder(info) {
		// The tag is this server's own and means that nothing is stored yet.
		return guard{ifAbsent: true}, nil
	}
	return g, nil
}

// lastModified returns the modification time with the precision of HTTP.
func lastModified(info fs.FileInfo) time.Time { return info.ModTime().Truncate(time.Second) }

// hasDate reports whether there is a modification time to compare with; without
// one the conditions on dates are ignored (RFC 9110 sections 13.1.3 and
// 13.1.4).
func hasDate(info fs.FileInfo) bool { return info != nil && !info.ModTime().IsZero() }

// headerDate parses a date; a malformed one is ignored, and so are several
// (RFC 9110 sections 13.1.3 and 13.1.4).
func headerDate(h http.Header, name string) (time.Time, bool) {
	values := h.Values(name)
	if len(values) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(values[0])
	return t, err == nil
}

func isAny(values []string) bool {
	return len(values) == 1 && strings.TrimSpace(values[0]) == "*"
}

// hasAny reports whether a list contains a "*". Beside other members, or twice,
// it is malformed, but If-None-Match still asks to keep what exists.
func hasAny(values []string) bool {
	list := strings.Join(values, ",")
	if len(entityTags(list)) > 0 {
		return false // a "*" in it is a part of a tag
	}
	for member := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(member) == "*" {
			return true
		}
	}
	return false
}

// matchesAny reports whether a list of entity tags, or "*", fits a file. What
// cannot be read matches nothing: Joplin sends If-None-Match:
// JoplinIgnore-12345 with every request to bypass the system's cache, and must
// not be refused for it.
func matchesAny(values []string, info fs.FileInfo, match func(a, b string) bool) bool {
	if isAny(values) {
		return true
	}
	etag := entityTag(info)
	if etag == "" {
		return false
	}
	for _, tag := range entityTags(strings.Join(values, ",")) {
		if match(asIssued(tag, info), etag) {
			return true
		}
	}
	return false
}

// readIf parses the If header (RFC 4918 section 10.4) and evaluates it: 400 if
// it is malformed, 412 if it does not hold. All its tokens count as submitted,
// whatever list they are in.
func (r *request) readIf() error {
	r.judged = nil
	header, err := ifheader.Parse(r.Header.Values("If"))
	if err != nil {
		return &statusError{status: http.StatusBadRequest, reason: "the If header cannot be read", cause: err}
	}
	holds, err := header.Eval(r.tagged)
	if err != nil {
		return err
	}
	if !holds && r.Method == "LOCK" && r.ContentLength == 0 {
		return noSuchLock(http.StatusPreconditionFailed) // a refresh, section 9.10.6
	}
	if !holds {
		return refuse(http.StatusPreconditionFailed, "the If header does not hold")
	}
	r.tokens = header.Tokens()
	return nil
}

// tagged returns the resource of a tag in the If header, nil for one that
// is not served here.
func (r *request) tagged(tag string) (ifheader.Resource, error) {
	if tag == "" {
		return state{r, r.name}, nil
	}
	decoded, err := r.handler.pathOf(r.Request, tag)
	if err != nil {
		return nil, nil //nolint:nilerr // not served here: no condition matches it
	}
	name, _, err := cleanPath(decoded)
	if err != nil {
		return nil, nil //nolint:nilerr // not served here: no condition matches it
	}
	return state{r, r.resolve(path.Join(r.root, name))}, nil
}

// state is the state of one resource that the If header is evaluated against.
type state struct {
	r    *request
	name string
}

func (s state) HasETag(tag string) (bool, error) {
	info, err := s.r.look(s.name)
	if err != nil {
		return false, err
	}
	judged, has := guard{ifAbsent: true}, false
	if info != nil {
		etag := entityTag(info)
		judged, has = guard{ifMatch: storeTag(info)}, etag != "" && weakMatch(asIssued(tag, info), etag)
	}
	if s.name == s.r.name {
		s.r.judged = &judged
	}
	return has, nil
}

func (s state) Locked(token string) bool {
	for _, l := range s.r.handler.locks.Covering(s.name) {
		if l.Token == token {
			return true
		}
	}
	return false
}
