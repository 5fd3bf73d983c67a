package emulator

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// How long links are valid unless a knob is set.
const (
	downloadLinkLife = 4 * time.Hour
	uploadLinkLife   = 30 * time.Minute
)

// A linkOwner is whom a download link is made for.
type linkOwner struct {
	uid, ownerUID string
	hash          string // public key and path, for downloads of public resources
	withETag      bool
}

// fileLink returns a lazy download link to the current content.
func (e *Emulator) fileLink(c *call, n *node, owner linkOwner) lazy {
	content, name := n.content, n.name
	expiry := c.now.Add(orDefault(c.knobs.DownloadLinkLife, downloadLinkLife))
	return func() any { return e.contentHref(c.hosts, content, name, expiry, owner) }
}

func (e *Emulator) contentHref(h hosts, content *content, name string, expiry time.Time, owner linkOwner) string {
	kind := kindOf(name)
	query := fmt.Sprintf("uid=%s&filename=%s&disposition=attachment&hash=%s&limit=0&content_type=%s&owner_uid=%s&fsize=%d&hid=%x&media_type=%s&tknv=v2",
		owner.uid, url.QueryEscape(name), url.QueryEscape(owner.hash), url.QueryEscape(kind.mime), owner.ownerUID, content.size, md5.Sum([]byte(content.sha256)), kind.media)
	if owner.withETag {
		query += "&etag=" + content.md5
	}
	return h.base(roleDownloader) + e.signed("/disk/", unixHex(expiry), content.id) + "?" + query
}

// unixHex returns a time in the format of links.
func unixHex(t time.Time) string { return fmt.Sprintf("%08x", t.Unix()) }

// signed returns a path that only this emulator can have made.
func (e *Emulator) signed(area, expiry, id string) string {
	key := base64.URLEncoding.EncodeToString([]byte(id))
	return area + e.signature(area, expiry, key) + "/" + expiry + "/" + url.PathEscape(key)
}

func (e *Emulator) signature(area, expiry, key string) string {
	mac := hmac.New(sha256.New, e.secret)
	fmt.Fprintf(mac, "%s\x00%s\x00%s", area, expiry, key)
	return hex.EncodeToString(mac.Sum(nil))
}

// A verdict is the result of checking a link.
type verdict int

const (
	linkGood verdict = iota
	linkForged
	linkLapsed
)

// verify checks a path made by signed and returns the id in it.
func (e *Emulator) verify(area, path string) (id string, v verdict) {
	parts := strings.SplitN(strings.TrimPrefix(path, area), "/", 3)
	if !strings.HasPrefix(path, area) || len(parts) != 3 {
		return "", linkForged
	}
	signature, expiry, key := parts[0], parts[1], parts[2]
	raw, err := base64.URLEncoding.DecodeString(key)
	if err != nil || !hmac.Equal([]byte(signature), []byte(e.signature(area, expiry, key))) {
		return "", linkForged
	}
	if expiry != forever {
		unix, err := strconv.ParseInt(expiry, 16, 64)
		if err != nil {
			return "", linkForged
		}
		if !e.now().Before(time.Unix(unix, 0)) {
			return "", linkLapsed
		}
	}
	return string(raw), linkGood
}

// forever is the expiry of preview links.
const forever = "inf"

// nginxError writes what the hosts behind links send instead of JSON: a page
// that names 500 whatever the status.
func nginxError(w http.ResponseWriter, status int) {
	const page = "<html>\r\n<head><title>500 Internal Server Error</title></head>\r\n<body>\r\n<center><h1>500 Internal Server Error</h1></center>\r\n<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n"
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	w.Write([]byte(page))
}
