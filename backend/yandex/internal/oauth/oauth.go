// Package oauth is a client of the OAuth server of Yandex
// (https://yandex.com/dev/id/doc/en/).
package oauth

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

	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// DefaultURL is the address of the OAuth server.
const DefaultURL = "https://oauth.yandex.ru"

// The errors of the OAuth server. Each is a sentence for the user; test with
// [errors.Is].
var (
	ErrPending     = errors.New("the code has not been confirmed yet")
	ErrSlowDown    = errors.New("the OAuth server asks to be polled less often")
	ErrCodeExpired = errors.New("the code has expired: request a new one")
	ErrBadCode     = errors.New("not a code as Yandex issues them: check it for typing errors")
	ErrDenied      = errors.New("access was denied on the page of Yandex")
	ErrWrongClient = errors.New("Yandex does not know this application: check its client id and secret")
	ErrNotAllowed  = errors.New("Yandex does not let this application log anybody in: it was blocked or rejected, or waits to be approved; see its page at https://oauth.yandex.ru")
	ErrBadScope    = errors.New("the application was registered without the rights it needs: reading, writing and disk information")
	ErrDead        = errors.New("the login is no longer valid (it was revoked, or the password was changed): run davdisk login")
	ErrNoRevoke    = errors.New("Yandex revokes only logins that are tied to a device: remove this one on the page of your account")
)

// Client gets tokens from the OAuth server of Yandex, by the device flow or the
// code flow (https://yandex.com/dev/id/doc/en/). The server's fields are not
// those of RFC 8628. A Client is safe for concurrent use.
type Client struct {
	URL          string // empty: DefaultURL
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

// DeviceCode is a code that the user has to confirm.
type DeviceCode struct {
	UserCode string        // to be typed in at
	URL      string        // this address
	Code     string        // what Poll sends; a secret
	Expires  time.Time     // when it expires
	Interval time.Duration // how often to poll, at most
}

// Tokens are a login.
type Tokens struct {
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	Scope   string    `json:"scope,omitempty"` // only if fewer rights were granted than asked for

	// The application they were given to, which is needed to refresh and to revoke them.
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	DeviceID     string `json:"device_id,omitempty"`

	// The addresses of the service they are for; empty for Yandex itself.
	OAuthURL string `json:"oauth_url,omitempty"`
	APIURL   string `json:"api_url,omitempty"`
}

// DeviceCode starts the device flow.
func (c Client) DeviceCode(ctx context.Context) (DeviceCode, error) {
	var out struct {
		Device   api.Text   `json:"device_code"`
		User     api.Text   `json:"user_code"`
		URL      api.Text   `json:"verification_url"`
		Expires  api.Number `json:"expires_in"`
		Interval api.Number `json:"interval"`
	}
	form := url.Values{"client_id": {c.ClientID}}
	c.addDevice(form)
	if err := c.post(ctx, "/device/code", form, &out); err != nil {
		return DeviceCode{}, fmt.Errorf("ask for a code: %w", err)
	}
	if out.Device == "" || out.User == "" {
		return DeviceCode{}, errors.New("ask for a code: the OAuth server gave none")
	}
	code := DeviceCode{
		UserCode: string(out.User), URL: string(out.URL), Code: string(out.Device),
		Expires:  c.now().Add(10 * time.Minute),
		Interval: max(time.Second, time.Duration(out.Interval)*time.Second),
	}
	if out.Expires > 0 {
		code.Expires = c.now().Add(time.Duration(out.Expires) * time.Second)
	}
	return code, nil
}

// Poll polls, at the allowed interval, until the code is confirmed, denied
// (ErrDenied) or expired (ErrCodeExpired).
func (c Client) Poll(ctx context.Context, code DeviceCode) (Tokens, error) {
	for interval := code.Interval; ; {
		select {
		case <-ctx.Done():
			return Tokens{}, ctx.Err()
		case <-c.after(interval):
		}
		tokens, err := c.ExchangeDevice(ctx, code.Code)
		var refused *Error
		switch {
		case err == nil:
			return tokens, nil
		case ctx.Err() != nil:
			return Tokens{}, ctx.Err()
		case errors.Is(err, ErrSlowDown):
			interval += 5 * time.Second // as RFC 8628, section 3.5, has it
		case errors.Is(err, ErrPending):
		case errors.As(err, &refused):
			return Tokens{}, err
		}
		if !c.now().Before(code.Expires) {
			return Tokens{}, ErrCodeExpired
		}
	}
}

// ExchangeDevice polls once for a device code; it returns ErrPending if it is
// not confirmed yet.
func (c Client) ExchangeDevice(ctx context.Context, code string) (Tokens, error) {
	form := url.Values{"grant_type": {"device_code"}, "code": {code}}
	c.addDevice(form)
	return c.token(ctx, form)
}

// AuthorizeURL starts the code flow: the page at that address shows a code to
// be typed in. The challenge is the S256 form of a verifier (RFC 7636), empty
// for none.
func (c Client) AuthorizeURL(challenge string) string {
	query := url.Values{"response_type": {"code"}, "client_id": {c.ClientID}}
	c.addDevice(query)
	if challenge != "" {
		query.Set("code_challenge", challenge)
		query.Set("code_challenge_method", "S256")
	}
	return c.server() + "/authorize?" + query.Encode()
}

// Exchange completes the code flow: it exchanges the code shown to the user for
// tokens. The verifier is that of AuthorizeURL's challenge, or empty.
func (c Client) Exchange(ctx context.Context, code, verifier string) (Tokens, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}
	c.addDevice(form)
	if verifier != "" {
		form.Set("code_verifier", verifier)
	}
	return c.token(ctx, form)
}

// Refresh exchanges a refresh token, which becomes invalid, for new tokens:
// store them before doing anything else. It returns ErrDead if the token is
// used or revoked.
func (c Client) Refresh(ctx context.Context, refresh string) (Tokens, error) {
	tokens, err := c.token(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	if errors.Is(err, ErrCodeExpired) || errors.Is(err, ErrBadCode) {
		return Tokens{}, ErrDead
	}
	return tokens, err
}

// Revoke invalidates an access token. It is idempotent.
func (c Client) Revoke(ctx context.Context, access string) error {
	return c.post(ctx, "/revoke_token", url.Values{
		"access_token": {access}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret},
	}, nil)
}

// token is one request for tokens.
func (c Client) token(ctx context.Context, form url.Values) (Tokens, error) {
	form.Set("client_id", c.ClientID)
	if c.ClientSecret != "" {
		form.Set("client_secret", c.ClientSecret)
	}
	var out struct {
		Access  api.Text   `json:"access_token"`
		Refresh api.Text   `json:"refresh_token"`
		Expires api.Number `json:"expires_in"`
		Scope   api.Text   `json:"scope"`
	}
	if err := c.post(ctx, "/token", form, &out); err != nil {
		return Tokens{}, err
	}
	if out.Access == "" {
		return Tokens{}, errors.New("the OAuth server gave no token")
	}
	now := c.now()
	tokens := Tokens{
		Access: string(out.Access), Refresh: string(out.Refresh), Scope: string(out.Scope), Issued: now,
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, DeviceID: c.DeviceID,
	}
	if out.Expires > 0 {
		tokens.Expires = now.Add(time.Duration(out.Expires) * time.Second)
	}
	return tokens, nil
}

func (c Client) addDevice(form url.Values) {
	if c.DeviceID != "" {
		form.Set("device_id", c.DeviceID)
	}
	if c.DeviceName != "" {
		form.Set("device_name", c.DeviceName)
	}
}

// kinds maps the server's error names (reference of Yandex ID; all of them
// have status 400).
var kinds = map[string]error{
	"authorization_pending":  ErrPending,
	"slow_down":              ErrSlowDown,
	"invalid_grant":          ErrCodeExpired,
	"expired_token":          ErrCodeExpired,
	"bad_verification_code":  ErrBadCode,
	"access_denied":          ErrDenied,
	"invalid_client":         ErrWrongClient,
	"unauthorized_client":    ErrNotAllowed,
	"Basic auth required":    ErrWrongClient,
	"invalid_scope":          ErrBadScope,
	"unsupported_token_type": ErrNoRevoke,
	"unsupported_grant_type": errors.ErrUnsupported,
}

// Error is an error response of the OAuth server, with its message.
type Error struct {
	kind    error // nil for a name that is not known
	message string
}

func (e *Error) Error() string {
	if e.kind == nil {
		return "the OAuth server refused: " + e.message
	}
	return e.kind.Error() + " (" + e.message + ")"
}

func (e *Error) Unwrap() error { return e.kind }

// post sends a form and decodes the answer. It follows no redirect: the form
// holds secrets.
func (c Client) post(ctx context.Context, path string, form url.Values, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := api.ParseURL(c.server()); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server()+path, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New(httpclient.Message(err))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	httpClient := &http.Client{Transport: c.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := httpClient.Do(req)
	if err != nil {
		return fmt.Errorf("the OAuth server cannot be reached: %s", httpclient.Message(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("the OAuth server cannot be reached: %s", httpclient.Message(err))
	}
	var failure struct {
		Code        api.Text `json:"error"`
		Description api.Text `json:"error_description"`
	}
	if err := json.Unmarshal(data, &failure); err != nil {
		return fmt.Errorf("the OAuth server answered %d with something that is not JSON", resp.StatusCode)
	}
	if failure.Code != "" {
		return &Error{kinds[string(failure.Code)], httpclient.OneLine(string(failure.Description), string(failure.Code))}
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the OAuth server answered %d without a reason", resp.StatusCode)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

func (c Client) server() string {
	if c.URL == "" {
		return DefaultURL
	}
	return strings.TrimSuffix(c.URL, "/")
}

func (c Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c Client) after(d time.Duration) <-chan time.Time {
	if c.After == nil {
		return time.After(d)
	}
	return c.After(d)
}
