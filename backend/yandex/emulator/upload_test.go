package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
)

func uploadLink(t *testing.T, s *emulator.Server, path string, more ...string) answer {
	t.Helper()
	return api(t, s, "GET", "/resources/upload", append([]string{"path", path}, more...)...).want(t, 200)
}

func put(t *testing.T, s *emulator.Server, link answer, body string, header ...string) answer {
	t.Helper()
	return send(t, s, "PUT", link.str("href"), strings.NewReader(body), header...)
}

func TestUploadLink(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	link := uploadLink(t, s, "/f")
	if !regexp.MustCompile(`^http://127\.0\.0\.1:\d+/upload-target/20240710T190000\.000\.utd\.[a-z0-9]{25}-k61j\.\d{7}$`).MatchString(link.str("href")) ||
		!regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(link.str("operation_id")) || link.str("method") != "PUT" || link.json["templated"] != false {
		t.Errorf("%s", link.body)
	}
	status := func() string {
		return api(t, s, "GET", "/operations/"+link.str("operation_id")).want(t, 200).str("status")
	}
	if got := status(); got != "in-progress" {
		t.Errorf("before the upload: %s", got)
	}
	wantPaths(t, s)
	put(t, s, link, "x", "Content-Type", "image/png").want(t, 201)
	if got := status(); got != "success" {
		t.Errorf("after the upload: %s", got)
	}
	if got := api(t, s, "GET", "/resources", "path", "/f").str("mime_type"); got != "application/octet-stream" {
		t.Errorf("the type of the upload was believed: %s", got)
	}
	put(t, s, link, "y").want(t, 400)
	send(t, s, "PUT", strings.Replace(link.str("href"), ".utd.", ".xyz.", 1), nil).want(t, 404)
	lapsed := uploadLink(t, s, "/g")
	clock.Advance(30 * time.Minute)
	put(t, s, lapsed, "x").want(t, 410)
	s.SetKnobs(func(k *emulator.Knobs) { k.UploadLinkLife = time.Second })
	lapsed = uploadLink(t, s, "/g")
	clock.Advance(time.Second)
	put(t, s, lapsed, "x").want(t, 410)
	wantPaths(t, s, "disk:/f")
}

func TestUploadOfUnknownLength(t *testing.T) {
	s := start(t, emulator.Options{})
	link := uploadLink(t, s, "/f")
	send(t, s, "PUT", link.str("href"), io.MultiReader(strings.NewReader("abc"), strings.NewReader("def"))).want(t, 201)
	if data, err := s.ReadFile("/f"); err != nil || string(data) != "abcdef" {
		t.Errorf("%q, %v", data, err)
	}
}

// breakOff uploads the beginning of a body, with a Content-Length (or in chunks
// if negative), and breaks the connection.
func breakOff(t *testing.T, link answer, text string, length int) {
	t.Helper()
	u, err := url.Parse(link.str("href"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	framing, body := fmt.Sprintf("Content-Length: %d", length), text
	if length < 0 {
		framing, body = "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n", len(text), text)
	}
	if _, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n%s", u.RequestURI(), u.Host, framing, body); err != nil {
		t.Fatal(err)
	}
}

// have polls the uploader until it has n bytes, because it notices a
// broken connection later than its client.
func have(t *testing.T, s *emulator.Server, link answer, n string) {
	t.Helper()
	until(t, func() bool {
		return send(t, s, "HEAD", link.str("href"), nil).want(t, 200).header.Get("Content-Length") == n
	})
}

func TestBrokenUploadStoresNothing(t *testing.T) {
	for _, length := range []int{-1, 100} {
		s := start(t, emulator.Options{})
		upload(t, s, "/f", "old content").want(t, 201)
		link := uploadLink(t, s, "/f", "overwrite", "true")
		breakOff(t, link, "new", length)
		have(t, s, link, "3")
		if data, err := s.ReadFile("/f"); err != nil || string(data) != "old content" {
			t.Errorf("%q, %v", data, err)
		}
		put(t, s, link, "new content").want(t, 400)
	}
}

func TestUploadResumes(t *testing.T) {
	s := start(t, emulator.Options{})
	link := uploadLink(t, s, "/f")
	have(t, s, link, "0")
	breakOff(t, link, "0123", 10)
	have(t, s, link, "4")
	put(t, s, link, "56789", "Content-Range", "bytes 5-9/10").want(t, 412)
	put(t, s, link, "456789", "Content-Range", "bytes 4-9/9").want(t, 412)
	put(t, s, link, "45", "Content-Range", "bytes 4-9/10").want(t, 400)
	put(t, s, link, "456789", "Content-Range", "4-9/10").want(t, 400)
	put(t, s, link, "456789", "Content-Range", "bytes 4-99999999999999999999/999999999999999999999").want(t, 400)
	put(t, s, link, "456", "Content-Range", "bytes 4-6/10").want(t, 202)
	have(t, s, link, "7")
	wantPaths(t, s)
	put(t, s, link, "789", "Content-Range", "bytes 7-9/10").want(t, 201)
	if data, err := s.ReadFile("/f"); err != nil || string(data) != "0123456789" {
		t.Errorf("%q, %v", data, err)
	}
	send(t, s, "HEAD", link.str("href"), nil).want(t, 404)
	put(t, s, link, "x", "Content-Range", "bytes 0-0/1").want(t, 400)
}

func TestUploadResumesOnlyWhereTheServiceDoes(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{NoPieces: true}})
	link := uploadLink(t, s, "/f")
	put(t, s, link, "012", "Content-Range", "bytes 0-2/4").want(t, 400)
	put(t, s, link, "0123", "Content-Range", "bytes 0-3/4").want(t, 201)
	s.SetKnobs(func(k *emulator.Knobs) { k.NoResume = true })
	link = uploadLink(t, s, "/g")
	send(t, s, "HEAD", link.str("href"), nil).want(t, 404)
	put(t, s, link, "0123", "Content-Range", "bytes 0-3/4").want(t, 400)
	put(t, s, link, "0123").want(t, 201)
}

func TestUploadLimits(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{MaxFileSize: 10, TotalSpace: 25}})
	chunked := func(link answer, text string) answer {
		return send(t, s, "PUT", link.str("href"), io.MultiReader(strings.NewReader(text)))
	}
	put(t, s, uploadLink(t, s, "/f"), "0123456789a").want(t, 413)
	chunked(uploadLink(t, s, "/f"), "0123456789a").want(t, 413)
	put(t, s, uploadLink(t, s, "/f"), "0123456789").want(t, 201)
	chunked(uploadLink(t, s, "/g"), "0123456789").want(t, 201)
	put(t, s, uploadLink(t, s, "/h"), "012345").want(t, 507)
	chunked(uploadLink(t, s, "/h"), "012345").want(t, 507)
	put(t, s, uploadLink(t, s, "/h"), "01234").want(t, 201)
	api(t, s, "GET", "/resources/upload", "path", "/i").wantError(t, 507, "DiskStorageQuotaExhaustedError")
	wantPaths(t, s, "disk:/f", "disk:/g", "disk:/h")
	s.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{TotalSpace: 26, QuotaAtEnd: true} })
	s.ResetCounters()
	if put(t, s, uploadLink(t, s, "/i"), "012345").want(t, 507); s.Counters().BytesUp != 6 {
		t.Error("a full disk was told before the last byte")
	}
}

func TestMonthlyUpload(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{MonthlyUpload: 10}})
	upload(t, s, "/f", "01234").want(t, 201)
	link := uploadLink(t, s, "/g")
	put(t, s, link, "012345").want(t, 423)
	upload(t, s, "/g", "01234").want(t, 201)
	api(t, s, "GET", "/resources/upload", "path", "/h").wantError(t, 423, "DiskUploadTrafficLimitExceeded")
	s.SetKnobs(func(k *emulator.Knobs) { k.TrafficCode = "DiskResourceUploadTrafficLimitExceededError" })
	api(t, s, "GET", "/resources/upload", "path", "/h").wantError(t, 423, "DiskResourceUploadTrafficLimitExceededError")
	api(t, s, "POST", "/resources/move", "from", "/f", "path", "/moved").want(t, 201) // a move is no traffic
}

func TestUploadFinds(t *testing.T) {
	s := start(t, emulator.Options{})
	link := uploadLink(t, s, "/f")
	upload(t, s, "/f", "first").want(t, 201)
	put(t, s, link, "second").want(t, 409)
	if data, _ := s.ReadFile("/f"); string(data) != "first" {
		t.Errorf("%q", data)
	}
	if got := api(t, s, "GET", "/operations/"+link.str("operation_id")).str("status"); got != "failed" {
		t.Errorf("the operation of a refused upload: %s", got)
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.UploaderTrusts = true })
	link = uploadLink(t, s, "/g")
	upload(t, s, "/g", "first").want(t, 201)
	put(t, s, link, "second").want(t, 201)
	link = uploadLink(t, s, "/h")
	api(t, s, "PUT", "/resources", "path", "/h").want(t, 201)
	put(t, s, link, "x").want(t, 409)
	api(t, s, "PUT", "/resources", "path", "/d").want(t, 201)
	link = uploadLink(t, s, "/d/f")
	api(t, s, "DELETE", "/resources", "path", "/d").want(t, 204)
	put(t, s, link, "x").want(t, 409)
}

func TestOverwritingUpload(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	upload(t, s, "/f", "old").want(t, 201)
	patch(t, s, "/f", `{"custom_properties":{"a":"b"}}`, "application/json").want(t, 200)
	api(t, s, "PUT", "/resources/publish", "path", "/f").want(t, 200)
	meta := func() answer { return api(t, s, "GET", "/resources", "path", "/f").want(t, 200) }
	before := meta()
	clock.Advance(time.Hour)
	upload(t, s, "/f", "new").want(t, 201)
	after := meta()
	for _, key := range []string{"resource_id", "created", "public_key"} {
		if before.str(key) != after.str(key) || after.str(key) == "" {
			t.Errorf("%s: %q became %q", key, before.str(key), after.str(key))
		}
	}
	if before.str("modified") == after.str("modified") || before.str("md5") == after.str("md5") || after.json["custom_properties"] == nil {
		t.Errorf("%s", after.body)
	}
	public := api(t, s, "GET", "/public/resources", "public_key", after.str("public_key")).want(t, 200)
	if public.str("md5") != after.str("md5") {
		t.Error("the public link shows the old content")
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.OverwriteNew, k.OverwriteDropsProperties = true, true })
	clock.Advance(time.Hour)
	upload(t, s, "/f", "newer").want(t, 201)
	if last := meta(); last.str("resource_id") == after.str("resource_id") || last.str("created") == after.str("created") || last.json["custom_properties"] != nil {
		t.Errorf("%s", last.body)
	}
}

func TestUploadAnswered202(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{Upload202: true, OperationPolls: 1}})
	link := uploadLink(t, s, "/f")
	put(t, s, link, "x").want(t, 202)
	api(t, s, "GET", "/resources", "path", "/f").wantError(t, 404, "DiskNotFoundError")
	if got := endOf(t, s, s.URL+"/v1/disk/operations/"+link.str("operation_id")); got != "success" {
		t.Error(got)
	}
	api(t, s, "GET", "/resources", "path", "/f").want(t, 200)
	s.SetKnobs(func(k *emulator.Knobs) { k.OperationFailure = "failed" })
	link = uploadLink(t, s, "/g")
	put(t, s, link, "x").want(t, 202)
	if got := endOf(t, s, s.URL+"/v1/disk/operations/"+link.str("operation_id")); got != "failed" {
		t.Error(got)
	}
	wantPaths(t, s, "disk:/f")
}

// A client that does not wait for the answer learns later that the file is there.
func TestUploadFinishesWithoutItsClient(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{FinalizeDelay: time.Second, FinalizePerMiB: time.Millisecond}})
	link := uploadLink(t, s, "/f")
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "PUT", link.str("href"), strings.NewReader("late"))
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error)
	go func() {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	until(t, func() bool { return s.Counters().BytesUp == 4 })
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Fatalf("the client got an answer: %v", err)
	}
	wantPaths(t, s)
	until(t, func() bool {
		return api(t, s, "GET", "/operations/"+link.str("operation_id")).want(t, 200).str("status") == "success"
	})
	if data, err := s.ReadFile("/f"); err != nil || string(data) != "late" {
		t.Errorf("%q, %v", data, err)
	}
}

// until waits for a condition.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testwait.Limit(t)); !done(); {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// A throttled upload runs for ever, until the emulator is closed.
func TestThrottledUploadWaits(t *testing.T) {
	s, err := emulator.Start(emulator.Options{Knobs: emulator.Knobs{ThrottleRate: 1}})
	if err != nil {
		t.Fatal(err)
	}
	link := uploadLink(t, s, "/a.zip")
	answered := make(chan error)
	go func() {
		req, err := http.NewRequest("PUT", link.str("href"), strings.NewReader(strings.Repeat("x", 4000)))
		if err == nil {
			var resp *http.Response
			if resp, err = http.DefaultTransport.RoundTrip(req); err == nil {
				resp.Body.Close()
			}
		}
		answered <- err
	}()
	until(t, func() bool { return s.Counters().By[emulator.UploadContent] == 1 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-answered
	wantPaths(t, &emulator.Server{Emulator: s.Emulator})
}

func TestJustUploaded(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now, Knobs: emulator.Knobs{MetadataDelay: time.Second}})
	upload(t, s, "/f", "x").want(t, 201)
	api(t, s, "GET", "/resources", "path", "/f").wantError(t, 404, "DiskNotFoundError")
	api(t, s, "GET", "/resources/download", "path", "/f").wantError(t, 404, "DiskNotFoundError")
	patch(t, s, "/f", `{"custom_properties":{"a":1}}`, "application/json").wantError(t, 404, "DiskNotFoundError")
	if got := listed(api(t, s, "GET", "/resources", "path", "/")); len(got) != 0 {
		t.Errorf("%q", got)
	}
	clock.Advance(time.Second)
	api(t, s, "GET", "/resources", "path", "/f").want(t, 200)

	s.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{PatchFails: time.Second, PatchLost: 2 * time.Second} })
	upload(t, s, "/g", "x").want(t, 201)
	set := func() answer { return patch(t, s, "/g", `{"custom_properties":{"a":"b"}}`, "application/json") }
	kept := func() bool { return api(t, s, "GET", "/resources", "path", "/g").json["custom_properties"] != nil }
	set().wantError(t, 500, "InternalServerError")
	clock.Advance(time.Second)
	if got := set().want(t, 200); got.json["custom_properties"] == nil || kept() {
		t.Errorf("answered %s, kept %v", got.body, kept())
	}
	clock.Advance(time.Second)
	if set().want(t, 200); !kept() {
		t.Error("a late change is lost")
	}
}

func TestInstantUpload(t *testing.T) {
	s := start(t, emulator.Options{})
	params := []string{"path", "/copy", "md5", "5d41402abc4b2a76b9719d911017c592", "sha256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "size", "5"}
	api(t, s, "PUT", "/resources/upload", params...).wantError(t, 405, "MethodNotAllowedError")
	s.SetKnobs(func(k *emulator.Knobs) { k.InstantUpload = true })
	links := api(t, s, "PUT", "/resources/upload", params...).want(t, 200)
	href := links.json["upload_link"].(map[string]any)["href"].(string)
	send(t, s, "PUT", href, strings.NewReader("hello")).want(t, 201)
	if got := endOf(t, s, links.json["operation_link"].(map[string]any)["href"].(string)); got != "success" {
		t.Error(got)
	}
	params[1] = "/again"
	api(t, s, "PUT", "/resources/upload", params...).want(t, 201)
	if data, err := s.ReadFile("/again"); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
}
