package s3

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// TestCopiesKeepMetadata: a copy in parts is stored with what its source was
// stored with, and a storage class is asked for where the server has it.
func TestCopiesKeepMetadata(t *testing.T) {
	kept := map[string]string{
		"Content-Type": "text/x-odd", "Content-Encoding": "gzip", "Content-Disposition": `attachment; filename="a b"`,
		"Content-Language": "ru", "Cache-Control": "no-store", "Expires": "Mon, 02 Jan 2006 15:04:05 GMT",
		"X-Amz-Meta-Mtime": "1136214245.5", "X-Amz-Meta-Expires": "of a person", "X-Amz-Storage-Class": "STANDARD_IA",
		"X-Amz-Website-Redirect-Location": "/elsewhere", "X-Amz-Tagging": "a+b=c%3Dd",
	}
	const tagging = `<Tagging><TagSet><Tag><Key>a b</Key><Value>c=d</Value></Tag></TagSet></Tagging>`
	for name, test := range map[string]struct {
		refused bool // the storage class
		tags    faultFunc
		err     bool
	}{
		"all":              {tags: func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { _, _ = io.WriteString(w, tagging) }},
		"no such class":    {refused: true, tags: func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { _, _ = io.WriteString(w, tagging) }},
		"unreadable tags":  {tags: refuse(403, "AccessDenied"), err: true},
		"a page for tags":  {tags: page(200), err: true},
		"a 404 for tags":   {tags: page(404), err: true},
		"tags out of duty": {tags: refuse(503, "SlowDown", "Retry-After", "3600"), err: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, map[string]string{"f": "old"})
			s := f.open(t, Config{}, all)
			var begun []http.Header
			f.mu.Lock()
			f.fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				query := r.URL.Query()
				switch {
				case r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/f"):
					rec := httptest.NewRecorder()
					next(rec, r)
					for key, value := range rec.Header() {
						w.Header()[key] = value
					}
					for key, value := range kept {
						if key != "X-Amz-Tagging" {
							w.Header().Set(key, value)
						}
					}
					w.Header().Set("X-Amz-Tagging-Count", "1")
					w.WriteHeader(rec.Code)
				case query.Has("tagging"):
					test.tags(w, r, next)
				case query.Has("uploads"):
					f.mu.Lock()
					begun = append(begun, r.Header.Clone())
					f.mu.Unlock()
					if !test.refused || r.Header.Get("X-Amz-Storage-Class") == "" {
						return false
					}
					refuse(400, "InvalidStorageClass")(w, r, next)
				case query.Has("partNumber"): // gofakes3 does not copy parts
					_, _ = io.WriteString(w, `<CopyPartResult><ETag>"1"</ETag></CopyPartResult>`)
				case r.Method == http.MethodPost:
					_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><Bucket>bucket</Bucket><ETag>"1-1"</ETag></CompleteMultipartUploadResult>`)
				default:
					return false
				}
				return true
			}
			f.mu.Unlock()
			src, err := s.head(t.Context(), "f")
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.copyInParts(t.Context(), src, "n", entry{})
			if (err != nil) != test.err {
				t.Fatal(err)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if test.err {
				if len(begun) > 0 {
					t.Errorf("an upload was begun: %v", begun)
				}
				return
			}
			got := begun[len(begun)-1]
			for key, want := range kept {
				if test.refused && key == "X-Amz-Storage-Class" {
					want = ""
				}
				if got.Get(key) != want {
					t.Errorf("%s: %q, want %q", key, got.Get(key), want)
				}
			}
		})
	}
}

// TestCopiesKeepClass: a copy by one request asks for the class of its source, and
// does without one that the server does not take.
func TestCopiesKeepClass(t *testing.T) {
	for class, sent := range map[string][]string{"": {""}, "STANDARD": {""}, "STANDARD_IA": {"STANDARD_IA"}, "OF-THEIR-OWN": {"OF-THEIR-OWN", ""}} {
		f := newServer(t, map[string]string{"f": "old"})
		s := f.open(t, Config{}, all)
		var got []string
		f.fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
			switch {
			case r.Method == http.MethodHead && r.URL.Path == "/bucket/f":
				w.Header().Set("X-Amz-Storage-Class", class)
			case r.Method == http.MethodPut:
				f.mu.Lock()
				got = append(got, r.Header.Get("X-Amz-Storage-Class"))
				f.mu.Unlock()
				if got[len(got)-1] == "OF-THEIR-OWN" {
					refuse(400, "InvalidStorageClass")(w, r, next)
					return true
				}
			}
			return false
		}
		if err := s.Copy(t.Context(), "f", "n", backend.CopyOptions{}); err != nil {
			t.Errorf("%s: %v", class, err)
		}
		if strings.Join(got, " ") != strings.Join(sent, " ") || len(got) != len(sent) {
			t.Errorf("%s: sent %q, want %q", class, got, sent)
		}
		f.holds(t, map[string]string{"f": "old", "n": "old"})
	}
}
