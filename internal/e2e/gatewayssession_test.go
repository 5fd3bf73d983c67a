//go:build unix

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A session is a client that has a lock.
type session struct {
	*loadClient
	*holding
	name  string // of the file that it works on
	lives time.Duration
}

// session locks a file, or the whole room for a moment, works on the file, and gives
// the lock back, or forgets to.
func (c *loadClient) session(ctx context.Context) {
	name := c.anyLocked()
	s := &session{loadClient: c, name: name, lives: time.Duration(3+c.random.IntN(15)) * time.Second, holding: &holding{path: name, by: c.id}}
	depth, at := "0", name
	if c.random.IntN(15) == 0 {
		s.path, depth, at = c.room.path, "infinity", c.room.path+"/"
		s.lives = 5 * time.Second
	}
	owner := strings.Replace(exclusiveLock, "</lockinfo>", fmt.Sprintf("<owner>client %d</owner></lockinfo>", c.id), 1)
	a := c.call("LOCK", at, owner, "Depth", depth, "Timeout", s.timeout())
	c.expect(a, "LOCK "+at, http.StatusLocked, http.StatusMultiStatus)
	c.closed(name, a)
	s.token = lockToken.FindString(a.header.Get("Lock-Token"))
	if a.outcome != isDone {
		return
	}
	if s.token == "" {
		c.fault("unexpected answer", "LOCK %s has no token: %s", at, a.body)
		return
	}
	c.count("grants")
	s.from, s.until = a.ended, a.sent+s.lives
	c.holds(s.holding)
	for n := c.random.IntN(5); n > 0 && ctx.Err() == nil; n-- {
		if s.path == name {
			between(ctx, c.random, 0, time.Second)
		}
		s.step()
	}
	if c.random.IntN(8) == 0 {
		c.count("locks were left to their timeout")
		return
	}
	s.unlock(at)
}

func (s *session) timeout() string { return fmt.Sprintf("Second-%d", int(s.lives.Seconds())) }

// condition is the If header, which also names a version unless it is empty.
func (s *session) condition(tag string) string {
	switch {
	case s.path != s.name:
		return fmt.Sprintf("<%s/> (<%s>)", s.path, s.token)
	case tag != "":
		return fmt.Sprintf("(<%s> [%s])", s.token, tag)
	}
	return fmt.Sprintf("(<%s>)", s.token)
}

func (s *session) step() {
	switch n := s.random.IntN(10); {
	case n < 3:
		value, body := s.content()
		a := s.change(s.name, writing{value: value, token: s.token}, http.MethodPut, s.name, body, "If", s.condition(""))
		s.has(a, "PUT "+s.name)
	case n < 5:
		s.edit()
	case n < 6 && s.path == s.name:
		s.has(s.moveIn(s.name, s.token), "MOVE to "+s.name)
	case n < 8:
		s.see(s.name)
	case n < 9:
		s.discover()
	default:
		s.refresh()
	}
}

// edit reads the file and writes it on condition of what was read.
func (s *session) edit() {
	value, tag, ok := s.see(s.name)
	if !ok || value == "" || s.path != s.name {
		return
	}
	next, body := s.content()
	a := s.call(http.MethodPut, s.name, body, "If", s.condition(tag))
	s.expect(a, "PUT "+s.name, http.StatusPreconditionFailed, http.StatusLocked)
	w := writing{value: next, token: s.token, base: &value}
	if a.code == http.StatusPreconditionFailed && a.ended >= s.until {
		w.base = nil // it is the lock that is not there any more
	}
	s.note(s.name, w, a)
}

// has finds an answer that denies a lock, which the client has.
func (s *session) has(a reply, what string) {
	s.expect(a, what, http.StatusPreconditionFailed, http.StatusLocked)
	if a.code == http.StatusPreconditionFailed && a.ended < s.until {
		s.fault("locks denied", "%s at %v to %v: %d %.200s, and it was granted from %v to %v (%s)", what, a.sent, a.ended, a.code, a.body, s.from, s.until, s.token)
	}
}

// discover asks who has the lock.
func (s *session) discover() {
	a := s.call("PROPFIND", s.name, `<propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>`, "Depth", "0")
	s.expect(a, "PROPFIND "+s.name, http.StatusNotFound) // what a lock has made, where its gateway is away
	switch {
	case a.ended >= s.until || a.code != http.StatusMultiStatus && a.code != http.StatusNotFound:
	case strings.Contains(a.body, s.token):
		s.count("locks were shown")
	case a.code == http.StatusNotFound || strings.Contains(a.body, "HTTP/1.1 503"): // of a gateway that is no member
		s.count("locks were not shown")
	default:
		s.fault("locks denied", "PROPFIND %s at %v to %v: %.600s, and it was granted from %v to %v (%s)", s.name, a.sent, a.ended, a.body, s.from, s.until, s.token)
	}
}

func (s *session) refresh() {
	at := s.path
	if s.path != s.name {
		at += "/"
	}
	a := s.call("LOCK", at, "", "If", fmt.Sprintf("(<%s>)", s.token), "Timeout", s.timeout())
	if s.has(a, "LOCK "+at); a.outcome == isDone {
		s.count("refreshes")
		s.lasts(s.holding, a.sent+s.lives)
	}
}

func (s *session) unlock(at string) {
	a := s.call("UNLOCK", at, "", "Lock-Token", "<"+s.token+">")
	s.expect(a, "UNLOCK "+at, http.StatusConflict, http.StatusLocked)
	if a.code == http.StatusConflict && a.ended < s.until {
		s.fault("locks denied", "UNLOCK %s at %v to %v: %d %.200s, and it was granted from %v to %v (%s)", at, a.sent, a.ended, a.code, a.body, s.from, s.until, s.token)
	}
	s.lasts(s.holding, min(s.until, a.sent))
}
