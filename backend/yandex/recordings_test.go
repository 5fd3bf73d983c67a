package yandex

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// recording is one exchange with the real service.
type recording struct {
	Request struct {
		Method string          `json:"method"`
		URL    string          `json:"url"`
		Body   json.RawMessage `json:"body_json"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		JSON    json.RawMessage   `json:"body_json"`
		Text    string            `json:"body_text"`
	} `json:"response"`
}

// RoundTrip answers as the service did.
func (r recording) RoundTrip(req *http.Request) (*http.Response, error) {
	body := string(r.Response.JSON)
	if body == "" {
		body = r.Response.Text
	}
	header := http.Header{}
	for key, value := range r.Response.Headers {
		header.Set(key, value)
	}
	return &http.Response{
		StatusCode: r.Response.Status, Header: header, Request: req,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// recordings reads them from beside the project.
func recordings(t testing.TB) map[string]recording {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "recordings", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the recordings of the real service are not beside the project (../shared/recordings)")
	}
	all := map[string]recording{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = r
	}
	return all
}

// TestRecordings lets the client read every answer that the service was seen
// to give, and compares what it makes of it with the answer itself.
func TestRecordings(t *testing.T) {
	read := 0
	for name, r := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			at, err := url.Parse(r.Request.URL)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case strings.HasPrefix(at.Host, "cloud-api."):
				checkAnswer(t, at, r)
			case strings.HasPrefix(at.Host, "oauth."):
				checkTokens(t, at, r)
			case strings.HasPrefix(at.Host, "uploader"):
				if r.Response.Status != http.StatusCreated {
					t.Errorf("the uploader answered %d, which the driver would not take for a success", r.Response.Status)
				}
			case strings.HasPrefix(at.Host, "downloader"):
				checkDownload(t, at, r)
			default:
				t.Errorf("nothing reads the answers of %s", at.Host)
			}
		})
		read++
	}
	t.Logf("%d exchanges read", read)
}

// checkAnswer compares what the client decodes with a plain reading.
func checkAnswer(t *testing.T, at *url.URL, r recording) {
	c, err := Config{Token: StaticToken("t"), Transport: r, Rate: -1, RetryWait: 1}.withDefaults().client()
	if err != nil {
		t.Fatal(err)
	}
	var plain struct {
		Error, Type, Name, Path, Href, MD5, Status string
		Size, Revision                             int64
		ResourceID                                 string         `json:"resource_id"`
		Custom                                     map[string]any `json:"custom_properties"`
		Embedded                                   *struct {
			Items []struct{ Name, Type, MD5, File string }
			Total int
		} `json:"_embedded"`
		Items []struct{ Name, Path, SHA256 string }
		Total int64 `json:"total_space"`
		User  struct{ Login, UID string }
	}
	if len(r.Response.JSON) > 0 {
		if err := json.Unmarshal(r.Response.JSON, &plain); err != nil {
			t.Fatal(err)
		}
	}
	call := api.Call(r.Request.Method + " " + at.Path)
	var got struct {
		resource  api.Resource
		link      api.Link
		operation api.Operation
		disk      api.Disk
		page      api.Page
	}
	if len(r.Response.JSON) == 0 {
		_, err := c.Do(context.Background(), api.Request{Call: call})
		if err != nil {
			t.Errorf("an empty answer of %d is an error: %v", r.Response.Status, err)
		}
		return
	}
	for _, out := range []any{&got.resource, &got.link, &got.operation, &got.disk, &got.page} {
		_, err = c.Do(context.Background(), api.Request{Call: call, Out: out})
	}
	if r.Response.Status >= 400 {
		var apiErr *api.Error
		if !errors.As(err, &apiErr) || apiErr.Code != plain.Error || apiErr.Status != r.Response.Status {
			t.Errorf("read as %v, want %d %s", err, r.Response.Status, plain.Error)
		}
		if want := kindOf(plain.Error); !errors.Is(translate(err), want) {
			t.Errorf("%s is %v, want %v", plain.Error, translate(err), want)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	res := got.resource
	if string(res.Type) != plain.Type || string(res.Name) != plain.Name || string(res.Path) != plain.Path || string(res.MD5) != plain.MD5 ||
		int64(res.Size) != plain.Size || string(res.ID) != plain.ResourceID || string(got.link.Href) != plain.Href || string(got.operation.Status) != plain.Status ||
		len(res.Custom) != len(plain.Custom) || int64(got.disk.Total) != plain.Total || string(got.disk.User.UID) != plain.User.UID {
		t.Errorf("read as %+v", got)
	}
	if plain.Type == "file" && plain.MD5 != "" && (versionOf(&res) == "" || res.Modified.IsZero() || res.Created.IsZero()) {
		t.Errorf("a file without a version or times: %+v", res)
	}
	if len(got.page.Items) != len(plain.Items) {
		t.Errorf("%d entries were read, want %d", len(got.page.Items), len(plain.Items))
	}
	if plain.Embedded == nil {
		return
	}
	if res.Embedded == nil || len(res.Embedded.Items) != len(plain.Embedded.Items) || int(*res.Embedded.Total) != plain.Embedded.Total {
		t.Fatalf("the entries were read as %+v", res.Embedded)
	}
	for i, item := range plain.Embedded.Items {
		if e := res.Embedded.Items[i]; string(e.Name) != item.Name || string(e.Type) != item.Type || string(e.MD5) != item.MD5 || string(e.File) != item.File {
			t.Errorf("entry %d was read as %+v, want %+v", i, e, item)
		}
	}
}

// kindOf is what each error of the recordings means, told a second time and
// apart from the driver's table.
func kindOf(code string) error {
	switch code {
	case "UnauthorizedError":
		return backend.ErrUnauthorized
	case "DiskNotFoundError", "DiskPathDoesntExistsError":
		return fs.ErrNotExist
	case "DiskPathPointsToExistentDirectoryError":
		return fs.ErrExist
	case "DiskSymlinkPasswordRequiredError":
		return fs.ErrPermission
	case "InternalServerError": // the one that was recorded answers a change
		return backend.ErrUncertain
	}
	return backend.ErrUnavailable // operations, which have no word of their own
}

func checkTokens(t *testing.T, at *url.URL, r recording) {
	o := OAuth{URL: "https://" + at.Host, ClientID: "id", ClientSecret: "secret", Transport: r}
	var plain struct {
		Error           string
		AccessToken     string `json:"access_token"`
		RefreshToken    string `json:"refresh_token"`
		UserCode        string `json:"user_code"`
		VerificationURL string `json:"verification_url"`
		Interval        int
	}
	if err := json.Unmarshal(r.Response.JSON, &plain); err != nil {
		t.Fatal(err)
	}
	switch at.Path {
	case "/device/code":
		code, err := o.DeviceCode(context.Background())
		if err != nil || code.UserCode != plain.UserCode || code.URL != plain.VerificationURL || int(code.Interval.Seconds()) != plain.Interval {
			t.Errorf("read as %+v, %v", code, err)
		}
	case "/token":
		tokens, err := o.ExchangeDevice(context.Background(), "code")
		if plain.Error == "authorization_pending" {
			if !errors.Is(err, ErrPending) {
				t.Errorf("read as %v, want %v", err, ErrPending)
			}
		} else if err != nil || tokens.Access != plain.AccessToken || tokens.Refresh != plain.RefreshToken || tokens.Expires.IsZero() {
			t.Errorf("read as %+v, %v", tokens, err)
		}
	case "/revoke_token":
		if err := o.Revoke(context.Background(), "token"); err != nil {
			t.Error(err)
		}
	default:
		t.Errorf("nothing reads the answers of %s", at.Path)
	}
}

// checkDownload reads a download as the driver does.
func checkDownload(t *testing.T, at *url.URL, r recording) {
	c, err := Config{Transport: r}.withDefaults().client()
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(r.Response.Text))
	body, _, err := c.Download(context.Background(), at.String(), api.Range{End: size, Size: size})
	if r.Response.Status != http.StatusOK {
		if !errors.Is(err, api.ErrLinkExpired) {
			t.Errorf("read as %v, want a link that has expired", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if data, err := io.ReadAll(body); err != nil || string(data) != r.Response.Text {
		t.Errorf("read as %q, %v", data, err)
	}
}
