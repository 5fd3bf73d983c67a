package webdav

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A byteRange is a range within a file.
type byteRange struct {
	start, length int64
}

// contentRange returns the value of the Content-Range header.
func (b byteRange) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", b.start, b.start+b.length-1, size)
}

// maxRanges is how many parts of a file are sent in one answer. Each may cost a
// transfer from the store.
const maxRanges = 32

// parseRanges reads a Range header (RFC 9110 section 14.2) for a file of a size.
// ok is false if the header is to be ignored and the whole file sent: an unknown
// unit, a malformed header, more than maxRanges, and ranges that overlap, by
// which one request would take a file many times. An end past the file is cut,
// and what lies past it left out; no parts mean that nothing of the file is in
// any range (416).
func parseRanges(header string, size int64) (parts []byteRange, ok bool) {
	unit, set, found := strings.Cut(header, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Count(set, ",") >= 2*maxRanges {
		return nil, false
	}
	count := 0
	for spec := range strings.SplitSeq(set, ",") {
		if spec = strings.TrimSpace(spec); spec == "" {
			continue // an empty member of a list means nothing (section 5.6.1)
		}
		part, ok, satisfiable := parseRange(spec, size)
		if count++; !ok || count > maxRanges {
			return nil, false
		}
		if satisfiable {
			parts = append(parts, part)
		}
	}
	return parts, count > 0 && !overlap(parts)
}

// overlap reports whether two parts have a byte in common.
func overlap(parts []byteRange) bool {
	sorted := slices.SortedFunc(slices.Values(parts), func(a, b byteRange) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(sorted); i++ {
		if sorted[i-1].start+sorted[i-1].length > sorted[i].start {
			return true
		}
	}
	return false
}

// parseRange reads one range. ok is false if it is malformed; satisfiable is
// false if nothing of the file is in it.
func parseRange(spec string, size int64) (part byteRange, ok, satisfiable bool) {
	first, last, found := strings.Cut(spec, "-")
	if !found {
		return byteRange{}, false, false
	}
	if first == "" {
		n, valid := parsePosition(last)
		n = min(n, size)
		return byteRange{size - n, n}, valid, n > 0
	}
	start, valid := parsePosition(first)
	if !valid {
		return byteRange{}, false, false
	}
	end := size - 1
	if last != "" {
		position, valid := parsePosition(last)
		if !valid || position < start {
			return byteRange{}, false, false
		}
		end = min(end, position)
	}
	return byteRange{start, end - start + 1}, true, start < size
}

// parsePosition parses digits only; a value that overflows an int64 becomes its
// maximum, because a position past the end is no error.
func parsePosition(digits string) (int64, bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 1<<63 - 1, true
	}
	return n, true
}

// wanted gives the parts of a file that a GET asks for, in the order in which it
// does. status is 200, 206 or 416. A Range counts only if the If-Range beside it,
// an entity tag or a date, still fits (RFC 9110 section 13.1.5): Finder continues
// half a download that way. Of an empty file every range is the whole: there are
// clients that ask for one with every GET, and take 416 for a fault.
func wanted(h http.Header, info fs.FileInfo) (parts []byteRange, status int) {
	whole := []byteRange{{0, info.Size()}}
	header := h.Get("Range")
	if header == "" || info.Size() == 0 || !fitsIfRange(h.Get("If-Range"), info) {
		return whole, http.StatusOK
	}
	parts, ok := parseRanges(header, info.Size())
	switch {
	case !ok:
		return whole, http.StatusOK
	case len(parts) == 0:
		return nil, http.StatusRequestedRangeNotSatisfiable
	}
	return parts, http.StatusPartialContent
}

func fitsIfRange(value string, info fs.FileInfo) bool {
	if value == "" {
		return true
	}
	if date, err := http.ParseTime(value); err == nil {
		return lastModified(info).Equal(date)
	}
	return strongMatch(value, entityTag(info))
}

// A content is the body of an answer: parts of a file, and what stands before
// each and after all of them, which is nothing but in multipart/byteranges.
type content struct {
	mediaType string
	parts     []byteRange
	heads     []string // of each part; nil: none
	tail      string
}

// newContent puts several parts of a file into a multipart/byteranges (RFC 9110
// section 14.6).
func newContent(mediaType string, size int64, parts []byteRange) content {
	c := content{mediaType: mediaType, parts: parts}
	if len(parts) < 2 {
		return c
	}
	boundary := rand.Text()
	c.mediaType = "multipart/byteranges; boundary=" + boundary
	for _, part := range parts {
		c.heads = append(c.heads, fmt.Sprintf("\r\n--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n", boundary, mediaType, part.contentRange(size)))
	}
	c.tail = "\r\n--" + boundary + "--\r\n"
	return c
}

// head is what stands before part i.
func (c content) head(i int) string {
	if c.heads == nil {
		return ""
	}
	return c.heads[i]
}

func (c content) length() int64 {
	n := int64(len(c.tail))
	for i, part := range c.parts {
		n += int64(len(c.head(i))) + part.length
	}
	return n
}
