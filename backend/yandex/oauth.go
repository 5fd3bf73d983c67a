package yandex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// What the OAuth server may say instead of giving tokens. Each is a sentence
// for the person; test with [errors.Is].
var (
	ErrPending     = errors.New("the code has not been confirmed yet")
	ErrSlowDown    = errors.New("the OAuth server wants to be asked less often")
	ErrCodeExpired = errors.New("the code is no longer good: ask for a new one")
	ErrBadCode     = errors.New("that is not a code as Yandex gives them: check it for mistakes")
	ErrDenied      = errors.New("access was refused on the page of Yandex")
	ErrWrongClient = errors.New("Yandex does not know this application: check its client id and secret")
	ErrBadScope    = errors.New("the application was registered without the rights it needs: reading, writing and disk information")
	ErrDead        = errors.New("the login is no longer good (it was revoked, or the password was changed): run davdisk login")
	ErrNoRevoke    = errors.New("Yandex revokes only logins that are tied to a device: remove this one on the page of your account")
)

// OAuth asks the OAuth server of Yandex for tokens, by the device flow or the
// code flow (https://yandex.com/dev/id/doc/en/). Its fields are not those of
// RFC 8628. It may be used from many goroutines at once.
type OAuth struct {
	URL          string // empty: DefaultOAuthURL
	ClientID     string
	ClientSecret string
	// DeviceID ties the login to a device, without which it cannot be revoked:
	// 6 to 50 printable ASCII characters. DeviceName is what the account's page
	// shows, up to 100 characters. Both may be empty.
	DeviceID   string
	DeviceName string

	Transport http.RoundTripper                      // nil: http.DefaultTransport
	Now       func() time.Time                       // nil: time.Now
	After     func(d time.Duration) <-chan time.Time // nil: time.After
}

// DeviceCode is what a person has to confirm.
type DeviceCode struct {
	UserCode string        // to be typed in at
	URL      string        // this address
	Code     string        // what Poll asks with; a secret
	Expires  time.Time     // when it is no longer good
	Interval time.Duration // how often to ask, at most
}

// Tokens are a login.
type Tokens struct {
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	Scope   string    `json:"scope,omitempty"` // only if fewer rights were granted than asked for

	// Who asked for them, which is needed to refresh and to revoke them.
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	DeviceID     string `json:"device_id,omitempty"`
}

// DeviceCode begins the device flow.
func (o OAuth) DeviceCode(ctx context.Context) (DeviceCode, error) {
	var out struct {
		Device   text   `json:"device_code"`
		User     text   `json:"user_code"`
		URL      text   `json:"verification_url"`
		Expires  number `json:"expires_in"`
		Interval number `json:"interval"`
	}
	form := url.Values{"client_id": {o.ClientID}}
	o.addDevice(form)
	if err := o.post(ctx, "/device/code", form, &out); err != nil {
		return DeviceCode{}, fmt.Errorf("ask for a code: %w", err)
	}
	if out.Device == "" || out.User == "" {
		return DeviceCode{}, errors.New("ask for a code: the OAuth server gave none")
	}
	code := DeviceCode{
		UserCode: string(out.User), URL: string(out.URL), Code: string(out.Device),
		Expires:  o.now().Add(10 * time.Minute),
		Interval: max(time.Second, time.Duration(out.Interval)*time.Second),
	}
	if out.Expires > 0 {
		code.Expires = o.now().Add(time.Duration(out.Expires) * time.Second)
	}
	return code, nil
}

// Poll asks, as often as it may, until the code is confirmed, refused
// (ErrDenied) or no longer good (ErrCodeExpired).
func (o OAuth) Poll(ctx context.Context, code DeviceCode) (Tokens, error) {
	for interval := code.Interval; ; {
		select {
		case <-ctx.Done():
			return Tokens{}, ctx.Err()
		case <-o.after(interval):
		}
		tokens, err := o.ExchangeDevice(ctx, code.Code)
		var answer *oauthError
		switch {
		case err == nil:
			return tokens, nil
		case ctx.Err() != nil:
			return Tokens{}, ctx.Err()
		case errors.Is(err, ErrSlowDown):
			interval += 5 * time.Second // as RFC 8628, section 3.5, has it
		case errors.Is(err, ErrPending):
		case errors.As(err, &answer):
			return Tokens{}, err
		}
		if !o.now().Before(code.Expires) {
			return Tokens{}, ErrCodeExpired
		}
	}
}

// ExchangeDevice asks once whether a device code has been confirmed; ErrPending
// if not yet.
func (o OAuth) ExchangeDevice(ctx context.Context, code string) (Tokens, error) {
	form := url.Values{"grant_type": {"device_code"}, "code": {code}}
	o.addDevice(form)
	return o.token(ctx, form)
}

// AuthorizeURL begins the code flow: the page at that address shows a code to
// be typed in. The challenge is the S256 form of a verifier (RFC 7636), empty
// for none.
func (o OAuth) AuthorizeURL(challenge string) string {
	query := url.Values{"response_type": {"code"}, "client_id": {o.ClientID}}
	o.addDevice(query)
	if challenge != "" {
		query.Set("code_challenge", challenge)
		query.Set("code_challenge_method", "S256")
	}
	return o.server() + "/authorize?" + query.Encode()
}

// Exchange ends the code flow: the code that the person saw becomes tokens.
// The verifier is that of AuthorizeURL's challenge, or empty.
func (o OAuth) Exchange(ctx context.Context, code, verifier string) (Tokens, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}
	o.addDevice(form)
	if verifier != "" {
		form.Set("code_verifier", verifier)
	}
	return o.token(ctx, form)
}

// Refresh gives new tokens for a refresh token, which is spent by it: keep the
// new one before doing anything else. One that is spent or revoked is ErrDead.
func (o OAuth) Refresh(ctx context.Context, refresh string) (Tokens, error) {
	tokens, err := o.token(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	if errors.Is(err, ErrCodeExpired) || errors.Is(err, ErrBadCode) {
		return Tokens{}, ErrDead
	}
	return tokens, err
}

// Revoke makes an access token void. It may be done twice.
func (o OAuth) Revoke(ctx context.Context, access string) error {
	return o.post(ctx, "/revoke_token", url.Values{
		"access_token": {access}, "client_id": {o.ClientID}, "client_secret": {o.ClientSecret},
	}, nil)
}

// token is one request for tokens.
func (o OAuth) token(ctx context.Context, form url.Values) (Tokens, error) {
	form.Set("client_id", o.ClientID)
	if o.ClientSecret != "" {
		form.Set("client_secret", o.ClientSecret)
	}
	var out struct {
		Access  text   `json:"access_token"`
		Refresh text   `json:"refresh_token"`
		Expires number `json:"expires_in"`
		Scope   text   `json:"scope"`
	}
	if err := o.post(ctx, "/token", form, &out); err != nil {
		return Tokens{}, err
	}
	if out.Access == "" {
		return Tokens{}, errors.New("the OAuth server gave no token")
	}
	now := o.now()
	tokens := Tokens{
		Access: string(out.Access), Refresh: string(out.Refresh), Scope: string(out.Scope), Issued: now,
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, DeviceID: o.DeviceID,
	}
	if out.Expires > 0 {
		tokens.Expires = now.Add(time.Duration(out.Expires) * time.Second)
	}
	return tokens, nil
}

func (o OAuth) addDevice(form url.Values) {
	if o.DeviceID != "" {
		form.Set("device_id", o.DeviceID)
	}
	if o.DeviceName != "" {
		form.Set("device_name", o.DeviceName)
	}
}

// oauthErrors translates the server's names of errors (reference of Yandex ID;
// all of them come with status 400).
var oauthErrors = map[string]error{
	"authorization_pending":  ErrPending,
	"slow_down":              ErrSlowDown,
	"invalid_grant":          ErrCodeExpired,
	"expired_token":          ErrCodeExpired,
	"bad_verification_code":  ErrBadCode,
	"access_denied":          ErrDenied,
	"invalid_client":         ErrWrongClient,
	"unauthorized_client":    ErrWrongClient,
	"Basic auth required":    ErrWrongClient,
	"invalid_scope":          ErrBadScope,
	"unsupported_token_type": ErrNoRevoke,
	"unsupported_grant_type": errors.ErrUnsupported,
}

// oauthError is a refusal of the OAuth server in its own words.
type oauthError struct {
	kind  error // nil for a name that is not known
	words string
}

func (e *oauthError) Error() string {
	if e.kind == nil {
		return "the OAuth server refused: " + e.words
	}
	return e.kind.Error() + " (" + e.words + ")"
}

func (e *oauthError) Unwrap() error { return e.kind }

// post sends a form and decodes the answer. It follows no redirect: the form
// holds secrets.
func (o OAuth) post(ctx context.Context, path string, form url.Values, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := parseAPI(o.server()); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.server()+path, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New(plain(err))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	client := &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the OAuth server cannot be reached: %s", plain(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("the OAuth server cannot be reached: %s", plain(err))
	}
	var no struct {
		Code        text `json:"error"`
		Description text `json:"error_description"`
	}
	if err := json.Unmarshal(data, &no); err != nil {
		return fmt.Errorf("the OAuth server answered %d with something that is not JSON", resp.StatusCode)
	}
	if no.Code != "" {
		return &oauthError{oauthErrors[string(no.Code)], oneLine(string(no.Description), string(no.Code))}
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the OAuth server answered %d without a reason", resp.StatusCode)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

func (o OAuth) server() string {
	if o.URL == "" {
		return DefaultOAuthURL
	}
	return strings.TrimSuffix(o.URL, "/")
}

func (o OAuth) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

func (o OAuth) after(d time.Duration) <-chan time.Time {
	if o.After == nil {
		return time.After(d)
	}
	return o.After(d)
}
