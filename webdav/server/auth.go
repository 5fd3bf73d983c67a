package server

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/singleflight"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/webdav"
)

// basicChallenge is the WWW-Authenticate of every 401 (RFC 7617).
const basicChallenge = `Basic realm="davdisk", charset="UTF-8"`

// A User is a login of the server.
type User struct {
	Name string
	// Verify reports whether a password is the user's: [BcryptPassword],
	// [PlainPassword] or another. It may be called by many goroutines.
	Verify func(password string) bool
	// Root is the folder that the user sees as "/". Empty means everything. A
	// file system that follows links must be a [webdav.Confiner], or a link in
	// the folder leads the user out of it.
	Root string
	// ReadOnly refuses the user every change with 403.
	ReadOnly bool
	// Secret is what Verify compares with, such as the hash, or another text that
	// changes with the password: sessions end with it. [WithSessions] needs it. It
	// is not stored.
	Secret string
}

// bcryptForm matches a complete bcrypt hash. The library accepts one with a suffix
// or damage, which then matches no password.
var bcryptForm = regexp.MustCompile(`^\$2[a-z]?\$\d\d\$[./A-Za-z0-9]{53}$`)

// BcryptPassword verifies against a bcrypt hash, such as htpasswd -B makes.
func BcryptPassword(hash string) (func(password string) bool, error) {
	if _, err := bcrypt.Cost([]byte(hash)); err != nil || !bcryptForm.MatchString(hash) {
		return nil, errors.New("not a bcrypt hash; htpasswd -B makes one")
	}
	return func(password string) bool {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}, nil
}

// PlainPassword verifies against the password itself, in constant time.
func PlainPassword(secret string) func(password string) bool {
	want := sha256.Sum256([]byte(secret))
	return func(password string) bool {
		got := sha256.Sum256([]byte(password))
		return subtle.ConstantTimeCompare(want[:], got[:]) == 1
	}
}

// authentication is the layer that authenticates users (Basic, RFC 7617) and
// puts them into the request's context as a [webdav.Principal].
//
// Every path and method is challenged alike, because Windows stays anonymous
// once anything of a share was served without credentials. Only OPTIONS is
// open: Office and Windows send it to folders above the share, and it reveals
// nothing. A scheme other than Basic, such as the empty Bearer of Office, is
// challenged too.
//
// Verified credentials are cached, so that bcrypt does not run with each
// request, and so are wrong ones: a phone with an outdated password does not
// count as many guesses. Guesses are throttled.
type authentication struct {
	users    map[string]*User
	decoys   []User   // passwords of unknown names are checked against theirs, to take as long
	roots    []string // of all users
	log      *slog.Logger
	key      [32]byte                  // of the digests below
	verdicts *lru.Cache[digest, *User] // nil: wrong
	throttle *throttle
	checks   singleflight.Group // one check for the same credentials
	slots    chan struct{}      // bounds the checks at the same time
	browsers *browsers          // nil: they are challenged as all others
	sessions *Sessions
}

// digest identifies credentials from one address; without the key it reveals
// nothing.
type digest [sha256.Size]byte

// authenticate makes the layer. It fails if there are no users, or one has no
// name, no Verify, or another's name.
func authenticate(o *options) (func(http.Handler) http.Handler, error) {
	users := o.users
	if len(users) == 0 {
		return nil, errors.New("authentication without users")
	}
	a := &authentication{
		users: make(map[string]*User, len(users)), decoys: users,
		log: o.log, sessions: o.sessions,
		slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	for _, u := range users {
		if strings.Contains(u.Name, ":") {
			return nil, fmt.Errorf("user %q: a name cannot have a colon, which ends it in Basic authentication", u.Name)
		}
		if u.Name == "" || u.Verify == nil || a.users[u.Name] != nil {
			return nil, fmt.Errorf("user %q: a name, once, and a password are needed", u.Name)
		}
		if o.sessions != nil && u.Secret == "" {
			return nil, fmt.Errorf("user %q: sessions that gateways share need a secret to be bound to", u.Name)
		}
		a.users[u.Name] = &u
		a.roots = append(a.roots, u.Root)
	}
	if _, err := rand.Read(a.key[:]); err != nil {
		return nil, err
	}
	var err error
	if a.verdicts, err = lru.New[digest, *User](4096); err != nil {
		return nil, err
	}
	if a.sessions == nil {
		if a.sessions, err = openSessions(cluster.Lone(""), nil, o.now); err != nil {
			return nil, err
		}
	}
	a.throttle = newThrottle(o.now, a.sessions.checkers)
	if o.signIn != nil {
		a.browsers = newBrowsers(a, o)
	}
	return a.layer, nil
}

func (a *authentication) layer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodOptions {
			next.ServeHTTP(w, req)
			return
		}
		name, password, ok := req.BasicAuth()
		if !ok {
			a.withoutPassword(w, req, next)
			return
		}
		user, wait := a.verify(clientAddr(req), fromLatin1(name), fromLatin1(password))
		switch {
		case wait > 0:
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			refuse(w, http.StatusTooManyRequests, "too many wrong passwords; wait")
		case user == nil:
			challenge(w)
		default:
			a.admit(w, req, next, user)
		}
	})
}

// admit serves a request by a user.
func (a *authentication) admit(w http.ResponseWriter, req *http.Request, next http.Handler, user *User) {
	noteUser(req.Context(), user.Name)
	principal := webdav.Principal{Name: user.Name, Root: user.Root, Within: a.roots, ReadOnly: user.ReadOnly}
	next.ServeHTTP(w, req.WithContext(webdav.ContextWithPrincipal(req.Context(), principal)))
}

// withoutPassword serves a request without Basic credentials: that of a browser
// with a session, or one that is to sign in. A browser sends its cookie with
// whatever a page makes it ask, so where a request comes from is judged as
// without users.
func (a *authentication) withoutPassword(w http.ResponseWriter, req *http.Request, next http.Handler) {
	s := a.browsers
	if s == nil {
		challenge(w)
		return
	}
	if isForm := req.Method == http.MethodPost && s.isForm(req); !isForm && req.Header.Get("Authorization") == "" {
		switch user, err := s.user(req); {
		case err != nil:
			unavailable(w, req, s.page, err.Error())
			return
		case user == nil:
		case s.origin.Check(req) != nil:
			refuse(w, http.StatusForbidden, "a web page of another origin may not do that")
			return
		default:
			w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
			a.admit(w, req, next, user)
			return
		}
	}
	if s.serve(w, req) {
		return
	}
	if req.Header.Get("X-Davdisk") != "" {
		// A script of the page, whose session has ended: the browser would ask
		// for a password over it, and the page tells its reader better.
		refuse(w, http.StatusUnauthorized, "the session has ended")
		return
	}
	challenge(w)
}

// fromLatin1 reads what is not UTF-8 as ISO 8859-1. The challenge asks for
// UTF-8 (RFC 7617 section 2.1), but GNOME's libsoup sends "wörd" in ISO 8859-1
// whatever was asked, and its user would be refused for ever.
func fromLatin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// challenge responds with 401.
func challenge(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", basicChallenge)
	refuse(w, http.StatusUnauthorized, "a user name and a password are needed")
}

// verify returns the user with these credentials, nil if they are wrong, or
// how long to wait before they are checked.
func (a *authentication) verify(from netip.Addr, name, password string) (user *User, wait time.Duration) {
	id := a.digest(from, name, password)
	if user, ok := a.verdicts.Get(id); ok {
		if user == nil {
			return nil, 0
		}
		return user, a.throttle.crowded(from, name)
	}
	verdict, _, _ := a.checks.Do(string(id[:]), func() (any, error) {
		a.slots <- struct{}{}
		defer func() { <-a.slots }()
		a.sessions.checksPasswords(context.Background())
		if wait := a.throttle.attempt(from, name, a.users[name] != nil); wait > 0 {
			return wait, nil
		}
		user := a.check(from, name, password)
		a.verdicts.Add(id, user)
		return user, nil
	})
	if wait, ok := verdict.(time.Duration); ok {
		return nil, wait
	}
	return verdict.(*User), 0
}

// check verifies a password and counts a wrong one.
func (a *authentication) check(from netip.Addr, name, password string) *User {
	user := a.users[name]
	switch {
	case user == nil:
		a.decoy(name).Verify(password)
		// The name stays out of the log: it may be a password typed into the
		// wrong field.
		a.log.Warn("wrong password for a user who does not exist", "from", from)
	case user.Verify(password):
		return user
	default:
		a.log.Warn("wrong password", "user", name, "from", from)
	}
	a.throttle.failed(from, name, user != nil)
	return nil
}

// decoy returns the user whose password an unknown name is checked against. It
// is always the same user for a name, as for a known name: some passwords take
// longer to check than others.
func (a *authentication) decoy(name string) User {
	sum := a.digest(netip.Addr{}, name, "")
	return a.decoys[binary.BigEndian.Uint64(sum[:])%uint64(len(a.decoys))]
}

func (a *authentication) digest(from netip.Addr, name, password string) digest {
	mac := hmac.New(sha256.New, a.key[:])
	fmt.Fprintf(mac, "%s %d %s %s", from, len(name), name, password)
	return digest(mac.Sum(nil))
}
