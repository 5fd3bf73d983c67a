package emulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A step is a part of an operation. It reports whether it succeeded; if not,
// the operation has failed.
type step func() bool

// A task is a change of the tree and the paths that are locked meanwhile.
type task struct {
	locks []diskPath
	steps []step
}

func (t task) run() bool {
	for _, s := range t.steps {
		if !s() {
			return false
		}
	}
	return true
}

// An operation is a task that the client polls.
type operation struct {
	id     string
	issued time.Time
	task
	polls   int
	done    int // steps taken
	knobs   Knobs
	upload  bool // waits for bytes, not for polls
	status  string
	outcome string
}

const (
	inProgress = "in-progress"
	success    = "success"
	failed     = "failed"
)

// unpolled is how much longer an operation takes that is not polled.
const unpolled = 2 * time.Second

// async decides whether a change is an operation. Only folders that hold
// something take long enough.
func (c *call) async(forced bool, n *node) bool {
	switch c.knobs.Async {
	case "always":
		return true
	case "never":
		return false
	}
	return forced || n != nil && n.isDir() && len(n.children) > 0
}

// begin starts an operation and returns the link to it.
func (e *Emulator) begin(c *call, t task) object {
	if len(t.locks) > 0 && e.mistakes(c.knobs.OperationNoEffect, t.locks[0].name()) {
		t.steps = nil
	}
	op := e.newOperation(c, t)
	op.outcome = success
	if c.knobs.OperationFailure != "" {
		op.outcome = c.knobs.OperationFailure
	}
	return link(e.operationHref(c, op))
}

func (e *Emulator) newOperation(c *call, t task) *operation {
	op := &operation{id: e.hex(64), issued: c.now, task: t, knobs: c.knobs, status: inProgress}
	e.ops.add(op)
	return op
}

// operations are all operations that a client may still poll. They are
// guarded by the emulator's lock.
type operations struct {
	byID    map[string]*operation
	all     []*operation // by time of issue
	running []*operation // those that may lock something, by time of issue
}

// remembered is how long the result of an operation can be polled.
const remembered = 24 * time.Hour

func (o *operations) add(op *operation) {
	forget := 0
	for forget < len(o.all) && op.issued.Sub(o.all[forget].issued) > remembered {
		delete(o.byID, o.all[forget].id)
		forget++
	}
	o.all = append(o.all[forget:], op)
	o.byID[op.id] = op
	if len(op.locks) > 0 {
		o.running = append(o.running, op)
	}
}

// stillRunning drops those that have ended from the running ones.
func (o *operations) stillRunning() []*operation {
	o.running = slices.DeleteFunc(o.running, func(op *operation) bool { return op.status != inProgress })
	return o.running
}

func (e *Emulator) operationHref(c *call, op *operation) string {
	base := c.hosts.base(roleAPI)
	if c.knobs.OperationHTTP {
		base = strings.Replace(base, "https://", "http://", 1)
	}
	if c.knobs.OperationQuery {
		return base + "/v1/disk/operations?id=" + url.QueryEscape(op.id)
	}
	return base + "/v1/disk/operations/" + op.id
}

// expire ends the operations that were not polled for long.
func (e *Emulator) expire(now time.Time) {
	for _, op := range e.ops.stillRunning() {
		if now.Sub(op.issued) >= op.knobs.OperationDelay+unpolled {
			op.end()
		}
	}
}

// poll returns the status of the operation and advances it.
func (op *operation) poll(now time.Time) string {
	if op.status != inProgress || op.upload {
		return op.status
	}
	if op.polls >= op.knobs.OperationPolls && now.Sub(op.issued) >= op.knobs.OperationDelay {
		op.end()
		return op.status
	}
	op.polls++
	if op.knobs.OperationGradual && op.knobs.OperationPolls > 0 {
		op.advance(len(op.steps) * op.polls / (op.knobs.OperationPolls + 1))
	}
	return op.status
}

// advance takes steps until there have been n of them.
func (op *operation) advance(n int) {
	for op.done < n && op.status == inProgress {
		if !op.steps[op.done]() {
			op.status = failed
		}
		op.done++
	}
}

// end finishes the operation and releases its locks. One that is to fail stops
// where it is.
func (op *operation) end() {
	defer func() { op.task = task{} }()
	if op.outcome != success {
		op.status = op.outcome
		return
	}
	op.advance(len(op.steps))
	if op.status == inProgress {
		op.status = success
	}
}

// locked refuses a write at p while an operation works on it, on something
// above it or on something below it.
func (e *Emulator) locked(c *call, p diskPath) *failure {
	if c.knobs.OperationNoLock {
		return nil
	}
	for _, op := range e.ops.stillRunning() {
		for _, lock := range op.locks {
			if p.within(lock) || lock.within(p) {
				return errLocked.ptr()
			}
		}
	}
	return nil
}

// getOperation returns the status of an operation.
func (e *Emulator) getOperation(c *call) (reply, *failure) {
	id, ok := strings.CutPrefix(strings.TrimSuffix(c.r.URL.Path, "/"), "/v1/disk/operations/")
	if !ok {
		id = c.query.Get("id")
	}
	op := e.ops.byID[id]
	if op == nil {
		return reply{}, errNoOperation.ptr()
	}
	return reply{status: http.StatusOK, body: object{{"status", op.poll(c.now)}}, whole: true}, nil
}

// listOperations is the undocumented response to a request without an id.
func (e *Emulator) listOperations(*call) (reply, *failure) {
	items := list{}
	for _, op := range e.ops.all {
		if op.status == inProgress {
			items = append(items, object{{"operation_id", op.id}, {"status", op.status}})
		}
	}
	return reply{status: http.StatusOK, body: object{{"items", items}}}, nil
}
