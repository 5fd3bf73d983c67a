package cmd

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// buckets gives the test an S3 server with empty buckets, and counts the requests
// that could change something.
func buckets(t *testing.T, names ...string) (files *s3mem.Backend, changes *atomic.Int64) {
	t.Helper()
	home(t)
	files, changes = s3mem.New(), new(atomic.Int64)
	for _, name := range names {
		if err := files.CreateBucket(name); err != nil {
			t.Fatal(err)
		}
	}
	handler := gofakes3.New(files, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			changes.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("DAVDISK_S3_ENDPOINT", server.URL)
	t.Setenv("DAVDISK_S3_REGION", "us-east-1")
	t.Setenv("DAVDISK_S3_ACCESS_KEY", "anna")
	t.Setenv("DAVDISK_S3_SECRET_KEY", "secret")
	return files, changes
}

// TestCompletionOverS3: the names in a bucket are offered, and nothing is tried
// out for that.
func TestCompletionOverS3(t *testing.T) {
	files, changes := buckets(t, "bucket")
	if _, err := files.PutObject("bucket", "Docs/a.txt", nil, strings.NewReader("x"), 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(os.Getenv("XDG_CONFIG_HOME")+"/davdisk", 0o700); err != nil {
		t.Fatal(err)
	}
	config := "[remotes.archive]\ndriver = \"s3\"\nbucket = \"bucket\"\n"
	if err := os.WriteFile(os.Getenv("XDG_CONFIG_HOME")+"/davdisk/config.toml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program{drivers: ownDrivers()}
	for typed, want := range map[string]string{
		"archive:": "archive:Docs/\n", "archive:Docs/": "archive:Docs/a.txt\n", "archive:none/": "",
		"s3:": "", "s3:bucket/": "s3:bucket/Docs/\n", "s3:bucket/Docs/a": "s3:bucket/Docs/a.txt\n", "s3:none/": "",
	} {
		var out strings.Builder
		if err := p.complete(t.Context(), &out, []string{"zsh", "cat", typed}); err != nil || out.String() != want {
			t.Errorf("%s: the candidates are %q, %v", typed, &out, err)
		}
	}
	if n := changes.Load(); n > 0 {
		t.Errorf("%d changes were sent", n)
	}
}

// TestBucketInThePath works on two buckets that addresses name: with commands,
// within one and from one to the other, and served as folders.
func TestBucketInThePath(t *testing.T) {
	buckets(t, "photos", "archive")
	for _, step := range []struct {
		line, says string
		code       int
	}{
		{"mkdir s3:photos/2024", "", 0},
		{"cp " + file(t, "alpha") + " s3:photos/2024/a.txt", "", 0},
		{"cp " + file(t, "beta") + " s3:photos/2024/../b.txt", "", 0},
		{"cat s3:/photos/2024/a.txt", "alpha", 0},
		{"ls s3:photos", "2024/\nb.txt\n", 0},
		{"ls s3:photos/2024/", "a.txt\n", 0},
		{"mv s3:photos/b.txt s3:photos/2024/b.txt", "", 0},
		{"cp s3:photos/2024/a* s3:archive/", "", 0},
		{"mv s3:photos/2024/b.txt s3:archive", "", 0},
		{"ls s3:photos/2024", "a.txt\n", 0},
		{"cat s3:archive/a.txt s3:archive/b.txt", "alphabeta", 0},
		{"rm -r s3:archive", "is a root", exitMisuse},
		{"ls s3:archive/../photos", "leads out", exitMisuse},
		{"ls s3:", "name the bucket", exitFailed},
		{"trash ls s3:photos", "davdisk can show no trash here", exitFailed},
		{"trash rm s3:photos/b.txt", "davdisk can show no trash here", exitFailed},
		{"ls s3:none", `no bucket "none"`, exitNotFound},
	} {
		log, cancel, ended := begin(t, strings.Fields(step.line)...)
		err := <-ended
		cancel()
		code := 0
		if err != nil {
			code = exit(io.Discard, err)
		}
		if said := log.String() + fmt.Sprint(err); code != step.code || code == 0 && log.String() != step.says || !strings.Contains(said, step.says) {
			t.Errorf("%s: exit code %d, %q, %v; want %d and %q", step.line, code, log, err, step.code, step.says)
		}
	}
	s := startServing(t, "--mount", "/work=s3:photos/2024", "--mount", "/archive=s3:archive")
	s.transfers("MOVE", "work/a.txt", "archive/moved.txt", 201)
	if got := s.wants("GET", "archive/moved.txt", "", "", 200); got != "alpha" {
		t.Errorf("it holds %q", got)
	}
	s.wants("GET", "work/a.txt", "", "", 404)
	s.stop()
}

// TestOneBucketUnderTwoNames serves a bucket twice, which no address tells: what is
// moved or copied over itself, or below itself, stays, whatever is answered.
func TestOneBucketUnderTwoNames(t *testing.T) {
	files, _ := buckets(t, "bucket")
	if err := os.MkdirAll(os.Getenv("XDG_CONFIG_HOME")+"/davdisk", 0o700); err != nil {
		t.Fatal(err)
	}
	config := "[remotes.one]\ndriver = \"s3\"\nbucket = \"bucket\"\n[remotes.two]\ndriver = \"s3\"\nbucket = \"bucket\"\n"
	if err := os.WriteFile(os.Getenv("XDG_CONFIG_HOME")+"/davdisk/config.toml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServing(t, "--mount", "/one=one:", "--mount", "/two=two:")
	s.wants("MKCOL", "one/d/", "", "", 201)
	s.wants("MKCOL", "one/d/sub/", "", "", 201)
	s.wants("PUT", "one/f", "", "only", 201)
	s.wants("PUT", "one/d/g", "", "in d", 201)
	whole := map[string]string{"f": "only", "d/": "", "d/g": "in d", "d/sub/": ""}
	holds := func(after string) {
		t.Helper()
		list, err := files.ListBucket("bucket", nil, gofakes3.ListBucketPage{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, object := range list.Contents {
			content, err := files.GetObject("bucket", object.Key, nil)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(content.Contents)
			if err != nil {
				t.Fatal(err)
			}
			got[object.Key] = string(data)
		}
		if !maps.Equal(got, whole) {
			t.Fatalf("after %s there is %q, want %q", after, got, whole)
		}
	}
	for _, method := range []string{"MOVE", "COPY"} {
		for _, names := range [][2]string{{"one/f", "two/f"}, {"two/d/g", "one/d/g"}, {"one/d", "two/d/sub/new"}, {"one/d", "two/d/new"}, {"one/d", "two/d"}, {"one/d/sub", "two/d"}} {
			if code := s.transfer(method, names[0], names[1]); code/100 != 4 {
				t.Errorf("%s %s to %s is answered %d", method, names[0], names[1], code)
			}
			holds(method + " " + names[0] + " to " + names[1])
		}
	}
	s.transfers("MOVE", "one/f", "two/moved", 201)
	whole["moved"] = "only"
	delete(whole, "f")
	holds("a move to another name")
	s.stop()
}
