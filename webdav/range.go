package webdav

import (
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
)

// A byteRange is a part of a file, within its size.
type byteRange struct {
	start, length int64
}

// contentRange is the value of the Content-Range header.
func (b byteRange) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", b.start, b.start+b.length-1, size)
}

// parseRange reads a Range header (RFC 9110 section 14.2) for a file of a
// size. ok is false if the header is to be ignored and the whole file sent: an
// unknown unit, a malformed header, and several ranges at once, which no
// client of a share needs. An end past the file is cut; satisfiable is false
// if nothing of the file is in the range (416).
func parseRange(header string, size int64) (part byteRange, ok, satisfiable bool) {
	unit, spec, found := strings.Cut(header, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Contains(spec, ",") {
		return byteRange{}, false, false
	}
	first, last, found := strings.Cut(strings.TrimSpace(spec), "-")
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

// parsePosition reads digits and nothing else; more than an int64 holds is its
// greatest value, because a position past the end is no error.
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

// wanted gives the part of a file that a GET or HEAD asks for. status is 200,
// 206 or 416. A Range counts only if the If-Range beside it, an entity tag or
// a date, still fits (RFC 9110 section 13.1.5): Finder continues half a
// download that way. Of an empty file every range is the whole: there are
// clients that ask for one with every GET, and take 416 for a fault.
func wanted(h http.Header, info fs.FileInfo) (part byteRange, status int) {
	whole := byteRange{0, info.Size()}
	header := h.Get("Range")
	if header == "" || info.Size() == 0 || !fitsIfRange(h.Get("If-Range"), info) {
		return whole, http.StatusOK
	}
	part, ok, satisfiable := parseRange(header, info.Size())
	switch {
	case !ok:
		return whole, http.StatusOK
	case !satisfiable:
		return byteRange{}, http.StatusRequestedRangeNotSatisfiable
	}
	return part, http.StatusPartialContent
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
