package upstream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// sharing is gateways that have copies of one login.
type sharing struct {
	*testing.T
	srv   *emulator.Server
	oauth yandex.OAuth
	log   *clustertest.Memory
	began string // the state folder with the login as it was first
	limit int    // of entries, after which there is a snapshot; 0: as usual

	mu   sync.Mutex
	now  time.Time
	seen map[string]bool // all that is secret and was ever in a login
}

// holder is a gateway that has a copy.
type holder struct {
	*sharing
	*Logins
	dir        string
	store      *yandex.TokenStore
	connection *clustertest.Connection
	clock      *clustertest.Clock
	engine     *replica.Engine
}

func newSharing(t *testing.T, knobs emulator.Knobs) *sharing {
	t.Helper()
	s := &sharing{T: t, log: clustertest.NewMemory("life"), began: t.TempDir(), now: time.Unix(1.8e9, 0), seen: map[string]bool{}}
	var err error
	if s.srv, err = emulator.Start(emulator.Options{Now: s.Now, ClientID: "id", ClientSecret: "client-secret", Knobs: knobs}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.srv.Close() })
	s.oauth = yandex.OAuth{URL: s.srv.OAuthURL, ClientID: "id", ClientSecret: "client-secret", Now: s.Now}
	s.login(s.began)
	s.srv.ResetCounters()
	return s
}

// login is a person who logs in with a state folder.
func (s *sharing) login(dir string) yandex.Tokens {
	s.Helper()
	tokens, err := s.oauth.Exchange(s.Context(), s.srv.IssueCode("id"), "")
	if err == nil {
		err = s.lone(dir).Save(s.Context(), tokens)
	}
	if err != nil {
		s.Fatal(err)
	}
	return tokens
}

func (s *sharing) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *sharing) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// lone is the login in a state folder as a process has it that knows no others.
func (s *sharing) lone(dir string) *yandex.TokenStore {
	return yandex.NewTokenStore(dir, "default", s.oauth)
}

// start starts a gateway with a copy of a state folder, which has joined.
func (s *sharing) start(copyOf string) *holder {
	s.Helper()
	h := &holder{sharing: s, dir: s.TempDir(), clock: &clustertest.Clock{}}
	if err := os.CopyFS(h.dir, os.DirFS(copyOf)); err != nil {
		s.Fatal(err)
	}
	h.connection = s.log.Connect(1, false)
	var err error
	if h.engine, err = replica.New(h.connection, replica.Config{Gateway: filepath.Base(h.dir), Clock: h.clock, Entries: s.limit}); err != nil {
		s.Fatal(err)
	}
	if h.Logins, err = openLogins(h.engine, slog.New(slog.DiscardHandler), s.Now); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		h.connection.Cut(false)
		h.engine.Close() // some have lost their membership
	})
	h.reopen(h.Logins)
	h.join()
	return h
}

func (h *holder) join() {
	h.Helper()
	m, err := h.engine.Join(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	h.Joined(m)
}

// cut cuts the gateway off for so long that it is no member.
func (h *holder) cut() {
	h.connection.Cut(true)
	h.clock.Advance(replica.DefaultLease)
}

// reopen is a process that starts with the gateway's state folder.
func (h *holder) reopen(l backend.Logins) {
	h.store = h.lone(h.dir)
	h.store.ShareWith(l)
}

// token returns the token that the gateway uses.
func (h *holder) token() string {
	h.Helper()
	token, err := h.store.Token(h.Context())
	if err != nil {
		h.Error(err)
	}
	h.stored()
	return token
}

// applied waits until the gateway knows all that was told.
func (h *holder) applied() {
	h.Helper()
	if err := h.Logins.log.Barrier(h.Context()); err != nil {
		h.Error(err)
	}
}

// stored returns the login on the gateway's disk.
func (h *holder) stored() yandex.Tokens {
	h.Helper()
	tokens, err := h.store.Load()
	if err != nil {
		h.Error(err)
	}
	tokens.Issued, tokens.Expires = tokens.Issued.UTC(), tokens.Expires.UTC()
	h.sharing.mu.Lock()
	defer h.sharing.mu.Unlock()
	h.seen[tokens.Access], h.seen[tokens.Refresh] = true, true
	return tokens
}

// good fails unless the service takes a token.
func (h *holder) good(token string) {
	h.Helper()
	b, err := yandex.New(yandex.Config{Token: yandex.StaticToken(token), APIURL: h.srv.URL})
	if err == nil {
		_, err = b.Stat(h.Context(), ".")
	}
	if err != nil {
		h.Errorf("the token is not taken: %v", err)
	}
	if err := b.Close(); err != nil {
		h.Error(err)
	}
}

// refreshed fails unless so many refreshes were asked for.
func (s *sharing) refreshed(want int) {
	s.Helper()
	if n := s.srv.Counters().By[emulator.Token]; n != want {
		s.Errorf("the OAuth server was asked %d times, want %d", n, want)
	}
}

// encoded is how bytes stand in the log.
var encoded = regexp.MustCompile(`[A-Za-z0-9+/]{24,}={0,2}`)

// errRead ends a look at the log.
var errRead = errors.New("the log was read")

// secrecy fails if anything that was ever secret of the login stands in the log.
func (s *sharing) secrecy() {
	s.Helper()
	c := s.log.Connect(99, false)
	if err := c.Identity(s.Context(), func(replica.Identity) error { return nil }); err != nil {
		s.Fatal(err)
	}
	last, err := c.Last(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	var text strings.Builder
	err = c.Follow(s.Context(), 0, func(e replica.Event) error {
		if e.Entry == nil {
			return nil
		}
		fmt.Fprintf(&text, "%s\n", e.Entry.Data)
		for _, word := range encoded.FindAllString(string(e.Entry.Data), -1) {
			if decoded, err := base64.StdEncoding.DecodeString(word); err == nil {
				fmt.Fprintf(&text, "%s\n", decoded)
			}
		}
		if e.Entry.Seq >= last {
			return errRead
		}
		return nil
	})
	if !errors.Is(err, errRead) || !strings.Contains(text.String(), opTell) {
		s.Fatalf("the log is %q, %v", text.String(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) < 3 {
		s.Errorf("there are the secrets %q", slices.Sorted(maps.Keys(s.seen)))
	}
	for secret := range s.seen {
		if len(secret) < 10 || strings.Contains(text.String(), secret[:10]) {
			s.Errorf("%q is in the log: %s", secret, text.String())
		}
	}
	if strings.Contains(text.String(), "client-secret") {
		s.Error("the secret of the application is in the log")
	}
}

// careful is a gateway that looks whether what it tells is on its disk.
type careful struct {
	backend.Logins
	of *holder
}

func (c careful) Tell(ctx context.Context, login, next []byte) error {
	if stored := c.of.stored(); !strings.Contains(string(next), stored.Refresh) {
		c.of.Errorf("it tells %s, and has %+v", next, stored)
	}
	return c.Logins.Tell(ctx, login, next)
}

// In these a refresh token is good once, and the access token ends with it, or does not.
var rotations = map[string]struct {
	knobs emulator.Knobs
	waits []time.Duration // after each of which it has to be renewed
}{
	"another access token each time": {emulator.Knobs{TokenLife: time.Hour, RefreshNewAccess: true}, []time.Duration{2 * time.Hour, 56 * time.Minute, 2 * time.Hour}},
	"the same access token":          {emulator.Knobs{}, []time.Duration{100 * 24 * time.Hour, 100 * 24 * time.Hour, 100 * 24 * time.Hour}},
}

// All gateways find at once that the login has to be renewed: one does, and all go on.
func TestGatewaysRenewOnce(t *testing.T) {
	for name, test := range rotations {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t, test.knobs)
			all := []*holder{s.start(s.began), s.start(s.began), s.start(s.began)}
			for _, h := range all {
				h.reopen(careful{h.Logins, h})
			}
			before := all[0].stored()
			for round, wait := range test.waits {
				s.pass(wait)
				var asking sync.WaitGroup
				for _, h := range all {
					asking.Go(func() { h.token() })
				}
				asking.Wait()
				s.refreshed(round + 1)
				for _, h := range all {
					h.applied()
					h.good(h.token())
					if got := h.stored(); got != all[0].stored() || got.Refresh == before.Refresh {
						t.Errorf("it has %+v, another %+v, before %+v", got, all[0].stored(), before)
					}
				}
				before = all[0].stored()
				s.refreshed(round + 1)
			}
			s.secrecy()
		})
	}
}

// A gateway that has slept through renewals catches up by the log, without a call: also one
// that starts from a snapshot, and one that sleeps while it runs.
func TestGatewaySleptThroughRenewals(t *testing.T) {
	for name, test := range rotations {
		t.Run(name, func(t *testing.T) {
			s := newSharing(t, test.knobs)
			s.limit = 3
			a, b := s.start(s.began), s.start(s.began)
			for _, wait := range test.waits {
				s.pass(wait)
				a.token()
			}
			s.refreshed(3)
			c := s.start(s.began)
			for _, h := range []*holder{b, c} {
				h.good(h.token())
				if h.stored() != a.stored() {
					t.Errorf("it has %+v, want %+v", h.stored(), a.stored())
				}
			}
			// It knows that before its own copy has to be renewed, and goes on from there.
			s.pass(test.waits[0])
			c.good(c.token())
			s.refreshed(4)
			a.good(a.token())
			s.refreshed(4)
		})
	}
}

// status is what a client is answered.
func status(err error) int {
	known := new(backend.Error)
	if !errors.As(err, &known) {
		return 0
	}
	code, _ := known.HTTPStatus()
	return code
}

// dying is a gateway that ends before it tells.
type dying struct{ backend.Logins }

var errDied = errors.New("it has ended")

func (dying) Tell(context.Context, []byte, []byte) error { return errDied }

// A gateway ends when it has renewed the login and told nobody. The others say that a person
// has to log in, until it starts again and tells.
func TestRenewedAndNotTold(t *testing.T) {
	s := newSharing(t, emulator.Knobs{TokenLife: time.Hour, RefreshNewAccess: true})
	a, b := s.start(s.began), s.start(s.began)
	a.reopen(dying{a.Logins})
	s.pass(2 * time.Hour)
	a.good(a.token()) // on its disk, though nobody was told
	s.refreshed(1)

	s.pass(renewPatience)
	_, err := b.store.Token(t.Context())
	if !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), "start that one again, or run davdisk login") || status(err) != 503 {
		t.Errorf("the other says %v, status %d", err, status(err))
	}
	s.refreshed(2)
	if b.stored() == a.stored() {
		t.Error("the other has what was not told")
	}

	a.reopen(a.Logins)
	a.good(a.token())
	b.good(b.token())
	s.refreshed(2)
	if b.stored() != a.stored() {
		t.Errorf("it has %+v, want %+v", b.stored(), a.stored())
	}
	s.secrecy()
	// What was told is not told again.
	before := s.log.Len()
	s.pass(2 * time.Minute) // after which it would be tried again
	a.reopen(a.Logins)
	if a.token(); s.log.Len() != before {
		t.Errorf("it adds %d entries", s.log.Len()-before)
	}
}

// Without the log a gateway uses its token while that is good, and renews it for nobody.
func TestNoRenewalWithoutTheLog(t *testing.T) {
	s := newSharing(t, emulator.Knobs{TokenLife: time.Hour, RefreshNewAccess: true})
	a, b := s.start(s.began), s.start(s.began)
	a.good(a.token())
	a.cut()
	s.pass(58 * time.Minute)
	a.good(a.token())
	s.refreshed(0)
	s.pass(time.Hour)
	for range 3 {
		if _, err := a.store.Token(t.Context()); !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), "the log that the gateways share") || status(err) != 503 {
			t.Errorf("it says %v", err)
		}
	}
	s.refreshed(0)
	b.good(b.token())
	s.refreshed(1)
	a.connection.Cut(false)
	a.join()
	a.good(a.token()) // at once
	s.refreshed(1)
}

// A davdisk beside a gateway, which knows no log, renews the login in its state folder: the
// gateway tells the others.
func TestRenewedBesideAGateway(t *testing.T) {
	s := newSharing(t, emulator.Knobs{TokenLife: time.Hour, RefreshNewAccess: true})
	a, b := s.start(s.began), s.start(s.began)
	a.token()
	for range 2 {
		s.pass(2 * time.Hour)
		if _, err := s.lone(a.dir).Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.refreshed(2)
	a.good(a.token())
	b.good(b.token())
	s.refreshed(2)
	s.secrecy()

	// A new login on one machine is its own, and is not replaced by what others have.
	s.pass(59 * time.Minute)
	tokens := s.login(a.dir)
	s.srv.ResetCounters()
	b.good(b.token())
	s.refreshed(1)
	if got := a.token(); got != tokens.Access || a.stored().Refresh != tokens.Refresh {
		t.Errorf("the new login is gone: there is %+v", a.stored())
	}
	s.refreshed(1)
}

// A login that the service refuses is refused to each gateway, and leaves nothing reserved.
func TestDeadLoginOfGateways(t *testing.T) {
	s := newSharing(t, emulator.Knobs{})
	a, b := s.start(s.began), s.start(s.began)
	s.srv.RevokeToken(a.stored().Access)
	s.pass(400 * 24 * time.Hour)
	for _, h := range []*holder{a, b} {
		if _, err := h.store.Token(t.Context()); !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), "davdisk login") {
			t.Errorf("it says %v", err)
		}
	}
	s.refreshed(2)
	// A person logs in at each.
	for _, h := range []*holder{a, b} {
		s.login(h.dir)
		h.good(h.token())
	}
}

// A process that is no gateway writes what older ones read, and shares it with nobody.
func TestLoneLoginIsAsItWas(t *testing.T) {
	s := newSharing(t, emulator.Knobs{TokenLife: time.Hour, RefreshNewAccess: true})
	s.pass(2 * time.Hour)
	if _, err := s.lone(s.began).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(s.began, "yandex", "default.json"))
	if err != nil || strings.Contains(string(text), "shared") || !strings.Contains(string(text), `"version": 1,`) || s.lone(s.began).Untold() {
		t.Errorf("it has %s, %v", text, err)
	}
	if s.log.Len() > 0 {
		t.Error("there is a log")
	}
}
