package emulator

import (
	"context"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options configure an emulator. The zero value is a free account with an
// empty disk, kept in memory, without latency.
type Options struct {
	Addr         string           // where Start listens with the API; "" is 127.0.0.1 and a free port
	Dir          string           // a folder for content, so that it does not fill memory; Close removes what was put there
	Token        string           // an access token that is accepted; "" is a made-up one
	ClientID     string           // the registered application; "" accepts any
	ClientSecret string           // its secret; "" accepts any
	TLS          bool             // Start serves https with a certificate of its own authority, see CACert
	Now          func() time.Time // the service's clock; nil is time.Now
	Log          *slog.Logger     // requests at level debug; nil discards
	Latency      time.Duration    // delay before every response; see SetLatency
	Seed         uint64           // of ids, tokens, order of keys and random faults
	Knobs        Knobs
}

// An Emulator is the service. As an http.Handler it serves all of it on one
// address and distinguishes the hosts by the Host header or else by path;
// [Start] gives each host its own address.
type Emulator struct {
	opts      Options
	log       *slog.Logger
	now       func() time.Time
	counters  counters
	contents  *contents
	faults    faults
	late      lateRequests
	secret    []byte          // signs links
	bases     map[role]string // addresses of the hosts, if each has one; set before serving
	authority authority

	stop    context.Context // ends when the emulator is closed
	stopAll context.CancelFunc
	work    sync.WaitGroup // requests, and what runs without one
	serving sync.WaitGroup // listeners

	random struct {
		sync.Mutex // guards the random generator
		*rand.Rand
	}

	mu      sync.Mutex // guards what follows
	closed  bool
	servers []*http.Server
	knobs   Knobs
	latency time.Duration
	disk    *disk
	ops     operations
	uploads uploads
	oauth   oauthState
	rate    rateWindow
	shares  map[string]*share   // by public key and by public address
	fakes   map[string]*content // by address
	monthly int64               // bytes uploaded
	wrong   int                 // requests that could meet a knob of wrong.go
}

// New makes an emulator to be served by a listener of the caller. It must be
// closed.
func New(o Options) *Emulator {
	e := &Emulator{opts: o, log: o.Log, now: o.Now, knobs: o.Knobs, latency: o.Latency}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.now == nil {
		e.now = time.Now
	}
	e.stop, e.stopAll = context.WithCancel(context.Background())
	e.random.Rand = rand.New(rand.NewPCG(o.Seed, 0))
	e.secret = []byte(e.hex(32))
	e.contents = newContents(o.Dir, func() string { return e.hex(32) })
	e.faults.seed(RandomFaults{Seed: o.Seed})
	e.reset()
	return e
}

// Reset clears disk, trash, operations, links and grants; the token, the
// knobs, the faults and the counters stay.
func (e *Emulator) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reset()
}

func (e *Emulator) reset() {
	e.late.drop()
	newID := func() string { return uid + ":" + e.hex(64) }
	e.disk = newDisk(e.now, newID, func(c *content) {
		e.contents.drop(c, e.now(), orDefault(e.knobs.DownloadLinkLife, downloadLinkLife))
	})
	e.ops = operations{byID: make(map[string]*operation)}
	e.uploads = uploads{byID: make(map[string]*upload)}
	e.shares = make(map[string]*share)
	e.fakes = make(map[string]*content)
	e.monthly, e.wrong = 0, 0
	token := e.oauth.token
	if token == "" {
		token = e.opts.Token
	}
	if token == "" {
		token = "y0_emulator_" + e.hex(40)
	}
	e.oauth = newOAuthState(token)
}

// SetLatency changes the delay before every response.
func (e *Emulator) SetLatency(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.latency = d
}

// hex makes n random hexadecimal digits.
func (e *Emulator) hex(n int) string {
	e.random.Lock()
	defer e.random.Unlock()
	b := make([]byte, (n+1)/2)
	for i := range b {
		b[i] = byte(e.random.Uint32())
	}
	return hex.EncodeToString(b)[:n]
}

// word makes n random characters of the alphabet.
func (e *Emulator) word(n int, alphabet string) string {
	e.random.Lock()
	defer e.random.Unlock()
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[e.random.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	mixed   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + letters
)

// ServeHTTP serves the whole service on one address.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if role, ok := yandexRole(r.Host); ok {
		e.serve(role, w, r)
		return
	}
	e.serve(roleOfPath(r.URL.Path), w, r)
}

// serve answers one request that came to one of the service's hosts.
func (e *Emulator) serve(role role, w http.ResponseWriter, r *http.Request) {
	endpoint := routeOf(role, r)
	e.counters.update(func(c *Counters) {
		c.By[endpoint]++
		if r.Header.Get("Authorization") != "" && !role.takesToken() && endpoint != Preview {
			c.TokenLeak++
		}
	})
	if !e.enter() {
		nginxError(w, http.StatusServiceUnavailable)
		return
	}
	defer e.work.Done()
	w.Header().Set("Date", e.now().UTC().Format(http.TimeFormat))
	e.log.Debug("request", "endpoint", string(endpoint), "path", r.URL.Query().Get("path"))
	e.mu.Lock()
	latency := e.latency
	e.mu.Unlock()
	if !e.wait(r.Context(), latency) {
		abort()
	}
	e.carryOutLate()
	handler := e.handler(role)
	if fault := e.faults.take(endpoint, r); fault != nil {
		e.counters.update(func(c *Counters) { c.Faults++ })
		e.log.Debug("fault", "endpoint", string(endpoint), "fault", *fault)
		e.suffer(*fault, handler, w, r)
		return
	}
	handler(w, r)
}

// enter counts a request as work that Close waits for.
func (e *Emulator) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.work.Add(1)
	return true
}

func (e *Emulator) handler(role role) http.HandlerFunc {
	switch role {
	case roleOAuth:
		return e.serveOAuth
	case roleUploader:
		return e.serveUploader
	case roleDownloader:
		return e.serveDownloader
	case roleStorage:
		return e.serveStorage
	}
	return e.serveAPI
}

// wait sleeps for d and reports whether neither the request nor the emulator
// ended first.
func (e *Emulator) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-e.stop.Done():
	}
	return false
}

// abort breaks the connection. A handler that cannot respond must not just return:
// that would be a success.
func abort() { panic(http.ErrAbortHandler) }

// A role is what one of the service's hosts does.
type role int

const (
	roleAPI role = iota
	roleOAuth
	roleUploader
	roleDownloader
	roleStorage
)

// takesToken reports whether the host expects an Authorization header.
func (r role) takesToken() bool { return r == roleAPI || r == roleOAuth }

// roleOfPath returns the host that a path belongs to by its first segment.
func roleOfPath(path string) role {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "upload-target":
		return roleUploader
	case "disk", "preview", "zip":
		return roleDownloader
	case "rdisk":
		return roleStorage
	case "token", "authorize", "device", "revoke_token", "verification_code", "info":
		return roleOAuth
	}
	return roleAPI
}
