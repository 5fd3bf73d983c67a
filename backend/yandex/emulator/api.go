package emulator

import (
	"hash/fnv"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A call is one request to the REST API.
type call struct {
	r     *http.Request
	query url.Values
	body  []byte
	hosts hosts
	now   time.Time
	knobs Knobs
	grant *grant // nil where no token is needed
}

// A reply is a successful answer; a nil body is an empty one.
type reply struct {
	status int
	body   any
	whole  bool // the fields parameter is ignored if it names no known field
}

const maxBody = 1 << 20

// serveAPI answers a request to the REST API.
func (e *Emulator) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		e.writeFailure(w, errBadRequest("Cannot read the body.", "Некорректные данные."))
		return
	}
	c := &call{r: r, query: r.URL.Query(), body: body, hosts: e.hostsOf(r), now: e.now()}
	out, fail := e.answer(c)
	if fail != nil {
		e.writeFailure(w, fail)
		return
	}
	var payload []byte
	if out.body != nil {
		payload = e.style(c.knobs).appendJSON(nil, project(out, c.query.Get("fields")))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if origin := r.Header.Get("Origin"); origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
	if out.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(payload)))
	}
	w.WriteHeader(out.status)
	w.Write(payload)
}

// answer finds the route, checks token and limits, and runs the handler, all
// under the lock.
func (e *Emulator) answer(c *call) (reply, *failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.knobs = e.knobs
	e.expire(c.now)
	if !e.rate.admit(c.now, c.knobs.RateLimit) {
		fail := errTooManyRequests
		if c.knobs.RetryAfter > 0 {
			fail.retryAfter = retryAfter(c.knobs.RetryAfter)
		}
		return reply{}, &fail
	}
	found, known := lookup(c.r)
	if !known {
		return reply{}, errNoRoute.ptr()
	}
	if found.endpoint == "" {
		return reply{}, errMethod.ptr()
	}
	if found.right != noToken {
		if c.grant = e.oauth.granted(c.r, c.knobs, c.now); c.grant == nil {
			return reply{}, errUnauthorized.ptr()
		}
		if !c.grant.allows(found.right) {
			return reply{}, errForbidden.ptr()
		}
	}
	if !acceptsJSON(c.r) {
		return reply{}, errNotAcceptable.ptr()
	}
	if c.knobs.Overdraft && found.right != noToken {
		return reply{}, errOverdraft.ptr()
	}
	if c.knobs.ReadOnly && found.right == editRight {
		return reply{}, errReadOnly.ptr()
	}
	return found.answer(e, c)
}

func acceptsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	if accept == "" {
		return true
	}
	for part := range strings.SplitSeq(accept, ",") {
		kind, _, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil || slices.Contains([]string{"*/*", "application/*", "application/json", "application/hal+json"}, kind) {
			return true
		}
	}
	return false
}

// project applies the fields parameter to a response body.
func project(out reply, fields string) any {
	p := parseFields(fields)
	got := p.apply(out.body)
	if narrowed, ok := got.(object); ok && len(narrowed) == 0 && out.whole {
		return out.body
	}
	public, ok := out.body.(object)
	if !ok || p["_embedded"] == nil {
		return got
	}
	return keepPublicKey(public, got.(object))
}

// keepPublicKey adds its public_key to the listing of a public folder, which the
// service sends whether it was asked for or not.
func keepPublicKey(whole, narrowed object) object {
	before, _ := whole.get("_embedded")
	after, _ := narrowed.get("_embedded")
	from, ok := before.(object)
	if !ok {
		return narrowed
	}
	key, published := from.get("public_key")
	listing, ok := after.(object)
	if !published || !ok {
		return narrowed
	}
	return narrowed.with("_embedded", listing.with("public_key", key))
}

func (e *Emulator) writeFailure(w http.ResponseWriter, f *failure) {
	e.mu.Lock()
	style := e.style(e.knobs)
	e.mu.Unlock()
	payload := style.appendJSON(nil, f.body())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(payload)))
	if f.retryAfter != "" {
		w.Header().Set("Retry-After", f.retryAfter)
	}
	w.WriteHeader(f.status)
	w.Write(payload)
}

// style is compact JSON, with keys in an order that the seed chooses: the
// service changed its order between 2024 and 2025, so no client may depend on it.
func (e *Emulator) style(k Knobs) jsonStyle {
	s := jsonStyle{comma: ",", colon: ":"}
	if !k.OrderedKeys {
		s.order = func(o object) object {
			rank := func(m member) uint64 {
				h := fnv.New64a()
				h.Write([]byte(m.key))
				return mix(h.Sum64() ^ e.opts.Seed)
			}
			sorted := slices.Clone(o)
			slices.SortFunc(sorted, func(a, b member) int {
				if rank(a) < rank(b) {
					return -1
				}
				return 1
			})
			return sorted
		}
	}
	return s
}

// required returns a parameter that must be present and not empty.
func (c *call) required(name string) (string, *failure) {
	value := c.query.Get(name)
	if value == "" {
		return "", errFieldRequired(name)
	}
	return value, nil
}

// path returns a parameter that is a path, with app:/ resolved to the
// application's folder.
func (c *call) path(name string) (diskPath, *failure) {
	value, fail := c.required(name)
	if fail != nil {
		return diskPath{}, fail
	}
	return c.parse(value)
}

func (c *call) parse(value string) (diskPath, *failure) {
	p, fail := parsePath(value, c.knobs)
	if fail != nil {
		return p, fail
	}
	if p.area == "app" {
		p.area, p.parts = "disk", append([]string{applications, appName}, p.parts...)
	} else if c.grant != nil && c.grant.appFolderOnly() {
		return p, errForbidden.ptr()
	}
	return p, nil
}

// flag returns a boolean parameter, false if it is absent.
func (c *call) flag(name string) (bool, *failure) {
	switch strings.ToLower(c.query.Get(name)) {
	case "true", "1":
		return true, nil
	case "false", "0", "":
		return false, nil
	}
	return false, errFieldInvalid(name, "This field must be a boolean.", "Значение должно быть логическим.")
}

// number returns a count, def if it is absent.
func (c *call) number(name string, def int) (int, *failure) {
	value := c.query.Get(name)
	if value == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 0 {
		return 0, errFieldInvalid(name, "This field must be a non-negative integer.", "Значение должно быть неотрицательным целым числом.")
	}
	return int(n), nil
}

func retryAfter(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

// A rateWindow counts the requests of one second.
type rateWindow struct {
	second int64
	count  int
}

func (w *rateWindow) admit(now time.Time, limit int) bool {
	if second := now.Unix(); second != w.second {
		w.second, w.count = second, 0
	}
	w.count++
	return limit <= 0 || w.count <= limit
}

func (e *Emulator) apiVersion(*call) (reply, *failure) {
	return reply{status: 200, body: object{{"build", "2.12.22"}, {"api_version", "v1"}}}, nil
}
