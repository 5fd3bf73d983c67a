package emulator_test

import (
	"slices"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// tree starts an emulator with /src/sub/f, /src/g and /file.
func tree(t *testing.T, k emulator.Knobs) *emulator.Server {
	t.Helper()
	s := start(t, emulator.Options{Knobs: k})
	for path, text := range map[string]string{"/src/sub/f": "f", "/src/g": "g", "/file": "file"} {
		if err := s.WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// paths is everything on the disk and in the trash.
func paths(s *emulator.Server) []string {
	out := []string{}
	for _, entry := range s.Dump() {
		out = append(out, entry.Path)
	}
	return out
}

func wantPaths(t *testing.T, s *emulator.Server, want ...string) {
	t.Helper()
	if got := paths(s); !slices.Equal(got, want) {
		t.Errorf("the disk holds %q, want %q", got, want)
	}
}

// finished accepts a change that was made at once or became an operation.
func finished(t *testing.T, s *emulator.Server, a answer) string {
	t.Helper()
	switch a.status {
	case 200, 201, 204:
		return "success"
	case 202:
		return endOf(t, s, a.str("href"))
	}
	t.Fatalf("status %d: %s", a.status, a.body)
	return ""
}

func TestWhatIsAnOperation(t *testing.T) {
	for _, test := range []struct {
		async                     string
		file, forced, empty, full int
	}{
		{"", 201, 202, 201, 202},
		{"always", 202, 202, 202, 202},
		{"never", 201, 201, 201, 201},
	} {
		t.Run("async="+test.async, func(t *testing.T) {
			s := tree(t, emulator.Knobs{Async: test.async})
			if err := s.Mkdir("/empty"); err != nil {
				t.Fatal(err)
			}
			for _, verb := range []string{"copy", "move"} {
				post := func(status int, from, to string, more ...string) {
					t.Helper()
					a := api(t, s, "POST", "/resources/"+verb, append([]string{"from", from, "path", to}, more...)...).want(t, status)
					if got := finished(t, s, a); got != "success" {
						t.Errorf("%s %s: %s", verb, from, got)
					}
				}
				post(test.file, "/file", "/file "+verb)
				post(test.forced, "/file "+verb, "/file forced "+verb, "force_async", "true")
				post(test.empty, "/empty", "/empty "+verb)
				post(test.full, "/src", "/src "+verb)
				if verb == "move" {
					wantPaths(t, s, "disk:/empty copy", "disk:/empty move", "disk:/file copy", "disk:/file forced copy", "disk:/file forced move",
						"disk:/src copy", "disk:/src copy/g", "disk:/src copy/sub", "disk:/src copy/sub/f",
						"disk:/src move", "disk:/src move/g", "disk:/src move/sub", "disk:/src move/sub/f")
				}
			}
			remove := map[int]int{201: 204, 202: 202}
			for path, status := range map[string]int{"/file copy": test.file, "/empty copy": test.empty, "/src copy": test.full} {
				a := api(t, s, "DELETE", "/resources", "path", path, "permanently", "true").want(t, remove[status])
				if got := finished(t, s, a); got != "success" {
					t.Errorf("delete %s: %s", path, got)
				}
			}
		})
	}
}

func TestIdentityAfterCopyAndMove(t *testing.T) {
	s := tree(t, emulator.Knobs{Async: "never"})
	if err := s.SetProperties("/file", map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	id := func(path string) string {
		return api(t, s, "GET", "/resources", "path", path).want(t, 200).str("resource_id")
	}
	property := func(path string) bool {
		return api(t, s, "GET", "/resources", "path", path).want(t, 200).json["custom_properties"] != nil
	}
	original := id("/file")
	api(t, s, "POST", "/resources/move", "from", "/file", "path", "/moved").want(t, 201)
	if id("/moved") != original || !property("/moved") {
		t.Error("a move changed the resource")
	}
	api(t, s, "POST", "/resources/copy", "from", "/moved", "path", "/copied").want(t, 201)
	if id("/copied") == original || !property("/copied") {
		t.Error("a copy has the id of the original, or lost its properties")
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.CopyDropsProperties = true })
	api(t, s, "POST", "/resources/copy", "from", "/moved", "path", "/bare").want(t, 201)
	if property("/bare") {
		t.Error("a copy has properties")
	}
}

func TestOverwrite(t *testing.T) {
	for _, verb := range []string{"copy", "move"} {
		t.Run(verb, func(t *testing.T) {
			s := tree(t, emulator.Knobs{})
			post := func(from, to string) answer {
				return api(t, s, "POST", "/resources/"+verb, "from", from, "path", to, "overwrite", "true")
			}
			if err := s.WriteFile("/other", []byte("old")); err != nil {
				t.Fatal(err)
			}
			finished(t, s, post("/file", "/other"))
			if data, err := s.ReadFile("/other"); err != nil || string(data) != "file" {
				t.Errorf("file onto file: %q, %v", data, err)
			}
			if err := s.WriteFile("/dst/old", []byte("old")); err != nil {
				t.Fatal(err)
			}
			finished(t, s, post("/src", "/dst"))
			if _, err := s.Stat("/dst/old"); err == nil {
				t.Error("folder onto folder left what was there")
			}
			if data, err := s.ReadFile("/dst/sub/f"); err != nil || string(data) != "f" {
				t.Errorf("folder onto folder: %q, %v", data, err)
			}
			finished(t, s, post("/dst/g", "/dst/sub"))
			if data, err := s.ReadFile("/dst/sub"); err != nil || string(data) != "g" {
				t.Errorf("file onto folder: %q, %v", data, err)
			}
			finished(t, s, post("/dst", "/dst"))
			if data, err := s.ReadFile("/dst/sub"); err != nil || string(data) != "g" {
				t.Errorf("onto itself: %q, %v", data, err)
			}
		})
	}
}

func TestOverwriteMerges(t *testing.T) {
	for _, verb := range []string{"copy", "move"} {
		s := tree(t, emulator.Knobs{OverwriteMerges: true})
		for _, path := range []string{"/dst/old", "/dst/sub/old", "/dst/g"} {
			if err := s.WriteFile(path, []byte("old")); err != nil {
				t.Fatal(err)
			}
		}
		finished(t, s, api(t, s, "POST", "/resources/"+verb, "from", "/src", "path", "/dst", "overwrite", "true"))
		for path, want := range map[string]string{"/dst/old": "old", "/dst/sub/old": "old", "/dst/g": "g", "/dst/sub/f": "f"} {
			if data, err := s.ReadFile(path); err != nil || string(data) != want {
				t.Errorf("%s: %s: %q, %v", verb, path, data, err)
			}
		}
		if used := api(t, s, "GET", "").json["used_space"]; used != map[string]float64{"copy": 8 + 6 + 0, "move": 4 + 8}[verb] {
			t.Errorf("%s: used %v", verb, used)
		}
	}
}

func TestCopyOverwriteMayBeRefused(t *testing.T) {
	s := tree(t, emulator.Knobs{CopyOverwriteRefused: true})
	api(t, s, "POST", "/resources/copy", "from", "/file", "path", "/src/g", "overwrite", "true").wantError(t, 409, "DiskResourceAlreadyExistsError")
	api(t, s, "POST", "/resources/copy", "from", "/file", "path", "/src/h", "overwrite", "true").want(t, 201)
}

func TestCopyNeedsSpace(t *testing.T) {
	s := tree(t, emulator.Knobs{TotalSpace: 7})
	api(t, s, "POST", "/resources/copy", "from", "/file", "path", "/copy").wantError(t, 507, "DiskStorageQuotaExhaustedError")
	s.SetKnobs(func(k *emulator.Knobs) { k.QuotaCode = "DiskNotEnoughFreeSpaceError" })
	api(t, s, "POST", "/resources/copy", "from", "/file", "path", "/copy").wantError(t, 507, "DiskNotEnoughFreeSpaceError")
}
