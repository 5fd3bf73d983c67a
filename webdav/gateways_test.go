package webdav

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// newGateways returns handlers of one file system that share a log.
func newGateways(t *testing.T, n int, fs afero.Fs, opts ...Option) ([]*Handler, *gatewaytest.Log) {
	t.Helper()
	log, engines := gatewaytest.New(t, n)
	var all []*Handler
	for _, e := range engines {
		h, err := NewHandler(fs, append(slices.Clone(opts), WithEngine(e, func() Member { return e }, nil))...)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	return all, log
}

// newSharedShare is a share of several gateways, of which choose is asked for
// each request.
func newSharedShare(t *testing.T, n int, fs afero.Fs, choose func() int) (*share, *gatewaytest.Log) {
	t.Helper()
	all, log := newGateways(t, n, fs)
	s := newShareBy(t, fs, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		all[choose()].ServeHTTP(w, req)
	}), nil)
	s.handler = all[0]
	t.Cleanup(func() {
		s.server.Close()
		for _, h := range all {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return s, log
}

// anyOf returns a function that chooses one of n at random.
func anyOf(t *testing.T, n int) func() int {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
}

// TestRFC4918AtGateways has the tests of TestRFC4918 with each request sent to
// one of three gateways at random. What a gateway has not yet been told it does
// not know.
func TestRFC4918AtGateways(t *testing.T) {
	refusing := func() afero.Fs {
		fs := newCapableFs()
		fs.noProperties = true
		return fs
	}
	for _, r := range requirements() {
		t.Run(r.name, func(t *testing.T) {
			s, log := newSharedShare(t, 3, refusing(), anyOf(t, 3))
			log.Lag()
			r.test(s)
		})
	}
}

// What is locked at one gateway is locked at the other, and what is known of a
// resource follows it: as soon as the request is answered.
func TestGatewaysShareLocksAndProperties(t *testing.T) {
	fs := newCapableFs()
	fs.noProperties = true
	at := 0
	s, log := newSharedShare(t, 2, fs, func() int { return at })
	log.Lag()
	const a, b = 0, 1
	on := func(gateway int) *share { at = gateway; return s }

	on(a).want(201, "MKCOL", "/d", "")
	on(a).put("/d/f", "old")
	on(a).want(207, "PROPPATCH", "/d/f", setProperty("p", "kept"))
	if got := on(b).properties("/d/f", "{urn:n}p")["{urn:n}p"]; got != "kept" {
		t.Errorf("the other gateway has %q", got)
	}
	token := on(a).lock("/d/f")
	if got := on(b).properties("/d/f", "lockdiscovery")["lockdiscovery"]; !strings.Contains(got, strings.Trim(token, "<>")) {
		t.Errorf("the other gateway tells %q", got)
	}
	on(b).want(423, "PUT", "/d/f", "new")
	on(b).want(423, "LOCK", "/d/f", lockBody)
	on(b).want(207, "DELETE", "/d", "")
	on(b).want(204, "PUT", "/d/f", "new", "If: ("+token+")")
	on(a).want(207, "PROPPATCH", "/d", setProperty("p", "folder"))
	empty := on(a).lock("/d/new", "Timeout: Second-600")

	on(a).want(201, "MOVE", "/d", "", "Destination: /e", "If: </d/f> ("+token+") </d/new> ("+empty+")")
	if got := on(b).properties("/e/f", "{urn:n}p")["{urn:n}p"] + on(b).properties("/e", "{urn:n}p")["{urn:n}p"]; got != "keptfolder" {
		t.Errorf("after MOVE the other gateway has %q", got)
	}
	on(b).want(200, "HEAD", "/e/new", "") // what the lock had made
	on(b).want(204, "PUT", "/e/f", "newer")
	on(b).want(409, "UNLOCK", "/e/f", "", "Lock-Token: "+token)

	again := on(b).lock("/e/f")
	on(a).want(423, "PUT", "/e/f", "x")
	on(a).want(200, "LOCK", "/e/f", "", "If: ("+again+")")
	on(a).want(204, "UNLOCK", "/e/f", "", "Lock-Token: "+again)
	on(b).want(204, "PUT", "/e/f", "x")
	on(b).want(204, "DELETE", "/e", "")
	on(a).gone("/e/new")
}

// TestEntriesOfEachMethod: two entries for a change, one for the end or the
// refresh of a lock, none for what changes nothing.
func TestEntriesOfEachMethod(t *testing.T) {
	fs := newCapableFs()
	fs.noProperties = true
	s, log := newSharedShare(t, 2, fs, anyOf(t, 2))
	costs := func(want int, status int, method, at, body string, headers ...string) string {
		t.Helper()
		before := log.Entries()
		a := s.want(status, method, at, body, headers...)
		if got := log.Entries() - before; got != want {
			t.Errorf("%s %s: %d entries, want %d", method, at, got, want)
		}
		return a.header.Get("Lock-Token")
	}
	costs(2, 201, "PUT", "/f", "x")
	costs(2, 204, "PUT", "/f", "y")
	costs(2, 201, "MKCOL", "/d", "")
	costs(2, 207, "PROPPATCH", "/f", setProperty("p", "v"))
	costs(2, 201, "COPY", "/f", "", "Destination: /d/g")
	costs(2, 201, "COPY", "/d", "", "Destination: /e")
	token := costs(2, 200, "LOCK", "/f", lockBody)
	costs(2, 423, "PUT", "/f", "z")
	costs(1, 200, "LOCK", "/f", "", "If: ("+token+")")
	for _, read := range []string{"GET", "HEAD", "PROPFIND", "OPTIONS"} {
		costs(0, map[string]int{"PROPFIND": 207}[read]+map[bool]int{true: 200}[read != "PROPFIND"], read, "/f", "")
	}
	costs(1, 204, "UNLOCK", "/f", "", "Lock-Token: "+token)
	token = costs(2, 201, "LOCK", "/d/new", lockBody)
	costs(2, 201, "MOVE", "/d", "", "Destination: /n", "If: </d/new> ("+token+")")
	costs(2, 204, "PUT", "/n/new", "x")
	costs(2, 204, "DELETE", "/n", "")
	token = costs(2, 201, "LOCK", "/e/new", lockBody)
	costs(2, 204, "UNLOCK", "/e/new", "", "Lock-Token: "+token, "If: ("+token+")")
	costs(0, 404, "GET", "/e/new", "")
}

// Every gateway is told what was changed at any of them, also by requests that
// have failed, and not what was only locked.
func TestGatewaysAreToldOfChanges(t *testing.T) {
	fs := newCapableFs()
	fs.noProperties = true
	_, engines := gatewaytest.New(t, 2)
	told := make([][]Change, 2)
	var all []*Handler
	for i, e := range engines {
		h, err := NewHandler(fs, WithEngine(e, func() Member { return e }, func(c Change) { told[i] = append(told[i], c) }))
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		all = append(all, h)
	}
	send := func(status int, method, at, body string, headers ...string) {
		t.Helper()
		if a := serve(all[0], method, at, body, headers...); a.Code != status {
			t.Errorf("%s %s: %d %s", method, at, a.Code, a.Body)
		}
	}
	send(201, "PUT", "/f", "12345")
	info, err := fs.Stat("/f")
	if err != nil {
		t.Fatal(err)
	}
	send(201, "MKCOL", "/d", "")
	send(200, "LOCK", "/d", lockBody)
	send(207, "PROPPATCH", "/f", setProperty("p", "v"))
	send(201, "COPY", "/f", "", "Destination: /g")
	send(201, "MOVE", "/g", "", "Destination: /h")
	send(204, "DELETE", "/h", "")
	fs.failOn(503, "put")
	send(503, "PUT", "/f", "678")
	made := []Change{
		{Path: "/f", ETag: info.(ETager).ETag(), Size: 5, ModTime: info.ModTime()},
		{Path: "/d"},
		{Path: "/f"},
		{Path: "/g", Tree: true},
		{Path: "/g", Tree: true}, {Path: "/h", Tree: true},
		{Path: "/h", Tree: true},
		{Path: "/f"},
	}
	for i := range told {
		want := slices.Clone(made)
		for j := range want {
			want[j].Gateway = engines[0].Gateway()
			want[j].Own = i == 0 && j < len(want)-1 // the last has failed
		}
		if !reflect.DeepEqual(told[i], want) {
			t.Errorf("gateway %d was told\n%v\nwant\n%v", i, told[i], want)
		}
	}
}

// serve sends a request to a handler without a connection.
func serve(h *Handler, method, at, body string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, at, strings.NewReader(body))
	req.Host = "localhost"
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// A gateway that is expelled while it stores a file does not report it stored,
// though it is; until then, or until it cannot be stored any more, no other one
// changes the name.
func TestExpelledWhileStoring(t *testing.T) {
	for _, woken := range []bool{true, false} {
		t.Run(fmt.Sprint("woken ", woken), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				files := newCapableFs()
				step := func(string, string) {}
				log, engines := gatewaytest.New(t, 2)
				var all []*Handler
				for _, e := range engines {
					h, err := NewHandler(&steppedFs{files, func(op, name string) { step(op, name) }}, WithEngine(e, func() Member { return e }, nil))
					if err != nil {
						t.Fatal(err)
					}
					defer h.Close()
					all = append(all, h)
				}
				serve(all[1], "PUT", "/f", "first")
				stored, wake := make(chan struct{}), make(chan struct{})
				step = func(string, string) { close(stored); <-wake }
				ended := make(chan int)
				go func() { ended <- serve(all[0], "PUT", "/f", "sleeping").Code }()
				<-stored
				step = func(string, string) {}
				log.Expel(engines[0], true)
				for _, method := range []string{"DELETE", "LOCK", "PUT"} {
					body := map[string]string{"LOCK": lockBody}[method]
					if a := serve(all[1], method, "/f", body); a.Code != http.StatusLocked {
						t.Errorf("%s meanwhile: %d", method, a.Code)
					}
				}
				if !woken {
					time.Sleep(lingers)
				} else {
					close(wake)
					if got := <-ended; got != http.StatusServiceUnavailable {
						t.Errorf("the sleeper is answered %d", got)
					}
				}
				if a := serve(all[1], "LOCK", "/f", lockBody); a.Code != http.StatusOK {
					t.Errorf("LOCK afterwards: %d", a.Code)
				}
				if !woken {
					close(wake)
					if got := <-ended; got != http.StatusServiceUnavailable {
						t.Errorf("the sleeper is answered %d", got)
					}
				}
			})
		})
	}
}

// A gateway without a membership changes nothing, and is read.
func TestGatewayWithoutMembership(t *testing.T) {
	files := newCapableFs()
	_, engines := gatewaytest.New(t, 1)
	h, err := NewHandler(files, WithEngine(engines[0], func() Member { return nil }, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, method := range []string{"PUT", "MKCOL", "DELETE", "LOCK", "PROPPATCH"} {
		body := map[string]string{"LOCK": lockBody, "PROPPATCH": setProperty("p", "v"), "PUT": "x"}[method]
		if a := serve(h, method, "/f", body); a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", method, a.Code, a.Body)
		}
	}
	if a := serve(h, "PROPFIND", "/", "", "Depth: 1"); a.Code != http.StatusMultiStatus {
		t.Errorf("PROPFIND: %d", a.Code)
	}
	if len(files.nodes) != 1 {
		t.Errorf("changed: %v", files.nodes)
	}
}

// An engine of another kind is refused, and so is one without a membership.
func TestEngineIsOneOfDavdisk(t *testing.T) {
	if _, err := NewHandler(newCapableFs(), WithEngine(http.NoBody, func() Member { return nil }, nil)); err == nil {
		t.Error("http.NoBody is taken for an engine")
	}
	_, engines := gatewaytest.New(t, 1)
	if _, err := NewHandler(newCapableFs(), WithEngine(engines[0], nil, nil)); err == nil {
		t.Error("a gateway without a membership")
	}
}

// Two that create one file at two gateways: one has created it.
func TestCreatedOnceAtGateways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := newCapableFs()
		var both sync.WaitGroup
		both.Add(2)
		all, _ := newGateways(t, 2, &steppedFs{files, func(op, _ string) { both.Done(); both.Wait() }})
		codes := make(chan int, 2)
		for _, h := range all {
			go func() { codes <- serve(h, "PUT", "/f", "x").Code }()
		}
		got := []int{<-codes, <-codes}
		slices.Sort(got)
		if !slices.Equal(got, []int{201, 204}) {
			t.Errorf("answered %v", got)
		}
		for _, h := range all {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A name that is reserved for what is no request is kept from the requests to all
// gateways, and whoever reserves it learns of locks.
func TestReserve(t *testing.T) {
	all, _ := newGateways(t, 2, newCapableFs())
	for _, h := range all {
		defer h.Close()
	}
	release, locked, err := all[0].Reserve(t.Context(), "/f")
	if err != nil || locked {
		t.Fatalf("it is reserved with %v, %v", locked, err)
	}
	over, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, _, err := all[1].Reserve(over, "/f"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it is reserved twice: %v", err)
	}
	release()
	if a := serve(all[1], "LOCK", "/f", lockBody); a.Code != http.StatusCreated {
		t.Fatalf("LOCK is answered %d", a.Code)
	}
	release, locked, err = all[0].Reserve(t.Context(), "/f")
	if err != nil || !locked {
		t.Fatalf("it is reserved with %v, %v", locked, err)
	}
	release()
}
