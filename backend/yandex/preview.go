package yandex

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/davdisk/davdisk/backend"
)

// Preview implements backend.Previewer.
func (b *Backend) Preview(ctx context.Context, name string, size int) (io.ReadCloser, error) {
	if err := checkName("preview", name); err != nil {
		return nil, err
	}
	if size <= 0 {
		return nil, backend.PathError("preview", name, fs.ErrInvalid, "a picture is at least one pixel wide")
	}
	body, err := b.preview(ctx, name, size)
	return body, pathError("preview", name, err)
}

func (b *Backend) preview(ctx context.Context, name string, size int) (io.ReadCloser, error) {
	var r resource
	_, err := b.api.do(ctx, request{
		call:  getResource,
		query: url.Values{"path": {b.path(name)}, "fields": {"type,preview"}, "preview_size": {strconv.Itoa(size)}, "limit": {"0"}},
		out:   &r,
	})
	if err != nil {
		return nil, err
	}
	if r.Preview == "" {
		return nil, &backend.Error{Kind: fs.ErrNotExist, Message: "there is no picture of it"}
	}
	at, err := b.api.follow(string(r.Preview))
	if err != nil {
		return nil, err
	}
	resp, err := b.picture(ctx, at, "")
	if err == nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) && b.trusts(at) {
		resp.Body.Close()
		var token string
		if token, err = b.cfg.Token.Token(ctx); err == nil {
			resp, err = b.picture(ctx, at, token)
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

func (b *Backend) picture(ctx context.Context, at *url.URL, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "OAuth "+token)
	}
	return b.bare.Do(req)
}

// trusts tells whether a server may see the token. The documentation says that
// previews are served with it only, and they come from another host than the
// API: one of Yandex over https, or one beside the API where that is
// elsewhere. No redirect is followed from there.
func (b *Backend) trusts(at *url.URL) bool {
	if b.cfg.Token == nil {
		return false
	}
	if at.Hostname() == b.api.base.Hostname() {
		return at.Scheme == b.api.base.Scheme
	}
	for _, domain := range []string{".yandex.net", ".yandex.ru", ".yandex.com"} {
		if strings.HasSuffix(at.Hostname(), domain) && strings.HasSuffix(b.api.base.Hostname(), ".yandex.net") {
			return at.Scheme == "https"
		}
	}
	return false
}
