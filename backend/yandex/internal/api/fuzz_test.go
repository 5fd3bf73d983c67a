package api

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzLinks parses any link and follows it with the token to the API alone.
func FuzzLinks(f *testing.F) {
	for _, seed := range []string{"", "https://downloader.disk.yandex.ru/disk/0123/668ee8e8/key?uid=1", "http://h/disk/s/ffffffff/k", "//x", "https://[", "a:b", "https://cloud-api.yandex.net/v1/disk/operations/1"} {
		f.Add(seed)
	}
	opts := withDefaults(Options{})
	c, err := New(opts)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, link string) {
		u, err := c.parseLink(link)
		if err == nil && (u.Scheme != "https" || u.Host == "") {
			t.Errorf("%q is followed to %v", link, u)
		}
		if address, err := c.address(Request{Call: GetOperation, Link: link}); err == nil && !strings.HasPrefix(address, opts.URL) {
			t.Errorf("%q is followed with the token to %s", link, address)
		}
	})
}

// TestUpgrade follows a link with the scheme http by https where the API has
// that.
func TestUpgrade(t *testing.T) {
	c, err := New(withDefaults(Options{Transport: http.DefaultTransport}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.address(Request{Link: "http://cloud-api.yandex.net/v1/disk/operations/1?x=%2B"})
	if err != nil || got != "https://cloud-api.yandex.net/v1/disk/operations/1?x=%2B" {
		t.Errorf("it goes to %q, %v", got, err)
	}
}
