package webdav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/unsettled"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// A lostUpload keeps the first upload of a gateway back, so that its outcome is
// unknown there, until it is delivered.
type lostUpload struct {
	mu   sync.Mutex
	kept *http.Request
}

// take returns an error in place of the response.
func (l *lostUpload) take(req *http.Request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept != nil || !isSent(req) {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	l.kept = req.Clone(context.WithoutCancel(req.Context()))
	l.kept.Body = io.NopCloser(bytes.NewReader(body))
	return errors.New("the connection is lost")
}

// deliver lets the service have it.
func (l *lostUpload) deliver(t *testing.T) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(l.kept)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("the upload server answers %d", resp.StatusCode)
	}
}

// putWithin is serve for a PUT whose client does not wait for long.
func putWithin(h *Handler, d time.Duration, at, body string) *httptest.ResponseRecorder {
	return answerWithin(h, d, "PUT", at, body)
}

func answerWithin(h *Handler, d time.Duration, method, at, body string) *httptest.ResponseRecorder {
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errors.New("the client has gone"))
	defer cancel()
	req := httptest.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	req.Host = "localhost"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// TestUploadOfUnknownOutcome: the service does not tell one gateway whether it has
// stored an upload. Until that is known nobody else stores the file, or is told to
// have: the upload would replace it. Afterwards the file is what was stored last.
func TestUploadOfUnknownOutcome(t *testing.T) {
	for _, end := range []string{"", "expelled", "closed and expelled"} {
		t.Run("the gateway is "+end, func(t *testing.T) {
			t.Parallel()
			var lost lostUpload
			all, log, disk := diskGateways(t, 2, emulator.Options{Knobs: emulator.Knobs{NoResume: true}}, func(gateway int, req *http.Request) error {
				if gateway == 0 {
					return lost.take(req)
				}
				return nil
			})
			if a := serve(all[0], "PUT", "/f", "of unknown outcome"); a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" {
				t.Errorf("an upload of unknown outcome is answered %d %s", a.Code, a.Body)
			}
			switch end {
			case "expelled":
				log.Expel(log.Gateways()[0], true)
			case "closed and expelled":
				if err := all[0].Close(); err != nil {
					t.Fatal(err)
				}
				log.Expel(log.Gateways()[0], false)
			}
			for i, h := range all {
				if a := putWithin(h, 50*time.Millisecond, "/f", fmt.Sprint("too early at ", i)); a.Code/100 == 2 {
					t.Errorf("gateway %d: %d", i, a.Code)
				}
			}
			lost.deliver(t)
			if end == "closed and expelled" {
				return // who is there opens it after half an hour
			}
			if a := serve(all[1], "PUT", "/f", "later"); a.Code != http.StatusNoContent {
				t.Errorf("afterwards: %d %s", a.Code, a.Body)
			}
			if there, err := disk.ReadFile("/f"); err != nil || string(there) != "later" {
				t.Errorf("%q is there, %v", there, err)
			}
		})
	}
}

// TestUploadOfUnknownOutcomeOfWhatIsThere: an upload of the content that is there is
// not told to be stored by what is there. It comes late, and would replace what another
// gateway has stored and acknowledged meanwhile.
func TestUploadOfUnknownOutcomeOfWhatIsThere(t *testing.T) {
	var lost lostUpload
	all, _, disk := diskGateways(t, 2, emulator.Options{Knobs: emulator.Knobs{NoResume: true}}, func(gateway int, req *http.Request) error {
		if gateway == 0 {
			return lost.take(req)
		}
		return nil
	})
	if err := disk.WriteFile("/f", []byte("the same")); err != nil {
		t.Fatal(err)
	}
	if a := serve(all[0], "PUT", "/f", "the same"); a.Code != http.StatusServiceUnavailable {
		t.Errorf("an upload of unknown outcome is answered %d %s", a.Code, a.Body)
	}
	if a := putWithin(all[1], 50*time.Millisecond, "/f", "too early"); a.Code/100 == 2 {
		t.Errorf("before it is known, another is answered %d", a.Code)
	}
	lost.deliver(t)
	if a := serve(all[1], "PUT", "/f", "later"); a.Code != http.StatusNoContent {
		t.Errorf("afterwards: %d %s", a.Code, a.Body)
	}
	if there, err := disk.ReadFile("/f"); err != nil || string(there) != "later" {
		t.Errorf("%q is there, %v", there, err)
	}
}

// TestUploadBesideOneOfUnknownOutcome: who was let in before is not told that its
// file is stored, because the other may still replace it.
func TestUploadBesideOneOfUnknownOutcome(t *testing.T) {
	var lost lostUpload
	stored, look := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var sent bool
	all, _, disk := diskGateways(t, 2, emulator.Options{Knobs: emulator.Knobs{NoResume: true}}, func(gateway int, req *http.Request) error {
		switch {
		case gateway == 0:
			return lost.take(req)
		case isSent(req):
			sent = true
		case sent:
			once.Do(func() { close(stored) })
			<-look
		}
		return nil
	})
	beside := make(chan int)
	go func() { beside <- serve(all[1], "PUT", "/f", "beside it").Code }()
	<-stored
	if a := serve(all[0], "PUT", "/f", "of unknown outcome"); a.Code != http.StatusServiceUnavailable {
		t.Errorf("an upload of unknown outcome is answered %d %s", a.Code, a.Body)
	}
	close(look)
	if code := <-beside; code != http.StatusServiceUnavailable {
		t.Errorf("what may be replaced is answered %d", code)
	}
	lost.deliver(t)
	for i, h := range all {
		if a := serve(h, "DELETE", "/f", ""); i == 0 && a.Code != http.StatusNoContent {
			t.Errorf("afterwards: %d %s", a.Code, a.Body)
		}
	}
	if _, err := disk.ReadFile("/f"); err == nil {
		t.Error("it is there again")
	}
}

// TestMoveOfUnknownOutcome: the server ends a MOVE while the service carries it out.
// Until that has ended nobody changes what it moves, or what it moves it to.
func TestMoveOfUnknownOutcome(t *testing.T) {
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	var clock laterClock
	all, _, disk := diskGateways(t, 2, emulator.Options{Now: clock.now}, func(gateway int, req *http.Request) error {
		if gateway == 0 && strings.Contains(req.URL.Path, "/operations") {
			end(errors.New("the server ends"))
		}
		return nil
	})
	for method, name := range map[string]string{"MKCOL": "/d", "PUT": "/f"} {
		if a := serve(all[0], method, name, ""); a.Code != http.StatusCreated {
			t.Fatal(a.Code)
		}
	}
	if a := serve(all[0], "PUT", "/d/f", "moved"); a.Code != http.StatusCreated {
		t.Fatal(a.Code)
	}
	disk.SetKnobs(func(k *emulator.Knobs) { k.OperationDelay, k.OperationNoLock = time.Minute, true })
	req := httptest.NewRequestWithContext(ctx, "MOVE", "/d", nil)
	req.Host = "localhost"
	req.Header.Set("Destination", "/e")
	w := httptest.NewRecorder()
	all[0].ServeHTTP(w, req)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("MOVE is answered %d %s", w.Code, w.Body)
	}
	for i, h := range all {
		for _, name := range []string{"/d/f", "/e/f", "/d", "/e"} {
			if a := putWithin(h, 10*time.Millisecond, name, "too early"); a.Code/100 == 2 {
				t.Errorf("gateway %d: PUT %s is answered %d", i, name, a.Code)
			}
		}
	}
	clock.pass(time.Minute)
	if a := serve(all[1], "PUT", "/e/f", "later"); a.Code != http.StatusNoContent {
		t.Errorf("afterwards: %d %s", a.Code, a.Body)
	}
	if there, err := disk.ReadFile("/e/f"); err != nil || string(there) != "later" {
		t.Errorf("%q is there, %v", there, err)
	}
}

// retrying stores a file at its second attempt, while the first may still take effect.
type retrying struct {
	*memory.Backend
	over atomic.Bool
}

func (r *retrying) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	unsettled.Report(ctx, func(context.Context) bool { return r.over.Load() })
	return r.Backend.Put(ctx, name, body, opts)
}

// TestSuccessBesideAnUnknownOutcome: a change that has succeeded is not told to have, and
// its name is open to nobody, while an earlier attempt at it may still take effect.
func TestSuccessBesideAnUnknownOutcome(t *testing.T) {
	store := &retrying{Backend: memory.New(memory.Options{})}
	_, engines := gatewaytest.New(t, 2)
	var all []*Handler
	for _, e := range engines {
		all = append(all, storeGateway(t, store, e))
	}
	if a := serve(all[0], "PUT", "/f", "stored"); a.Code != http.StatusServiceUnavailable {
		t.Errorf("answered %d %s", a.Code, a.Body)
	}
	if a := putWithin(all[1], 50*time.Millisecond, "/f", "too early"); a.Code/100 == 2 {
		t.Errorf("another is answered %d", a.Code)
	}
	store.over.Store(true)
	if a := serve(all[1], "PUT", "/f", "later"); a.Code != http.StatusNoContent {
		t.Errorf("afterwards: %d %s", a.Code, a.Body)
	}
}

// closed fails the test if any gateway stores something under a name.
func closed(t *testing.T, all []*Handler, name, when string) {
	t.Helper()
	for i, h := range all {
		if a := putWithin(h, 50*time.Millisecond, name, "too early"); a.Code/100 == 2 {
			t.Errorf("gateway %d: %s PUT is answered %d", i, when, a.Code)
		}
	}
}

// TestRemovalOfUnknownOutcome: the answers to a DELETE are lost, and the service may still
// remove what has the name. Until that is known nobody stores anything there. It can be
// removed, at the same gateway: the others would not know that it was not the first removal
// which took it away.
func TestRemovalOfUnknownOutcome(t *testing.T) {
	var losing atomic.Bool
	all, _, disk := diskGateways(t, 2, emulator.Options{}, func(_ int, req *http.Request) error {
		if req.Method == http.MethodDelete && losing.Load() {
			return errors.New("the connection is lost")
		}
		return nil
	})
	if a := serve(all[0], "PUT", "/f", "old"); a.Code != http.StatusCreated {
		t.Fatal(a.Code)
	}
	losing.Store(true)
	if a := serve(all[0], "DELETE", "/f", ""); a.Code != http.StatusServiceUnavailable {
		t.Errorf("a removal of unknown outcome is answered %d %s", a.Code, a.Body)
	}
	losing.Store(false)
	closed(t, all, "/f", "before")
	if a := answerWithin(all[1], 50*time.Millisecond, "DELETE", "/f", ""); a.Code/100 == 2 {
		t.Errorf("the same at another gateway is answered %d %s", a.Code, a.Body)
	}
	if a := serve(all[0], "DELETE", "/f", ""); a.Code != http.StatusNoContent {
		t.Errorf("the same again is answered %d %s", a.Code, a.Body)
	}
	if _, err := disk.ReadFile("/f"); err == nil {
		t.Error("it is still there")
	}
	closed(t, all, "/f", "afterwards")
}

// TestTransferOfUnknownOutcome: the answers to a COPY or a MOVE are lost. The very same
// request goes on, at the same gateway, which knows what may still happen; nothing else
// does, before or after that.
func TestTransferOfUnknownOutcome(t *testing.T) {
	for method, want := range map[string]map[string]string{"COPY": {"/f": "old", "/to": "old"}, "MOVE": {"/to": "old"}} {
		t.Run(method, func(t *testing.T) {
			var losing atomic.Bool
			all, _, disk := diskGateways(t, 2, emulator.Options{}, func(_ int, req *http.Request) error {
				if req.Method == http.MethodPost && losing.Load() {
					return errors.New("the connection is lost")
				}
				return nil
			})
			if a := serve(all[0], "PUT", "/f", "old"); a.Code != http.StatusCreated {
				t.Fatal(a.Code)
			}
			transfer := func(h *Handler, d time.Duration, method, to, overwrite string) int {
				ctx, cancel := context.WithTimeoutCause(t.Context(), d, errors.New("the client has gone"))
				defer cancel()
				req := httptest.NewRequestWithContext(ctx, method, "/f", nil)
				req.Host = "localhost"
				req.Header.Set("Destination", to)
				req.Header.Set("Overwrite", overwrite)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, req)
				return w.Code
			}
			losing.Store(true)
			if code := transfer(all[0], time.Minute, method, "/to", "F"); code != http.StatusServiceUnavailable {
				t.Errorf("of unknown outcome it is answered %d", code)
			}
			losing.Store(false)
			closed(t, all, "/to", "before")
			other := map[string]string{"COPY": "MOVE", "MOVE": "COPY"}[method]
			codes := map[string]int{
				"at another gateway": transfer(all[1], 50*time.Millisecond, method, "/to", "F"),
				"another method":     transfer(all[0], 50*time.Millisecond, other, "/to", "F"),
				"to replace":         transfer(all[0], 50*time.Millisecond, method, "/to", "T"),
			}
			if method == "MOVE" {
				codes["another target"] = transfer(all[0], 50*time.Millisecond, method, "/other", "F")
			}
			for what, code := range codes {
				if code/100 == 2 {
					t.Errorf("%s: it is answered %d", what, code)
				}
			}
			if code := transfer(all[0], time.Minute, method, "/to", "F"); code != http.StatusCreated {
				t.Errorf("the same again is answered %d", code)
			}
			closed(t, all, "/to", "afterwards")
			for _, name := range []string{"/f", "/to"} {
				if there, err := disk.ReadFile(name); string(there) != want[name] || (err == nil) != (want[name] != "") {
					t.Errorf("%s is %q, %v", name, there, err)
				}
			}
		})
	}
}

// TestReplacementOfUnknownOutcome: the answer to the first step of a COPY or a MOVE over a
// folder is lost. The same request again does not put the target aside, and waits.
func TestReplacementOfUnknownOutcome(t *testing.T) {
	for _, method := range []string{"COPY", "MOVE"} {
		t.Run(method, func(t *testing.T) {
			var losing atomic.Bool
			var moves atomic.Int32
			all, _, disk := diskGateways(t, 2, emulator.Options{}, func(_ int, req *http.Request) error {
				if strings.HasSuffix(req.URL.Path, "/move") {
					moves.Add(1)
					if losing.Load() {
						return errors.New("the connection is lost")
					}
				}
				return nil
			})
			for _, folder := range []string{"/from", "/to"} {
				if a := serve(all[0], "MKCOL", folder, ""); a.Code != http.StatusCreated {
					t.Fatal(a.Code)
				}
				if a := serve(all[0], "PUT", folder+"/f", folder); a.Code != http.StatusCreated {
					t.Fatal(a.Code)
				}
			}
			transfer := func(h *Handler) int {
				req := httptest.NewRequestWithContext(t.Context(), method, "/from", nil)
				req.Host = "localhost"
				req.Header.Set("Destination", "/to")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, req)
				return w.Code
			}
			losing.Store(true)
			if code := transfer(all[0]); code != http.StatusServiceUnavailable {
				t.Errorf("of unknown outcome it is answered %d", code)
			}
			losing.Store(false)
			before := moves.Load()
			if code := transfer(all[0]); code != http.StatusLocked {
				t.Errorf("the same again is answered %d", code)
			}
			if n := moves.Load() - before; n != 0 {
				t.Errorf("%d moves are requested", n)
			}
			for _, name := range []string{"/from/f", "/to/f"} {
				if got, err := disk.ReadFile(name); err != nil || string(got)+"/f" != name {
					t.Errorf("%s is %q, %v", name, got, err)
				}
			}
		})
	}
}
