package page

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/davdisk/davdisk/webdav"
)

// Limits of previews: number kept, size of one, concurrent requests to the store,
// and width.
const (
	previewsKept   = 256
	maxPreview     = 256 << 10
	previewsAtOnce = 4
	previewWidth   = 320
)

// previewCache keeps previews by name and version. The store is asked once for
// all viewers, and its links and tokens stay on the server.
type previewCache struct {
	from  Previews
	kept  *lru.Cache[previewKey, []byte]
	asked singleflight.Group
	slots chan struct{}
}

type previewKey struct{ name, version string }

func newPreviewCache(from Previews) *previewCache {
	kept, err := lru.New[previewKey, []byte](previewsKept)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &previewCache{from: from, kept: kept, slots: make(chan struct{}, previewsAtOnce)}
}

// get returns the preview of one version of a file.
func (p *previewCache) get(ctx context.Context, key previewKey) ([]byte, error) {
	if picture, ok := p.kept.Get(key); ok {
		return picture, nil
	}
	// Whoever waits may leave; the picture is read to its end for the others.
	shared := context.WithoutCancel(ctx)
	result := p.asked.DoChan(key.name+"\x00"+key.version, func() (any, error) {
		p.slots <- struct{}{}
		defer func() { <-p.slots }()
		ctx, cancel := context.WithTimeout(shared, time.Minute)
		defer cancel()
		picture, err := p.read(ctx, key.name)
		if err == nil {
			p.kept.Add(key, picture)
		}
		return picture, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-result:
		picture, _ := r.Val.([]byte)
		return picture, r.Err
	}
}

func (p *previewCache) read(ctx context.Context, name string) ([]byte, error) {
	body, err := p.from.Preview(ctx, name, previewWidth)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	picture, err := io.ReadAll(io.LimitReader(body, maxPreview+1))
	if err != nil {
		return nil, err
	}
	if len(picture) > maxPreview || !isPicture(picture) {
		return nil, &fs.PathError{Op: "preview", Path: name, Err: fs.ErrNotExist}
	}
	return picture, nil
}

// isPicture reports whether data is a picture of a type that cannot contain
// markup.
func isPicture(content []byte) bool {
	switch http.DetectContentType(content) {
	case "image/jpeg", "image/png", "image/webp", "image/gif":
		return true
	}
	return false
}

// preview responds with a preview. The URL has the version that the client has
// seen, so that the response can be cached.
func (p *Page) preview(c *call) error {
	name, err := c.name(c.URL.Query().Get("path"))
	if err != nil {
		return err
	}
	info, err := fs.Stat(c.share.FS, name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return refuse(http.StatusNotFound, "a folder has no preview")
	}
	tag := webdav.EntityTag(info)
	picture, err := p.previews.get(c.Context(), previewKey{c.stored(name), tag})
	if err != nil {
		return err
	}
	header := c.w.Header()
	header.Set("Content-Type", http.DetectContentType(picture))
	header.Set("Cache-Control", "private, no-cache")
	if asked := c.URL.Query().Get("etag"); tag != "" && asked == tag {
		header.Set("Cache-Control", "private, max-age=604800, immutable")
	}
	header.Set("Content-Length", strconv.Itoa(len(picture)))
	c.w.WriteHeader(http.StatusOK)
	if c.Method == http.MethodGet {
		if _, err := bytes.NewReader(picture).WriteTo(c.w); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	return nil
}
