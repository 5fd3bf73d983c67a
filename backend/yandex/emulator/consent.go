package emulator

import (
	"html/template"
	"net/http"
	"net/url"
)

// The pages on which a person agrees. They need no JavaScript and no style.
var consentPage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<meta charset="utf-8"><title>Yandex Disk emulator</title>
<h1>Yandex Disk emulator</h1>
{{with .Message}}<p>{{.}}</p>{{end}}
{{with .Code}}<p>Code: <code id="code">{{.}}</code></p>{{end}}
{{if .Form}}<form method="post" action="/device">
<label>Code on the device <input name="user_code" autocomplete="off" autofocus></label>
<button>Allow</button> <button name="deny" value="1">Refuse</button>
</form>{{end}}
`))

type consent struct {
	Message, Code string
	Form          bool
}

func (e *Emulator) page(w http.ResponseWriter, status int, c consent) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := consentPage.Execute(w, c); err != nil {
		e.log.Debug("page", "error", err)
	}
}

// devicePage asks for the code that a device shows.
func (e *Emulator) devicePage(w http.ResponseWriter, _ *http.Request) {
	e.page(w, http.StatusOK, consent{Form: true})
}

func (e *Emulator) deviceEntry(w http.ResponseWriter, r *http.Request) {
	decide, done := e.ApproveDevice, "The device may use the disk now."
	if r.PostForm.Get("deny") != "" {
		decide, done = e.DenyDevice, "The device was refused."
	}
	if !decide(r.PostForm.Get("user_code")) {
		e.page(w, http.StatusOK, consent{Message: "No device waits with this code.", Form: true})
		return
	}
	e.page(w, http.StatusOK, consent{Message: done})
}

// authorize is the page that asks whether an application may use the disk. The
// emulator's user agrees at once unless a knob refuses.
func (e *Emulator) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.Form
	if e.opts.ClientID != "" && query.Get("client_id") != e.opts.ClientID || query.Get("client_id") == "" {
		e.page(w, http.StatusBadRequest, consent{Message: "No such application (unauthorized_client)."})
		return
	}
	target := query.Get("redirect_uri")
	if target == "" {
		target = e.hostsOf(r).base(roleOAuth) + "/verification_code"
	}
	to, err := url.Parse(target)
	if err != nil {
		e.page(w, http.StatusBadRequest, consent{Message: "redirect_uri makes no sense."})
		return
	}
	reply := url.Values{}
	if state := query.Get("state"); state != "" {
		reply.Set("state", state)
	}
	e.mu.Lock()
	p := &pending{client: query.Get("client_id"), device: query.Get("device_id"), scopes: scopes(r),
		challenge: query.Get("code_challenge"), plain: query.Get("code_challenge_method") != "S256", approved: true}
	fragment := false
	switch {
	case e.knobs.DenyAuthorize:
		reply.Set("error", "access_denied")
		reply.Set("error_description", "User denied access")
	case query.Get("response_type") == "code":
		e.addCode(p)
		reply.Set("code", p.code)
	case query.Get("response_type") == "token":
		g := e.grant(p)
		reply.Set("access_token", g.token)
		reply.Set("token_type", "bearer")
		fragment = true
	default:
		reply.Set("error", "unsupported_response_type")
	}
	e.mu.Unlock()
	if fragment {
		to.Fragment = reply.Encode()
	} else {
		to.RawQuery = joinQuery(to.RawQuery, reply)
	}
	http.Redirect(w, r, to.String(), http.StatusFound)
}

func joinQuery(old string, more url.Values) string {
	if old == "" {
		return more.Encode()
	}
	return old + "&" + more.Encode()
}

// codePage shows the code to be typed into an application.
func (e *Emulator) codePage(w http.ResponseWriter, r *http.Request) {
	e.page(w, http.StatusOK, consent{Code: r.Form.Get("code"), Message: r.Form.Get("error_description")})
}
