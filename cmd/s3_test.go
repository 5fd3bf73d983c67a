package cmd

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// TestCompletionOverS3: the names in a bucket are offered, and nothing is tried
// out for that.
func TestCompletionOverS3(t *testing.T) {
	files := s3mem.New()
	if err := files.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	if _, err := files.PutObject("bucket", "Docs/a.txt", nil, strings.NewReader("x"), 1, nil); err != nil {
		t.Fatal(err)
	}
	handler := gofakes3.New(files, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	var changes atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			changes.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	home(t)
	t.Setenv("DAVDISK_S3_SECRET_KEY", "secret")
	if err := os.MkdirAll(os.Getenv("XDG_CONFIG_HOME")+"/davdisk", 0o700); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("[remotes.archive]\ndriver = \"s3\"\nendpoint = %q\nbucket = \"bucket\"\naccess-key = \"anna\"\nregion = \"us-east-1\"\n", server.URL)
	if err := os.WriteFile(os.Getenv("XDG_CONFIG_HOME")+"/davdisk/config.toml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := program{drivers: ownDrivers()}
	for typed, want := range map[string]string{"archive:": "archive:Docs/\n", "archive:Docs/": "archive:Docs/a.txt\n", "archive:none/": ""} {
		var out strings.Builder
		if err := p.complete(t.Context(), &out, []string{"zsh", "cat", typed}); err != nil || out.String() != want {
			t.Errorf("%s: the candidates are %q, %v", typed, &out, err)
		}
	}
	if n := changes.Load(); n > 0 {
		t.Errorf("%d changes were sent", n)
	}
}
