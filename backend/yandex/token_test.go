package yandex

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// headers keeps the header of the last request.
type headers struct{ last http.Header }

func (h *headers) RoundTrip(req *http.Request) (*http.Response, error) {
	h.last = req.Header
	return status(http.StatusOK, "")()
}

// TestAuthorizer gives the token to the API alone, whatever came before.
func TestAuthorizer(t *testing.T) {
	h := &headers{}
	a := authorizer{h, StaticToken("secret"), "cloud-api.yandex.net", "davdisk"}
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

// TestTokenIsNotPrinted prints a configuration in every way.
func TestTokenIsNotPrinted(t *testing.T) {
	cfg := Config{Token: StaticToken("secret")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, cfg); strings.Contains(text, "secret") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}
