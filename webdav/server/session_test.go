package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/webdav"
)

// office is a server with sessions and a clock.
type office struct {
	t       *testing.T
	handler http.Handler
	now     time.Time
	forms   []SignIn
}

func newOffice(t *testing.T, opts ...Option) *office {
	t.Helper()
	o := &office{t: t, now: time.Unix(1_800_000_000, 0)}
	inner := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		user, _ := webdav.PrincipalFromContext(req.Context())
		fmt.Fprint(w, user.Name)
	})
	form := func(w http.ResponseWriter, _ *http.Request, s SignIn) {
		o.forms = append(o.forms, s)
		w.WriteHeader(http.StatusUnauthorized)
	}
	handler, err := New(inner, append([]Option{
		WithUsers(User{Name: "anna", Verify: PlainPassword("secret"), Secret: "secret"}), WithSignIn("/dav", form), WithClock(func() time.Time { return o.now }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	o.handler = handler
	return o
}

func (o *office) send(method, at, body string, headers ...string) *http.Response {
	o.t.Helper()
	req := httptest.NewRequestWithContext(o.t.Context(), method, at, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	o.handler.ServeHTTP(w, req)
	return w.Result()
}

// load is a page load by a person.
func (o *office) load(at string, headers ...string) *http.Response {
	return o.send("GET", at, "", append(headers, "Sec-Fetch-Mode", "navigate", "Accept", "text/html,*/*")...)
}

func (o *office) signIn(name, password, next string, headers ...string) *http.Response {
	values := url.Values{"name": {name}, "password": {password}, "next": {next}}
	return o.send("POST", "/dav/.davdisk/sign-in", values.Encode(), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

func cookieOf(t *testing.T, res *http.Response) *http.Cookie {
	t.Helper()
	cookies := res.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d, %d cookies", res.StatusCode, len(cookies))
	}
	return cookies[0]
}

func as(c *http.Cookie) string { return c.Name + "=" + c.Value }

// TestSignIn: a page load gets the form, which gets a cookie, which is the user
// until it is ended.
func TestSignIn(t *testing.T) {
	o := newOffice(t)
	res := o.load("/dav/Photos/?page=2")
	if res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") != "" || len(o.forms) != 1 || o.forms[0] != (SignIn{Action: "/dav/.davdisk/sign-in", Next: "/dav/Photos/"}) {
		t.Errorf("%d %v %v", res.StatusCode, res.Header, o.forms)
	}
	if res := o.signIn("anna", "wrong", "/dav/Photos/"); res.StatusCode != 401 || len(res.Cookies()) > 0 || !o.forms[1].Wrong || o.forms[1].Next != "/dav/Photos/" {
		t.Errorf("a wrong password: %d %v", res.StatusCode, o.forms)
	}
	res = o.signIn("anna", "secret", "/dav/Photos/")
	c := cookieOf(t, res)
	if res.StatusCode != 303 || res.Header.Get("Location") != "/dav/Photos/" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/dav/" || c.Secure || len(c.Value) < 26 {
		t.Errorf("%d %v %+v", res.StatusCode, res.Header, c)
	}
	if res := o.load("/dav/", "Cookie", as(c)); res.StatusCode != 200 {
		t.Errorf("with the cookie: %d", res.StatusCode)
	} else if body, _ := io.ReadAll(res.Body); string(body) != "anna" {
		t.Errorf("the user is %q", body)
	}
	for _, origin := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://evil.example"}} {
		if res := o.send("PUT", "/dav/x", "x", append(origin, "Cookie", as(c))...); res.StatusCode != 403 {
			t.Errorf("a change by %q: %d", origin, res.StatusCode)
		}
		if res := o.signIn("anna", "secret", "/", origin...); res.StatusCode != 403 || len(res.Cookies()) > 0 {
			t.Errorf("signed in by %q: %d", origin, res.StatusCode)
		}
	}
	if res := o.send("PUT", "/dav/x", "x", "Cookie", as(c), "Sec-Fetch-Site", "same-origin"); res.StatusCode != 200 {
		t.Errorf("a change by the page: %d", res.StatusCode)
	}
	for _, bad := range []string{c.Name + "=", c.Name + "=x", c.Name + "=" + c.Value + "x", "other=" + c.Value} {
		if res := o.send("GET", "/dav/x", "", "Cookie", bad); res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("cookie %q: %d", bad, res.StatusCode)
		}
	}
	// It lives while it is used, and ends when it is not.
	for range 3 {
		o.now = o.now.Add(sessionTime - time.Minute)
		if res := o.send("GET", "/dav/", "", "Cookie", as(c)); res.StatusCode != 200 {
			t.Errorf("in use: %d", res.StatusCode)
		}
	}
	o.now = o.now.Add(sessionTime)
	if res := o.send("GET", "/dav/", "", "Cookie", as(c)); res.StatusCode != 401 {
		t.Errorf("after a month: %d", res.StatusCode)
	}
	c = cookieOf(t, o.signIn("anna", "secret", ""))
	if res := o.send("POST", "/dav/.davdisk/sign-out", "", "Cookie", as(c)); res.StatusCode != 303 || cookieOf(t, res).MaxAge >= 0 {
		t.Errorf("signed out: %d", res.StatusCode)
	}
	if res := o.send("GET", "/dav/", "", "Cookie", as(c)); res.StatusCode != 401 {
		t.Errorf("signed out, with the cookie: %d", res.StatusCode)
	}
}

// TestSignInIsForPageLoads: all that is no page load is challenged for Basic
// credentials, as without the form.
func TestSignInIsForPageLoads(t *testing.T) {
	o := newOffice(t)
	for _, headers := range [][]string{
		{}, {"Accept", "text/html"}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Mode", "cors", "Accept", "text/html"},
		{"Sec-Fetch-Mode", "navigate", "Accept", "text/html", "Authorization", "Bearer"},
	} {
		if res := o.send("GET", "/dav/", "", headers...); res.StatusCode != 401 || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%q: %d %v", headers, res.StatusCode, res.Header)
		}
	}
	if res := o.send("PROPFIND", "/dav/", "", "Sec-Fetch-Mode", "navigate", "Accept", "text/html"); res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("PROPFIND: %d", res.StatusCode)
	}
	if len(o.forms) > 0 {
		t.Errorf("%d forms", len(o.forms))
	}
	// The page's own script: a browser must not ask for a password over it.
	if res := o.send("GET", "/dav/", "", "X-Davdisk", "1"); res.StatusCode != 401 || res.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("a script of the page: %d %v", res.StatusCode, res.Header)
	}
	req := httptest.NewRequestWithContext(t.Context(), "GET", "/dav/", nil)
	req.SetBasicAuth("anna", "secret")
	w := httptest.NewRecorder()
	o.handler.ServeHTTP(w, req)
	if w.Code != 200 || len(w.Result().Cookies()) > 0 {
		t.Errorf("Basic: %d", w.Code)
	}
}

// TestSignInGuesses: guesses by the form are counted with those by Basic.
func TestSignInGuesses(t *testing.T) {
	o := newOffice(t)
	for i := range 40 {
		o.signIn("anna", fmt.Sprint("guess ", i), "")
		if last := o.forms[len(o.forms)-1]; last.Wait > 0 {
			if res := o.signIn("anna", "secret", ""); len(res.Cookies()) > 0 {
				t.Error("the right guess passes among wrong ones")
			}
			o.now = o.now.Add(last.Wait + time.Second)
			if res := o.signIn("anna", "secret", ""); res.StatusCode != 303 {
				t.Errorf("after waiting: %d", res.StatusCode)
			}
			return
		}
	}
	t.Error("40 guesses were looked at at once")
}

// TestSignInLeadsNowhereElse: the form's answer stays on this server.
func TestSignInLeadsNowhereElse(t *testing.T) {
	o := newOffice(t)
	for _, next := range []string{"//evil.example/", "https://evil.example/", `/dav/\evil`, `/\evil.example`, "/other/", "javascript:alert(1)", "", "/dav/\r\nSet-Cookie: x=y"} {
		if got := o.signIn("anna", "secret", next).Header.Get("Location"); got != "/dav/" {
			t.Errorf("%q leads to %q", next, got)
		}
	}
	if got := o.signIn("anna", "secret", "/dav/%3Cb%3E/?page=2").Header.Get("Location"); got != "/dav/%3Cb%3E/?page=2" {
		t.Errorf("it leads to %q", got)
	}
}

// TestSignInBehindTLS: the cookie is for TLS alone where browsers come by it.
func TestSignInBehindTLS(t *testing.T) {
	o := newOffice(t, WithPublicURL("https://disk.example/files/"))
	c := cookieOf(t, o.signIn("anna", "secret", "/files/a", "Origin", "https://disk.example"))
	if !c.Secure || c.Path != "/files/" {
		t.Errorf("%+v", c)
	}
	if o.load("/dav/a"); o.forms[0] != (SignIn{Action: "/files/.davdisk/sign-in", Next: "/files/a"}) {
		t.Errorf("%+v", o.forms[0])
	}
}

// TestWithoutUsers: where nobody must sign in, there is no form.
func TestWithoutUsers(t *testing.T) {
	handler, err := New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), WithSignIn("", func(http.ResponseWriter, *http.Request, SignIn) { t.Error("a form") }))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"/", "/.davdisk/sign-in"} {
		req := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost"+at, nil)
		req.Header.Set("Sec-Fetch-Mode", "navigate")
		req.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, req); w.Code != 200 || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: %d", at, w.Code)
		}
	}
}
