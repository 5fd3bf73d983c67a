package server

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/davdisk/davdisk/webdav"
)

// A SignIn is the data of the sign-in form.
type SignIn struct {
	Action string        // URL that name, password and next are posted to
	Next   string        // URL to go to afterwards
	Wrong  bool          // the name or password that was sent is wrong
	Wait   time.Duration // time until the next attempt is allowed
}

// Addresses of the sessions, below the prefix.
const (
	signInPath  = webdav.PagePath + "/sign-in"
	signOutPath = webdav.PagePath + "/sign-out"
)

const (
	sessionCookie = "davdisk-session"
	sessionTime   = 30 * 24 * time.Hour // since it was last used
	sessionsKept  = 4096
	maxSignIn     = 8 << 10
)

// sessions authenticates browsers that have sent the sign-in form, by a cookie in
// place of Basic. Sessions are kept in memory and end with the process. Since
// passwords change only with a new process too, each is bound to the password it
// was made with.
type sessions struct {
	auth   *authentication
	form   func(w http.ResponseWriter, req *http.Request, s SignIn)
	prefix string // of the URLs that reach the handler
	public string // of the URLs that browsers use
	secure bool   // browsers connect by TLS, even if the request does not
	origin *http.CrossOriginProtection
	now    func() time.Time
	open   *lru.Cache[sessionKey, session]
}

// sessionKey is the digest of a cookie; the cookie itself is not kept.
type sessionKey [sha256.Size]byte

type session struct {
	user    *User
	expires time.Time
}

func newSessions(auth *authentication, o *options) (*sessions, error) {
	open, err := lru.New[sessionKey, session](sessionsKept)
	if err != nil {
		return nil, err
	}
	s := &sessions{
		auth: auth, form: o.signIn, prefix: o.prefix, public: o.prefix,
		origin: http.NewCrossOriginProtection(), now: o.now, open: open,
	}
	if o.public != nil {
		if path := strings.TrimSuffix(o.public.EscapedPath(), "/"); path != "" {
			s.public = path
		}
		s.secure = o.public.Scheme == "https"
		// The address was checked when it was set.
		_ = s.origin.AddTrustedOrigin(o.public.Scheme + "://" + o.public.Host)
	}
	return s, nil
}

// user returns the user that a request's cookie stands for, or nil.
func (s *sessions) user(req *http.Request) *User {
	cookie, err := req.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	key := sessionKey(sha256.Sum256([]byte(cookie.Value)))
	found, ok := s.open.Get(key)
	now := s.now()
	if !ok || !now.Before(found.expires) {
		s.open.Remove(key)
		return nil
	}
	if found.expires.Sub(now) < sessionTime-time.Hour {
		s.open.Add(key, session{found.user, now.Add(sessionTime)})
	}
	return found.user
}

// serve handles sign-in, sign-out and page loads without credentials. It reports
// whether it answered the request.
func (s *sessions) serve(w http.ResponseWriter, req *http.Request) bool {
	switch {
	case req.Method == http.MethodPost && s.isForm(req):
		if err := s.origin.Check(req); err != nil {
			refuse(w, http.StatusForbidden, "a web page of another origin may not do that")
		} else if strings.HasSuffix(req.URL.Path, signInPath) {
			s.signIn(w, req)
		} else {
			s.signOut(w, req)
		}
	case isPageLoad(req) && req.Header.Get("Authorization") == "":
		s.form(w, req, SignIn{Action: s.public + signInPath, Next: s.public + strings.TrimPrefix(req.URL.EscapedPath(), s.prefix)})
	default:
		return false
	}
	return true
}

// isForm reports whether a POST starts or ends a session.
func (s *sessions) isForm(req *http.Request) bool {
	path := strings.TrimPrefix(req.URL.Path, s.prefix)
	return path == signInPath || path == signOutPath
}

// isPageLoad reports whether a browser is loading a page for a person to see.
func isPageLoad(req *http.Request) bool {
	return req.Method == http.MethodGet && req.Header.Get("Sec-Fetch-Mode") == "navigate" && strings.Contains(req.Header.Get("Accept"), "text/html")
}

func (s *sessions) signIn(w http.ResponseWriter, req *http.Request) {
	req.Body = http.MaxBytesReader(w, req.Body, maxSignIn)
	if err := req.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "malformed form")
		return
	}
	next := s.local(req.PostForm.Get("next"))
	user, wait := s.auth.verify(clientAddr(req), req.PostForm.Get("name"), req.PostForm.Get("password"))
	if user == nil || wait > 0 {
		s.form(w, req, SignIn{Action: s.public + signInPath, Next: next, Wrong: wait == 0, Wait: wait})
		return
	}
	secret := rand.Text()
	s.open.Add(sha256.Sum256([]byte(secret)), session{user, s.now().Add(sessionTime)})
	noteUser(req.Context(), user.Name)
	s.setCookie(w, req, secret, int(sessionTime/time.Second))
	s.redirect(w, next)
}

func (s *sessions) signOut(w http.ResponseWriter, req *http.Request) {
	if cookie, err := req.Cookie(sessionCookie); err == nil {
		s.open.Remove(sha256.Sum256([]byte(cookie.Value)))
	}
	s.setCookie(w, req, "", -1)
	s.redirect(w, s.public+"/")
}

func (s *sessions) setCookie(w http.ResponseWriter, req *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, Path: s.public + "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure || req.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
}

func (s *sessions) redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

// local returns next if it is a URL of this server, else the root: a foreign
// page may have chosen next to lead the person elsewhere.
func (s *sessions) local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, s.public+"/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return s.public + "/"
	}
	return next
}
