package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// static serves the page's own files. Their URLs contain a digest of all of them,
// so that they can be cached forever: another version has other URLs.
type static struct {
	hash    string
	files   map[string]staticFile // by name: "app.js"
	modules []string              // for the browser to fetch at once
}

type staticFile struct {
	content []byte
	zipped  func() ([]byte, error) // compressed by gzip when it is asked for first: that takes a megabyte
}

func readStatic() (*static, error) {
	s := &static{files: map[string]staticFile{}}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	digest := sha256.New()
	for _, entry := range entries {
		content, err := fs.ReadFile(staticFiles, path.Join("static", entry.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		digest.Write([]byte(entry.Name() + "\x00"))
		digest.Write(sum[:])
		s.files[entry.Name()] = staticFile{content, sync.OnceValues(func() ([]byte, error) { return compress(content) })}
		if strings.HasSuffix(entry.Name(), ".js") {
			s.modules = append(s.modules, entry.Name())
		}
	}
	s.hash = hex.EncodeToString(digest.Sum(nil)[:8])
	return s, nil
}

func compress(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// staticPath is the path of the files below webdav.PagePath.
const staticPath = "/static/"

// base returns the URL path of the files, below a prefix.
func (s *static) base() string { return staticPath + s.hash + "/" }

// types are the media types of the files; the system's own table may differ.
var types = map[string]string{".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

// serve serves a file. A URL of another version is 404, because scripts of
// different versions may not work together.
func (s *static) serve(w http.ResponseWriter, req *http.Request, name string) error {
	file, ok := s.files[strings.TrimPrefix(name, s.base())]
	if !ok || !strings.HasPrefix(name, s.base()) {
		return notFound(name)
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return refuse(http.StatusMethodNotAllowed, "the page's own files are read-only")
	}
	header, content, zipped := w.Header(), file.content, strings.Contains(req.Header.Get("Accept-Encoding"), "gzip")
	if zipped { // before the answer is said to last
		var err error
		if content, err = file.zipped(); err != nil {
			return err
		}
	}
	header.Set("Content-Type", mime.FormatMediaType(types[path.Ext(name)], map[string]string{"charset": "utf-8"}))
	header.Set("Cache-Control", "private, max-age=31536000, immutable")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'")
	header.Set("Vary", "Accept-Encoding")
	if zipped {
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if req.Method == http.MethodGet {
		_, _ = w.Write(content) // the client may have left
	}
	return nil
}
