package page

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed message.html
var messageHTML string

// A message is the data of an error page or of the sign-in form.
type message struct {
	*words
	Nonce  string
	Title  string
	Status int
	Text   string
	Reason string
	Root   string // address of the root
	Form   *SignIn
}

// SignIn is the data of the sign-in form.
type SignIn struct {
	Action string        // address that the form is sent to
	Next   string        // address that is shown afterwards
	Wrong  bool          // a name and a password were sent, and are wrong
	Wait   time.Duration // how long to wait before others are looked at
}

// ServeError implements [webdav.ErrorPage].
func (p *Page) ServeError(w http.ResponseWriter, req *http.Request, status int, reason, root string) {
	words := wordsFor(req)
	m := message{words: words, Status: status, Title: strconv.Itoa(status), Text: words.Errors[status], Reason: reason, Root: root}
	if m.Text == "" {
		m.Text = words.Other
	}
	p.serveMessage(w, req, m)
}

// ServeSignIn responds with the sign-in form: 401, or 429 while attempts are
// throttled.
func (p *Page) ServeSignIn(w http.ResponseWriter, req *http.Request, form SignIn) {
	words := wordsFor(req)
	m := message{words: words, Status: http.StatusUnauthorized, Title: words.SignIn, Form: &form}
	switch {
	case form.Wait > 0:
		m.Status, m.Text = http.StatusTooManyRequests, words.Wait
		w.Header().Set("Retry-After", strconv.Itoa(int(form.Wait/time.Second)+1))
	case form.Wrong:
		m.Text = words.Wrong
	}
	p.serveMessage(w, req, m)
}

func (p *Page) serveMessage(w http.ResponseWriter, req *http.Request, m message) {
	m.Nonce = rand.Text()
	var body bytes.Buffer
	if err := p.messages.Execute(&body, m); err != nil {
		body.Reset() // the template is fixed, and its data cannot fail
		body.WriteString(strings.ToLower(http.StatusText(m.Status)) + "\n")
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; style-src 'nonce-%s'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", m.Nonce))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(m.Status)
	if req.Method != http.MethodHead {
		_, _ = body.WriteTo(w) // the client may have left
	}
}
