package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

func TestBadInputIsRefused(t *testing.T) {
	s := start(t, emulator.Options{})
	for _, path := range []string{"/folder/sub", "/full"} {
		if err := s.Mkdir(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/file", "/full/x"} {
		if err := s.WriteFile(path, []byte("kept")); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("я", 256)
	for _, test := range []struct {
		name, method, path string
		params             []string
		status             int
		code               string
	}{
		{"no path", "GET", "/resources", nil, 400, "FieldValidationError"},
		{"empty path", "GET", "/resources", []string{"path", ""}, 400, "FieldValidationError"},
		{"colon without scheme", "GET", "/resources", []string{"path", "/Telegram Bot/12:12"}, 400, "DiskPathFormatError"},
		{"unknown scheme", "GET", "/resources", []string{"path", "ftp:/a"}, 400, "DiskPathFormatError"},
		{"scheme without slash", "GET", "/resources", []string{"path", "app:a"}, 400, "DiskPathFormatError"},
		{"dots", "GET", "/resources", []string{"path", "/folder/../file"}, 400, "DiskPathFormatError"},
		{"NUL", "GET", "/resources", []string{"path", "/a\x00b"}, 400, "DiskPathFormatError"},
		{"no UTF-8", "GET", "/resources", []string{"path", "/a\xffb"}, 400, "DiskPathFormatError"},
		{"long name", "PUT", "/resources", []string{"path", "/" + long}, 400, "FieldValidationError"},
		{"long path", "GET", "/resources", []string{"path", strings.Repeat("/"+strings.Repeat("a", 250), 131)}, 400, "FieldValidationError"},
		{"limit no number", "GET", "/resources", []string{"path", "/", "limit", "ten"}, 400, "FieldValidationError"},
		{"limit negative", "GET", "/resources", []string{"path", "/", "limit", "-1"}, 400, "FieldValidationError"},
		{"offset too large", "GET", "/resources", []string{"path", "/", "offset", "99999999999999999999"}, 400, "FieldValidationError"},
		{"boolean", "DELETE", "/resources", []string{"path", "/file", "permanently", "maybe"}, 400, "FieldValidationError"},
		{"missing", "GET", "/resources", []string{"path", "/none"}, 404, "DiskNotFoundError"},
		{"missing parent", "GET", "/resources", []string{"path", "/none/none"}, 404, "DiskNotFoundError"},
		{"below a file", "GET", "/resources", []string{"path", "/file/none"}, 404, "DiskNotFoundError"},
		{"mkdir without parent", "PUT", "/resources", []string{"path", "/none/none"}, 409, "DiskPathDoesntExistsError"},
		{"mkdir below a file", "PUT", "/resources", []string{"path", "/file/none"}, 409, "DiskPathDoesntExistsError"},
		{"mkdir of the root", "PUT", "/resources", []string{"path", "/"}, 409, "DiskPathDoesntExistsError"},
		{"mkdir on a folder", "PUT", "/resources", []string{"path", "/folder"}, 409, "DiskPathPointsToExistentDirectoryError"},
		{"mkdir on a file", "PUT", "/resources", []string{"path", "/file"}, 409, "DiskResourceAlreadyExistsError"},
		{"mkdir in the trash", "PUT", "/resources", []string{"path", "trash:/a"}, 409, "DiskPathDoesntExistsError"},
		{"upload without parent", "GET", "/resources/upload", []string{"path", "/none/none"}, 409, "DiskPathDoesntExistsError"},
		{"upload onto a folder", "GET", "/resources/upload", []string{"path", "/folder", "overwrite", "true"}, 409, "DiskPathPointsToExistentDirectoryError"},
		{"upload onto a file", "GET", "/resources/upload", []string{"path", "/file"}, 409, "DiskResourceAlreadyExistsError"},
		{"download of nothing", "GET", "/resources/download", []string{"path", "/none"}, 404, "DiskNotFoundError"},
		{"delete of nothing", "DELETE", "/resources", []string{"path", "/none"}, 404, "DiskNotFoundError"},
		{"delete of the root", "DELETE", "/resources", []string{"path", "disk:/"}, 409, "DiskPathPointsToRootError"},
		{"delete with another md5", "DELETE", "/resources", []string{"path", "/file", "md5", strings.Repeat("0", 32)}, 409, "MD5DifferError"},
		{"delete of a folder with md5", "DELETE", "/resources", []string{"path", "/folder", "md5", strings.Repeat("0", 32)}, 400, "BadRequestError"},
		{"copy of nothing", "POST", "/resources/copy", []string{"from", "/none", "path", "/a"}, 404, "DiskNotFoundError"},
		{"copy without target", "POST", "/resources/copy", []string{"from", "/file"}, 400, "FieldValidationError"},
		{"copy without source", "POST", "/resources/copy", []string{"path", "/file"}, 400, "FieldValidationError"},
		{"copy onto something", "POST", "/resources/copy", []string{"from", "/file", "path", "/folder"}, 409, "DiskResourceAlreadyExistsError"},
		{"copy to nowhere", "POST", "/resources/copy", []string{"from", "/file", "path", "/none/a"}, 409, "DiskPathDoesntExistsError"},
		{"copy into itself", "POST", "/resources/copy", []string{"from", "/folder", "path", "/folder/sub/a"}, 409, "DiskPathDoesntExistsError"},
		{"move of the root", "POST", "/resources/move", []string{"from", "/", "path", "/a"}, 409, "DiskPathPointsToRootError"},
		{"move into itself", "POST", "/resources/move", []string{"from", "/folder", "path", "/folder/a"}, 409, "DiskPathDoesntExistsError"},
		{"move onto its own parent", "POST", "/resources/move", []string{"from", "/folder/sub", "path", "/folder", "overwrite", "true"}, 409, "DiskResourceAlreadyExistsError"},
		{"move onto something", "POST", "/resources/move", []string{"from", "/file", "path", "/full"}, 409, "DiskResourceAlreadyExistsError"},
		{"operation", "GET", "/operations/none", nil, 404, "DiskOperationNotFoundError"},
		{"media type", "GET", "/resources/files", []string{"media_type", "image,nonsense"}, 400, "FieldValidationError"},
		{"published type", "GET", "/resources/public", []string{"type", "link"}, 400, "FieldValidationError"},
		{"publish of nothing", "PUT", "/resources/publish", []string{"path", "/none"}, 404, "DiskNotFoundError"},
		{"public key missing", "GET", "/public/resources", nil, 400, "FieldValidationError"},
		{"public key unknown", "GET", "/public/resources", []string{"public_key", "none"}, 404, "DiskNotFoundError"},
		{"trash entry", "GET", "/trash/resources", []string{"path", "trash:/none"}, 404, "DiskNotFoundError"},
		{"restore of nothing", "PUT", "/trash/resources/restore", []string{"path", "trash:/none"}, 404, "DiskNotFoundError"},
		{"restore of the trash", "PUT", "/trash/resources/restore", []string{"path", "trash:/"}, 404, "DiskNotFoundError"},
		{"upload from no address", "POST", "/resources/upload", []string{"path", "/a"}, 400, "FieldValidationError"},
		{"wrong verb", "POST", "/resources", []string{"path", "/a"}, 405, "MethodNotAllowedError"},
		{"wrong path", "GET", "/nothing", nil, 404, "NotFoundError"},
	} {
		t.Run(test.name, func(t *testing.T) {
			api(t, s, test.method, test.path, test.params...).wantError(t, test.status, test.code)
		})
	}
	for _, path := range []string{"/file", "/full/x"} {
		if data, err := s.ReadFile(path); err != nil || string(data) != "kept" {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	if entries := s.Dump(); len(entries) != 5 {
		t.Errorf("the disk changed: %+v", entries)
	}
}

func TestPathsTakeSeveralForms(t *testing.T) {
	s := start(t, emulator.Options{})
	if err := s.WriteFile("/a/b", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"disk:/a/b", "/a/b", "a/b", "disk:/a/b/", "disk://a//b"} {
		if got := api(t, s, "GET", "/resources", "path", path).want(t, 200).str("path"); got != "disk:/a/b" {
			t.Errorf("%s: %s", path, got)
		}
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.DotSegments = true })
	if got := api(t, s, "GET", "/resources", "path", "/x/.././a/./b").want(t, 200).str("path"); got != "disk:/a/b" {
		t.Error(got)
	}
	api(t, s, "GET", "/resources", "path", "/A/b").wantError(t, 404, "DiskNotFoundError")
	s.SetKnobs(func(k *emulator.Knobs) { k.FoldNames = true })
	if got := api(t, s, "GET", "/resources", "path", "/A/B").want(t, 200).str("path"); got != "disk:/a/b" {
		t.Error(got)
	}
}

func TestNameLimitCountsCharactersOrBytes(t *testing.T) {
	s := start(t, emulator.Options{})
	name := "/" + strings.Repeat("я", 255)
	api(t, s, "PUT", "/resources", "path", name).want(t, 201)
	s.SetKnobs(func(k *emulator.Knobs) { k.NameLimitBytes = true })
	api(t, s, "PUT", "/resources", "path", name+"/"+strings.Repeat("я", 128)).wantError(t, 400, "FieldValidationError")
}

func TestAppFolder(t *testing.T) {
	s := start(t, emulator.Options{})
	s.AddToken("small", "cloud_api:disk.app_folder")
	as := func(method, path string, params ...string) answer {
		return send(t, s, method, "/v1/disk"+path+"?"+query(params...), nil, "Authorization", "OAuth small")
	}
	as("GET", "/resources", "path", "disk:/").wantError(t, 403, "ForbiddenError")
	as("PUT", "/resources", "path", "app:/inside").want(t, 201)
	if got := as("GET", "/resources", "path", "app:/inside").want(t, 200).str("path"); got != "disk:/Приложения/davdisk/inside" {
		t.Error(got)
	}
}

func TestTokens(t *testing.T) {
	s := start(t, emulator.Options{Token: "chosen"})
	if s.Token != "chosen" {
		t.Fatalf("token %q", s.Token)
	}
	as := func(header string) answer {
		return send(t, s, "GET", "/v1/disk/operations/0000?fields=status", nil, "Authorization", header)
	}
	as("OAuth chosen").wantError(t, 404, "DiskOperationNotFoundError")
	for _, header := range []string{"", "OAuth", "OAuth other", "chosen", "Bearer chosen", "Basic chosen"} {
		as(header).wantError(t, 401, "UnauthorizedError")
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.AcceptBearer = true })
	as("Bearer chosen").wantError(t, 404, "DiskOperationNotFoundError")
	s.RevokeToken("chosen")
	as("OAuth chosen").wantError(t, 401, "UnauthorizedError")
	s.AddToken("reader", "cloud_api:disk.read")
	as("OAuth reader").wantError(t, 404, "DiskOperationNotFoundError")
	send(t, s, "PUT", "/v1/disk/resources?path=/a", nil, "Authorization", "OAuth reader").wantError(t, 403, "ForbiddenError")
	send(t, s, "GET", "/v1/disk", nil, "Authorization", "OAuth reader").want(t, 200)
}

func TestWholeAPIStates(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	set := func(k emulator.Knobs) { s.SetKnobs(func(old *emulator.Knobs) { *old = k }) }
	set(emulator.Knobs{ReadOnly: true})
	api(t, s, "PUT", "/resources", "path", "/a").wantError(t, 423, "DiskReadOnlyError")
	api(t, s, "GET", "/resources", "path", "/").want(t, 200)
	set(emulator.Knobs{Overdraft: true})
	api(t, s, "GET", "/resources", "path", "/").wantError(t, 403, "DiskAPIDisabledForOverdraftUserError")
	set(emulator.Knobs{RateLimit: 2})
	clock.Advance(1e9)
	api(t, s, "GET", "").want(t, 200)
	api(t, s, "GET", "").want(t, 200)
	limited := api(t, s, "GET", "")
	limited.wantError(t, 429, "TooManyRequestsError")
	if got := limited.header.Get("Retry-After"); got != "" {
		t.Errorf("Retry-After %q", got)
	}
	set(emulator.Knobs{RateLimit: 2, RetryAfter: 1500e6})
	if got := api(t, s, "GET", "").header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q", got)
	}
	clock.Advance(1e9)
	api(t, s, "GET", "").want(t, 200)
	set(emulator.Knobs{})
	send(t, s, "GET", "/v1/disk/", nil).want(t, 200)
	send(t, s, "GET", "/v1/disk/resources/?path=/", nil).want(t, 200)
	send(t, s, "GET", "/v1/disk", nil, "Accept", "text/html").wantError(t, 406, "NotAcceptableError")
	if got := send(t, s, "GET", "/", nil, "Authorization", "").want(t, 200).str("api_version"); got != "v1" {
		t.Errorf("version %q", got)
	}
	if got := send(t, s, "GET", "/v1/disk", nil, "Origin", "https://a.example").header.Get("Access-Control-Allow-Origin"); got != "https://a.example" {
		t.Errorf("CORS %q", got)
	}
	send(t, s, "GET", "/v1/disk", http.NoBody, "Accept", "text/plain;q=0.5, */*").want(t, 200)
}
