package api

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// script answers one request after the other, and notes when they came.
type script struct {
	answers []func() (*http.Response, error)
	at      []time.Time
}

func (s *script) RoundTrip(*http.Request) (*http.Response, error) {
	s.at = append(s.at, time.Now())
	return s.answers[min(len(s.at), len(s.answers))-1]()
}

// waits are the times between the requests.
func (s *script) waits() []time.Duration {
	var waits []time.Duration
	for i := range s.at[1:] {
		waits = append(waits, s.at[i+1].Sub(s.at[i]))
	}
	return waits
}

func status(code int, body string, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		resp := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
		for i := 0; i+1 < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	}
}

func fails(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

var (
	good     = status(http.StatusOK, `{"href":"x"}`)
	busy     = status(http.StatusLocked, `{"error":"DiskResourceLockedError"}`)
	refusedC = &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	brokenC  = &net.OpError{Op: "read", Err: errors.New("connection reset")}
)

// withDefaults fills in what a test does not choose.
func withDefaults(opts Options) Options {
	opts.URL, opts.Token, opts.UserAgent = "https://cloud-api.yandex.net", token("t"), "davdisk"
	opts.RetryWait, opts.Now, opts.After = 250*time.Millisecond, time.Now, time.After
	return opts
}

// kind is what an error of Do amounts to for the driver.
func kind(err error) error {
	var apiErr *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(UncertainError)):
		return backend.ErrUncertain
	case errors.As(err, &apiErr):
		return apiErr.Kind()
	}
	return backend.ErrUnavailable
}

// scripted makes a client on a script. It must be called inside of a bubble.
func scripted(t *testing.T, opts Options, answers ...func() (*http.Response, error)) (*Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	opts.Transport = s
	if opts.Rate == 0 {
		opts.Rate = -1
	}
	if opts.Rand == nil {
		opts.Rand = func() float64 { return 1 }
	}
	c, err := New(withDefaults(opts))
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// TestRepeating holds the table of calls: what is sent again after which
// failure, and what is said when that was not enough.
func TestRepeating(t *testing.T) {
	for _, test := range []struct {
		name    string
		call    Call
		answers []func() (*http.Response, error)
		sent    int
		kind    error // nil: it succeeds
	}{
		{"a question is repeated after a fault", GetResource, list(status(500, ""), fails(brokenC), status(503, ""), good), 4, nil},
		{"a question is given up in the end", GetResource, list(status(502, "<html>")), 1 + maxFaults, backend.ErrUnavailable},
		{"a change that can be made twice is repeated", MakeFolder, list(status(500, ""), fails(brokenC), good), 3, nil},
		{"a change that cannot is not, after a fault", MoveResource, list(status(500, ""), good), 1, backend.ErrUncertain},
		{"nor after a break", CopyResource, list(fails(brokenC), good), 1, backend.ErrUncertain},
		{"but where it never arrived", MoveResource, list(fails(refusedC), good), 2, nil},
		{"or was refused for the rate", SavePublic, list(status(429, ""), good), 2, nil},
		{"or for a lock", RestoreTrash, list(busy, busy, good), 3, nil},
		{"a lock is waited for longer than a fault", DeleteItem, list(busy), 1 + maxLocked, backend.ErrLocked},
		{"the monthly limit is not waited for", UploadLink, list(status(423, `{"error":"DiskUploadTrafficLimitExceeded"}`)), 1, backend.ErrQuota},
		{"nor the other spelling of it", UploadLink, list(status(423, `{"error":"DiskResourceUploadTrafficLimitExceededError"}`)), 1, backend.ErrQuota},
		{"nor is a full disk", UploadLink, list(status(507, `{"error":"DiskNotEnoughFreeSpaceError"}`)), 1, backend.ErrQuota},
		{"a refused token is tried once more", GetDisk, list(status(401, ""), good), 2, nil},
		{"and then believed", GetDisk, list(status(401, "")), 2, backend.ErrUnauthorized},
		{"a refusal is final", GetResource, list(status(403, `{"error":"ForbiddenError"}`)), 1, fs.ErrPermission},
		{"a server that is not there is unavailable, not uncertain", MoveResource, list(fails(refusedC)), 1 + maxFaults, backend.ErrUnavailable},
		{"a wait of an hour is not waited", GetDisk, list(status(429, "", "Retry-After", "3600")), 1, backend.ErrRateLimited},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, Options{}, test.answers...)
				_, err := c.Do(context.Background(), Request{Call: test.call, Out: &Link{}})
				if len(s.at) != test.sent {
					t.Errorf("it was sent %d times, want %d", len(s.at), test.sent)
				}
				if test.kind != nil && kind(err) != test.kind {
					t.Errorf("it answered %v, want %v", err, test.kind)
				}
				if test.kind == nil && err != nil {
					t.Errorf("it failed: %v", err)
				}
			})
		})
	}
}

func list(answers ...func() (*http.Response, error)) []func() (*http.Response, error) { return answers }

// TestBackoff waits twice as long each time, as far as the service does not
// say otherwise.
func TestBackoff(t *testing.T) {
	for _, test := range []struct {
		name    string
		rand    float64
		answers []func() (*http.Response, error)
		want    []time.Duration
	}{
		{"longest", 1, list(status(500, "")), []time.Duration{250e6, 500e6, 1e9, 2e9, 4e9}},
		{"shortest", 0, list(status(500, "")), []time.Duration{125e6, 250e6, 500e6, 1e9, 2e9}},
		{"as told", 1, list(status(429, "", "Retry-After", "7"), status(503, "", "Retry-After", "2"), good), []time.Duration{7e9, 2e9}},
		{"until a date", 1, list(status(429, "", "Retry-After", "Sat, 01 Jan 2000 00:00:20 GMT"), good), []time.Duration{20e9}},
		{"told nonsense", 1, list(status(429, "", "Retry-After", "soon"), status(429, "", "Retry-After", "-5"), good), []time.Duration{250e6, 500e6}},
		{"never longer than five seconds", 1, list(busy), []time.Duration{250e6, 500e6, 1e9, 2e9, 4e9, 5e9, 5e9, 5e9, 5e9, 5e9}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, Options{Rand: func() float64 { return test.rand }}, test.answers...)
				c.Do(context.Background(), Request{Call: GetDisk})
				if got := s.waits(); len(got) != len(test.want) {
					t.Fatalf("it waited %v, want %v", got, test.want)
				} else {
					for i := range got {
						if got[i] != test.want[i] {
							t.Errorf("it waited %v, want %v", got, test.want)
							break
						}
					}
				}
			})
		})
	}
}

// TestCancelWhileWaiting ends the context between two attempts.
func TestCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, Options{}, status(503, "", "Retry-After", "20"))
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Do(ctx, Request{Call: GetDisk})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second || len(s.at) != 1 {
			t.Errorf("after %v and %d requests it answered %v", time.Since(start), len(s.at), err)
		}
	})
}

// TestAttemptTime gives up an answer that does not come, and asks again.
func TestAttemptTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := hanging{}
		c, err := New(withDefaults(Options{Transport: hang, Rate: -1, Rand: func() float64 { return 0 }}))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = c.Do(context.Background(), Request{Call: MoveResource})
		if kind(err) != backend.ErrUncertain || time.Since(start) != attemptTimeout {
			t.Errorf("after %v it answered %v", time.Since(start), err)
		}
		start = time.Now()
		_, err = c.Do(context.Background(), Request{Call: GetDisk})
		if kind(err) != backend.ErrUnavailable || time.Since(start) < (1+maxFaults)*attemptTimeout {
			t.Errorf("after %v it answered %v", time.Since(start), err)
		}
	})
}

type hanging struct{}

func (hanging) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}
