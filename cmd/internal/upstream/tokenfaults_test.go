package upstream

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// rotating is a service that ends the tokens before with each renewal.
var rotating = emulator.Knobs{TokenLife: time.Hour, RefreshNewAccess: true}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// by lets the gateway ask the service by a transport, as a process that starts.
func (h *holder) by(transport http.RoundTripper) {
	o := h.oauth
	o.Transport = transport
	h.store = yandex.NewTokenStore(h.dir, "default", o)
	h.store.ShareWith(h.Logins)
}

// same fails unless both gateways have and use one login which is good.
func (s *sharing) same(a, b *holder) {
	s.Helper()
	a.good(a.token())
	b.good(b.token())
	if a.stored() != b.stored() {
		s.Errorf("one has %+v, the other %+v", a.stored(), b.stored())
	}
}

// A refresh whose answer is lost may be under way: nobody tries again before its time.
func TestRefreshWithoutAnAnswer(t *testing.T) {
	s := newSharing(t, rotating)
	a, b := s.start(s.began), s.start(s.began)
	asked := 0
	a.by(roundTrip(func(*http.Request) (*http.Response, error) { asked++; return nil, errors.New("it hangs") }))
	var login []byte
	a.store.ShareWith(seen{a.Logins, &login})
	s.pass(2 * time.Hour)
	if _, err := a.store.Token(t.Context()); err == nil || asked != 1 {
		t.Errorf("it says %v, and has asked %d times", err, asked)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for name, l := range map[string]*Logins{"another": b.Logins, "itself": a.Logins} {
		if next, err := l.Reserve(short, login); !errors.Is(err, backend.ErrUnavailable) || next != nil {
			t.Errorf("%s may renew it meanwhile: %q, %v", name, next, err)
		}
	}
	s.refreshed(0)
	s.pass(renewPatience)
	b.good(b.token())
	s.refreshed(1)
	s.same(a, b)
	s.refreshed(1)
}

// A gateway whose login is refused looks whether another has told meanwhile.
func TestRefusedAndTold(t *testing.T) {
	s := newSharing(t, rotating)
	a, b := s.start(s.began), s.start(s.began)
	a.reopen(dying{a.Logins})
	s.pass(2 * time.Hour)
	a.good(a.token())
	s.pass(renewPatience)
	b.reopen(toldAtLast{b.Logins, func() { a.reopen(a.Logins); a.token() }})
	b.good(b.token())
	s.refreshed(2)
	s.same(a, b)
	s.refreshed(2)
}

// toldAtLast is a gateway that another tells something before it can release a login.
type toldAtLast struct {
	backend.Logins
	tell func()
}

func (l toldAtLast) Release(ctx context.Context, login []byte) error {
	l.tell()
	return l.Logins.Release(ctx, login)
}

// A gateway that cannot write what the login was renewed to tells it all the same, and has
// it from the others when it starts again.
func TestRenewedAndNotStored(t *testing.T) {
	s := newSharing(t, rotating)
	a, b := s.start(s.began), s.start(s.began)
	a.token()
	file := filepath.Join(a.dir, "yandex", "default.json")
	a.by(roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err := errors.Join(os.Rename(file, file+".aside"), os.MkdirAll(filepath.Join(file, "in the way"), 0o700)); err != nil {
			t.Error(err)
		}
		return resp, err
	}))
	s.pass(2 * time.Hour)
	token, err := a.store.Token(t.Context())
	if err != nil {
		t.Error(err)
	}
	a.good(token)
	if got := b.token(); got != token {
		t.Error("the other was not told")
	}
	if err := errors.Join(os.RemoveAll(file), os.Rename(file+".aside", file)); err != nil {
		t.Fatal(err)
	}
	a.reopen(a.Logins)
	s.same(a, b)
	s.refreshed(1)
}

// A davdisk beside a gateway renews a login before the gateway has looked at it, also when
// that fails at first.
func TestRenewedBesideAnIdleGateway(t *testing.T) {
	s := newSharing(t, rotating)
	a, b := s.start(s.began), s.start(s.began)
	fails := s.oauth
	fails.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") })
	if err := yandex.NewTokenStore(a.dir, "default", fails).Renew(t.Context()); err == nil || !strings.Contains(err.Error(), "no route") {
		t.Errorf("it says %v", err)
	}
	for range 2 {
		if err := s.lone(a.dir).Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.refreshed(2)
	s.same(a, b)
	s.refreshed(2)
}

// Whoever replaces a login can know that the others have not been told of it.
func TestUntoldLogin(t *testing.T) {
	s := newSharing(t, rotating)
	a := s.start(s.began)
	a.reopen(dying{a.Logins})
	s.pass(2 * time.Hour)
	a.token()
	if !s.lone(a.dir).Untold() {
		t.Error("it is told")
	}
	a.reopen(a.Logins)
	a.token()
	if s.lone(a.dir).Untold() {
		t.Error("it is untold")
	}
}

// seen notes what login is reserved.
type seen struct {
	backend.Logins
	login *[]byte
}

func (l seen) Reserve(ctx context.Context, login []byte) ([]byte, error) {
	*l.login = login
	return l.Logins.Reserve(ctx, login)
}
