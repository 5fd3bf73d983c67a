package page

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/davdisk/davdisk/webdav"
)

// apiPath is the path of the JSON interface below webdav.PagePath.
const apiPath = "/api/"

// A call is one request of the JSON interface.
type call struct {
	*http.Request
	w     http.ResponseWriter
	share webdav.Share
}

// A route is one endpoint of the JSON interface.
type route struct {
	method string
	// changes tells that the call needs the proof of origin and rights to write.
	changes bool
	serve   func(c *call) error
}

// api lists the endpoints. Those of an ability that the store lacks are 404.
func (p *Page) api() map[string]route {
	routes := map[string]route{
		"list":   {method: http.MethodGet, serve: p.list},
		"search": {method: http.MethodGet, serve: p.search},
		"status": {method: http.MethodGet, serve: p.status},
		"zip":    {method: http.MethodPost, serve: p.zip},
	}
	if p.store.Previews != nil {
		routes["preview"] = route{method: http.MethodGet, serve: p.preview}
	}
	if p.store.Links != nil {
		routes["links"] = route{method: http.MethodGet, serve: p.links}
		routes["share"] = route{method: http.MethodPost, changes: true, serve: p.makeLink}
		routes["unshare"] = route{method: http.MethodPost, changes: true, serve: p.removeLink}
	}
	if p.store.Trash != nil {
		routes["trash"] = route{method: http.MethodGet, serve: p.trash}
		routes["trash/restore"] = route{method: http.MethodPost, changes: true, serve: p.restore}
		routes["trash/discard"] = route{method: http.MethodPost, changes: true, serve: p.discard}
		routes["trash/empty"] = route{method: http.MethodPost, changes: true, serve: p.emptyTrash}
	}
	return routes
}

// ServePage implements [webdav.PageServer].
func (p *Page) ServePage(w http.ResponseWriter, req *http.Request, name string, share webdav.Share) error {
	if strings.HasPrefix(name, staticPath) {
		return p.static.serve(w, req, name)
	}
	to, ok := p.routes[strings.TrimPrefix(name, apiPath)]
	if !ok || !strings.HasPrefix(name, apiPath) {
		return notFound(name)
	}
	if req.Method != to.method && (to.method != http.MethodGet || req.Method != http.MethodHead) {
		return refuse(http.StatusMethodNotAllowed, "the only method here is "+to.method)
	}
	if to.changes {
		if err := needProof(req); err != nil {
			return err
		}
		if share.ReadOnly {
			return refuse(http.StatusForbidden, "the share is read-only")
		}
	}
	if isForeign(req) {
		return refuse(http.StatusForbidden, "a web page of another origin may not ask that")
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Header().Set("Cache-Control", "no-store")
	return to.serve(&call{req, w, share})
}

// proofHeader is sent with every change. A form cannot send it, and a page of
// another origin could only after a CORS preflight, which the server refuses.
const proofHeader = "X-Davdisk"

// needProof refuses a change that was not sent by a page of this origin.
func needProof(req *http.Request) error {
	if req.Header.Get(proofHeader) == "" {
		return refuse(http.StatusForbidden, "a change needs the header "+proofHeader)
	}
	if site := req.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return refuse(http.StatusForbidden, "a web page of another origin may not do that")
	}
	return nil
}

// isForeign reports whether a page of another origin sent the request. Browsers
// without Sec-Fetch-Site send Origin with everything but a plain GET.
func isForeign(req *http.Request) bool {
	if site := req.Header.Get("Sec-Fetch-Site"); site != "" {
		return site != "same-origin" && site != "none"
	}
	origin := req.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return true
	}
	// A proxy that is trusted tells the host that the browser knows; of others
	// the header does not get here (webdav/server).
	return u.Host != req.Host && u.Host != req.Header.Get("X-Forwarded-Host")
}

// reply writes a response as JSON, or 304 if the client has it already.
func (c *call) reply(answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	header := c.w.Header()
	header.Set("Content-Type", "application/json")
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	if c.Method != http.MethodPost {
		header.Set("Cache-Control", "private, no-cache")
		header.Set("ETag", tag)
		if c.Header.Get("If-None-Match") == tag {
			c.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(http.StatusOK)
	if c.Method == http.MethodHead {
		return nil
	}
	if _, err := c.w.Write(body); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	return nil
}

// maxBody bounds the body of a call.
const maxBody = 1 << 20

// decode reads the body of a change.
func (c *call) decode(into any) error {
	if mediaType, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "the body must be application/json")
	}
	body := http.MaxBytesReader(c.w, c.Body, maxBody)
	err := json.NewDecoder(body).Decode(into)
	if err == nil {
		_, err = io.Copy(io.Discard, body)
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, "the body is too long")
	case err != nil:
		return refuse(http.StatusBadRequest, "the body is not the JSON expected here")
	}
	return nil
}

// name checks a path sent by the client, such as "/a/b", and returns it as a
// name of [fs.FS].
func (c *call) name(asked string) (string, error) {
	name := strings.TrimPrefix(asked, "/")
	if name = strings.TrimSuffix(name, "/"); name == "" {
		name = "."
	}
	if !strings.HasPrefix(asked, "/") || !fs.ValidPath(name) {
		return "", refuse(http.StatusBadRequest, "the path must begin with a slash and be clean")
	}
	return name, nil
}

// stored converts a path of the user into a name of the store.
func (c *call) stored(name string) string { return path.Join(c.share.Root, name) }

// visible converts a name of the store into a path of the user, and reports
// whether the user can see it.
func (c *call) visible(stored string) (string, bool) {
	if c.share.Root == "/" {
		return stored, stored != ""
	}
	rest, ok := strings.CutPrefix(stored, c.share.Root)
	return rest, ok && strings.HasPrefix(rest, "/")
}

// existing checks the path of an existing item.
func (c *call) existing(asked string) (string, error) {
	name, err := c.name(asked)
	if err == nil {
		_, err = fs.Stat(c.share.FS, name)
	}
	return name, err
}
