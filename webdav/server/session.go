package server

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

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
	maxSignIn     = 8 << 10
)

// browsers authenticates those that have sent the sign-in form, by a cookie in
// place of Basic.
type browsers struct {
	auth   *authentication
	form   func(w http.ResponseWriter, req *http.Request, s SignIn)
	page   errorPage
	prefix string // of the URLs that reach the handler
	public string // of the URLs that browsers use
	secure bool   // browsers connect by TLS, even if the request does not
	origin *http.CrossOriginProtection
}

func newBrowsers(auth *authentication, o *options) *browsers {
	s := &browsers{
		auth: auth, form: o.signIn, page: o.errorPage, prefix: o.prefix, public: o.prefix,
		origin: http.NewCrossOriginProtection(),
	}
	if o.public != nil {
		if path := strings.TrimSuffix(o.public.EscapedPath(), "/"); path != "" {
			s.public = path
		}
		s.secure = o.public.Scheme == "https"
		// The address was checked when it was set.
		_ = s.origin.AddTrustedOrigin(o.public.Scheme + "://" + o.public.Host)
	}
	return s
}

// user returns the user that a request's cookie stands for, nil for none. It fails
// if that is not known.
func (s *browsers) user(req *http.Request) (*User, error) {
	cookie, err := req.Cookie(sessionCookie)
	if err != nil {
		return nil, nil //nolint:nilerr // no cookie is no user
	}
	return s.auth.sessions.find(req.Context(), cookie.Value, s.auth.users)
}

// serve handles sign-in, sign-out and page loads without credentials. It reports
// whether it answered the request.
func (s *browsers) serve(w http.ResponseWriter, req *http.Request) bool {
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
func (s *browsers) isForm(req *http.Request) bool {
	path := strings.TrimPrefix(req.URL.Path, s.prefix)
	return path == signInPath || path == signOutPath
}

// isPageLoad reports whether a browser is loading a page for a person to see.
func isPageLoad(req *http.Request) bool { return req.Method == http.MethodGet && isNavigation(req) }

// isNavigation reports whether a browser shows the answer to a person.
func isNavigation(req *http.Request) bool {
	return req.Header.Get("Sec-Fetch-Mode") == "navigate" && strings.Contains(req.Header.Get("Accept"), "text/html")
}

func (s *browsers) signIn(w http.ResponseWriter, req *http.Request) {
	req.Body = http.MaxBytesReader(w, req.Body, maxSignIn)
	if err := req.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "malformed form")
		return
	}
	next := s.local(req.PostForm.Get("next"))
	if !s.auth.sessions.isCurrent() { // nor is a password looked at
		unavailable(w, req, s.page, "nobody can sign in here at the moment")
		return
	}
	user, wait := s.auth.verify(clientAddr(req), req.PostForm.Get("name"), req.PostForm.Get("password"))
	if user == nil || wait > 0 {
		s.form(w, req, SignIn{Action: s.public + signInPath, Next: next, Wrong: wait == 0, Wait: wait})
		return
	}
	secret := rand.Text()
	if err := s.auth.sessions.begin(req.Context(), secret, user); err != nil {
		s.auth.log.Warn("nobody can sign in: the other gateways cannot be told", "error", err)
		unavailable(w, req, s.page, "nobody can sign in here at the moment")
		return
	}
	noteUser(req.Context(), user.Name)
	s.setCookie(w, req, secret, int(sessionTime/time.Second))
	s.redirect(w, next)
}

func (s *browsers) signOut(w http.ResponseWriter, req *http.Request) {
	if cookie, err := req.Cookie(sessionCookie); err == nil {
		if err := s.auth.sessions.end(req.Context(), cookie.Value); err != nil {
			s.auth.log.Warn("somebody could not sign out: the other gateways cannot be told", "error", err)
			unavailable(w, req, s.page, "signing out has not succeeded, try again")
			return
		}
	}
	s.setCookie(w, req, "", -1)
	s.redirect(w, s.public+"/")
}

func (s *browsers) setCookie(w http.ResponseWriter, req *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, Path: s.public + "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure || req.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
}

func (s *browsers) redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

// local returns next if it is a URL of this server, else the root: a foreign
// page may have chosen next to lead the person elsewhere.
func (s *browsers) local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, s.public+"/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return s.public + "/"
	}
	return next
}
