package upstream

import (
	"context"
	"errors"
	"io/fs"
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
	a.applied()
	b.applied()
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
		if next, err := l.Reserve(short, login, true); !errors.Is(err, backend.ErrUnavailable) || next != nil {
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

// Somebody logs in at a gateway that could neither store nor tell what the login was renewed
// to: the others are told that before it is forgotten, since they have no login else.
func TestLoginBesideWhatIsNotTold(t *testing.T) {
	s := newSharing(t, rotating)
	a, b := s.start(s.began), s.start(s.began)
	a.token()
	file := filepath.Join(a.dir, "yandex", "default.json")
	inTheWay := true
	a.by(roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if inTheWay {
			if err := errors.Join(os.Rename(file, file+".aside"), os.MkdirAll(filepath.Join(file, "in the way"), 0o700)); err != nil {
				t.Error(err)
			}
		}
		return resp, err
	}))
	tells := &telling{Logins: a.Logins, err: errDied}
	a.store.ShareWith(tells)
	s.pass(2 * time.Hour)
	renewed, err := a.store.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	inTheWay = false
	if err := errors.Join(os.RemoveAll(file), os.Rename(file+".aside", file)); err != nil {
		t.Fatal(err)
	}
	s.oauth.DeviceID = "another"
	fresh := s.login(a.dir).Access
	s.pass(2 * time.Minute)
	if got, err := a.store.Token(t.Context()); err != nil || got != renewed {
		t.Errorf("before it can be told, another token is used, %v", err)
	}
	tells.err = nil
	s.pass(2 * time.Minute)
	if got := a.token(); got != fresh {
		t.Error("the new login is not used")
	}
	if got := b.token(); got != renewed {
		t.Error("the other was not told")
	}
	if a.stored().Access != fresh {
		t.Error("the new login is not stored")
	}
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

func (l seen) Reserve(ctx context.Context, login []byte, wait bool) ([]byte, error) {
	*l.login = login
	return l.Logins.Reserve(ctx, login, wait)
}

// attend does what a gateway does from time to time.
func (h *holder) attend() {
	h.Helper()
	for _, f := range h.attended {
		if err := f(h.Context()); err != nil {
			h.Error(err)
		}
	}
}

// A gateway that nobody asks tells what it could not tell before, or what was renewed
// beside it, and stores what others have renewed.
func TestIdleGateway(t *testing.T) {
	for name, renew := range map[string]func(a *holder){
		"it could not tell": func(a *holder) {
			tells := &telling{Logins: a.Logins, err: errDied}
			a.reopen(tells)
			a.pass(2 * time.Hour)
			a.good(a.token())
			tells.err = nil
		},
		"renewed beside it": func(a *holder) {
			if err := a.lone(a.dir).Renew(a.Context()); err != nil {
				a.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t, rotating)
			a, b := s.start(s.began), s.start(s.began)
			renew(a)
			a.attend()
			b.applied()
			b.good(b.token())
			c := s.start(s.began)
			c.attend()
			for _, h := range []*holder{b, c} {
				if h.stored() != a.stored() {
					t.Errorf("it has %+v, want %+v", h.stored(), a.stored())
				}
			}
			s.refreshed(1)
		})
	}
}

// telling is a gateway that can tell nothing if there is an error.
type telling struct {
	backend.Logins
	err error
}

func (l *telling) Tell(ctx context.Context, login, next []byte) error {
	if l.err != nil {
		return l.err
	}
	return l.Logins.Tell(ctx, login, next)
}

// What can never be told is not tried again.
func TestLoginThatCannotBeTold(t *testing.T) {
	s := newSharing(t, rotating)
	a := s.start(s.began)
	a.reopen(&telling{Logins: a.Logins, err: fs.ErrInvalid})
	s.pass(2 * time.Hour)
	for range 2 {
		a.good(a.token())
		s.pass(58 * time.Minute)
	}
	s.refreshed(2)
	if a.store.Untold() {
		t.Error("it is to be told still")
	}
}

// While a gateway is cut off its login is not written with each request.
func TestCutOffGatewayLeavesItsFile(t *testing.T) {
	s := newSharing(t, rotating)
	a := s.start(s.began)
	a.token()
	a.cut()
	file := filepath.Join(a.dir, "yandex", "default.json")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, wait := range []time.Duration{56 * time.Minute, 10 * time.Minute} {
		s.pass(wait)
		for range 3 {
			_, _ = a.store.Token(t.Context())
			if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
				t.Errorf("it was written: %v", err)
			}
		}
	}
	a.connection.Cut(false)
	a.join()
	a.good(a.token())
	s.refreshed(1)
}

// A login that is dead is not asked about with each request.
func TestDeadLoginRests(t *testing.T) {
	s := newSharing(t, emulator.Knobs{})
	a := s.start(s.began)
	s.srv.RevokeToken(a.stored().Access)
	s.pass(400 * 24 * time.Hour)
	for round := range 2 {
		var entries int
		for i := range 4 {
			if _, err := a.store.Token(t.Context()); !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), "davdisk login") {
				t.Errorf("it says %v", err)
			}
			if i == 0 {
				entries = s.log.Len()
			}
		}
		s.refreshed(round + 1)
		if n := s.log.Len(); n != entries {
			t.Errorf("it adds %d entries", n-entries)
		}
		s.pass(time.Minute)
	}
	_, _ = a.store.Token(t.Context())
	s.login(a.dir)
	a.good(a.token()) // at once
}

// patient notes whether Reserve may wait, and whether it would end with the request.
type patient struct {
	backend.Logins
	hangUp context.CancelFunc
	waits  []bool
}

func (l *patient) Reserve(ctx context.Context, login []byte, wait bool) ([]byte, error) {
	l.waits = append(l.waits, wait)
	if l.hangUp(); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return l.Logins.Reserve(ctx, login, false)
}

// A request waits for another gateway only if its token is no good; and what it has begun
// goes on when its client hangs up.
func TestWhoWaitsForARenewal(t *testing.T) {
	for name, test := range map[string]struct {
		pass     time.Duration
		rejected bool
		waits    bool
	}{
		"still good": {56 * time.Minute, false, false},
		"over":       {61 * time.Minute, false, true},
		"rejected":   {time.Minute, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t, rotating)
			a := s.start(s.began)
			token := a.token()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l := &patient{Logins: a.Logins, hangUp: cancel}
			a.reopen(l)
			s.pass(test.pass)
			if test.rejected {
				a.store.Rejected(token)
				a.token() // which reads it
			}
			_, err := a.store.Token(ctx)
			if err != nil || len(l.waits) != 1 || l.waits[0] != test.waits {
				t.Errorf("it is %v, waits %v", err, l.waits)
			}
			a.good(a.token())
			s.refreshed(1)
		})
	}
}

// A davdisk that knows of no shared logins does not read one, or it would renew it alone.
func TestSharedLoginIsOfItsOwnVersion(t *testing.T) {
	s := newSharing(t, rotating)
	a := s.start(s.began)
	a.token()
	text, err := os.ReadFile(filepath.Join(a.dir, "yandex", "default.json"))
	if err != nil || !strings.Contains(string(text), `"version": 2,`) {
		t.Errorf("it has %s, %v", text, err)
	}
}

// Two gateways have both renewed a login. Whoever tells first, both go on with the last.
func TestRenewedTwice(t *testing.T) {
	for name, test := range map[string]func(a, b *holder){
		"the first tells first": func(a, b *holder) { a.reopen(a.Logins); a.token(); b.reopen(b.Logins) },
		"the last tells first":  func(a, b *holder) { b.reopen(b.Logins); b.token(); a.reopen(a.Logins) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t, emulator.Knobs{TokenLife: time.Hour, RefreshNewAccess: true, RefreshKeepsOld: true})
			a, b := s.start(s.began), s.start(s.began)
			a.reopen(dying{a.Logins})
			b.reopen(dying{b.Logins})
			s.pass(2 * time.Hour)
			a.token()
			s.pass(renewPatience)
			last := b.token()
			s.refreshed(2)
			test(a, b)
			for range 2 {
				for _, h := range []*holder{a, b} {
					h.attend()
					h.applied()
				}
			}
			s.same(a, b)
			if a.token() != last {
				t.Error("it is not the last")
			}
			s.refreshed(2)
		})
	}
}

// sleeping is a gateway that sleeps when it has reserved a login.
type sleeping struct {
	backend.Logins
	sleep func()
}

func (l sleeping) Reserve(ctx context.Context, login []byte, wait bool) ([]byte, error) {
	defer l.sleep()
	return l.Logins.Reserve(ctx, login, wait)
}

// A gateway that has slept does not go by what it had reserved before.
func TestSleptOverAReservation(t *testing.T) {
	s := newSharing(t, rotating)
	a, b := s.start(s.began), s.start(s.began)
	a.reopen(sleeping{a.Logins, func() {
		b.applied() // who counts the time from there
		s.pass(renewPatience)
	}})
	s.pass(2 * time.Hour)
	if _, err := a.store.Token(t.Context()); !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), "took too long") {
		t.Errorf("it says %v", err)
	}
	s.refreshed(0)
	b.good(b.token())
	s.same(a, b)
	s.refreshed(1)
}
