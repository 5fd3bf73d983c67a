package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// branch is an office at one of several gateways.
type branch struct {
	*office
	sessions *Sessions
	away     bool // without a membership
	pages    int  // errors in words
}

// newBranches makes gateways that apply what others have proposed no earlier than
// they must.
func newBranches(t *testing.T, n int) ([]*branch, *gatewaytest.Log) {
	t.Helper()
	log, engines := gatewaytest.New(t, n)
	log.Lag()
	var all []*branch
	for _, e := range engines {
		b := &branch{office: newOffice(t)}
		member := func() webdav.Member {
			if b.away {
				return nil
			}
			return e
		}
		var err error
		if b.sessions, err = openSessions(e, member, func() time.Time { return b.now }); err != nil {
			t.Fatal(err)
		}
		b.reopen("secret")
		all = append(all, b)
	}
	return all, log
}

// reopen makes the handler anew, with another password or the same.
func (b *branch) reopen(password string) {
	b.t.Helper()
	again := newOffice(b.t, WithSessions(b.sessions), WithClock(func() time.Time { return b.now }), WithErrorPage(func(w http.ResponseWriter, _ *http.Request, status int, _ string) {
		b.pages++
		w.WriteHeader(status)
	}), func(o *options) error {
		o.users = []User{{Name: "anna", Verify: PlainPassword(password), Secret: password}}
		return nil
	})
	again.now, b.office = b.now, again
}

func (b *branch) wants(want int, c *http.Cookie, headers ...string) {
	b.t.Helper()
	if res := b.send("GET", "/dav/", "", append(headers, "Cookie", as(c))...); res.StatusCode != want {
		b.t.Errorf("answered %d, want %d", res.StatusCode, want)
	}
}

// Who has signed in at one gateway has at all, and who has signed out at one is out
// at all: as soon as that is answered. The log has no cookie.
func TestSignInAtGateways(t *testing.T) {
	all, log := newBranches(t, 3)
	a, b, c := all[0], all[1], all[2]
	first := cookieOf(t, a.signIn("anna", "secret", ""))
	second := cookieOf(t, b.signIn("anna", "secret", ""))
	for _, at := range all {
		at.wants(200, first)
		at.wants(200, second)
		at.wants(401, &http.Cookie{Name: first.Name, Value: strings.ToLower(first.Value)})
	}
	for _, secret := range []string{first.Value, second.Value, "secret"} {
		if strings.Contains(log.Text(), secret) {
			t.Errorf("%q is in the log: %s", secret, log.Text())
		}
	}
	if res := c.send("POST", "/dav/.davdisk/sign-out", "", "Cookie", as(first)); res.StatusCode != 303 || cookieOf(t, res).MaxAge >= 0 {
		t.Errorf("signed out: %d", res.StatusCode)
	}
	for _, at := range all {
		at.wants(401, first)
		at.wants(200, second)
	}
	// Who signs out once more, wherever, is answered when all gateways know.
	before := log.Entries()
	if res := a.send("POST", "/dav/.davdisk/sign-out", "", "Cookie", as(first)); res.StatusCode != 303 || log.Entries()-before != 1 {
		t.Errorf("signed out again: %d, %d entries", res.StatusCode, log.Entries()-before)
	}
	// What is no session, and no password, adds nothing to the log.
	before = log.Entries()
	for _, at := range all {
		at.send("POST", "/dav/.davdisk/sign-out", "", "Cookie", as(&http.Cookie{Name: first.Name, Value: strings.ToLower(first.Value)}))
		at.signIn("anna", "wrong", "")
	}
	if got := log.Entries() - before; got != 1 { // that the third one checks passwords
		t.Errorf("%d entries: %s", got, log.Text())
	}
}

// A session whose time is over is not honored anywhere, and the next sign-in removes
// it, unless it was renewed.
func TestSessionsLapse(t *testing.T) {
	all, log := newBranches(t, 2)
	a, b := all[0], all[1]
	idle := cookieOf(t, a.signIn("anna", "secret", ""))
	used := cookieOf(t, a.signIn("anna", "secret", ""))
	a.now, b.now = a.now.Add(sessionTime/2), b.now.Add(sessionTime/2)
	before := log.Entries()
	for range 3 {
		b.wants(200, used)
	}
	if got := log.Entries() - before; got != 1 {
		t.Errorf("%d entries for one renewal", got)
	}
	// The first has not heard of that, and takes both to have lapsed: it has a wrong
	// clock, too.
	a.now = a.now.Add(2 * sessionTime)
	a.wants(401, idle)
	third := cookieOf(t, a.signIn("anna", "secret", ""))
	a.now = b.now
	for _, at := range all {
		at.wants(401, idle)
		at.wants(200, used)
		at.wants(200, third)
		if n := len(at.sessions.open); n != 2 {
			t.Errorf("%d sessions are kept", n)
		}
	}
	// A clock that was ahead prolongs nothing elsewhere.
	b.now = b.now.Add(sessionTime)
	b.wants(401, third)
	b.wants(401, used)
}

// A gateway whose clock is far ahead or behind ends no session of another's, nor
// does it shorten one by its use.
func TestSessionsAtAWrongClock(t *testing.T) {
	for _, wrong := range []time.Duration{-2 * sessionTime, 2 * sessionTime} {
		all, _ := newBranches(t, 2)
		a, b := all[0], all[1]
		b.now = b.now.Add(wrong)
		mine := cookieOf(t, a.signIn("anna", "secret", ""))
		cookieOf(t, b.signIn("anna", "secret", ""))
		for _, at := range all {
			at.now = at.now.Add(2 * renewAfter)
		}
		if wrong < 0 {
			b.wants(200, mine) // which renews it
		}
		cookieOf(t, b.signIn("anna", "secret", ""))
		a.wants(200, mine)
	}
}

// A gateway that is no member honors no session, since it may have been ended
// elsewhere, and begins and ends none. Passwords serve as before.
func TestSessionsWithoutMembership(t *testing.T) {
	all, log := newBranches(t, 2)
	a, b := all[0], all[1]
	c := cookieOf(t, a.signIn("anna", "secret", ""))
	b.away = true
	// Which the other does not wait for.
	a.send("POST", "/dav/.davdisk/sign-out", "", "Cookie", as(c))
	before := log.Entries()
	for what, res := range map[string]*http.Response{
		"a request":   b.send("GET", "/dav/", "", "Cookie", as(c)),
		"of a script": b.send("GET", "/dav/", "", "Cookie", as(c), "X-Davdisk", "1"),
		"a sign-in":   b.signIn("anna", "secret", ""),
		"a guess":     b.signIn("anna", "wrong", ""),
		"a sign-out":  b.send("POST", "/dav/.davdisk/sign-out", "", "Cookie", as(c)),
	} {
		if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || len(res.Cookies()) > 0 {
			t.Errorf("%s: %d %v", what, res.StatusCode, res.Header)
		}
	}
	if res := b.load("/dav/", "Cookie", as(c)); res.StatusCode != 503 || b.pages != 1 || res.Header.Get("Retry-After") == "" {
		t.Errorf("a page load: %d, %d pages", res.StatusCode, b.pages)
	}
	req := []string{"Authorization", "Basic YW5uYTpzZWNyZXQ="}
	if res := b.send("GET", "/dav/", "", req...); res.StatusCode != 200 {
		t.Errorf("with a password: %d", res.StatusCode)
	}
	if res := b.load("/dav/"); res.StatusCode != 401 || len(b.forms) != 1 {
		t.Errorf("without a cookie: %d, %d forms", res.StatusCode, len(b.forms))
	}
	if got := log.Entries(); got != before {
		t.Errorf("%d entries", got-before)
	}
	b.away = false
	b.wants(401, c)
}

// While the log is away and the membership lasts, sessions are honored: nobody can
// end one.
func TestSessionsWithoutTheLog(t *testing.T) {
	all, log := newBranches(t, 2)
	a, b := all[0], all[1]
	c := cookieOf(t, a.signIn("anna", "secret", ""))
	for _, err := range []error{cluster.ErrUnavailable, cluster.ErrUnknownOutcome} {
		log.Fail(err)
		a.now = a.now.Add(2 * renewAfter) // which cannot be renewed
		if res := a.signIn("anna", "secret", ""); res.StatusCode != 503 || len(res.Cookies()) > 0 {
			t.Errorf("signed in: %d", res.StatusCode)
		}
		if res := a.send("POST", "/dav/.davdisk/sign-out", "", "Cookie", as(c)); res.StatusCode != 503 || len(res.Cookies()) > 0 {
			t.Errorf("signed out: %d", res.StatusCode)
		}
		a.wants(200, c)
		b.wants(200, c)
	}
	log.Fail(nil)
	if res := a.send("POST", "/dav/.davdisk/sign-out", "", "Cookie", as(c)); res.StatusCode != 303 {
		t.Errorf("signed out: %d", res.StatusCode)
	}
	b.wants(401, c)
}

// A session ends with its user's password, where that is known to be another, and
// outlives the handler where it is not.
func TestSessionsEndWithThePassword(t *testing.T) {
	all, _ := newBranches(t, 2)
	a, b := all[0], all[1]
	old := cookieOf(t, a.signIn("anna", "secret", ""))
	b.reopen("secret")
	b.wants(200, old)
	b.reopen("changed")
	b.wants(401, old)
	a.wants(200, old)
	c := cookieOf(t, b.signIn("anna", "changed", ""))
	b.wants(200, c)
	a.wants(401, c)
	if res := b.send("POST", "/dav/.davdisk/sign-out", "", "Cookie", as(old)); res.StatusCode != 303 {
		t.Errorf("signed out: %d", res.StatusCode)
	}
	a.wants(401, old)
	_, err := New(http.NotFoundHandler(), WithSessions(a.sessions), WithUsers(User{Name: "x", Verify: PlainPassword("x")}))
	if err == nil {
		t.Error("sessions are bound to nothing")
	}
}

// There are never too many sessions; those that were used last stay, also at a
// gateway that has got a snapshot.
func TestSessionsAreBounded(t *testing.T) {
	all, log := newBranches(t, 2)
	a := all[0]
	user := &User{Name: "anna", Secret: "secret"}
	users := map[string]*User{"anna": user}
	begin := func(i int) {
		t.Helper()
		if err := a.sessions.begin(t.Context(), fmt.Sprint("cookie ", i), user); err != nil {
			t.Fatal(err)
		}
	}
	for i := range sessionsKept {
		begin(i)
	}
	a.now = a.now.Add(2 * renewAfter)
	honored := func(at *branch, i int, want bool) {
		t.Helper()
		if got, err := at.sessions.find(t.Context(), fmt.Sprint("cookie ", i), users); (got != nil) != want || err != nil {
			t.Errorf("session %d: %v %v", i, got, err)
		}
	}
	honored(a, 0, true) // which is used again
	gateways := log.Gateways()
	log.Restore(gateways[0], gateways[1])
	for i := range 2 {
		begin(sessionsKept + i)
	}
	for _, at := range all {
		honored(at, 0, true)
		honored(at, 1, false)
		honored(at, 2, false)
		honored(at, 3, true)
		honored(at, sessionsKept+1, true)
		if n := len(at.sessions.open); n != sessionsKept {
			t.Errorf("%d sessions", n)
		}
	}
}

// Who signs in again and again ends sessions of nobody else.
func TestSessionsOfAUserAreBounded(t *testing.T) {
	all, _ := newBranches(t, 2)
	anna, bob := &User{Name: "anna", Secret: "secret"}, &User{Name: "bob", Secret: "secret"}
	begin := func(cookie string, user *User) {
		t.Helper()
		if err := all[0].sessions.begin(t.Context(), cookie, user); err != nil {
			t.Fatal(err)
		}
	}
	begin("of anna", anna)
	for i := range sessionsKept + 2 {
		begin(fmt.Sprint("of bob ", i), bob)
	}
	begin("of anna, too", anna)
	for _, at := range all {
		for cookie, want := range map[string]bool{"of anna": true, "of anna, too": true, "of bob 3": false, "of bob 4": true} {
			got, err := at.sessions.find(t.Context(), cookie, map[string]*User{"anna": anna, "bob": bob})
			if (got != nil) != want || err != nil {
				t.Errorf("%s: %v %v", cookie, got, err)
			}
		}
		if n := len(at.sessions.open); n != sessionsKept {
			t.Errorf("%d sessions", n)
		}
	}
}

// guesses tells how many passwords a gateway looks at before one must wait.
func (b *branch) guesses(name string) (n int) {
	for ; n < 100; n++ {
		b.signIn(name, fmt.Sprint("guess ", n), "")
		if b.forms[len(b.forms)-1].Wait > 0 {
			break
		}
	}
	return n
}

// Gateways allow together as many guesses as one does, and one that is left allows
// what all did.
func TestGuessesAtGateways(t *testing.T) {
	all, log := newBranches(t, 3)
	for i, b := range all {
		// The first has heard of nobody, each other of those before, and of itself.
		if got, want := b.sessions.checkers(), []int{unknownGateways, 2, 3}[i]; got != want {
			t.Errorf("gateway %d counts %d, want %d", i, got, want)
		}
		b.signIn("first", "wrong", "") // from now on it is counted
	}
	for i, b := range all {
		if got := b.sessions.checkers(); got != 3 {
			t.Errorf("gateway %d counts %d", i, got)
		}
		if got := b.guesses("anna"); got != 10/3 {
			t.Errorf("gateway %d looks at %d guesses, of 10 for three", i, got)
		}
	}
	gateways := log.Gateways()
	log.Expel(gateways[1], true)
	log.Expel(gateways[2], false)
	all[2].away = true
	for i, want := range []int{1, 2, 2} { // who is not counted counts itself
		if got := all[i].sessions.checkers(); got != want {
			t.Errorf("gateway %d counts %d, want %d", i, got, want)
		}
	}
	if got := all[0].guesses("berta"); got != 10 {
		t.Errorf("the only one looks at %d guesses", got)
	}
	all[1].signIn("again", "wrong", "")
	for i := range 2 {
		if got := all[i].sessions.checkers(); got != 2 {
			t.Errorf("gateway %d counts %d of two", i, got)
		}
	}
	if text := log.Text(); strings.Contains(text, "anna") || strings.Count(text, `"op":"checks"`) != 4 {
		t.Errorf("guesses are in the log: %s", text)
	}
}

// A gateway that cannot tell the others that it checks passwords counts itself, and
// tells them later.
func TestGuessesWithoutTheLog(t *testing.T) {
	all, log := newBranches(t, 2)
	all[0].signIn("first", "wrong", "")
	log.Fail(cluster.ErrUnavailable)
	all[1].signIn("first", "wrong", "")
	if got := all[1].sessions.checkers(); got != 2 {
		t.Errorf("it counts %d", got)
	}
	all[1].away = true
	if got := all[1].sessions.checkers(); got != 2 {
		t.Errorf("without a membership it counts %d", got)
	}
	all[1].away = false
	log.Fail(nil)
	all[1].signIn("first", "wrong again", "")
	if got := all[0].sessions.checkers(); got != 2 {
		t.Errorf("the other counts %d", got)
	}
}

// Sessions are those of an engine of davdisk.
func TestSessionsNeedAnEngine(t *testing.T) {
	_, gateways := gatewaytest.New(t, 1)
	if _, err := OpenSessions(http.NoBody, func() webdav.Member { return nil }); err == nil {
		t.Error("http.NoBody is taken for an engine")
	}
	if _, err := OpenSessions(gateways[0], nil); err == nil {
		t.Error("a gateway without a membership")
	}
	if _, err := New(http.NotFoundHandler(), WithSessions(nil)); err == nil {
		t.Error("no sessions are taken for some")
	}
}
