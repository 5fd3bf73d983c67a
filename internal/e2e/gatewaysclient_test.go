//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// A room is a folder with a file of each kind, which several clients use. A name
// that stays closed after a gateway was killed is left for the next one.
type room struct {
	path string

	mu     sync.Mutex // guards what follows
	number map[string]int
	used   map[string]int
}

// The kinds of names in a room.
const (
	plainFile   = "plain"         // written by anybody
	guardedFile = "guarded"       // written on condition of what is there
	lockedFile  = "locked"        // written by who has a lock of it
	described   = "described/one" // has a property
	subfolder   = "folder"        // is made once
)

const (
	descriptions = 200 // more files than a run can use up
	wornOut      = 300 // requests after which a name is left
)

func newRoom(t *testing.T, disk *emulator.Server, number int) *room {
	t.Helper()
	r := &room{path: fmt.Sprint("/room", number), number: map[string]int{}, used: map[string]int{}}
	for _, folder := range []string{r.path, path.Dir(r.path + "/" + described)} {
		if err := disk.Mkdir("disk:" + folder); err != nil {
			t.Fatal(err)
		}
	}
	for i := range descriptions {
		if err := disk.WriteFile(fmt.Sprintf("disk:%s/%s-%d", r.path, described, i), []byte(loadContent(i, 0, 0))); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// name returns the name of a kind that is in use.
func (r *room) name(kind string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used[kind]++; r.used[kind] > wornOut {
		r.used[kind] = 0
		r.number[kind]++
	}
	return fmt.Sprintf("%s/%s-%d", r.path, kind, r.number[kind])
}

func isFolderName(name string) bool { return strings.HasPrefix(path.Base(name), subfolder+"-") }

// anyLocked returns the name of one of a few files that are written under locks.
func (c *loadClient) anyLocked() string { return c.room.name(fmt.Sprint(lockedFile, c.random.IntN(4))) }

// leave lets nobody use a name any more.
func (r *room) leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for kind := range r.used {
		if name == fmt.Sprintf("%s/%s-%d", r.path, kind, r.number[kind]) {
			r.used[kind] = 0
			r.number[kind]++
		}
	}
}

// loadContent is a content that tells who wrote it and can be checked.
func loadContent(by, number, length int) string {
	var seed [32]byte
	copy(seed[:], fmt.Sprint(by, " ", number))
	b := make([]byte, length)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return fmt.Sprintf("client %d number %d has %d\n%s", by, number, length, b)
}

// contentNamed returns the content whose first line this is.
func contentNamed(value string) string {
	var by, number, length int
	if n, _ := fmt.Sscanf(value, "client %d number %d has %d", &by, &number, &length); n != 3 || length > 100<<20 {
		return ""
	}
	return loadContent(by, number, length)
}

// whole returns the first line of a content, and whether the rest belongs to it. It
// does not keep the rest.
func whole(content string) (value string, ok bool) {
	value, _, _ = strings.Cut(content, "\n")
	value = strings.Clone(value[:min(len(value), 100)])
	return value, content == "" || contentNamed(value) == content
}

// A loadClient sends one request after another, each to any gateway.
type loadClient struct {
	*chronicle
	id     int
	room   *room
	random *rand.Rand
	at     func(*rand.Rand) string
	http   *http.Client
	number int
	stale  map[string][2]string // content and tag of guarded files as they were once
}

// A reply is what came back. code is 0 if that was not a whole answer.
type reply struct {
	code        int
	header      http.Header
	body        string
	sent, ended time.Duration
	outcome     outcome
}

// call sends a request and waits for a while.
func (c *loadClient) call(method, name, body string, header ...string) (a reply) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(12+c.random.IntN(14))*time.Second)
	defer cancel()
	base := c.at(c.random)
	req, err := http.NewRequestWithContext(ctx, method, base+name, strings.NewReader(body))
	if err != nil {
		c.fault("broken test", "%v", err)
		return reply{}
	}
	for i := 0; i+1 < len(header); i += 2 {
		value := header[i+1]
		if header[i] == "Destination" {
			value = base + value
		}
		req.Header.Set(header[i], value)
	}
	a.sent = c.now()
	defer func() {
		a.ended = c.now()
		what := fmt.Sprint(a.code)
		if a.code == 0 {
			what = map[outcome]string{isRefused: "not reached", isUnknown: "no answer"}[a.outcome]
		}
		c.count(method + " " + what)
	}()
	a.outcome = isUnknown
	res, err := c.http.Do(req)
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		a.outcome = isRefused
	}
	if err != nil {
		return a
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		return a
	}
	a.code, a.header, a.body = res.StatusCode, res.Header, string(content)
	switch {
	case a.code == http.StatusMultiStatus && method == "LOCK": // something within is locked
		a.outcome = isRefused
	case a.code == http.StatusMultiStatus && method != "PROPFIND" && method != "PROPPATCH":
	case a.code/100 == 2:
		a.outcome = isDone
	case a.code/100 == 4:
		a.outcome = isRefused
	case a.code != http.StatusServiceUnavailable:
		c.fault("unexpected answer", "%s %s: %d %s", method, name, a.code, a.body)
	}
	return a
}

// expect finds an answer that tells what cannot be.
func (c *loadClient) expect(a reply, what string, refusals ...int) {
	for _, code := range append(refusals, 0, http.StatusServiceUnavailable) {
		if a.code == code || a.outcome == isDone {
			return
		}
	}
	c.fault("unexpected answer", "%s: %d %.300s", what, a.code, a.body)
}

// change sends a request that gives a file a content, and notes what came of it. A
// name that somebody else is changing for so long was closed by a dead gateway.
func (c *loadClient) change(name string, w writing, method, of, body string, header ...string) reply {
	a := c.call(method, of, body, header...)
	c.note(name, w, a)
	if tag := a.header.Get("ETag"); a.outcome == isDone && method == http.MethodPut {
		c.tagged(name, tag, w.value)
	}
	return a
}

// note notes what came of a change.
func (c *loadClient) note(name string, w writing, a reply) {
	w.by, w.sent, w.ended, w.outcome, w.code = c.id, a.sent, a.ended, a.outcome, a.code
	c.wrote(name, w)
	c.closed(name, a)
}

func (c *loadClient) closed(name string, a reply) {
	took := a.ended - a.sent
	closed := a.code == http.StatusLocked && took > 9*time.Second ||
		a.code == http.StatusServiceUnavailable && took > 4*time.Second && strings.Contains(a.body, "waits at the gateway")
	if c.room != nil && closed {
		c.count("requests met a name that was closed")
		c.room.leave(strings.TrimSuffix(name, propertyMark))
	}
}

// content makes another content.
func (c *loadClient) content() (value, body string) {
	c.number++
	length := 100 + c.random.IntN(40_000)
	switch c.random.IntN(200) {
	case 0:
		length = 9 << 20 // more than is kept in memory
	case 1, 2, 3, 4, 5:
		length = 400_000
	}
	body = loadContent(c.id, c.number, length)
	value, _, _ = strings.Cut(body, "\n")
	return strings.Clone(value), body
}

// see reads a file, or the property of one.
func (c *loadClient) see(name string) (value, tag string, ok bool) {
	if file, property := strings.CutSuffix(name, propertyMark); property {
		return "", "", c.property(file)
	}
	if isFolderName(name) {
		return "", "", false
	}
	a := c.call(http.MethodGet, name, "")
	switch a.code {
	case http.StatusOK:
		if value, ok = whole(a.body); !ok {
			c.fault("torn", "%s shows %d bytes that begin with %q", name, len(a.body), value)
			return "", "", false
		}
		tag = a.header.Get("ETag")
		c.tagged(name, tag, value)
	case http.StatusNotFound:
		ok = true
	default:
		c.expect(a, "GET "+name)
		return "", "", false
	}
	c.saw(name, look{value, a.sent, a.ended, "GET"})
	return value, tag, ok
}
