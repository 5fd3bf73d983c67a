package yandex

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/testwait"
)

// FuzzAnswers reads any bytes as the answer to a listing. Whatever they are,
// the outcome is entries with usable names or an error of the contract.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `[]`, `"x"`, `{`, `{}`, `{"type":"dir"}`, `{"type":"file","size":"12","md5":null}`,
		`{"type":"dir","_embedded":{"items":[{"name":"a","type":"file","size":1e99}],"total":1}}`,
		`{"type":"dir","_embedded":{"items":[{"name":"../a","type":"dir"}],"total":"1"}}`,
		`{"type":"dir","_embedded":{"items":null,"total":-5}}`, `{"type":"dir","_embedded":[]}`,
		`{"type":"dir","_embedded":{"items":[{"name":"a","type":"file","custom_properties":{"rclone_modified":"2015-05-17T04:03:02Z"}}],"total":1}}`,
		`{"type":"dir","_embedded":{"items":[{"name":"a","type":"file"}],"total":4000000000000000000}}`,
		`{"error":"DiskNotFoundError","description":"Resource not found.","message":"Не удалось найти запрошенный ресурс."}`,
		`{"type":"dir","_embedded":{"items":[{"name":"\u0000","type":"file"},{"name":"x\ny","type":"file"}],"total":2}}`,
	} {
		f.Add(seed, 200)
		f.Add(seed, 404)
	}
	f.Fuzz(func(t *testing.T, body string, code int) {
		if code < 200 || code > 599 {
			return
		}
		answer := answering(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		done := make(chan time.Time)
		close(done)
		b, err := New(Config{Transport: answer, Rate: -1, Token: StaticToken("t"), RetryWait: 1, After: func(time.Duration) <-chan time.Time { return done }})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		ctx, cancel := context.WithTimeout(context.Background(), testwait.Limit(t))
		defer cancel()
		_, children, err := b.List(ctx, "dir")
		if err != nil {
			checkError(t, err)
			return
		}
		seen := map[string]bool{}
		for info, err := range children {
			if err != nil {
				t.Fatal(err)
			}
			if !fs.ValidPath(info.Name) || strings.Contains(info.Name, "/") || seen[info.Name] || info.Name == "." {
				t.Errorf("the name %q cannot be used", info.Name)
			}
			if !info.Dir && (info.Version == "" || len(info.Version) > 64) {
				t.Errorf("%q has the version %q", info.Name, info.Version)
			}
			seen[info.Name] = true
		}
	})
}

// answering is a transport that is a function.
type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// checkError wants an error of the contract, of one line.
func checkError(t *testing.T, err error) {
	t.Helper()
	var at *fs.PathError
	var e *backend.Error
	if !errors.As(err, &at) || !errors.As(err, &e) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%#v is no error of the contract", err)
	}
	if strings.IndexFunc(err.Error(), unicode.IsControl) >= 0 || !utf8.ValidString(err.Error()) {
		t.Errorf("the error %q is not one line of text", err)
	}
}

// FuzzExpiry reads the expiry of any link.
func FuzzExpiry(f *testing.F) {
	for _, seed := range []string{"", "https://downloader.disk.yandex.ru/disk/0123/668ee8e8/key?uid=1", "http://h/disk/s/ffffffff/k", "https://[", "https://h/disk/s/-0000001/k", "https://h/preview/s/inf/k"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, href string) {
		now := time.Unix(1.8e9, 0)
		if end := expiry(href, now); end.After(now.Add(24 * time.Hour)) {
			t.Errorf("%q is good until %v", href, end)
		}
	})
}

// FuzzPaths turns any root and name into a path of the API and back.
func FuzzPaths(f *testing.F) {
	for _, seed := range [][2]string{{"", "."}, {"/", "a/b"}, {"disk:/Docs", "x"}, {"app:/", "Ж/e\u0301"}, {"../..", "a:b"}, {"a//b/../c/", "+ &"}, {"app:", "disk:"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, root, name string) {
		clean, err := cleanRoot(root)
		if err != nil {
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%q answered %v", root, err)
			}
			return
		}
		scheme, rest, ok := strings.Cut(clean, ":")
		if !ok || scheme != "disk" && scheme != "app" || !strings.HasPrefix(rest, "/") || strings.Contains(rest+"/", "/../") {
			t.Fatalf("%q became %q", root, clean)
		}
		b := &Backend{root: clean}
		abs, err := b.path(name)
		if err != nil {
			return
		}
		if back, inside := below(clean, abs); !inside || back != name {
			t.Errorf("%q below %q is %q, and back %q, %v", name, clean, abs, back, inside)
		}
	})
}

// TestBelow distinguishes names below a root from similar ones.
func TestBelow(t *testing.T) {
	for _, test := range []struct {
		root, path, name string
		inside           bool
	}{
		{"disk:/", "disk:/a/b", "a/b", true}, {"disk:/", "disk:/", ".", true}, {"disk:/Docs", "disk:/Docs", ".", true},
		{"disk:/Docs", "disk:/Docs/a", "a", true}, {"disk:/Docs", "disk:/Documents/a", "", false}, {"disk:/Docs", "disk:/", "", false},
		{"disk:/Docs", "trash:/Docs/a", "", false}, {"disk:/", "disk:/a/../../b", "", false}, {"disk:/", "", "", false},
	} {
		name, inside := below(test.root, test.path)
		if inside != test.inside || inside && name != test.name {
			t.Errorf("%q below %q is %q, %v", test.path, test.root, name, inside)
		}
	}
}
