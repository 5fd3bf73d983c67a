package webdav

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// diskGateways are handlers of one emulated disk that share a log, as serve makes
// them. pass is called by each with every request of it to the service, which is not
// sent if that returns an error.
func diskGateways(t *testing.T, n int, opts emulator.Options, pass func(gateway int, req *http.Request) error) ([]*Handler, *gatewaytest.Log, *emulator.Server) {
	t.Helper()
	disk, err := emulator.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	log, engines := gatewaytest.New(t, n)
	var all []*Handler
	for i, e := range engines {
		store, err := yandex.New(yandex.Config{
			APIURL: disk.URL, Token: yandex.StaticToken(disk.Token), Rate: -1, RetryWait: time.Millisecond, ModTimeWait: time.Millisecond,
			Transport: passing(func(req *http.Request) error { return pass(i, req) }),
			After:     func(d time.Duration) <-chan time.Time { return time.After(d / 1000) },
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, storeGateway(t, store, e))
	}
	return all, log, disk
}

// storeGateway is a gateway of a store.
func storeGateway(t *testing.T, store backend.Backend, e *gatewaytest.Gateway) *Handler {
	t.Helper()
	files, err := vfs.New(store, vfs.WithEngine(e, func() vfs.Member {
		if e.Epoch() == 0 {
			return nil
		}
		return e
	}), vfs.WithAgreement(heldBy(e)))
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHandler(files, WithEngine(e, func() Member { return e }, func(c Change) {
		if !c.Own {
			if err := files.Learn(c.Path, c.ETag); err != nil {
				t.Error(err)
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// passing sees every request before it is sent.
type passing func(*http.Request) error

func (p passing) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := p(req); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(req)
}

// isSent reports whether a request sends content.
func isSent(req *http.Request) bool {
	return req.Method == http.MethodPut && strings.Contains(req.URL.Path, "upload-target")
}

// TestPutIsNotSentOverAnother: two gateways store one file, and the second replaces
// what the first has stored before that has seen it. The first does not send its
// own again over what has been acknowledged meanwhile.
func TestPutIsNotSentOverAnother(t *testing.T) {
	for _, told := range []bool{true, false} {
		for _, old := range []bool{true, false} {
			t.Run(fmt.Sprintf("the other has ended %v, a file was there %v", told, old), func(t *testing.T) {
				const first, second = 0, 1
				var sent, looked [2]atomic.Int32
				var looking [2]sync.Once
				var stored [2]chan struct{} // closed when each looks for what it has sent
				looks := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
				for i := range stored {
					stored[i] = make(chan struct{})
				}
				var armed atomic.Bool
				all, log, disk := diskGateways(t, 2, emulator.Options{}, func(gateway int, req *http.Request) error {
					if !armed.Load() {
						return nil
					}
					if isSent(req) {
						sent[gateway].Add(1)
						return nil
					}
					if sent[gateway].Load() == 1 && req.Method == http.MethodGet {
						looked[gateway].Add(1)
						looking[gateway].Do(func() { close(stored[gateway]) })
						<-looks[gateway]
					}
					return nil
				})
				if old {
					if a := serve(all[first], "PUT", "/f", "what was there"); a.Code != http.StatusCreated {
						t.Fatal(a.Code)
					}
				}
				log.Lag()
				armed.Store(true)
				answers := [2]chan *httptest.ResponseRecorder{make(chan *httptest.ResponseRecorder, 1), make(chan *httptest.ResponseRecorder, 1)}
				begin := func(gateway int, body string) {
					go func() { answers[gateway] <- serve(all[gateway], "PUT", "/f", body) }()
					<-stored[gateway]
				}
				begin(first, "of the first")
				begin(second, "of the second")
				if told {
					close(looks[second])
					if a := <-answers[second]; a.Code/100 != 2 {
						t.Errorf("the second is answered %d %s", a.Code, a.Body)
					}
				}
				close(looks[first])
				a := <-answers[first]
				if n := looked[first].Load(); !told && n < 2 || told && n != 1 {
					t.Errorf("the first has looked %d times for what it stored, which may show late, or is known to be replaced", n)
				}
				if told && (a.Code != http.StatusNoContent || a.Header().Get("ETag") != "") {
					t.Errorf("the first, which was replaced, is answered %d %v", a.Code, a.Header())
				}
				if !told {
					if a.Code != http.StatusServiceUnavailable {
						t.Errorf("the first, of which nothing is known, is answered %d", a.Code)
					}
					close(looks[second])
					if a := <-answers[second]; a.Code/100 != 2 {
						t.Errorf("the second is answered %d %s", a.Code, a.Body)
					}
				}
				if a, b := sent[first].Load(), sent[second].Load(); a != 1 || b != 1 {
					t.Errorf("the first was sent %d times, the second %d", a, b)
				}
				if there, err := disk.ReadFile("/f"); err != nil || string(there) != "of the second" {
					t.Errorf("%q is there, %v", there, err)
				}
				for i, h := range all {
					if a := serve(h, "GET", "/f", ""); a.Body.String() != "of the second" {
						t.Errorf("gateway %d serves %q", i, a.Body)
					}
				}
			})
		}
	}
}

// TestPutIsRepairedAtGateways: where no other gateway stores the file, what the
// service has not stored as it was sent is sent again.
func TestPutIsRepairedAtGateways(t *testing.T) {
	var sent atomic.Int32
	all, _, disk := diskGateways(t, 2, emulator.Options{Knobs: emulator.Knobs{StoresHalf: true, WrongEvery: 2}}, func(_ int, req *http.Request) error {
		if isSent(req) {
			sent.Add(1)
		}
		return nil
	})
	if a := serve(all[0], "PUT", "/f", "the whole content"); a.Code != http.StatusCreated {
		t.Errorf("answered %d %s", a.Code, a.Body)
	}
	if there, err := disk.ReadFile("/f"); err != nil || string(there) != "the whole content" || sent.Load() != 2 {
		t.Errorf("%q is there, sent %d times, %v", there, sent.Load(), err)
	}
}

// TestPutBesideWhatWasStoredBefore: another gateway stores the file, and tells, while one
// is still sending its own, at first or again. That is not taken for what has replaced
// it where the service keeps nothing of what was sent, and it is not sent over.
func TestPutBesideWhatWasStoredBefore(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("again %v", again), func(t *testing.T) {
			var sent, beside int
			var all []*Handler
			var disk *emulator.Server
			all, _, disk = diskGateways(t, 2, emulator.Options{}, func(gateway int, req *http.Request) error {
				if gateway != 0 || !isSent(req) {
					return nil
				}
				if sent++; again == (sent == 2) {
					disk.SetKnobs(func(k *emulator.Knobs) { k.StoresHalf = false })
					beside = serve(all[1], "PUT", "/f", "of the second").Code
					disk.SetKnobs(func(k *emulator.Knobs) { k.UploadNoEffect = !again })
				}
				return nil
			})
			disk.SetKnobs(func(k *emulator.Knobs) { k.StoresHalf = again })
			if a := serve(all[0], "PUT", "/f", "of the first"); a.Code != http.StatusServiceUnavailable {
				t.Errorf("what is not stored is answered %d %s", a.Code, a.Body)
			}
			if beside/100 != 2 {
				t.Errorf("the second is answered %d", beside)
			}
			if there, err := disk.ReadFile("/f"); err != nil || string(there) != "of the second" {
				t.Errorf("%q is there, %v", there, err)
			}
		})
	}
}
