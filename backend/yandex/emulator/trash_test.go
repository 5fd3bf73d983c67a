package emulator_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// trashed is the entries of the trash by the path they had.
func trashed(t *testing.T, s *emulator.Server) map[string]map[string]any {
	t.Helper()
	out := make(map[string]map[string]any)
	listing := api(t, s, "GET", "/trash/resources", "limit", "100").want(t, 200).json["_embedded"].(map[string]any)
	for _, item := range listing["items"].([]any) {
		entry := item.(map[string]any)
		out[entry["origin_path"].(string)] = entry
	}
	return out
}

func TestTrash(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	for _, path := range []string{"/d/sub/" + hostile, "/d/sub/g", "/f"} {
		if err := s.WriteFile(path, []byte(path)); err != nil {
			t.Fatal(err)
		}
	}
	id := api(t, s, "GET", "/resources", "path", "/f").str("resource_id")
	clock.Advance(time.Minute)
	finished(t, s, api(t, s, "DELETE", "/resources", "path", "/d/sub"))
	api(t, s, "DELETE", "/resources", "path", "/f").want(t, 204)
	entries := trashed(t, s)
	f, sub := entries["disk:/f"], entries["disk:/d/sub"]
	if len(entries) != 2 || f == nil || sub == nil {
		t.Fatalf("the trash holds %v", entries)
	}
	if !regexp.MustCompile(`^trash:/f_[0-9a-f]{40}$`).MatchString(f["path"].(string)) || f["name"] != "f" || f["resource_id"] != id ||
		f["deleted"] != "2024-07-10T16:01:00+00:00" || f["modified"] != f["deleted"] {
		t.Errorf("%v", f)
	}
	inside := api(t, s, "GET", "/trash/resources", "path", sub["path"].(string)+"/"+hostile).want(t, 200)
	if inside.str("name") != hostile {
		t.Errorf("%s", inside.body)
	}
	finished(t, s, api(t, s, "DELETE", "/resources", "path", "/d", "permanently", "true"))

	restored := api(t, s, "PUT", "/trash/resources/restore", "path", sub["path"].(string)).want(t, 202)
	if got := endOf(t, s, restored.str("href")); got != "success" {
		t.Error(got)
	}
	if data, err := s.ReadFile("/d/sub/" + hostile); err != nil || string(data) != "/d/sub/"+hostile {
		t.Errorf("%q, %v", data, err)
	}
	if got := api(t, s, "GET", "/resources", "path", "/d/sub"); got.json["origin_path"] != nil || got.json["deleted"] != nil {
		t.Errorf("%s", got.body)
	}
	api(t, s, "PUT", "/trash/resources/restore", "path", sub["path"].(string)).wantError(t, 404, "DiskNotFoundError")
	api(t, s, "DELETE", "/trash/resources", "path", f["path"].(string)).want(t, 204)
	if entries := trashed(t, s); len(entries) != 0 {
		t.Errorf("the trash holds %v", entries)
	}
}

func TestRestoreOntoSomething(t *testing.T) {
	s := start(t, emulator.Options{})
	trash := func() string {
		if err := s.WriteFile("/f.txt", []byte("old")); err != nil {
			t.Fatal(err)
		}
		api(t, s, "DELETE", "/resources", "path", "/f.txt").want(t, 204)
		if err := s.WriteFile("/f.txt", []byte("new")); err != nil {
			t.Fatal(err)
		}
		return trashed(t, s)["disk:/f.txt"]["path"].(string)
	}
	api(t, s, "PUT", "/trash/resources/restore", "path", trash()).want(t, 201)
	if data, err := s.ReadFile("/f (1).txt"); err != nil || string(data) != "old" {
		t.Errorf("%q, %v", data, err)
	}
	api(t, s, "PUT", "/trash/resources/restore", "path", trash(), "overwrite", "true").want(t, 201)
	if data, err := s.ReadFile("/f.txt"); err != nil || string(data) != "old" {
		t.Errorf("%q, %v", data, err)
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.RestoreConflict = true })
	entry := trash()
	api(t, s, "PUT", "/trash/resources/restore", "path", entry).wantError(t, 409, "DiskResourceAlreadyExistsError")
	api(t, s, "PUT", "/trash/resources/restore", "path", entry, "name", "renamed.txt").want(t, 201)
	api(t, s, "PUT", "/trash/resources/restore", "path", trash(), "name", "/deep/er/f.txt").want(t, 201)
	wantPaths(t, s, "disk:/deep", "disk:/deep/er", "disk:/deep/er/f.txt", "disk:/f (1).txt", "disk:/f.txt", "disk:/renamed.txt")
}

func TestTrashHasOlderForms(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now, Knobs: emulator.Knobs{TrashSuffixless: true, TrashKeepsModified: true}})
	for range 2 {
		if err := s.WriteFile("/f", nil); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Minute)
		api(t, s, "DELETE", "/resources", "path", "/f").want(t, 204)
	}
	plain := api(t, s, "GET", "/trash/resources", "path", "trash:/f").want(t, 200)
	if plain.str("modified") == plain.str("deleted") {
		t.Errorf("%s", plain.body)
	}
	if got := paths(s); len(got) != 2 || !regexp.MustCompile(`^trash:/f_[0-9a-f]{40}$`).MatchString(got[1]) {
		t.Errorf("%q", got)
	}
}

func TestEmptyingTheTrashTakesTime(t *testing.T) {
	s := tree(t, emulator.Knobs{OperationPolls: 1})
	finished(t, s, api(t, s, "DELETE", "/resources", "path", "/src"))
	api(t, s, "DELETE", "/resources", "path", "/file").want(t, 204)
	entry := trashed(t, s)["disk:/file"]["path"].(string)
	op := api(t, s, "DELETE", "/trash/resources").want(t, 202)
	api(t, s, "PUT", "/trash/resources/restore", "path", entry).wantError(t, 423, "DiskResourceLockedError")
	if got := endOf(t, s, op.str("href")); got != "success" {
		t.Error(got)
	}
	wantPaths(t, s)
}
