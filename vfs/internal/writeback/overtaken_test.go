package writeback

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestChangedWhileStored lets another program write a file while the queue is
// sending its own to a disk that has no conditional write. Both contents stay.
func TestChangedWhileStored(t *testing.T) {
	for name, test := range map[string]struct {
		given string // "" if the file is new
		via   bool   // a temporary name
		slow  bool   // the upload begins a while after its link was given
	}{
		"replaced":            {given: "given"},
		"replaced, by a name": {given: "given", via: true},
		"made":                {slow: true},
		"made, by a name":     {via: true},
	} {
		t.Run(name, func(t *testing.T) {
			disk, err := emulator.Start(emulator.Options{Knobs: emulator.Knobs{UploaderTrusts: true}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { disk.Close() })
			if test.given != "" {
				if err := disk.WriteFile("/f.txt", []byte(test.given)); err != nil {
					t.Fatal(err)
				}
			}
			var armed atomic.Bool
			var passed atomic.Int64
			watch := roundTripper(func(req *http.Request) (*http.Response, error) {
				if req.Method == http.MethodPut && armed.CompareAndSwap(true, false) {
					if err := disk.WriteFile("/f.txt", []byte("theirs")); err != nil {
						t.Error(err)
					}
					if test.slow {
						passed.Store(int64(time.Minute))
					}
				}
				return http.DefaultTransport.RoundTrip(req)
			})
			store, err := yandex.New(yandex.Config{
				APIURL: disk.URL, Token: yandex.StaticToken(disk.Token), Rate: -1, RetryWait: time.Millisecond,
				Transport: watch, UploadViaTempName: test.via,
				Now: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) },
			})
			if err != nil {
				t.Fatal(err)
			}
			q := open(t, store, t.TempDir())
			release := q.blockUploads("f.txt")
			put(t, q, "f.txt", "ours")
			armed.Store(true)
			release()
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, e := range disk.Dump() {
				data, err := disk.ReadFile(e.Path)
				if err != nil {
					t.Fatal(err)
				}
				name := e.Path
				if strings.Contains(name, "davdisk conflict") {
					name = "conflict"
				}
				got[name] = string(data)
			}
			if len(got) != 2 || got["disk:/f.txt"] != "theirs" || got["conflict"] != "ours" {
				t.Errorf("the disk has %v", got)
			}
		})
	}
}
