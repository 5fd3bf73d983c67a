package server

import (
	"net/http"
	"time"
)

// drainLimits are how long the rest of a refused upload is still read from the
// client: while it comes, and not for ever.
//
// It lets a client see why its upload is refused. Many clients read the response
// only when they have sent the body: KDE sends a whole file before it is asked
// for a password, and all do when a file is locked. net/http reads up to 256 KiB
// more and then closes the connection, or the stream of HTTP/2, and the reset
// overtakes the response. So the response is sent at once and the rest of the
// body is discarded.
type drainLimits struct {
	idle time.Duration // between two reads
	// idle2 is idle over HTTP/2, where there are clients (net/http) that stop
	// sending when they see the response, and wait for its end.
	idle2 time.Duration
	all   time.Duration
}

// unreadBodies are the limits for large uploads over slow networks.
func unreadBodies() drainLimits {
	return drainLimits{idle: time.Minute, idle2: time.Second, all: 30 * time.Minute}
}

// applies reports whether a request has a body that may be left unread. A client
// that sent Expect: 100-continue has seen the response and sends nothing.
func (drainLimits) applies(req *http.Request) bool {
	return req.ContentLength != 0 && req.Header.Get("Expect") == ""
}

// read sends the response and discards what is left of the body.
func (d drainLimits) read(body *requestBody, protoMajor int) {
	if body.ended || body.conn.Flush() != nil {
		return
	}
	idle := d.idle
	if protoMajor > 1 {
		idle = d.idle2
	}
	body.idle = idleTimer{idle, idle}
	buffer := make([]byte, 32<<10)
	for end := time.Now().Add(d.all); !body.ended && time.Now().Before(end); {
		if _, err := body.Read(buffer); err != nil {
			return // whatever ended it, the response is sent
		}
	}
}
