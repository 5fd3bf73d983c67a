package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Preview opens the image of a link. According to the documentation previews
// require the token.
func (c *Client) Preview(ctx context.Context, link string) (io.ReadCloser, error) {
	at, err := c.parseLink(link)
	if err != nil {
		return nil, err
	}
	resp, err := c.picture(ctx, at, "")
	if err == nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) && c.trusts(at) {
		resp.Body.Close()
		var token string
		if token, err = c.opts.Token.Token(ctx); err == nil {
			resp, err = c.picture(ctx, at, token)
		}
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("the preview server answered %d", resp.StatusCode)
	}
	return resp.Body, nil
}

func (c *Client) picture(ctx context.Context, at *url.URL, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "OAuth "+token)
	}
	return c.bare.Do(req)
}

// trusts reports whether the token may be sent to a server. Previews are served
// by another host than the API: one of Yandex over https, or the API's own if
// that is not Yandex. Redirects are not followed.
func (c *Client) trusts(at *url.URL) bool {
	if c.opts.Token == nil {
		return false
	}
	if at.Hostname() == c.base.Hostname() {
		return at.Scheme == c.base.Scheme
	}
	for _, domain := range []string{".yandex.net", ".yandex.ru", ".yandex.com"} {
		if strings.HasSuffix(at.Hostname(), domain) && strings.HasSuffix(c.base.Hostname(), ".yandex.net") {
			return at.Scheme == "https"
		}
	}
	return false
}
