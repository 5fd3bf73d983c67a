package dav

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// likeNextcloud makes a server answer as Nextcloud does, in what differs: it
// tells SHA-1 sums, takes the time of an upload with it, and says so.
func likeNextcloud(f *fake, stored func(sent string) string) (times *[]string) {
	times = new([]string)
	modified := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	f.describe = func(path, props string) string {
		if f.files[path] == "/" {
			return props
		}
		sum := sha1.Sum([]byte(f.files[path]))
		return props + `<D:getlastmodified>` + modified.Format(http.TimeFormat) + `</D:getlastmodified>` +
			`<oc:checksums xmlns:oc="http://owncloud.org/ns"><oc:checksum>SHA1:` + hex.EncodeToString(sum[:]) + `</oc:checksum></oc:checksums>`
	}
	f.fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
		if r.Method != http.MethodPut {
			return false
		}
		if seconds := r.Header.Get("X-OC-Mtime"); seconds != "" {
			*times = append(*times, seconds)
			if seconds == "1000000000" {
				modified = time.Unix(1000000000, 0).UTC()
			}
			w.Header().Set("X-OC-MTime", "accepted")
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return true
		}
		r.Body = io.NopCloser(strings.NewReader(stored(string(body))))
		w.Header().Set("OC-ETag", `"made-up"`)
		next(w, r)
		return true
	}
	return times
}

// TestLikeNextcloud: an upload is proved by the hash that the server tells, and
// its time is the one that the server lists, whatever it says to the upload.
func TestLikeNextcloud(t *testing.T) {
	can := features{WholePut: true, Conditions: true, UploadTime: true}
	whole := func(sent string) string { return sent }
	for name, test := range map[string]struct {
		stored func(string) string
		when   int64
		err    error
		listed int64
	}{
		"the time is taken":                    {whole, 1_000_000_000, nil, 1_000_000_000},
		"it says that a time is taken":         {whole, 1_100_000_000, nil, time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC).Unix()},
		"another content of the same length":   {func(sent string) string { return strings.ToUpper(sent) }, 1_000_000_000, backend.ErrUncertain, 0},
		"nothing of what was sent":             {func(string) string { return "" }, 1_000_000_000, backend.ErrUncertain, 0},
		"twice as much as what was sent to it": {func(sent string) string { return sent + sent }, 1_000_000_000, backend.ErrUncertain, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			times := likeNextcloud(f, test.stored)
			s := f.open(t, can)
			info, err := s.Put(t.Context(), "f", strings.NewReader("new content"), backend.PutOptions{Size: 11, ModTime: time.Unix(test.when, 0)})
			if !errors.Is(err, test.err) {
				t.Fatalf("%v, want %v", err, test.err)
			}
			if len(*times) != 1 {
				t.Errorf("sent were the times %q", *times)
			}
			if n := f.count(http.MethodGet); n > 0 {
				t.Errorf("it was read back %d times, although there is a hash", n)
			}
			if err == nil && info.ModTime.Unix() != test.listed {
				t.Errorf("the time is %v", info.ModTime)
			}
		})
	}
}
