package webdav

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// Gateways compare versions each for itself, and a store need not. So who replaces a
// certain version at one gateway has the file alone until that is done, and of two
// one is refused. Those who replace whatever is there do not wait for each other.
func TestVersionsAtGateways(t *testing.T) {
	for _, test := range []struct {
		first, second string // their conditions
		at            string
		together      bool
		answers       [2]int
	}{
		{"", "", "/f", true, [2]int{204, 204}},
		{"If-Match: TAG", "If-Match: TAG", "/f", false, [2]int{204, 412}},
		{"", "If-Match: TAG", "/f", false, [2]int{204, 412}},
		{"If-Match: TAG", "", "/f", false, [2]int{204, 204}},
		{"If-Match: TAG", "If: ([TAG])", "/f", false, [2]int{204, 412}},
		{"If: ([TAG])", "If-Match: *", "/f", false, [2]int{204, 204}},
		{"If-Match: TAG", "If-Unmodified-Since: Mon, 30 Nov 2099 00:00:00 GMT", "/f", false, [2]int{204, 204}},
		{"If-None-Match: *", "If-None-Match: *", "/new", false, [2]int{201, 412}},
	} {
		t.Run(fmt.Sprintf("%s and %s", test.first, test.second), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				files := newCapableFs()
				var stores atomic.Int64
				before := func() {}
				all, _ := newGateways(t, 2, &lateFs{files, func() { before() }})
				serve(all[0], "PUT", "/f", "first")
				tag := serve(all[0], "GET", "/f", "").Header().Get("ETag")
				release := make(chan struct{})
				before = func() { stores.Add(1); <-release }
				var answers [2]chan int
				for i, condition := range []string{test.first, test.second} {
					var header []string
					if condition != "" {
						header = append(header, strings.ReplaceAll(condition, "TAG", tag))
					}
					answers[i] = make(chan int, 1)
					go func() { answers[i] <- serve(all[i], "PUT", test.at, "next", header...).Code }()
					synctest.Wait()
				}
				if got := stores.Load() == 2; got != test.together {
					t.Errorf("both are under way: %v, want %v", got, test.together)
				}
				close(release)
				for i, want := range test.answers {
					if got := <-answers[i]; got != want {
						t.Errorf("number %d is answered %d, want %d", i, got, want)
					}
				}
				for _, h := range all {
					if err := h.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

type membership uint64

func (membership) Gateway() string       { return "gateway-1" }
func (m membership) Epoch() uint64       { return uint64(m) }
func (membership) Lost() <-chan struct{} { return nil }

// What a gateway does not know that is no member, or was none meanwhile, may be so:
// a lock that was granted elsewhere is not denied, nor are there said to be none.
func TestLocksAreNotDeniedWithoutMembership(t *testing.T) {
	const token = "urn:uuid:00000000-0000-4000-8000-000000000000"
	for name, test := range map[string]struct {
		epochs [2]uint64 // at the beginning, and at the end; 0 is none
		denied bool
	}{
		"a member":       {[2]uint64{1, 1}, true},
		"no member":      {[2]uint64{0, 0}, false},
		"no more":        {[2]uint64{1, 0}, false},
		"again a member": {[2]uint64{1, 2}, false},
		"now a member":   {[2]uint64{0, 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			files := newCapableFs()
			_, engines := gatewaytest.New(t, 1)
			asked := 0
			h, err := NewHandler(files, WithEngine(engines[0], func() Member {
				epoch := test.epochs[min(max(asked, 0), 1)]
				if asked++; epoch != 0 {
					return membership(epoch)
				}
				return nil
			}, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			for _, request := range []struct {
				method, header string
				code           int
			}{
				{"LOCK", "If: (<" + token + ">)", http.StatusPreconditionFailed},
				{"UNLOCK", "Lock-Token: <" + token + ">", http.StatusConflict},
			} {
				want := http.StatusServiceUnavailable
				if test.denied {
					want = request.code
				}
				asked = 0
				a := serve(h, request.method, "/f", "", request.header)
				if a.Code != want {
					t.Errorf("%s is answered %d, want %d: %s", request.method, a.Code, want, a.Body)
				}
			}
			for _, query := range []string{"<prop><lockdiscovery/></prop>", "<allprop/>"} {
				asked = -1 // once for any request
				a := serve(h, "PROPFIND", "/", `<propfind xmlns="DAV:">`+query+`</propfind>`, "Depth: 0")
				if a.Code != http.StatusMultiStatus || strings.Contains(a.Body.String(), "HTTP/1.1 503") == test.denied {
					t.Errorf("%s is answered %d: %s", query, a.Code, a.Body)
				}
			}
		})
	}
}
