package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/tags"
)

// storedWith returns what an object was stored with beside its content, but for its
// storage class. A copy in parts has to be given it; one by a single request keeps
// it. The tags need a request, which is made where the server tells that there are
// some.
func (s *store) storedWith(ctx context.Context, e entry) (minio.PutObjectOptions, error) {
	h := e.header
	opts := minio.PutObjectOptions{
		ContentType:             h.Get("Content-Type"),
		ContentEncoding:         h.Get("Content-Encoding"),
		ContentDisposition:      h.Get("Content-Disposition"),
		ContentLanguage:         h.Get("Content-Language"),
		CacheControl:            h.Get("Cache-Control"),
		WebsiteRedirectLocation: h.Get("X-Amz-Website-Redirect-Location"),
		UserMetadata:            map[string]string{},
	}
	if expires, err := http.ParseTime(h.Get("Expires")); err == nil {
		opts.Expires = expires
	}
	for key, values := range h {
		if strings.HasPrefix(key, "X-Amz-Meta-") {
			opts.UserMetadata[key] = values[0] // with the prefix: minio-go takes "Expires" for the header
		}
	}
	if count := h.Get("X-Amz-Tagging-Count"); count == "" || count == "0" {
		return opts, nil
	}
	var a answer
	var tagged *tags.Tags
	err := s.client.read(ctx, &a, func(ctx context.Context) (err error) {
		tagged, err = s.client.core.GetObjectTagging(ctx, s.cfg.Bucket, e.key, minio.GetObjectTaggingOptions{})
		return err
	})
	if err == nil {
		opts.UserTags = tagged.ToMap()
	}
	return opts, err
}

// inClass lets f store an object in a storage class, and in the server's usual one
// if it refuses that: some tell of classes in which only they store.
func inClass(class string, f func(class string) error) error {
	err := f(class)
	var refused *refusal
	if class != "" && errors.As(err, &refused) && !refused.foreign && !refused.again() && (refused.status == http.StatusBadRequest || refused.status == http.StatusNotImplemented) {
		return f("")
	}
	return err
}
