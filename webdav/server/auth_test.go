package server

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/davdisk/davdisk/webdav"
)

const hostilePassword = `p:ä "$%<>😀'`

// gate is an authentication layer over a handler that returns the user.
type gate struct {
	http.Handler
	checks atomic.Int32 // passwords verified
	now    time.Time
	log    bytes.Buffer
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{now: time.Date(2026, 6, 22, 10, 0, 0, 0, time.UTC)}
	counted := func(secret string) func(string) bool {
		verify := PlainPassword(secret)
		return func(password string) bool { g.checks.Add(1); return verify(password) }
	}
	users := []User{
		{Name: "anna", Verify: counted(hostilePassword)},
		{Name: "бор ис", Verify: counted("b"), Root: "/b", ReadOnly: true},
	}
	log := slog.New(slog.NewTextHandler(&g.log, nil))
	layer, err := authenticate(&options{users: users, now: func() time.Time { return g.now }, log: log})
	if err != nil {
		t.Fatal(err)
	}
	g.Handler = layer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, ok := webdav.PrincipalFromContext(req.Context()); ok {
			fmt.Fprintf(w, "%s %s %v", user.Name, user.Root, user.ReadOnly)
		}
	}))
	return g
}

// ask sends one request and returns its answer.
func (g *gate) ask(method, target, from string, prepare func(*http.Request)) *http.Response {
	req := httptest.NewRequest(method, target, strings.NewReader("body"))
	req.RemoteAddr = from
	if prepare != nil {
		prepare(req)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, req)
	return w.Result()
}

func (g *gate) login(from, name, password string) int {
	return g.ask("GET", "/", from, func(req *http.Request) { req.SetBasicAuth(name, password) }).StatusCode
}

// TestEveryPathAndMethodIsChallengedAlike is row 35 of what clients need:
// Windows stays anonymous for good once anything answers without credentials.
func TestEveryPathAndMethodIsChallengedAlike(t *testing.T) {
	g := newGate(t)
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "POST", "REPORT"} {
		for _, target := range []string{"/", "/dav", "/a%20b/%D0%96", "/desktop.ini", "/_vti_bin/x"} {
			for name, header := range map[string]string{
				"nothing": "", "an empty Bearer": "Bearer", "another scheme": "Negotiate abc",
				"broken Basic": "Basic !!!", "Basic without a colon": "Basic YQ==",
				"a wrong password": "Basic YW5uYTp3cm9uZw==", "an unknown user": "Basic eDp5",
			} {
				res := g.ask(method, target, "192.0.2.1:1", func(req *http.Request) { req.Header.Set("Authorization", header) })
				if res.StatusCode != http.StatusUnauthorized || res.Header.Get("WWW-Authenticate") != basicChallenge {
					t.Errorf("%s %s with %s: %s, %q", method, target, name, res.Status, res.Header.Get("WWW-Authenticate"))
				}
			}
		}
	}
	if res := g.ask("OPTIONS", "/above", "192.0.2.1:1", nil); res.StatusCode != http.StatusOK {
		t.Errorf("OPTIONS: %s, want it open", res.Status)
	}
}

func TestUserIsJoinedToTheRequest(t *testing.T) {
	g := newGate(t)
	for name, c := range map[string]struct{ password, want string }{
		"anna":   {hostilePassword, "anna  false"},
		"бор ис": {"b", "бор ис /b true"},
	} {
		res := g.ask("PROPFIND", "/", "192.0.2.1:1", func(req *http.Request) { req.SetBasicAuth(name, c.password) })
		if got, _ := io.ReadAll(res.Body); string(got) != c.want {
			t.Errorf("%s: %s %q, want %q", name, res.Status, got, c.want)
		}
	}
}

// TestPasswordInLatin1 is how GNOME sends what fits into ISO 8859-1.
func TestPasswordInLatin1(t *testing.T) {
	layer, err := authenticate(&options{users: []User{{Name: "jörg", Verify: PlainPassword("pä:ss")}}, now: time.Now, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Handler: layer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))}
	for _, c := range []struct {
		name, password string
		want           int
	}{
		{"j\xf6rg", "p\xe4:ss", http.StatusOK},
		{"jörg", "pä:ss", http.StatusOK},
		{"jörg", "p\xe4:ss", http.StatusOK},
		{"j\xf6rg", "p\xe5:ss", http.StatusUnauthorized},
		{"j\xf6rg", "p\xff\xfe", http.StatusUnauthorized},
	} {
		if got := g.login("192.0.2.1:1", c.name, c.password); got != c.want {
			t.Errorf("%q with %q: %d, want %d", c.name, c.password, got, c.want)
		}
	}
}

func TestPasswordsAreVerifiedOnce(t *testing.T) {
	g := newGate(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if code := g.login("192.0.2.1:1", "anna", hostilePassword); code != http.StatusOK {
				t.Errorf("right password: %d", code)
			}
			if code := g.login("192.0.2.1:1", "anna", "wrong"); code != http.StatusUnauthorized {
				t.Errorf("wrong password: %d", code)
			}
		})
	}
	wg.Wait()
	if got := g.checks.Load(); got != 2 {
		t.Errorf("%d checks of 2 passwords", got)
	}
	g.login("192.0.2.1:1", "nobody", "x")
	if got := g.checks.Load(); got != 3 {
		t.Errorf("an unknown name took %d checks, want 1 like a known one", got-2)
	}
}

// TestUnknownNamesTakeAsLongAsKnownOnes: with a slow and a quick password in
// the house, each unknown name is one or the other, always the same.
func TestUnknownNamesTakeAsLongAsKnownOnes(t *testing.T) {
	slow := 0
	users := []User{
		{Name: "quick", Verify: PlainPassword("q")},
		{Name: "slow", Verify: func(string) bool { slow++; return false }},
	}
	layer, err := authenticate(&options{users: users, now: time.Now, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[int]int{}
	for i := range 30 {
		before := slow
		for password := range 3 {
			req := httptest.NewRequest("GET", "/", nil)
			req.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", i)
			req.SetBasicAuth(fmt.Sprint("unknown ", i), fmt.Sprint(password))
			if code := pass(layer, req); code != http.StatusUnauthorized {
				t.Fatalf("an unknown name: %d", code)
			}
		}
		kinds[slow-before]++
	}
	if kinds[0] == 0 || kinds[3] == 0 || kinds[0]+kinds[3] != 30 {
		t.Errorf("of 3 passwords so many were checked slowly: %v; want none or all, and both", kinds)
	}
}

func TestGuessesAreSlowedDown(t *testing.T) {
	g := newGate(t)
	free := guessesBoth.allowance()
	for i := range free.free {
		if code := g.login("192.0.2.1:1", "anna", fmt.Sprint("guess ", i)); code != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", i, code)
		}
	}
	before := g.checks.Load()
	res := g.ask("GET", "/", "192.0.2.1:2", func(req *http.Request) { req.SetBasicAuth("anna", hostilePassword) })
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" || g.checks.Load() != before {
		t.Errorf("after %d guesses: %s, Retry-After %q, %d more checks", free.free, res.Status, res.Header.Get("Retry-After"), g.checks.Load()-before)
	}
	if code := g.login("192.0.2.1:1", "бор ис", "b"); code != http.StatusOK {
		t.Errorf("another user from there: %d", code)
	}
	if code := g.login("192.0.2.9:1", "anna", hostilePassword); code != http.StatusOK {
		t.Errorf("the user from elsewhere: %d", code)
	}
	g.now = g.now.Add(free.every)
	if code := g.login("192.0.2.1:1", "anna", hostilePassword); code != http.StatusOK {
		t.Errorf("after a wait: %d", code)
	}
}

// TestGuessesDoNotLockOutWhoWasLetIn is a user behind the same proxy as a
// stranger who guesses at her name: she goes on working, unless he tries so
// many that his right guess could hide among them.
func TestGuessesDoNotLockOutWhoWasLetIn(t *testing.T) {
	g := newGate(t)
	works := func() int { return g.login("127.0.0.1:1", "anna", hostilePassword) }
	if code := works(); code != http.StatusOK {
		t.Fatalf("right password: %d", code)
	}
	for i := range 100 {
		g.login("127.0.0.1:2", "anna", fmt.Sprint("guess ", i))
	}
	if code := works(); code != http.StatusOK {
		t.Errorf("among 100 guesses: %d", code)
	}
	for i := range attempts.allowance().free {
		g.login("127.0.0.1:2", "anna", fmt.Sprint("more ", i))
	}
	if code := works(); code != http.StatusTooManyRequests {
		t.Errorf("among a flood of guesses: %d, want 429", code)
	}
	g.now = g.now.Add(attempts.allowance().every)
	if code := works(); code != http.StatusOK {
		t.Errorf("after the flood: %d", code)
	}
}

func TestGuessesFromManyAddressesAreSlowedDown(t *testing.T) {
	g := newGate(t)
	if code := g.login("192.0.2.200:1", "anna", hostilePassword); code != http.StatusOK {
		t.Fatalf("right password: %d", code)
	}
	for i := range guessesAt.allowance().free {
		g.login(fmt.Sprintf("198.51.%d.1:1", i), "anna", fmt.Sprint(i))
	}
	if code := g.login("203.0.113.1:1", "anna", hostilePassword); code != http.StatusTooManyRequests {
		t.Errorf("a new address: %d, want 429", code)
	}
	if code := g.login("192.0.2.200:1", "anna", hostilePassword); code != http.StatusOK {
		t.Errorf("an address that was let in before: %d, want 200, or anybody could lock her out", code)
	}
}

func TestGuessesOfManyNamesAreSlowedDown(t *testing.T) {
	g := newGate(t)
	for i := range guessesFrom.allowance().free {
		// One IPv6 client has a whole /64 to send from.
		g.login(fmt.Sprintf("[2001:db8::%x]:1", i+1), fmt.Sprint("name", i), "x")
	}
	if code := g.login("[2001:db8::ffff]:1", "anna", hostilePassword); code != http.StatusTooManyRequests {
		t.Errorf("the network: %d, want 429", code)
	}
	if code := g.login("[2001:db8:0:1::1]:1", "anna", hostilePassword); code != http.StatusOK {
		t.Errorf("another network: %d", code)
	}
}

// TestUnknownNamesAreAnsweredAsKnownOnes guesses at a user and at a name that is
// nobody's, and gets the same answers.
func TestUnknownNamesAreAnsweredAsKnownOnes(t *testing.T) {
	answers := func(name string) (all []string) {
		g := newGate(t)
		login := func(from, password string) {
			res := g.ask("GET", "/", from, func(req *http.Request) { req.SetBasicAuth(name, password) })
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%d %v %s", res.StatusCode, res.Header, body))
		}
		for i := range 15 { // from one address
			login("192.0.2.1:1", fmt.Sprint("guess ", i))
		}
		login("192.0.2.1:1", "guess 0") // again
		g.now = g.now.Add(guessesBoth.allowance().every)
		login("192.0.2.1:1", "guess 20")
		login("192.0.2.1:1", "guess 21")
		for i := range guessesAt.allowance().free { // from many
			login(fmt.Sprintf("198.51.%d.1:1", i), fmt.Sprint(i))
		}
		login("203.0.113.1:1", "x")
		return all
	}
	known, unknown := answers("anna"), answers("nobody")
	for i, want := range known {
		if unknown[i] != want {
			t.Fatalf("guess %d at a user is answered\n%s\nat a name that is nobody's\n%s", i, want, unknown[i])
		}
	}
	if last := known[len(known)-1]; !strings.HasPrefix(known[14], "429 ") || !strings.HasPrefix(last, "429 ") {
		t.Errorf("guess 14 is answered %s, the last %s; want 429", known[14], last)
	}
}

// TestNamesOfNobodyPushOutNoCount tries so many of them that their table is full.
func TestNamesOfNobodyPushOutNoCount(t *testing.T) {
	throttle := newThrottle(time.Now, func() int { return 1 })
	from := netip.MustParseAddr("192.0.2.1")
	for range guessesBoth.allowance().free {
		throttle.failed(from, "anna", true)
	}
	for i := range 3 * throttleEntries {
		throttle.failed(from, fmt.Sprint("name", i), false)
	}
	if throttle.wait(bucketKey{kind: guessesBoth, from: networkOf(from), name: "anna"}) == 0 {
		t.Error("the guesses at a user are no longer counted")
	}
}

// TestAnOldPasswordIsNoGuessing is a phone that knows last year's password and
// tries it all day, behind the same address as a laptop that knows the new one.
func TestAnOldPasswordIsNoGuessing(t *testing.T) {
	g := newGate(t)
	for range 1000 {
		if code := g.login("192.0.2.1:1", "anna", "last year's"); code != http.StatusUnauthorized {
			t.Fatalf("old password: %d", code)
		}
	}
	if code := g.login("192.0.2.1:2", "anna", hostilePassword); code != http.StatusOK {
		t.Errorf("the laptop: %d", code)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	throttle := newThrottle(time.Now, func() int { return 1 })
	for i := range 3 * throttleEntries {
		for _, known := range []bool{true, false} {
			throttle.failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), fmt.Sprint("name", i), known)
		}
	}
	if got := max(throttle.users.Len(), throttle.unknown.Len()); got > throttleEntries {
		t.Errorf("%d entries, want at most %d", got, throttleEntries)
	}
}

func TestLogTellsNoSecrets(t *testing.T) {
	g := newGate(t)
	g.login("192.0.2.1:1", "anna", "secret-guess")
	g.login("192.0.2.1:1", "my-password-in-the-wrong-field", "x")
	got := g.log.String()
	if strings.Contains(got, "secret-guess") || strings.Contains(got, "my-password") {
		t.Errorf("the log tells secrets: %s", got)
	}
	if !strings.Contains(got, "user=anna") || strings.Count(got, "from=192.0.2.1") != 2 {
		t.Errorf("the log does not tell who tried: %s", got)
	}
}

func TestAuthenticationNeedsSensibleUsers(t *testing.T) {
	ok := PlainPassword("x")
	for name, users := range map[string][]User{
		"none": nil, "no name": {{Verify: ok}}, "no password": {{Name: "a"}}, "twice": {{Name: "a", Verify: ok}, {Name: "a", Verify: ok}},
		"colon": {{Name: "a:b", Verify: ok}},
	} {
		if _, err := authenticate(&options{users: users, now: time.Now, log: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestBcryptPassword(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte(hostilePassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	verify, err := BcryptPassword(string(hash))
	if err != nil {
		t.Fatal(err)
	}
	if !verify(hostilePassword) || verify(hostilePassword+"x") || verify("") {
		t.Error("the hash is not verified")
	}
	for _, bad := range []string{"", "plain", "$apr1$x$y", "{SHA}xyz", string(hash) + ":more", string(hash[:59]), strings.Replace(string(hash), "$", "$ ", 3)} {
		if _, err := BcryptPassword(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v, want an error that does not repeat it", bad, err)
		}
	}
}
