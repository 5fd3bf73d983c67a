package webdav

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	xdav "golang.org/x/net/webdav"
)

// maxEntityTag is the length above which an entity tag is shortened for
// clients. Some programs (litmus) write two of them into an If header of at
// most 200 bytes and truncate it; a SHA-256 in hex is too long for that.
const maxEntityTag = 48

// entityTag returns the strong entity tag of a file as sent to clients: that
// of the file system, or a digest of it if it is long.
func entityTag(info fs.FileInfo) string {
	tag := storeTag(info)
	if len(tag) <= maxEntityTag {
		return tag
	}
	sum := sha256.Sum256([]byte(tag))
	short := [34]byte{0: '"', 33: '"'}
	base64.RawURLEncoding.Encode(short[1:33], sum[:24])
	return string(short[:])
}

// storeTag returns the entity tag of the file system. If it has none, one is
// made of the time and the size; plain.put ensures that the time moves with
// every change. A folder only has one of the file system.
func storeTag(info fs.FileInfo) string {
	switch e := info.(type) {
	case ETager:
		return e.ETag()
	case netInfo:
		if tag, err := e.tag(); err == nil {
			return tag
		}
		if entityTagError(info) != nil {
			return ""
		}
	}
	if info.IsDir() {
		return ""
	}
	return fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size())
}

// codings are what proxies that compress add to the entity tags they pass on, by
// the content coding: Apache and Caddy with a hyphen, others with a semicolon.
var codings = [...]string{"--gzip", "-gzip", ";gzip", "-deflate", "-br", ";br", "-zstd"}

// asIssued is the entity tag that was issued where a client got tag. A proxy that
// compresses changes those of what it compresses: nginx makes them weak, others
// add the name of the coding. Clients send back what they got, with a PUT too,
// and would be refused for ever. The handler issues no such tag, and no [ETager]
// does; x/net's file systems may, and theirs are left alone.
//
// It is not for If-Range: the parts of a file and of its compressed form must not
// be joined.
func asIssued(tag string, info fs.FileInfo) string {
	if own := entityTag(info); !isIssuer(info) || withoutCoding(own) != own {
		return tag
	}
	return withoutCoding(tag)
}

// isIssuer reports whether the entity tag of a file is the handler's own or that
// of an [ETager].
func isIssuer(info fs.FileInfo) bool {
	n, ok := info.(netInfo)
	if !ok {
		return true
	}
	if _, forNet := n.FileInfo.(infoForNet); forNet {
		return true
	}
	_, err := n.tag()
	return errors.Is(err, xdav.ErrNotImplemented)
}

func withoutCoding(tag string) string {
	tag = strings.TrimPrefix(tag, "W/")
	for _, coding := range codings {
		if opaque, ok := strings.CutSuffix(tag, coding+`"`); ok {
			return opaque + `"`
		}
	}
	return tag
}

// strongMatch and weakMatch compare entity tags (RFC 9110 section 8.8.3.2).
func strongMatch(a, b string) bool { return a == b && !strings.HasPrefix(a, "W/") }

func weakMatch(a, b string) bool { return strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/") }

// entityTags splits a list of entity tags; a tag may contain a comma. It returns
// nil if any part of the list is malformed.
func entityTags(list string) []string {
	var tags []string
	for rest := strings.Trim(list, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		start := 0
		if strings.HasPrefix(rest, "W/") {
			start = len("W/")
		}
		if !strings.HasPrefix(rest[start:], `"`) {
			return nil
		}
		length := strings.IndexByte(rest[start+1:], '"')
		if length < 0 {
			return nil
		}
		end := start + 1 + length + 1
		tags = append(tags, rest[:end])
		rest = rest[end:]
		if trimmed := strings.TrimLeft(rest, " \t"); trimmed != "" && trimmed[0] != ',' {
			return nil
		}
	}
	return tags
}
