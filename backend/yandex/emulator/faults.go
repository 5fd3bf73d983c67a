package emulator

import (
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Fault is an error injected into requests that match it. The zero value
// matches every request and fails the next one with 500.
type Fault struct {
	Endpoint Endpoint // "" matches every endpoint
	Method   string   // "" matches every method
	Path     string   // part of the path parameter, or of the address where there is none; "" matches all
	Nth      int      // the first matching request that is hit, counted from 1; 0 is 1
	Times    int      // how many in a row are hit; 0 is 1, negative is all of them

	Status     int           // of the response; 0 is 500 unless another kind of fault is set
	Code       string        // of the error body; "" is the one the service sends with the status
	RetryAfter time.Duration // header of the response; 0 sends none
	HTML       bool          // a proxy's HTML page in place of the JSON body
	Reset      bool          // the connection is reset without a response
	After      bool          // the request takes effect first, then Status or Reset follows
	Late       time.Duration // the connection is reset, and the request is carried out when the emulator's clock has gone on so far
	Delay      time.Duration // before anything else; alone, the request is only delayed
	Slow       int64         // bytes a second of the response body, which is otherwise unchanged
	Truncate   int64         // the connection breaks after this many bytes of the response body
	Body       string        // sent in place of the response body, as application/json
}

// RandomFaults inject faults at random, at a given rate.
type RandomFaults struct {
	Rate  float64 // share of requests that fail, 0 to 1
	Seed  uint64
	Kinds []Fault // to choose from, Nth and Times ignored; the default is 429, 500, 502, 503 and resets before and after the effect
}

// faults are the faults still to be injected.
type faults struct {
	mu       sync.Mutex // guards what follows
	scripted []*scriptedFault
	random   RandomFaults
	rng      *rand.Rand
}

type scriptedFault struct {
	Fault
	seen, hit int
}

// Inject adds scripted faults. Of several that match a request and are due,
// the one added first applies.
func (e *Emulator) Inject(fault ...Fault) {
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	for _, f := range fault {
		e.faults.scripted = append(e.faults.scripted, &scriptedFault{Fault: f})
	}
}

// InjectRandom makes requests fail at random from now on; a rate of 0 ends it.
func (e *Emulator) InjectRandom(r RandomFaults) { e.faults.seed(r) }

// ClearFaults removes scripted and random faults.
func (e *Emulator) ClearFaults() {
	e.faults.mu.Lock()
	defer e.faults.mu.Unlock()
	e.faults.scripted = nil
	e.faults.random.Rate = 0
}

func (f *faults) seed(r RandomFaults) {
	if len(r.Kinds) == 0 {
		r.Kinds = []Fault{{Status: 429}, {Status: 500}, {Status: 502, HTML: true}, {Status: 503}, {Reset: true}, {Reset: true, After: true}}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.random, f.rng = r, rand.New(rand.NewPCG(r.Seed, 1))
}

// take returns the fault for a request, or nil.
func (f *faults) take(endpoint Endpoint, r *http.Request) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.scripted {
		if !s.matches(endpoint, r) {
			continue
		}
		s.seen++
		if s.seen >= max(s.Nth, 1) && (s.Times < 0 || s.hit < max(s.Times, 1)) {
			s.hit++
			return &s.Fault
		}
	}
	if f.random.Rate > 0 && f.rng.Float64() < f.random.Rate {
		fault := f.random.Kinds[f.rng.IntN(len(f.random.Kinds))]
		if fault.matches(endpoint, r) {
			return &fault
		}
	}
	return nil
}

func (f *Fault) matches(endpoint Endpoint, r *http.Request) bool {
	if f.Endpoint != "" && f.Endpoint != endpoint || f.Method != "" && f.Method != r.Method {
		return false
	}
	at := r.URL.Query().Get("path")
	if at == "" {
		at = r.URL.String()
	}
	return strings.Contains(at, f.Path)
}

// suffer serves a request with a fault.
func (e *Emulator) suffer(f Fault, handler http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	if !e.wait(r.Context(), f.Delay) {
		abort()
	}
	switch {
	case f.Late > 0:
		e.late.keep(e.now().Add(f.Late), handler, r)
		reset(w)
		return
	case f.Slow > 0 || f.Truncate > 0:
		handler(&faultyWriter{ResponseWriter: w, e: e, fault: f}, r)
		return
	case f.Delay > 0 && !f.Reset && f.Status == 0 && f.Body == "":
		handler(w, r)
		return
	}
	if f.After {
		handler(&discardWriter{header: make(http.Header)}, r)
	}
	switch {
	case f.Reset:
		reset(w)
	case f.Body != "":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		if f.Status != 0 {
			w.WriteHeader(f.Status)
		}
		w.Write([]byte(f.Body))
	default:
		e.refuse(f, w, r)
	}
}

// refuse responds with the status of a fault in the form of the host.
func (e *Emulator) refuse(f Fault, w http.ResponseWriter, r *http.Request) {
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	role := roleOfPath(r.URL.Path)
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", retryAfter(f.RetryAfter))
	}
	switch {
	case f.HTML || role == roleDownloader || role == roleStorage:
		nginxError(w, status)
	case role == roleUploader:
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(status)
	default:
		fail := failureOf(status)
		if f.Code != "" {
			fail.code = f.Code
		}
		e.writeFailure(w, &fail)
	}
}

// failureOf returns what the service sends with a status.
func failureOf(status int) failure {
	for _, known := range []failure{errUnauthorized, errForbidden, errNotFound, errMethod, errNotAcceptable, errTooLarge, errMediaType,
		errLocked, errTooManyRequests, errInternal, errUnavailable, errQuota} {
		if known.status == status {
			return known
		}
	}
	text := http.StatusText(status)
	return failure{status: status, code: strings.ReplaceAll(text, " ", "") + "Error", description: text, message: "Ошибка " + strconv.Itoa(status) + "."}
}

// reset breaks the connection so that the client sees it reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		abort() // HTTP/2 has no connection of one request
	}
	raw := conn
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = secure.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	raw.Close()
}

// discardWriter discards a response.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) WriteHeader(int)             {}

// faultyWriter sends a body slowly, or only its beginning.
type faultyWriter struct {
	http.ResponseWriter
	e     *Emulator
	fault Fault
	sent  int64
}

func (w *faultyWriter) Write(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		part := p
		if w.fault.Slow > 0 {
			part = p[:min(int64(len(p)), max(w.fault.Slow/20, 1))]
		}
		if w.fault.Truncate > 0 && w.sent+int64(len(part)) >= w.fault.Truncate {
			part = part[:w.fault.Truncate-w.sent]
			w.ResponseWriter.Write(part)
			http.NewResponseController(w.ResponseWriter).Flush()
			abort()
		}
		n, err := w.ResponseWriter.Write(part)
		w.sent += int64(n)
		total += n
		if err != nil {
			return total, err
		}
		p = p[n:]
		if w.fault.Slow > 0 {
			http.NewResponseController(w.ResponseWriter).Flush()
			if !w.e.wait(w.e.stop, time.Duration(float64(n)/float64(w.fault.Slow)*float64(time.Second))) {
				return total, errStopped
			}
		}
	}
	return total, nil
}

func (w *faultyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
