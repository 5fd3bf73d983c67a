package emulator

import (
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An upload is an upload link and the state of its upload.
type upload struct {
	id        string
	target    diskPath
	overwrite bool
	op        *operation
	until     time.Time
	rate      int64 // bytes a second, 0 for no limit
	knobs     Knobs

	putting  atomic.Bool // a PUT is in progress: a second one is rejected, while a HEAD only waits
	busy     sync.Mutex  // held by the request that writes or reads the state; guards what follows
	used     bool        // a PUT has begun
	finished bool
	sink     *sink // bytes received so far
}

// uploadLink checks whether a file may be uploaded to a path and returns a link.
func (e *Emulator) uploadLink(c *call) (reply, *failure) {
	p, overwrite, fail := e.uploadTarget(c)
	if fail != nil {
		return reply{}, fail
	}
	return reply{status: http.StatusOK, body: e.newUpload(c, p, overwrite)}, nil
}

// uploadTarget reads where an upload goes, and rejects one that cannot succeed.
func (e *Emulator) uploadTarget(c *call) (p diskPath, overwrite bool, fail *failure) {
	if p, fail = c.path("path"); fail != nil {
		return p, false, fail
	}
	if overwrite, fail = c.flag("overwrite"); fail != nil {
		return p, false, fail
	}
	return p, overwrite, e.mayUpload(c, p, overwrite)
}

func (e *Emulator) mayUpload(c *call, p diskPath, overwrite bool) *failure {
	parent, fail := e.place(c, p)
	if fail != nil {
		return fail
	}
	if existing := parent.child(p.name(), c.knobs.FoldNames); existing != nil {
		if existing.isDir() {
			return errFolderExists(p.asked)
		}
		if !overwrite {
			return errExists(p.asked)
		}
	}
	if fail := e.overTraffic(c.knobs, 0); fail != nil {
		return fail
	}
	if e.disk.used >= c.knobs.totalSpace() {
		return e.quota(c.knobs)
	}
	return nil
}

// overTraffic rejects uploads over the monthly volume.
func (e *Emulator) overTraffic(k Knobs, more int64) *failure {
	if k.MonthlyUpload <= 0 || e.monthly+more < k.MonthlyUpload || more > 0 && e.monthly+more == k.MonthlyUpload {
		return nil
	}
	over := errTraffic
	if k.TrafficCode != "" {
		over.code = k.TrafficCode
	}
	return &over
}

func (e *Emulator) newUpload(c *call, p diskPath, overwrite bool) object {
	op := e.newOperation(c, task{})
	op.upload = true
	u := &upload{target: p, overwrite: overwrite, op: op, knobs: c.knobs, until: c.now.Add(orDefault(c.knobs.UploadLinkLife, uploadLinkLife)), rate: c.throttle(p)}
	moscow := c.now.UTC().Add(3 * time.Hour)
	u.id = fmt.Sprintf("%s.utd.%s-k61j.%s", moscow.Format("20060102T150405.000"), e.word(25, letters), e.word(7, "123456789"))
	e.uploads.add(u, c.now)
	return object{{"operation_id", op.id}, {"href", c.hosts.base(roleUploader) + "/upload-target/" + u.id}, {"method", http.MethodPut}, {"templated", false}}
}

// uploads are the links that a client may still use. They are guarded by the
// emulator's lock.
type uploads struct {
	byID map[string]*upload
	all  []*upload // by time of issue
}

// add adds u and removes links that expired an hour ago.
func (l *uploads) add(u *upload, now time.Time) {
	forget := 0
	for forget < len(l.all) && now.Sub(l.all[forget].until) > time.Hour && l.all[forget].busy.TryLock() {
		l.all[forget].discard()
		l.all[forget].busy.Unlock()
		delete(l.byID, l.all[forget].id)
		forget++
	}
	l.all = append(l.all[forget:], u)
	l.byID[u.id] = u
}

// throttle returns the rate limit of an upload when its link is requested:
// by the extension of the name, unless the client claims to be Yandex's own.
func (c *call) throttle(p diskPath) int64 {
	ours := strings.HasPrefix(c.r.UserAgent(), "Yandex.Disk") && !c.knobs.ThrottleAll
	media := kindOf(p.name()).media
	slow := media == "data" || media == "compressed" || media == "video" || path.Ext(p.name()) == ".mp3"
	if ours || !slow {
		return 0
	}
	return c.knobs.ThrottleRate
}

// instantUpload stores content that the service already has without a
// transfer, as the desktop client was seen to do; otherwise it returns a link.
func (e *Emulator) instantUpload(c *call) (reply, *failure) {
	if !c.knobs.InstantUpload {
		return reply{}, errMethod.ptr()
	}
	p, overwrite, fail := e.uploadTarget(c)
	if fail != nil {
		return reply{}, fail
	}
	var known *content
	for _, root := range []*node{e.disk.root, e.disk.trash} {
		root.walk(func(n *node) {
			if n.content != nil && n.content.md5 == c.query.Get("md5") && n.content.sha256 == c.query.Get("sha256") &&
				strconv.FormatInt(n.content.size, 10) == c.query.Get("size") {
				known = n.content
			}
		})
	}
	if known != nil {
		e.setContent(p, known, c.knobs)
		return reply{status: http.StatusCreated, body: c.resourceLink(p.String())}, nil
	}
	to := e.newUpload(c, p, overwrite)
	id, _ := to.get("operation_id")
	return reply{status: http.StatusOK, body: object{
		{"operation_link", link(e.operationHref(c, e.ops.byID[id.(string)]))},
		{"upload_link", to.without("operation_id")},
	}}, nil
}
