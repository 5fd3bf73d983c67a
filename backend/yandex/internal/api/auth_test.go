package api

import (
	"context"
	"net/http"
	"testing"
)

// token is a TokenSource.
type token string

func (t token) Token(context.Context) (string, error) { return string(t), nil }

// headers keeps the header of the last request.
type headers struct{ last http.Header }

func (h *headers) RoundTrip(req *http.Request) (*http.Response, error) {
	h.last = req.Header
	return status(http.StatusOK, "")()
}

// TestAuthorizer gives the token to the API alone, whatever came before.
func TestAuthorizer(t *testing.T) {
	h := &headers{}
	a := authorizer{userAgent{h, "davdisk"}, token("secret"), "cloud-api.yandex.net"}
	for url, want := range map[string]string{
		"https://cloud-api.yandex.net/v1/disk":          "OAuth secret",
		"https://cloud-api.yandex.net.example.org/":     "",
		"https://example.org/?x=cloud-api.yandex.net":   "",
		"https://cloud-api.yandex.net:8443/":            "",
		"https://downloader.disk.yandex.ru/disk/secret": "",
	} {
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "left over")
		resp, err := a.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := h.last.Get("Authorization"); got != want || h.last.Get("User-Agent") != "davdisk" {
			t.Errorf("%s got %q, %v", url, got, h.last)
		}
	}
}
