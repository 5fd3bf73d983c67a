package yandex

import (
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// contentLink is a link to the content of one version of a file. The service
// pins download links to the version they were issued for, so they are kept by
// version, never by path.
type contentLink struct {
	href    string // the service's link
	storage string // where it redirects to, once known
	size    int64
	md5     string
	sha256  string
	expires time.Time
}

const (
	maxLinks = 20_000 // of about 500 bytes each
	linkLife = 4 * time.Hour
	// linkSlack is how long before its end a link is no longer used.
	linkSlack = time.Minute
)

// links caches the download links in listings.
type links struct {
	now func() time.Time

	mu    sync.Mutex // makes changes of an entry one step
	cache *lru.Cache[string, contentLink]
}

func newLinks(now func() time.Time) *links {
	return &links{now: now, cache: newLRU[contentLink](maxLinks)}
}

// newLRU makes a cache; size is a constant above zero.
func newLRU[V any](size int) *lru.Cache[string, V] {
	cache, err := lru.New[string, V](size)
	if err != nil {
		panic(err)
	}
	return cache
}

// note adds the link in a file's metadata.
func (l *links) note(r *api.Resource) {
	if r.Type == "file" && r.File != "" && r.CheckSize() == nil {
		l.add(versionOf(r), contentLink{href: string(r.File), size: int64(r.Size), md5: string(r.MD5), sha256: string(r.SHA256)})
	}
}

// add adds a link. The storage address of an older one is kept, since it leads
// to the same bytes.
func (l *links) add(version string, link contentLink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	link.expires = expiry(link.href, l.now())
	if old, ok := l.cache.Peek(version); ok && old.expires.After(l.now().Add(linkSlack)) {
		link.storage = old.storage
	}
	l.cache.Add(version, link)
}

// get returns a link that should still be valid.
func (l *links) get(version string) (contentLink, bool) {
	link, ok := l.cache.Get(version)
	return link, ok && link.expires.After(l.now().Add(linkSlack))
}

// redirected records where a link redirects to; an empty address removes that.
func (l *links) redirected(version, href, storage string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if link, ok := l.cache.Peek(version); ok && link.href == href {
		link.storage = storage
		l.cache.Add(version, link)
	}
}

// drop removes a link that no longer works.
func (l *links) drop(version, href string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if link, ok := l.cache.Peek(version); ok && link.href == href {
		l.cache.Remove(version)
	}
}

// expiry reads when a link ends: its path is /disk/SIGNATURE/EXPIRY/…, the
// expiry in seconds since 1970, as eight hexadecimal digits. It is not
// documented: a link of another form, or with an unlikely expiry, gets the
// usual one.
func expiry(href string, now time.Time) time.Time {
	_, rest, _ := strings.Cut(href, "://")
	address, _, _ := strings.Cut(rest, "?")
	if parts := strings.SplitN(address, "/", 5); len(parts) > 3 && len(parts[3]) == 8 { // the first is the host
		if seconds, err := strconv.ParseInt(parts[3], 16, 64); err == nil {
			if t := time.Unix(seconds, 0); t.Before(now.Add(24 * time.Hour)) {
				return t
			}
		}
	}
	return now.Add(linkLife)
}
