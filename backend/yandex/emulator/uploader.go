package emulator

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// serveUploader receives content. Its responses have no bodies.
func (e *Emulator) serveUploader(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "0")
	e.mu.Lock()
	u := e.uploads.byID[strings.TrimPrefix(r.URL.Path, "/upload-target/")]
	e.mu.Unlock()
	switch {
	case u == nil:
		w.WriteHeader(http.StatusNotFound)
	case !e.now().Before(u.until):
		w.WriteHeader(http.StatusGone)
	case r.Method == http.MethodHead:
		e.uploadedSoFar(w, u)
	case r.Method != http.MethodPut:
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		e.receive(w, r, u)
	}
}

// uploadedSoFar responds with the number of bytes received of an interrupted
// upload.
func (e *Emulator) uploadedSoFar(w http.ResponseWriter, u *upload) {
	u.busy.Lock()
	defer u.busy.Unlock()
	if u.knobs.NoResume || u.finished {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if u.sink != nil {
		w.Header().Set("Content-Length", strconv.FormatInt(u.sink.size, 10))
	}
	w.WriteHeader(http.StatusOK)
}

// receive reads a PUT, whole or a range, and stores the file on its last byte.
// Until then nothing is visible on the disk; what a broken connection leaves
// can only be resumed.
func (e *Emulator) receive(w http.ResponseWriter, r *http.Request, u *upload) {
	if r.Header.Get("Content-Range") == "" && !u.putting.CompareAndSwap(false, true) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	u.busy.Lock() // until the end of a broken connection is noticed here too, or a HEAD is answered
	defer u.busy.Unlock()
	u.putting.Store(true)
	defer u.putting.Store(false)
	rng, status := u.rangeOf(r)
	if status == 0 {
		status = e.admit(u, r, rng)
	}
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	if u.sink == nil {
		sink, err := e.contents.newSink()
		if err != nil {
			e.log.Error("upload", "error", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		u.sink = sink
	}
	u.used = true
	limit := u.knobs.maxFileSize() - u.sink.size
	got, err := io.CopyBuffer(e.countUp(u.sink, u.rate), io.LimitReader(r.Body, limit+1), make([]byte, u.buffer(r)))
	switch {
	case errors.Is(err, errStopped):
		abort()
	case err != nil:
		if u.knobs.NoResume {
			u.discard()
		}
		w.WriteHeader(http.StatusBadRequest)
	case got > limit:
		u.discard()
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case rng != nil && u.sink.size < rng.total:
		w.WriteHeader(http.StatusAccepted)
	default:
		e.finalize(w, u)
	}
}

// buffer returns how many bytes are read at a time: many, because each piece is
// written and hashed twice, but few of a small or throttled upload.
func (u *upload) buffer(r *http.Request) int64 {
	size := int64(256 << 10)
	if r.ContentLength >= 0 {
		size = min(size, r.ContentLength)
	}
	if u.rate > 0 {
		size = min(size, u.rate/10)
	}
	return max(size, 512)
}

// discard ends the upload and drops what it received.
func (u *upload) discard() {
	if u.sink != nil {
		u.sink.abort()
		u.sink = nil
	}
	u.finished = true
}

// A contentRange is the header of a part of an upload.
type contentRange struct{ first, last, total int64 }

var contentRangeForm = regexp.MustCompile(`^bytes (\d+)-(\d+)/(\d+)$`)

// rangeOf checks the Content-Range of a PUT against the bytes received so far;
// a status other than 0 rejects it. A link without resuming is valid for one
// PUT.
func (u *upload) rangeOf(r *http.Request) (*contentRange, int) {
	if u.finished {
		return nil, http.StatusBadRequest
	}
	header := r.Header.Get("Content-Range")
	if header == "" {
		if u.used {
			return nil, http.StatusBadRequest
		}
		return nil, 0
	}
	parts := contentRangeForm.FindStringSubmatch(header)
	if parts == nil || u.knobs.NoResume {
		return nil, http.StatusBadRequest
	}
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseInt(parts[i+1], 10, 64); err != nil {
			return nil, http.StatusBadRequest
		}
	}
	rng := &contentRange{n[0], n[1], n[2]}
	var have int64
	if u.sink != nil {
		have = u.sink.size
	}
	switch {
	case rng.first != have || rng.last < rng.first || rng.last >= rng.total:
		return nil, http.StatusPreconditionFailed
	case r.ContentLength >= 0 && r.ContentLength != rng.last-rng.first+1:
		return nil, http.StatusBadRequest
	case u.knobs.NoPieces && rng.last != rng.total-1:
		return nil, http.StatusBadRequest
	}
	return rng, 0
}

// admit rejects at the first byte an upload whose length is not allowed.
func (e *Emulator) admit(u *upload, r *http.Request, rng *contentRange) int {
	size := r.ContentLength
	if rng != nil {
		size = rng.total
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case size > u.knobs.maxFileSize():
		return http.StatusRequestEntityTooLarge
	case e.overTraffic(e.knobs, max(size, 0)) != nil:
		return http.StatusLocked
	case !e.knobs.QuotaAtEnd && size > e.knobs.totalSpace()-e.disk.used:
		return http.StatusInsufficientStorage
	}
	return 0
}

// finalize waits for the delay that the knobs set, whether the client waits
// or not, and stores the file.
func (e *Emulator) finalize(w http.ResponseWriter, u *upload) {
	u.finished = true
	content, err := u.sink.commit()
	u.sink = nil
	if err == nil {
		content, err = e.keptOf(content, u.target.name())
	}
	if err != nil {
		e.log.Error("upload", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	thinking := u.knobs.FinalizeDelay + time.Duration(float64(u.knobs.FinalizePerMiB)*float64(content.size)/(1<<20))
	if !e.wait(e.stop, thinking) {
		abort()
	}
	e.mu.Lock()
	status := e.store(u, content)
	e.mu.Unlock()
	w.WriteHeader(status)
}

// store stores received content at the path of its link, now or when its
// operation ends, and returns the uploader's status.
func (e *Emulator) store(u *upload, content *content) int {
	if status := e.storable(u, content); status != http.StatusCreated {
		u.op.status, u.op.upload = failed, false
		return status
	}
	e.monthly += content.size
	noEffect := e.mistakes(e.knobs.UploadNoEffect, u.target.name())
	u.op.outcome = success
	if u.knobs.OperationFailure != "" && u.knobs.Upload202 {
		u.op.outcome = u.knobs.OperationFailure
	}
	u.op.task = task{locks: []diskPath{u.target}, steps: []step{func() bool {
		if e.storable(u, content) != http.StatusCreated {
			return false
		}
		if !noEffect {
			e.setContent(u.target, content, e.knobs)
		}
		return true
	}}}
	u.op.upload, u.op.issued = false, e.now()
	if u.knobs.Upload202 {
		e.ops.running = append(e.ops.running, u.op)
		return http.StatusAccepted
	}
	u.op.end()
	return http.StatusCreated
}

// storable checks that an upload can still be stored at its path, and returns
// the status.
func (e *Emulator) storable(u *upload, content *content) int {
	parent := e.disk.find(u.target.dir(), u.knobs.FoldNames)
	if parent == nil || !parent.isDir() {
		return http.StatusConflict
	}
	var freed int64
	if existing := parent.child(u.target.name(), u.knobs.FoldNames); existing != nil {
		if existing.isDir() || !u.overwrite && !u.knobs.UploaderTrusts {
			return http.StatusConflict
		}
		freed = existing.content.size
	}
	if e.disk.used-freed+content.size > e.knobs.totalSpace() {
		return http.StatusInsufficientStorage
	}
	return http.StatusCreated
}

// setContent creates a file, or replaces the content of an existing one. The
// folder must exist.
func (e *Emulator) setContent(at diskPath, content *content, k Knobs) *node {
	parent := e.disk.find(at.dir(), k.FoldNames)
	n := e.disk.newNode(at.name(), content)
	if old := parent.child(at.name(), k.FoldNames); old != nil {
		n.name = old.name
		n.shared, old.shared = old.shared, nil
		if n.shared != nil {
			n.shared.node = n
		}
		if !k.OverwriteNew {
			n.id, n.created = old.id, old.created
		}
		if !k.OverwriteDropsProperties {
			n.properties, n.patched = old.properties, old.patched
		}
		e.disk.destroy(old)
	}
	e.disk.attach(parent, n)
	e.disk.touchParent(parent, k)
	return n
}

var errStopped = errors.New("emulator closed")

// countUp counts what the uploader receives and limits its rate.
func (e *Emulator) countUp(w io.Writer, rate int64) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		if rate > 0 && !e.wait(e.stop, time.Duration(float64(len(p))/float64(rate)*float64(time.Second))) {
			return 0, errStopped
		}
		n, err := w.Write(p)
		e.counters.update(func(c *Counters) { c.BytesUp += int64(n) })
		return n, err
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
