package emulator_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// publish shares a path and returns its key and address.
func publish(t *testing.T, s *emulator.Server, path string) (key, address string) {
	t.Helper()
	api(t, s, "PUT", "/resources/publish", "path", path).want(t, 200)
	meta := api(t, s, "GET", "/resources", "path", path).want(t, 200)
	return meta.str("public_key"), meta.str("public_url")
}

func TestPublished(t *testing.T) {
	s := tree(t, emulator.Knobs{})
	key, address := publish(t, s, "/src")
	if len(key) != 88 || !strings.HasSuffix(key, "==") || !regexp.MustCompile(`^https://yadi\.sk/d/[A-Za-z0-9]{14}$`).MatchString(address) {
		t.Errorf("key %q, address %q", key, address)
	}
	if again, same := publish(t, s, "/src"); again != key || same != address {
		t.Error("another key for the same publication")
	}
	for _, by := range []string{key, address, strings.Replace(address, "yadi.sk", "disk.yandex.ru", 1)} {
		// Nobody needs a token for what is public.
		got := send(t, s, "GET", "/v1/disk/public/resources?"+query("public_key", by), nil, "Authorization", "").want(t, 200)
		if got.str("path") != "/" || got.str("public_key") != key || !slices.Equal(listed(got), []string{"sub", "g"}) {
			t.Errorf("%s", got.body)
		}
		inside := api(t, s, "GET", "/public/resources", "public_key", by, "path", "/sub/f").want(t, 200)
		if inside.str("path") != "/sub/f" || inside.json["views_count"] != 0.0 || inside.json["custom_properties"] != nil {
			t.Errorf("%s", inside.body)
		}
		if got := download(t, s, inside.str("file")).want(t, 200); string(got.body) != "f" {
			t.Errorf("%q", got.body)
		}
	}
	narrow := api(t, s, "GET", "/public/resources", "public_key", key, "fields", "_embedded.total", "sort", "-name").want(t, 200)
	if embedded := narrow.json["_embedded"].(map[string]any); embedded["public_key"] != key || embedded["total"] != 2.0 || len(embedded) != 2 {
		t.Errorf("%s", narrow.body)
	}
	href := api(t, s, "GET", "/public/resources/download", "public_key", key, "path", "/g").want(t, 200).str("href")
	if got := download(t, s, href).want(t, 200); string(got.body) != "g" {
		t.Errorf("%q", got.body)
	}
	href = api(t, s, "GET", "/public/resources/download", "public_key", key).want(t, 200).str("href")
	send(t, s, "GET", href, nil).want(t, 200)
	api(t, s, "GET", "/public/resources", "public_key", key, "path", "/none").wantError(t, 404, "DiskNotFoundError")
	api(t, s, "PUT", "/resources/unpublish", "path", "/src").want(t, 200)
	api(t, s, "PUT", "/resources/unpublish", "path", "/src").want(t, 200)
	api(t, s, "GET", "/public/resources", "public_key", key).wantError(t, 404, "DiskNotFoundError")
	s.SetKnobs(func(k *emulator.Knobs) { k.PublicNotFoundCode = "NotFoundError" })
	api(t, s, "GET", "/public/resources", "public_key", key).wantError(t, 404, "NotFoundError")
	if another, _ := publish(t, s, "/src"); another == key {
		t.Error("the same key for a new publication")
	}
}

func TestPublicLinkEndsWithItsFile(t *testing.T) {
	s := tree(t, emulator.Knobs{Async: "never"})
	key, _ := publish(t, s, "/src/sub")
	api(t, s, "POST", "/resources/move", "from", "/src", "path", "/moved").want(t, 201)
	api(t, s, "GET", "/public/resources", "public_key", key).want(t, 200)
	api(t, s, "DELETE", "/resources", "path", "/moved").want(t, 204)
	api(t, s, "GET", "/public/resources", "public_key", key).wantError(t, 404, "DiskNotFoundError")
}

func TestPublicationShowsLate(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now, Knobs: emulator.Knobs{PublishDelay: time.Minute}})
	if err := s.WriteFile("/f", nil); err != nil {
		t.Fatal(err)
	}
	if key, _ := publish(t, s, "/f"); key != "" {
		t.Error("the key shows at once")
	}
	clock.Advance(time.Minute)
	if key, _ := publish(t, s, "/f"); key == "" {
		t.Error("the key does not show")
	}
}

func TestPublicDownloadsAreLimited(t *testing.T) {
	s := tree(t, emulator.Knobs{PublicDownloads: 1})
	key, _ := publish(t, s, "/file")
	api(t, s, "GET", "/public/resources/download", "public_key", key).want(t, 200)
	api(t, s, "GET", "/public/resources/download", "public_key", key).wantError(t, 429, "DiskResourceDownloadLimitExceededError")
}

func TestPublicSettings(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	if err := s.Mkdir("/d"); err != nil {
		t.Fatal(err)
	}
	const settings = "/v1/disk/public/resources/public-settings"
	set := func(body string) answer {
		return send(t, s, "PATCH", settings+"?path=/d", strings.NewReader(body), "Content-Type", "application/json")
	}
	set(`{}`).wantError(t, 404, "DiskNotFoundError")
	key, _ := publish(t, s, "/d")
	look := func() answer { return api(t, s, "GET", "/public/resources", "public_key", key) }
	if got := set(`{"password":"1234","read_only":true}`).want(t, 200); len(got.body) != 0 {
		t.Errorf("%s", got.body)
	}
	look().wantError(t, 403, "DiskSymlinkPasswordRequiredError")
	if got := send(t, s, "GET", settings+"?path=/d", nil).want(t, 200); len(got.json) != 1 || got.json["read_only"] != true {
		t.Errorf("%s", got.body)
	}
	set(`{"password":null}`).want(t, 200)
	look().want(t, 200)
	set(`{"available_until":1720628200}`).want(t, 200) // a thousand seconds on
	look().want(t, 200)
	clock.Advance(time.Hour)
	look().wantError(t, 404, "DiskNotFoundError")
	set(`{"available_until":"soon"}`).wantError(t, 400, "FieldValidationError")
	send(t, s, "GET", settings+"/available-settings?path=/d", nil).want(t, 200)
	for body, status := range map[string]int{`{"public_settings":[]}`: 400, `{"public_settings":{"password":"x"}}`: 200} {
		send(t, s, "PUT", "/v1/disk/resources/publish?path=/d", strings.NewReader(body), "Content-Type", "application/json").want(t, status)
	}
	send(t, s, "PUT", "/v1/disk/resources/publish?path=/d", strings.NewReader("x"), "Content-Type", "text/plain").want(t, 415)
	s.SetKnobs(func(k *emulator.Knobs) { k.NoPublicSettings = true })
	set(`{}`).wantError(t, 404, "DiskNotFoundError")
}

func TestSaveToDisk(t *testing.T) {
	s := tree(t, emulator.Knobs{})
	key, address := publish(t, s, "/file")
	save := func(params ...string) answer { return api(t, s, "POST", "/public/resources/save-to-disk", params...) }
	saved := save("public_key", key).want(t, 201)
	if !strings.HasSuffix(saved.str("href"), "path=disk%3A%2F%D0%97%D0%B0%D0%B3%D1%80%D1%83%D0%B7%D0%BA%D0%B8%2Ffile") {
		t.Errorf("%s", saved.body)
	}
	save("public_key", address).want(t, 201)
	save("public_key", key, "save_path", "/src", "name", hostile).want(t, 201)
	save("public_key", key, "save_path", "/none").wantError(t, 409, "DiskPathDoesntExistsError")
	key, _ = publish(t, s, "/src")
	finished(t, s, save("public_key", key, "save_path", "/", "name", "copy").want(t, 202))
	save("public_key", key, "path", "/sub/f", "save_path", "/").want(t, 201)
	for path, want := range map[string]string{"/Загрузки/file": "file", "/Загрузки/file (1)": "file", "/src/" + hostile: "file", "/copy/sub/f": "f", "/f": "f"} {
		if data, err := s.ReadFile(path); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.TotalSpace = 1 })
	save("public_key", key).wantError(t, 507, "DiskStorageQuotaExhaustedError")
}
