package e2e

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/s3"
	"github.com/davdisk/davdisk/internal/s3test"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// s3Part is the size of the parts of uploads, the smallest that S3 takes.
const s3Part = 5 << 20

// s3Failures are the ways in which an S3 server, or what is between, fails.
var s3Failures = map[string]failure{
	"cut":                            {},
	"cut in the call":                {before: inCall},
	"cut after the effect":           {after: true},
	"half an answer":                 {before: inAnswer, after: true},
	"hangs":                          {before: never},
	"hangs after the effect":         {before: never, after: true},
	"403":                            s3Error(403, "AccessDenied"),
	"404 of a proxy":                 {status: 404, text: "<html>nothing here</html>"},
	"500":                            s3Error(500, "InternalError"),
	"500 after the effect":           effected(s3Error(500, "InternalError")),
	"503 of a proxy":                 {status: 503, text: "<html>go away</html>"},
	"507":                            s3Error(507, "XMinioStorageFull"),
	"slow down":                      s3Error(503, "SlowDown"),
	"slow down for a second":         s3Error(503, "SlowDown", "Retry-After", "1"),
	"slow down for an hour":          s3Error(503, "SlowDown", "Retry-After", "3600"),
	"error in a success":             s3Error(200, "InternalError"),
	"error in a success, and effect": effected(s3Error(200, "InternalError")),
	"a page to log in":               {status: 200, text: "<html>who are you?</html>"},
}

// s3Error is an answer with an error of S3.
func s3Error(status int, code string, header ...string) failure {
	f := failure{status: status, header: map[string]string{"Content-Type": "application/xml"}}
	for pair := range slices.Chunk(header, 2) {
		f.header[pair[0]] = pair[1]
	}
	f.text = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + code + `</Code><Message>words of the server</Message></Error>`
	return f
}

func effected(f failure) failure {
	f.after = true
	return f
}

// inParts are scenarios with a file that was stored in parts, which is copied in
// the same ones.
var inParts = []scenario{
	{name: "MOVE a file in parts", also: map[string]string{"/l.bin": large}, method: "MOVE", path: "/l.bin", header: map[string]string{"Destination": "/new.bin"}, change: carries("/l.bin", "/new.bin", true)},
	{name: "MOVE a file in parts over a file", also: map[string]string{"/l.bin": large}, method: "MOVE", path: "/l.bin", header: map[string]string{"Destination": "/g.txt"}, change: carries("/l.bin", "/g.txt", true)},
	{name: "COPY a file in parts", also: map[string]string{"/l.bin": large}, method: "COPY", path: "/l.bin", header: map[string]string{"Destination": "/new.bin"}, change: carries("/l.bin", "/new.bin", false)},
}

// s3Call is the kind of a request by which it is counted.
func s3Call(r *http.Request) string {
	query, copies := r.URL.Query(), ""
	if r.Header.Get("X-Amz-Copy-Source") != "" {
		copies = " copy"
	}
	for _, of := range []string{"list-type", "uploads", "partNumber", "uploadId", "tagging", "location"} {
		if query.Has(of) {
			return r.Method + copies + " " + of
		}
	}
	return r.Method + copies
}

// TestEveryFaultOverS3 is TestEveryFault over versitygw, by way of a proxy at which
// the calls fail. S3 has no move: one is copies and deletions, and so are copies
// and deletions of a folder. While a fault lasts others may see both names, or a
// part. Once davdisk was started again and was asked for the names, the old or the
// new is there, whole; what was told as success or refusal is so at once, as with
// every store. In the end no parts of an upload are left either. The beginning of
// one, which has no part, may be left if its answer was lost, because nobody
// knows its ID.
func TestEveryFaultOverS3(t *testing.T) {
	testlevel.NeedMore(t)
	host := s3test.Start(t)
	cfg := s3.Config{
		Endpoint: "http://s3.example", Region: "us-east-1", Bucket: s3test.Bucket, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		PartSize: s3Part, StateDir: t.TempDir(), RetryWait: time.Microsecond,
	}
	tryOut(t, cfg, host)
	core, err := minio.NewCore(host.Address, &minio.Options{Creds: credentials.NewStaticV4(s3test.AccessKey, s3test.SecretKey, ""), Region: cfg.Region})
	if err != nil {
		t.Fatal(err)
	}
	between := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: host.Address})
			r.Out.Host = r.In.Host // which is signed
		},
		Transport:    &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	var roots atomic.Int64
	start := func(t *testing.T, files map[string]string) *faultyServer {
		root := fmt.Sprint("disk", roots.Add(1))
		f := newFaultyServer(t, &bucket{*core, root}, files)
		f.steps = true
		web := httptest.NewServer(breaking(f, s3Call, between))
		transport := &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}
		f.ends = func() {
			transport.CloseIdleConnections()
			web.Close()
			if err := os.RemoveAll(filepath.Join(host.Files, root)); err != nil {
				t.Error(err)
			}
		}
		cfg := cfg
		cfg.Root = root
		cfg.Transport = routed(web.Listener.Addr().String(), transport, f)
		cfg.After = func(wait time.Duration) <-chan time.Time { return time.After(min(wait, time.Millisecond)) }
		f.connect = func() (backend.Backend, error) { return s3.New(t.Context(), cfg) }
		return f
	}
	everyFault(t, slices.Concat(scenarios, inParts), start, 199, s3Failures)
}

// tryOut lets davdisk find out what the server can do, once for all.
func tryOut(t *testing.T, cfg s3.Config, host *s3test.Server) {
	t.Helper()
	cfg.Transport = routed(host.Address, &http.Transport{DisableKeepAlives: true}, nil)
	store, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.(interface{ Close() error }).Close(); err != nil {
		t.Error(err)
	}
	if kept, err := filepath.Glob(filepath.Join(cfg.StateDir, "*.json")); err != nil || len(kept) != 1 {
		t.Fatalf("what the server can do was not found out: %q, %v", kept, err)
	}
}

// routed sends requests to an address, whatever their URL says. A server that lets
// them hang tells when the caller has waited long enough.
func routed(address string, transport *http.Transport, f *faultyServer) http.RoundTripper {
	var number atomic.Int64
	var waiting sync.Map // func() by number
	if f != nil {
		f.gaveUp = func(r *http.Request) {
			if giveUp, ok := waiting.Load(r.Header.Get("Caller")); ok {
				giveUp.(context.CancelCauseFunc)(errors.New("timeout awaiting response headers"))
			}
		}
	}
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		ctx, giveUp := context.WithCancelCause(r.Context())
		caller := strconv.FormatInt(number.Add(1), 10)
		waiting.Store(caller, giveUp)
		defer waiting.Delete(caller)
		r = r.Clone(ctx)
		r.Header.Set("Caller", caller)
		r.Host = r.URL.Host
		r.URL.Host = address
		return transport.RoundTrip(r)
	})
}

// A bucket is where an S3 server keeps its files, as another client sees them.
type bucket struct {
	minio.Core
	root string
}

func (b *bucket) plant(path, content string) error {
	_, err := b.Client.PutObject(context.Background(), s3test.Bucket, b.root+path, strings.NewReader(content), int64(len(content)), minio.PutObjectOptions{PartSize: s3Part})
	return err
}

func (b *bucket) holds() (map[string]string, error) {
	for {
		disk, err := b.objects()
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey { // removed since it was listed
			continue
		}
		if err == nil {
			err = b.begun(disk)
		}
		return disk, err
	}
}

// objects reads all objects. A folder is there if a key begins with its name.
func (b *bucket) objects() (map[string]string, error) {
	disk := map[string]string{}
	for object := range b.ListObjectsIter(context.Background(), s3test.Bucket, minio.ListObjectsOptions{Prefix: b.root + "/", Recursive: true}) {
		if object.Err != nil {
			return disk, object.Err
		}
		name := strings.TrimPrefix(object.Key, b.root)
		for at, c := range name[1:] {
			if c == '/' {
				disk[name[:1+at]+"/"] = ""
			}
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		body, _, _, err := b.GetObject(context.Background(), s3test.Bucket, object.Key, minio.GetObjectOptions{})
		if err != nil {
			return disk, err
		}
		content := md5.New()
		_, err = io.Copy(content, body)
		if err := errors.Join(err, body.Close()); err != nil {
			return disk, err
		}
		disk[name] = hex.EncodeToString(content.Sum(nil))
	}
	return disk, nil
}

// begun adds the uploads of which parts are stored, by hidden names.
func (b *bucket) begun(disk map[string]string) error {
	begun, err := b.ListMultipartUploads(context.Background(), s3test.Bucket, b.root+"/", "", "", "", 1000)
	if err != nil {
		return err
	}
	for _, upload := range begun.Uploads {
		stored, err := b.ListObjectParts(context.Background(), s3test.Bucket, upload.Key, upload.UploadID, 0, 1000)
		switch {
		case minio.ToErrorResponse(err).Code == minio.NoSuchUpload: // it is over
		case err != nil:
			return err
		case len(stored.ObjectParts) > 0:
			disk["/.davdisk-parts of "+upload.Key] = ""
		}
	}
	return nil
}
