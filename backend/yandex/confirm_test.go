package yandex_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// notKept are the ways in which the service may keep something else than it was
// sent, and say that it stored it.
var notKept = map[string]func(k *emulator.Knobs){
	"half":                   func(k *emulator.Knobs) { k.StoresHalf = true },
	"other bytes":            func(k *emulator.Knobs) { k.StoresOther = true },
	"nothing":                func(k *emulator.Knobs) { k.UploadNoEffect = true },
	"half, in an operation":  func(k *emulator.Knobs) { k.StoresHalf, k.Upload202 = true, true },
	"other, in an operation": func(k *emulator.Knobs) { k.StoresOther, k.Upload202 = true, true },
	"nothing, in operations": func(k *emulator.Knobs) { k.UploadNoEffect, k.Upload202 = true, true },
}

// TestUploadsAreCompared uploads in every way to a service that keeps something
// else, each time or the first time only. Success is told only for what is
// stored; content that is at hand is sent once more where that can replace no
// other; by way of a temporary name the old content stays.
func TestUploadsAreCompared(t *testing.T) {
	const old, content = "the old content", "what is to be stored"
	for what, knob := range notKept {
		for _, once := range []bool{true, false} {
			for _, viaTemp := range []bool{false, true} {
				for how, opts := range map[string]backend.PutOptions{
					"": {}, "with a time": {ModTime: time.Unix(1e9, 0)}, "if absent": {IfAbsent: true}, "if this version": {IfVersion: "to be set"},
				} {
					for _, atHand := range []bool{true, false} {
						t.Run(fmt.Sprintf("%s, once %v, by a temporary name %v, %s, at hand %v", what, once, viaTemp, how, atHand), func(t *testing.T) {
							t.Parallel()
							opts := opts
							var said logText
							srv, b := start(t, emulator.Options{}, yandex.Config{
								UploadViaTempName: viaTemp, ModTimeWait: time.Hour, StateDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&said, nil)),
							})
							plant(t, srv, map[string]string{"/d/f": old})
							name, before := "d/f", old
							if opts.IfVersion != "" {
								opts.IfVersion = listed(t, b, "d", "f")
							}
							if opts.IfAbsent {
								name, before = "d/new", ""
							}
							opts.Size = int64(len(content))
							srv.SetKnobs(func(k *emulator.Knobs) {
								knob(k)
								if once {
									k.WrongEvery = 2
								}
							})
							srv.ResetCounters()
							body := io.Reader(strings.NewReader(content))
							if !atHand {
								body = struct{ io.Reader }{body}
							}
							_, err := b.Put(context.Background(), name, body, opts)
							sent := srv.Counters().By[emulator.UploadContent]
							there, _ := srv.ReadFile("/" + name)

							again := atHand && (viaTemp || !opts.IfAbsent && opts.IfVersion == "")
							if want := map[bool]int{true: 2, false: 1}[again]; sent != want {
								t.Errorf("it was sent %d times, want %d", sent, want)
							}
							if again && once {
								if err != nil || string(there) != content {
									t.Errorf("%q is there, %v", there, err)
								}
							} else {
								expectKind(t, "put", err, map[bool]error{true: backend.ErrUnavailable, false: backend.ErrUncertain}[viaTemp])
								if !strings.Contains(said.String(), "level=ERROR") {
									t.Errorf("the log says %q", said.String())
								}
								if viaTemp && string(there) != before {
									t.Errorf("the old content became %q", there)
								}
							}
							if strings.Contains(said.String(), "is gone") && (viaTemp || string(there) == before) {
								t.Errorf("the log says %q", said.String())
							}
							entries, err := srv.List("/d")
							if want := 1 + map[bool]int{true: 1}[opts.IfAbsent && len(there) > 0]; err != nil || len(entries) != want {
								t.Errorf("there are %d entries, %v, want %d", len(entries), err, want)
							}
						})
					}
				}
			}
		}
	}
}

// TestUploadsAreComparedByMD5 uploads to a service that tells no SHA-256. The MD5
// of content that can be read again is only computed for it.
func TestUploadsAreComparedByMD5(t *testing.T) {
	const content = "what is to be stored"
	told := regexp.MustCompile(`"sha256":\s*"[0-9a-f]*",?`)
	silent := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil || !strings.Contains(req.URL.Path, "/v1/disk/resources") {
			return resp, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		body = told.ReplaceAll(body, nil)
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		resp.Header.Del("Content-Length")
		return resp, err
	})
	for _, kept := range []bool{true, false} {
		for how, body := range map[string]io.Reader{
			"that can be read again": strings.NewReader(content), "that cannot": struct{ io.Reader }{strings.NewReader(content)},
			"that is another the second time": &changing{strings.NewReader(content), strings.NewReader(strings.ToUpper(content))},
		} {
			t.Run(fmt.Sprintf("content %s, kept %v", how, kept), func(t *testing.T) {
				srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{StoresOther: !kept}}, yandex.Config{Transport: silent})
				info, err := b.Put(t.Context(), "f", body, backend.PutOptions{Size: int64(len(content))})
				if !kept {
					expectKind(t, "put", err, backend.ErrUncertain)
					return
				}
				want := content
				if _, changes := body.(*changing); changes { // it is sent again, as it is now
					want = strings.ToUpper(content)
				}
				there, _ := srv.ReadFile("/f")
				sum := md5.Sum([]byte(want))
				if err != nil || string(there) != want || info.MD5 != hex.EncodeToString(sum[:]) {
					t.Errorf("%q is there, described as %+v, %v", there, info, err)
				}
			})
		}
	}
}

// changing is content that is another once it has been rewound behind its end.
type changing struct{ now, then *strings.Reader }

func (c *changing) Read(p []byte) (int, error) { return c.now.Read(p) }

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if c.now.Len() == 0 && offset == 0 && whence == io.SeekStart {
		c.now = c.then
	}
	return c.now.Seek(offset, whence)
}

// logText is a log that may be read while it is written.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestSharedConfirmation uploads many files at once to a service that keeps
// half of some: only those fail, although one call confirms all.
func TestSharedConfirmation(t *testing.T) {
	for name, knobs := range map[string]emulator.Knobs{
		"half": {StoresHalf: true, WrongFor: "3"}, "nothing": {UploadNoEffect: true, WrongFor: "3"},
		"pages of two": {StoresHalf: true, WrongFor: "3", MaxPage: 2}, "no listing": {StoresHalf: true, WrongFor: "3", ListingLost: true},
		"metadata are late": {StoresHalf: true, WrongFor: "3", MetadataDelay: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			srv, b := start(t, emulator.Options{Knobs: knobs}, yandex.Config{RetryWait: 100 * time.Millisecond})
			plant(t, srv, map[string]string{"/d/f": "old"})
			var mu sync.Mutex
			var failed []string
			var working sync.WaitGroup
			for i := range 8 {
				working.Go(func() {
					name := fmt.Sprint(i)
					if err := put(b, "d/"+name, "the content of "+name); err != nil {
						mu.Lock()
						defer mu.Unlock()
						failed = append(failed, name)
						if !errors.Is(err, backend.ErrUncertain) {
							t.Error(err)
						}
					}
				})
			}
			working.Wait()
			if !slices.Equal(failed, []string{"3"}) {
				t.Errorf("%q failed", failed)
			}
		})
	}
}
