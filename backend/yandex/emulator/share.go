package emulator

import (
	"net/http"
	"time"
)

// A share is the publication of a node.
type share struct {
	node      *node
	key, url  string
	published time.Time
	visible   time.Time // when key and address appear in metadata
	password  string
	until     int64 // Unix time at which the link expires, 0 for never
	readOnly  bool
	downloads int
}

// keyTail ends the public keys of ordinary accounts.
const keyTail = "q/A1b2C3d4E5f6G7h8I9jAA=="

// publish shares a path; one already shared keeps its key and address.
func (e *Emulator) publish(c *call) (reply, *failure) {
	n, p, fail := e.toShare(c)
	if fail != nil {
		return reply{}, fail
	}
	if _, fail := c.flag("allow_address_access"); fail != nil {
		return reply{}, fail
	}
	settings, fail := c.publicSettings()
	if fail != nil {
		return reply{}, fail
	}
	if n.shared == nil {
		s := &share{node: n, published: c.now, visible: c.now.Add(c.knobs.PublishDelay)}
		s.key = e.word(22, mixed) + "/" + e.word(16, mixed) + "+" + e.word(23, mixed) + keyTail
		s.url = "https://yadi.sk/d/" + e.word(14, mixed)
		n.shared, e.shares[s.key], e.shares[s.url] = s, s, s
		n.revision = e.disk.nextRevision()
	}
	if fail := n.shared.apply(settings); fail != nil {
		return reply{}, fail
	}
	return reply{status: http.StatusOK, body: c.resourceLink(p.String())}, nil
}

// unpublishResource ends the sharing of a path.
func (e *Emulator) unpublishResource(c *call) (reply, *failure) {
	n, p, fail := e.toShare(c)
	if fail != nil {
		return reply{}, fail
	}
	if n.shared != nil {
		e.endShare(n)
		n.revision = e.disk.nextRevision()
	}
	return reply{status: http.StatusOK, body: c.resourceLink(p.String())}, nil
}

func (e *Emulator) toShare(c *call) (*node, diskPath, *failure) {
	n, p, fail := e.existing(c)
	if fail == nil && p.area != "disk" {
		fail = errNotFound.ptr()
	}
	return n, p, fail
}

// unpublish ends the sharing of n and of all below it.
func (e *Emulator) unpublish(n *node) { n.walk(e.endShare) }

func (e *Emulator) endShare(n *node) {
	if n.shared != nil {
		delete(e.shares, n.shared.key)
		delete(e.shares, n.shared.url)
		n.shared = nil
	}
}
