package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testclock"
)

func TestRecordedExchangesReplay(t *testing.T) {
	flows := loadRecordings(t)
	if flows == nil {
		t.Skipf("no recorded exchanges in %s", recordings)
	}
	replayed, total := 0, 0
	for _, n := range replayAll(t, flows) {
		replayed += n
	}
	for _, flow := range flows {
		total += len(flow)
	}
	if replayed != total {
		t.Errorf("%d of %d exchanges replayed", replayed, total)
	}
}

// replayAll plays all flows and counts the exchanges that agree, by endpoint.
func replayAll(t *testing.T, flows map[string][]exchange) map[emulator.Endpoint]int {
	counts := make(map[emulator.Endpoint]int)
	for _, name := range slices.Sorted(maps.Keys(flows)) {
		t.Run(name, func(t *testing.T) { newReplay(t, name, flows[name]).run(counts) })
	}
	return counts
}

// A replay plays one flow against an emulator that takes itself for the hosts
// of Yandex. Names that the service made up differ from one run to the next:
// names in the recording are mapped to those of the emulator as they appear.
type replay struct {
	t      *testing.T
	e      *emulator.Emulator
	client *http.Client
	name   string
	flow   []exchange
	names  map[string]string
	token  string
	clock  *testclock.Clock
}

func newReplay(t *testing.T, name string, flow []exchange) *replay {
	r := &replay{t: t, name: name, flow: flow, names: make(map[string]string), token: "replay-token", clock: newClock()}
	r.e = emulator.New(emulator.Options{
		Token: r.token, Seed: uint64(len(flow)), Now: r.clock.Now,
		Knobs: emulator.Knobs{PreviewDelay: time.Hour},
	})
	server := httptest.NewServer(r.e)
	t.Cleanup(func() {
		server.Close()
		if err := r.e.Close(); err != nil {
			t.Error(err)
		}
	})
	r.client = &http.Client{Transport: toServer{&http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		},
		DisableKeepAlives: true,
	}}}
	return r
}

// toServer sends requests for any https host in clear to one server.
type toServer struct{ next http.RoundTripper }

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme = "http"
	return s.next.RoundTrip(r)
}

func (r *replay) run(counts map[emulator.Endpoint]int) {
	r.must(r.e.Mkdir("/YaDiskTest"))
	r.prepare()
	for i, x := range r.flow {
		r.expectOperation(i)
		r.clock.Advance(100 * time.Millisecond)
		r.e.ResetCounters()
		if r.play(x) {
			for endpoint, n := range r.e.Counters().By {
				if endpoint != emulator.Storage { // counted where it was redirected
					counts[endpoint] += n
				}
			}
		}
	}
}

func (r *replay) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// play makes one recorded request and compares the answers.
func (r *replay) play(x exchange) bool {
	req := r.request(x)
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Errorf("%s: %v", x.file, err)
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Errorf("%s: %v", x.file, err)
		return false
	}
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if resp.StatusCode != x.Response.Status {
		fault("status %d, recorded %d", resp.StatusCode, x.Response.Status)
	}
	if got, recorded := resp.Header.Get("Content-Type"), x.Response.Headers["content-type"]; got != recorded {
		fault("content type %q, recorded %q", got, recorded)
	}
	if recorded, ok := x.Response.Headers["content-length"]; ok && x.Response.JSON == nil && resp.StatusCode != 204 || resp.StatusCode >= 400 && ok {
		if got := strconv.Itoa(len(body)); got != recorded {
			fault("%s bytes, recorded %s", got, recorded)
		}
	}
	switch {
	case x.Response.JSON != nil:
		var got any
		if err := json.Unmarshal(body, &got); err != nil {
			fault("%v", err)
			break
		}
		if style := styleOf(body); style != x.Response.Style {
			fault("JSON is %s, recorded %s", style, x.Response.Style)
		}
		r.compare(fault, "", got, x.Response.JSON)
	case x.Response.Text != nil:
		if string(body) != *x.Response.Text {
			fault("body %q, recorded %q", body, *x.Response.Text)
		}
	case x.Response.Note != "":
		if string(body) != string(noted(r.t, x.Response.Note)) {
			fault("another body than recorded: %q", body[:min(len(body), 40)])
		}
	}
	for _, f := range faults {
		r.t.Errorf("%s: %s\n%s", x.file, f, body)
	}
	return len(faults) == 0
}

// request makes a recorded request, with the emulator's names for the recorded ones.
func (r *replay) request(x exchange) *http.Request {
	address := x.Request.URL
	if ours, ok := r.names[normal(address)]; ok {
		address = ours
	} else {
		u, err := url.Parse(address)
		r.must(err)
		if ours, ok := r.names[normal(strings.TrimSuffix(address, "?"+u.RawQuery))]; ok {
			address = ours + "?" + u.RawQuery
		} else {
			u.RawQuery = r.translate(u.Query()).Encode()
			address = u.String()
		}
	}
	var body io.Reader
	switch {
	case x.Request.JSON != nil:
		data, err := json.Marshal(x.Request.JSON)
		r.must(err)
		body = bytes.NewReader(data)
	case x.Request.Note != "":
		body = io.MultiReader(bytes.NewReader(noted(r.t, x.Request.Note))) // of unknown length
	case strings.Contains(address, "oauth."):
		form, err := url.ParseQuery(x.Request.Text)
		r.must(err)
		body = strings.NewReader(r.translate(form).Encode())
	case x.Request.Text != "":
		body = strings.NewReader(x.Request.Text)
	}
	req, err := http.NewRequest(x.Request.Method, address, body)
	r.must(err)
	for name, value := range x.Request.Headers {
		req.Header.Set(name, value)
	}
	if req.Header.Get("Authorization") != "" {
		req.Header.Set("Authorization", "OAuth "+r.token)
		if x.file == "02-check-token-03" {
			req.Header.Set("Authorization", "OAuth of-somebody-else")
		}
	}
	return req
}

func (r *replay) translate(values url.Values) url.Values {
	for _, list := range values {
		for i, value := range list {
			if ours, ok := r.names[value]; ok {
				list[i] = ours
			}
		}
	}
	return values
}

// volatile are the members whose values the service makes up. Values of all
// others must be as recorded.
var volatile = []string{"created", "modified", "deleted", "revision", "resource_id", "private_resource", "public_resource", "file", "preview", "url",
	"public_key", "public_url", "operation_id", "access_token", "refresh_token", "device_code", "user_code", "expires_in", "used_space"}

// compare checks that got has the shape, and where it is not made up the
// content, of what was recorded, and learns names.
func (r *replay) compare(fault func(string, ...any), at string, got, recorded any) {
	switch recorded := recorded.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			fault("%s: not an object", at)
			return
		}
		if g, w := slices.Sorted(maps.Keys(object)), slices.Sorted(maps.Keys(recorded)); !slices.Equal(g, w) {
			fault("%s: members %q, recorded %q", at, g, w)
		}
		for key, value := range recorded {
			r.compare(fault, at+"."+key, object[key], value)
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(recorded) {
			fault("%s: %v, recorded %d items", at, got, len(recorded))
			return
		}
		for i, value := range recorded {
			r.compare(fault, fmt.Sprintf("%s[%d]", at, i), list[i], value)
		}
	default:
		if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", recorded) {
			fault("%s: a %T, recorded a %T", at, got, recorded)
			return
		}
		r.learn(at[strings.LastIndex(at, ".")+1:], got, recorded)
		if got != recorded && !r.madeUp(at[strings.LastIndex(at, ".")+1:], recorded) {
			fault("%s: %v, recorded %v", at, got, recorded)
		}
	}
}

func (r *replay) learn(key string, got, recorded any) {
	ours, ok := got.(string)
	if !ok || got == recorded || recorded == "" {
		return
	}
	theirs := recorded.(string)
	r.names[theirs] = ours
	if strings.HasPrefix(theirs, "https://") {
		r.names[normal(theirs)] = ours
	}
	switch key {
	case "access_token":
		r.token = ours
	case "operation_id":
		const operations = "https://cloud-api.yandex.net/v1/disk/operations/"
		r.names[normal(operations+theirs)] = operations + ours
	}
}

func (r *replay) madeUp(key string, recorded any) bool {
	text, _ := recorded.(string)
	if r.name == "07-files-flat-list" && (key == "name" || key == "path") {
		return true // replaced in the recording
	}
	contents := r.name == "07-files-flat-list" || r.name == "10-my-public-resources" // whose bytes nobody knows
	return slices.Contains(volatile, key) ||
		key == "path" && strings.HasPrefix(text, "trash:/") ||
		key == "href" && !strings.Contains(text, "/v1/disk/resources?path=") ||
		contents && slices.Contains([]string{"size", "md5", "sha256"}, key)
}

// normal is an address in the one form in which addresses are compared:
// clients wrote some of them anew before they sent them.
func normal(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Hostname() + u.Path + "?" + u.Query().Encode()
}

// styleOf reports whether JSON has spaces after its separators.
func styleOf(body []byte) string {
	inString := false
	for i, c := range body {
		if c == '"' && (i == 0 || body[i-1] != '\\') {
			inString = !inString
		}
		if c == ' ' && !inString {
			return "spaced"
		}
	}
	return "compact"
}
