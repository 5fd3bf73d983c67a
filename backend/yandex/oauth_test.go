package yandex_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// clock stands still but for those who wait on it, whose time passes at once.
type clock struct {
	mu    sync.Mutex // guards what follows
	now   time.Time
	waits []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 6, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	ch := make(chan time.Time, 1)
	ch <- c.now
	return ch
}

// login serves an OAuth server and a client of it that share a clock.
func login(t *testing.T, knobs emulator.Knobs) (*emulator.Server, yandex.OAuth, *clock) {
	t.Helper()
	c := newClock()
	srv, err := emulator.Start(emulator.Options{Now: c.Now, ClientID: "davdisk-id", ClientSecret: "secret &+%", Knobs: knobs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv, yandex.OAuth{
		URL: srv.OAuthURL, ClientID: "davdisk-id", ClientSecret: "secret &+%",
		DeviceID: "0123456789", DeviceName: "davdisk on a test", Now: c.Now, After: c.After,
	}, c
}

func TestDeviceFlow(t *testing.T) {
	ctx := context.Background()
	t.Run("confirmed after a while", func(t *testing.T) {
		srv, o, c := login(t, emulator.Knobs{DevicePolls: 3, DeviceInterval: 7 * time.Second})
		code, err := o.DeviceCode(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if code.UserCode == "" || code.Interval != 7*time.Second || !code.Expires.Equal(c.Now().Add(5*time.Minute)) || !strings.HasSuffix(code.URL, "/device") {
			t.Errorf("the code is %+v", code)
		}
		if _, err := o.ExchangeDevice(ctx, code.Code); !errors.Is(err, yandex.ErrPending) {
			t.Errorf("asked once it answered %v", err)
		}
		tokens, err := o.Poll(ctx, code)
		if err != nil {
			t.Fatal(err)
		}
		for _, wait := range c.waits {
			if wait != 7*time.Second {
				t.Errorf("it waited %v between two polls", c.waits)
				break
			}
		}
		if tokens.Refresh == "" || tokens.ClientSecret != o.ClientSecret || tokens.Expires.Before(c.Now().Add(300*24*time.Hour)) {
			t.Errorf("the tokens are %+v", tokens)
		}
		b := connect(t, srv, yandex.Config{Token: yandex.StaticToken(tokens.Access)})
		if _, err := b.Revision(ctx); err != nil {
			t.Errorf("the token is not good: %v", err)
		}
	})
	t.Run("asked too often", func(t *testing.T) {
		_, o, c := login(t, emulator.Knobs{DevicePolls: 2, DeviceInterval: 8 * time.Second, SlowDown: true})
		code, err := o.DeviceCode(ctx)
		if err != nil {
			t.Fatal(err)
		}
		code.Interval = 4 * time.Second // less than the server's
		if _, err := o.Poll(ctx, code); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(c.waits, 9*time.Second) {
			t.Errorf("it did not slow down: %v", c.waits)
		}
	})
	for name, test := range map[string]struct {
		knobs emulator.Knobs
		do    func(srv *emulator.Server, code yandex.DeviceCode)
		want  error
	}{
		"denied":  {emulator.Knobs{}, func(srv *emulator.Server, code yandex.DeviceCode) { srv.DenyDevice(code.UserCode) }, yandex.ErrDenied},
		"expired": {emulator.Knobs{DeviceCodeLife: time.Minute}, func(*emulator.Server, yandex.DeviceCode) {}, yandex.ErrCodeExpired},
	} {
		t.Run(name, func(t *testing.T) {
			srv, o, _ := login(t, test.knobs)
			code, err := o.DeviceCode(ctx)
			if err != nil {
				t.Fatal(err)
			}
			test.do(srv, code)
			if _, err := o.Poll(ctx, code); !errors.Is(err, test.want) {
				t.Errorf("it answered %v, want %v", err, test.want)
			}
		})
	}
	t.Run("an unknown application", func(t *testing.T) {
		_, o, _ := login(t, emulator.Knobs{})
		o.ClientID = "another"
		if _, err := o.DeviceCode(ctx); !errors.Is(err, yandex.ErrWrongClient) {
			t.Errorf("it answered %v", err)
		}
	})
	t.Run("a wrong secret", func(t *testing.T) {
		_, o, _ := login(t, emulator.Knobs{DevicePolls: 1})
		code, err := o.DeviceCode(ctx)
		if err != nil {
			t.Fatal(err)
		}
		o.ClientSecret = "guessed"
		if _, err := o.Poll(ctx, code); !errors.Is(err, yandex.ErrWrongClient) {
			t.Errorf("it answered %v", err)
		}
	})
	t.Run("a server in trouble is asked again", func(t *testing.T) {
		srv, o, _ := login(t, emulator.Knobs{DevicePolls: 1})
		code, err := o.DeviceCode(ctx)
		if err != nil {
			t.Fatal(err)
		}
		srv.Inject(emulator.Fault{Endpoint: emulator.Token, Status: 502, HTML: true}, emulator.Fault{Endpoint: emulator.Token, Reset: true})
		if _, err := o.Poll(ctx, code); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody waits any more", func(t *testing.T) {
		_, o, _ := login(t, emulator.Knobs{})
		code, err := o.DeviceCode(ctx)
		if err != nil {
			t.Fatal(err)
		}
		ended, cancel := context.WithCancel(ctx)
		o.After = func(time.Duration) <-chan time.Time { cancel(); return nil }
		if _, err := o.Poll(ended, code); !errors.Is(err, context.Canceled) {
			t.Errorf("it answered %v", err)
		}
	})
}

func TestCodeFlow(t *testing.T) {
	ctx := context.Background()
	srv, o, _ := login(t, emulator.Knobs{})
	at, err := url.Parse(o.AuthorizeURL("challenge"))
	if err != nil {
		t.Fatal(err)
	}
	q := at.Query()
	if at.Path != "/authorize" || q.Get("response_type") != "code" || q.Get("client_id") != o.ClientID || q.Get("code_challenge_method") != "S256" || q.Get("device_id") != o.DeviceID {
		t.Errorf("the address is %s", at)
	}
	tokens, err := o.Exchange(ctx, srv.IssueCode(o.ClientID), "")
	if err != nil || tokens.Access == "" {
		t.Fatalf("tokens %+v, %v", tokens, err)
	}
	for code, want := range map[string]error{"1234567": yandex.ErrCodeExpired, "not a code": yandex.ErrBadCode, "": yandex.ErrBadCode} {
		if _, err := o.Exchange(ctx, code, ""); !errors.Is(err, want) {
			t.Errorf("the code %q answered %v, want %v", code, err, want)
		}
	}
}

func TestRefreshAndRevoke(t *testing.T) {
	ctx := context.Background()
	srv, o, _ := login(t, emulator.Knobs{})
	first, err := o.Exchange(ctx, srv.IssueCode(o.ClientID), "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := o.Refresh(ctx, first.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if second.Refresh == first.Refresh || second.Access != first.Access {
		t.Errorf("the refresh token did not rotate, or the access token did: %+v, %+v", first, second)
	}
	if _, err := o.Refresh(ctx, first.Refresh); !errors.Is(err, yandex.ErrDead) {
		t.Errorf("a spent refresh token answered %v", err)
	}
	for range 2 {
		if err := o.Revoke(ctx, second.Access); err != nil {
			t.Errorf("revoking answered %v", err)
		}
	}
	b := connect(t, srv, yandex.Config{Token: yandex.StaticToken(second.Access)})
	if _, err := b.Revision(ctx); !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), "davdisk login") {
		t.Errorf("a revoked token answered %v", err)
	}
}

// TestOAuthBadAnswers gives the client answers of no OAuth server.
func TestOAuthBadAnswers(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"a page":          func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
		"half of JSON":    func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"access_token":"x`)) },
		"nothing":         func(w http.ResponseWriter, _ *http.Request) {},
		"an empty object": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) },
		"an unknown error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			w.Write([]byte(`{"error": "moon_phase", "error_description": "come back\nlater"}`))
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/token" {
				t.Errorf("the secret went to %s", r.URL)
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"an error in a success": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"error": "invalid_grant"}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(handler)
			defer srv.Close()
			_, err := yandex.OAuth{URL: srv.URL, ClientID: "id", ClientSecret: "very-secret"}.Refresh(context.Background(), "1:refresh-secret")
			if err == nil {
				t.Fatal("it succeeded")
			}
			if text := err.Error(); strings.Contains(text, "very-secret") || strings.Contains(text, "refresh-secret") || strings.Contains(text, "\n") {
				t.Errorf("the error says %q", text)
			}
		})
	}
	_, err := yandex.OAuth{URL: "http://127.0.0.1:1", ClientID: "id"}.DeviceCode(context.Background())
	if err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("a server that is not there answered %v", err)
	}
}
