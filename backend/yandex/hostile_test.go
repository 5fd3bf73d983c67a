package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
)

const secret = "y0_very-secret-token"

// against opens a disk whose API is handler.
func against(t *testing.T, handler http.HandlerFunc, cfg yandex.Config) *yandex.Backend {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	cfg.APIURL, cfg.Token, cfg.Rate, cfg.RetryWait = srv.URL, yandex.StaticToken(secret), -1, time.Microsecond
	if cfg.After == nil {
		cfg.After = func(time.Duration) <-chan time.Time { return time.After(0) }
	}
	b, err := yandex.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// TestTokenStaysWithTheAPI leads the client elsewhere in every way a server
// has, and looks what comes along.
func TestTokenStaysWithTheAPI(t *testing.T) {
	ctx := context.Background()
	const answer = `{"type":"file","name":"f","status":"success","href":"x"}`
	var leaked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || strings.Contains(r.URL.String(), secret) {
			leaked.Add(1)
		}
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusCreated)
		}
		fmt.Fprint(w, answer)
	}))
	defer elsewhere.Close()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		do     func(b *yandex.Backend) error
		kind   error
	}{
		"a redirect of the API": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
			},
			func(b *yandex.Backend) error { _, err := b.Stat(ctx, "f"); return err }, backend.ErrUnavailable,
		},
		"a redirect that keeps the method": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL, http.StatusPermanentRedirect)
			},
			func(b *yandex.Backend) error { return b.Mkdir(ctx, "f") }, backend.ErrUncertain,
		},
		"an endless redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, r.URL.String()+"&again", http.StatusFound)
			},
			func(b *yandex.Backend) error { _, err := b.Stat(ctx, "f"); return err }, backend.ErrUnavailable,
		},
		"an operation elsewhere": {
			func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusAccepted)
				fmt.Fprintf(w, `{"href":"%s/v1/disk/operations/1","method":"GET"}`, elsewhere.URL)
			},
			func(b *yandex.Backend) error { return b.Remove(ctx, "f", backend.RemoveOptions{}) }, backend.ErrUncertain,
		},
		"a download elsewhere": {
			func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `{"type":"file","name":"f","size":%d,"md5":"%032x","file":"%s/f"}`, len(answer), 1, elsewhere.URL)
			},
			func(b *yandex.Backend) error { _, err := read(b, "f", 0, -1); return err }, nil,
		},
		"an upload elsewhere": {
			func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `{"href":"%s/u","operation_id":"1","type":"file","name":"f","size":1}`, elsewhere.URL)
			},
			func(b *yandex.Backend) error { return put(b, "f", "x") }, nil,
		},
		"a preview elsewhere": {
			func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, `{"type":"file","preview":"%s/p"}`, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1))
			},
			func(b *yandex.Backend) error {
				body, err := b.Preview(ctx, "f", 100)
				if err == nil {
					body.Close()
				}
				return err
			}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := against(t, test.answer, yandex.Config{})
			err := test.do(b)
			if test.kind == nil && err != nil || test.kind != nil && !errors.Is(err, test.kind) {
				t.Errorf("it answered %v, want %v", err, test.kind)
			}
			if err != nil && strings.Contains(err.Error(), elsewhere.URL) {
				t.Errorf("the error holds the link: %v", err)
			}
		})
	}
	if n := leaked.Load(); n > 0 {
		t.Errorf("the token went elsewhere %d times", n)
	}
}

// TestBadLinks gives links that lead nowhere.
func TestBadLinks(t *testing.T) {
	ctx := context.Background()
	for _, href := range []string{"", "not a link", "ftp://example.org/x", "file:///etc/passwd", "http://", "//example.org", "javascript:alert(1)", "http://[::1", `http:\u002f\u002f%zz`} {
		b := against(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/upload"), strings.HasSuffix(r.URL.Path, "/download"):
				fmt.Fprintf(w, `{"href":"%s"}`, href)
			case r.Method == http.MethodGet:
				fmt.Fprintf(w, `{"type":"file","name":"f","size":5,"md5":"%032x","file":"%s"}`, 1, href)
			default:
				w.WriteHeader(http.StatusAccepted)
				fmt.Fprintf(w, `{"href":"%s"}`, href)
			}
		}, yandex.Config{})
		_, err := read(b, "f", 0, -1)
		expectKind(t, "read by "+href, err, backend.ErrUnavailable)
		expectKind(t, "put by "+href, put(b, "f", "x"), backend.ErrUnavailable)
		expectKind(t, "remove by "+href, b.Remove(ctx, "f", backend.RemoveOptions{}), backend.ErrUncertain)
		if href == "" {
			_, err := b.Link(ctx, "f")
			expectKind(t, "link", err, backend.ErrUnavailable)
		}
	}
}

// TestEndlessDownload redirects a download for ever.
func TestEndlessDownload(t *testing.T) {
	var hops atomic.Int32
	b := against(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/hop") {
			hops.Add(1)
			http.Redirect(w, r, "/hop"+r.URL.Path, http.StatusFound)
			return
		}
		fmt.Fprintf(w, `{"type":"file","name":"f","size":5,"md5":"%032x","file":"http://%s/hop"}`, 1, r.Host)
	}, yandex.Config{})
	_, err := read(b, "f", 0, -1)
	expectKind(t, "read", err, backend.ErrUnavailable)
	if n := hops.Load(); n > 10 {
		t.Errorf("%d redirects were followed", n)
	}
}

// TestWrongBytes lets the storage give other bytes than were asked for. They
// must never be taken for the content.
func TestWrongBytes(t *testing.T) {
	for name, storage := range map[string]http.HandlerFunc{
		"another range":  func(w http.ResponseWriter, r *http.Request) { partial(w, "bytes 0-4/10", "01234") },
		"another length": func(w http.ResponseWriter, r *http.Request) { partial(w, "bytes 5-9/20", "56789") },
		"no range":       func(w http.ResponseWriter, r *http.Request) { partial(w, "", "56789") },
		"another version": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"ffffffffffffffffffffffffffffffff"`)
			partial(w, "bytes 5-9/10", "56789")
		},
		"a whole of another length": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "0123456789abcdef") },
		"a page":                    func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>please log in</html>") },
		"416":                       func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) },
	} {
		t.Run(name, func(t *testing.T) {
			b := against(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/storage" {
					storage(w, r)
					return
				}
				fmt.Fprintf(w, `{"type":"file","name":"f","size":10,"md5":"%032x","file":"http://%s/storage"}`, 1, r.Host)
			}, yandex.Config{})
			got, err := read(b, "f", 5, -1)
			if err == nil || got != "" {
				t.Errorf("it reads %q, %v", got, err)
			}
			expectKind(t, "read", err, backend.ErrChanged)
		})
	}
	t.Run("all in place of a range is cut", func(t *testing.T) {
		b := against(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/storage" {
				fmt.Fprint(w, "0123456789")
				return
			}
			fmt.Fprintf(w, `{"type":"file","name":"f","size":10,"md5":"%032x","file":"http://%s/storage"}`, 1, r.Host)
		}, yandex.Config{})
		if got, err := read(b, "f", 3, 4); err != nil || got != "3456" {
			t.Errorf("it reads %q, %v", got, err)
		}
	})
}

// TestRenewedLinkOfAnother renews a link for a file that was replaced by one of
// the same length, from a storage that gives no entity tags.
func TestRenewedLinkOfAnother(t *testing.T) {
	asked := 0
	b := against(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/storage/1") {
			w.WriteHeader(http.StatusGone)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/storage/") {
			fmt.Fprint(w, "NEW BYTES!")
			return
		}
		asked++
		fmt.Fprintf(w, `{"type":"file","name":"f","size":10,"md5":"%032x","file":"http://%s/storage/%d"}`, asked, r.Host, asked)
	}, yandex.Config{})
	got, err := read(b, "f", 0, -1)
	if got != "" {
		t.Errorf("it reads %q", got)
	}
	expectKind(t, "read", err, backend.ErrChanged)
}

// TestCloseWhileReading closes a download from which nothing comes any more.
func TestCloseWhileReading(t *testing.T) {
	ctx := context.Background()
	stuck := make(chan struct{})
	b := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/storage" {
			fmt.Fprintf(w, `{"type":"file","name":"f","size":10,"md5":"%032x","file":"http://%s/storage"}`, 1, r.Host)
			return
		}
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "012")
		w.(http.Flusher).Flush()
		close(stuck)
		<-r.Context().Done()
	}, yandex.Config{})
	c, err := b.Open(ctx, "f", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Range(ctx, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := io.ReadAll(r)
		done <- err
	}()
	<-stuck
	r.Close()
	if err := <-done; err == nil {
		t.Error("the reader says that it was read to the end")
	}
}

func partial(w http.ResponseWriter, contentRange, body string) {
	w.Header().Set("Content-Range", contentRange)
	w.WriteHeader(http.StatusPartialContent)
	io.WriteString(w, body)
}

// TestNamesOfTheServer lists names that lead elsewhere. They are left out, and
// the log says so.
func TestNamesOfTheServer(t *testing.T) {
	var said strings.Builder
	b := against(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"type":"dir","name":"disk","path":"disk:/","_embedded":{"total":11,"items":[
			{"type":"file","name":"good.txt","size":"12","md5":"0123456789abcdef0123456789abcdef"},
			{"type":"file","name":".."},{"type":"file","name":"."},{"type":"file","name":""},{"type":"file"},
			{"type":"file","name":"../up"},{"type":"file","name":"/etc/passwd"},{"type":"file","name":"a/b"},
			{"type":"file","name":"nul\u0000"},{"type":"wormhole","name":"strange"},{"type":"dir","name":"sub","modified":"yesterday","size":null}]}}`)
	}, yandex.Config{Log: slog.New(slog.NewTextHandler(&said, nil))})
	_, children, err := b.List(context.Background(), ".")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]backend.Info{}
	for info, err := range children {
		if err != nil {
			t.Fatal(err)
		}
		got[info.Name] = info
	}
	if len(got) != 2 || got["good.txt"].Size != 12 || !got["sub"].Dir || !got["sub"].ModTime.IsZero() {
		t.Errorf("the listing is %+v", got)
	}
	if n := strings.Count(said.String(), "left out"); n < 8 {
		t.Errorf("the log says so %d times", n)
	}
	omitted, err := b.Omitted(context.Background(), ".")
	if err != nil || len(omitted) != 9 || !strings.Contains(errors.Join(omitted...).Error(), `"../up"`) {
		t.Errorf("who copies the folder is told %v, %v", omitted, err)
	}
}

// TestListingThatNeverAddsUp lists a folder that changes all the time.
func TestListingThatNeverAddsUp(t *testing.T) {
	ctx := context.Background()
	var calls atomic.Int64
	changing := against(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"type":"dir","_embedded":{"total":3,"items":[{"type":"file","name":"%d"}]}}`, calls.Add(1)/3)
	}, yandex.Config{})
	_, _, err := changing.List(ctx, ".")
	expectKind(t, "list", err, backend.ErrUnavailable)
}

// TestErrorsKeepSecrets lets everything fail and looks for the token and for
// links in what is said and logged.
func TestErrorsKeepSecrets(t *testing.T) {
	ctx := context.Background()
	var said strings.Builder
	log := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, "/upload") {
			fmt.Fprintf(w, `{"type":"file","name":"f","size":5,"md5":"%032x","file":"http://127.0.0.1:1/disk/secret-signature"}`, 1)
			return
		}
		fmt.Fprint(w, `{"href":"http://127.0.0.1:1/upload-target/secret-signature","operation_id":"1"}`)
	}, yandex.Config{Log: log})
	for op, do := range map[string]func() error{
		"read": func() error { _, err := read(b, "f", 0, -1); return err },
		"put":  func() error { return put(b, "f", "x") },
	} {
		err := do()
		expectKind(t, op, err, backend.ErrUnavailable)
		said.WriteString(err.Error())
	}
	refusing := against(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"UnauthorizedError","message":"Не авторизован.\u001b[31m\nsecond line"}`)
	}, yandex.Config{Log: log})
	_, err := refusing.Stat(ctx, "f")
	said.WriteString(err.Error())
	if strings.ContainsAny(err.Error(), "\x1b\n") || !strings.Contains(err.Error(), "Не авторизован.") {
		t.Errorf("the server's words became %q", err)
	}
	for _, bad := range []string{"secret-signature", secret} {
		if strings.Contains(said.String(), bad) {
			t.Errorf("%q is told: %s", bad, said.String())
		}
	}
}

// TestBadConfig opens disks that cannot be.
func TestBadConfig(t *testing.T) {
	for _, url := range []string{"cloud-api.yandex.net", "ftp://x", "http://", ":"} {
		if _, err := yandex.New(yandex.Config{APIURL: url}); err == nil {
			t.Errorf("the address %q was taken", url)
		}
	}
	for _, root := range []string{"a\x00b", strings.Repeat("x", 256), "\xff"} {
		if _, err := yandex.New(yandex.Config{Root: root}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("the root %q answered %v", root, err)
		}
	}
	b, err := yandex.New(yandex.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestDriver opens a disk as the command line does.
func TestDriver(t *testing.T) {
	ctx := context.Background()
	reg := backend.NewRegistry(backend.Env{StateDir: t.TempDir()})
	reg.Register(yandex.Driver())
	if _, err := reg.Open(ctx, "yandex:"); !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), "davdisk login") {
		t.Errorf("without a login it answered %v", err)
	}
	for i, opts := range []map[string]string{
		{"token": "t", "accept-short-listings": "true"}, {"token": "t", "root": "Docs", "rate": "0"}, {"anonymous": "true"}, {"token": "t", "hard-delete": "true", "upload-via-temp-name": "true", "rate": "2.5"},
	} {
		name := fmt.Sprintf("good%d", i)
		if err := reg.Remote(name, "yandex", opts); err != nil {
			t.Fatal(err)
		}
		b, err := reg.Open(ctx, name+":sub")
		if err != nil {
			t.Errorf("%v answered %v", opts, err)
			continue
		}
		if c, ok := b.(io.Closer); !ok || c.Close() != nil {
			t.Errorf("%v cannot be closed", opts)
		}
	}
	for i, opts := range []map[string]string{
		{"token": "t", "rate": "quick"}, {"token": "t", "rate": "-1"}, {"token": "t", "rate": "NaN"}, {"token": "t", "rate": "Inf"}, {"token": "t", "rate": "1e39"}, {"token": "t", "hard-delete": "perhaps"}, {"token": "t", "accept-short-listings": "perhaps"}, {"token": "t", "account": "../up"}, {"token": "t", "api-url": "nowhere"},
	} {
		name := fmt.Sprintf("bad%d", i)
		if err := reg.Remote(name, "yandex", opts); err != nil {
			t.Fatal(err)
		}
		if _, err := reg.Open(ctx, name+":"); err == nil {
			t.Errorf("%v was taken", opts)
		}
	}
}
