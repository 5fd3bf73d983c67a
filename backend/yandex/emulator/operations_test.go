package emulator_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

func TestOperationTakesItsPolls(t *testing.T) {
	s := tree(t, emulator.Knobs{OperationPolls: 3})
	op := api(t, s, "POST", "/resources/move", "from", "/src", "path", "/dst").want(t, 202)
	if !regexp.MustCompile(`/v1/disk/operations/[0-9a-f]{64}$`).MatchString(op.str("href")) || op.str("method") != "GET" {
		t.Errorf("%s", op.body)
	}
	for i, want := range []string{"in-progress", "in-progress", "in-progress", "success", "success"} {
		if got := send(t, s, "GET", op.str("href"), nil).want(t, 200).str("status"); got != want {
			t.Errorf("poll %d: %s, want %s", i, got, want)
		}
		if _, err := s.Stat("/dst"); (err == nil) != (want == "success") {
			t.Errorf("poll %d: the target is there: %v", i, err == nil)
		}
	}
	if got := send(t, s, "GET", op.str("href")+"?fields=nonsense", nil).want(t, 200).str("status"); got != "success" {
		t.Errorf("a projection on nothing known answers %q", got)
	}
	wantPaths(t, s, "disk:/dst", "disk:/dst/g", "disk:/dst/sub", "disk:/dst/sub/f", "disk:/file")
}

func TestOperationTakesItsTime(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now, Knobs: emulator.Knobs{OperationDelay: time.Minute}})
	if err := s.WriteFile("/d/f", nil); err != nil {
		t.Fatal(err)
	}
	op := api(t, s, "DELETE", "/resources", "path", "/d").want(t, 202)
	status := func() string { return send(t, s, "GET", op.str("href"), nil).want(t, 200).str("status") }
	if got := status(); got != "in-progress" {
		t.Error(got)
	}
	clock.Advance(time.Minute)
	if got := status(); got != "success" {
		t.Error(got)
	}
}

func TestOperationEndsWithoutPolls(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	if err := s.WriteFile("/d/f", nil); err != nil {
		t.Fatal(err)
	}
	api(t, s, "DELETE", "/resources", "path", "/d", "permanently", "true").want(t, 202)
	wantPaths(t, s, "disk:/d", "disk:/d/f")
	if items := api(t, s, "GET", "/operations").want(t, 200).json["items"].([]any); len(items) != 1 {
		t.Errorf("operations: %v", items)
	}
	clock.Advance(time.Minute)
	wantPaths(t, s)
}

func TestWritesMeetARunningOperation(t *testing.T) {
	s := tree(t, emulator.Knobs{OperationPolls: 1})
	op := api(t, s, "POST", "/resources/move", "from", "/src/sub", "path", "/dst").want(t, 202)
	writes := func() []answer {
		return []answer{
			api(t, s, "PUT", "/resources", "path", "/src/sub/new"),
			api(t, s, "PUT", "/resources", "path", "/dst"),
			api(t, s, "DELETE", "/resources", "path", "/src"),
			api(t, s, "GET", "/resources/upload", "path", "/src/sub/f", "overwrite", "true"),
			api(t, s, "POST", "/resources/move", "from", "/src/sub/f", "path", "/f"),
			api(t, s, "POST", "/resources/copy", "from", "/file", "path", "/dst"),
			patch(t, s, "/src/sub", `{"custom_properties":{"a":1}}`, "application/json"),
		}
	}
	for _, got := range writes() {
		got.wantError(t, 423, "DiskResourceLockedError")
	}
	api(t, s, "PUT", "/resources", "path", "/src/beside").want(t, 201)
	api(t, s, "GET", "/resources", "path", "/src/sub/f").want(t, 200)
	if got := endOf(t, s, op.str("href")); got != "success" {
		t.Error(got)
	}
	api(t, s, "PUT", "/resources", "path", "/dst/new").want(t, 201)
	s.SetKnobs(func(k *emulator.Knobs) { k.OperationNoLock = true })
	op = api(t, s, "POST", "/resources/move", "from", "/dst", "path", "/dst2").want(t, 202)
	api(t, s, "PUT", "/resources", "path", "/dst2").want(t, 201)
	if got := endOf(t, s, op.str("href")); got != "failed" {
		t.Errorf("a conflict during the operation ends in %q", got)
	}
	if _, err := s.Stat("/dst/f"); err != nil {
		t.Errorf("the failed move lost its source: %v", err)
	}
}

func TestOperationFails(t *testing.T) {
	for _, word := range []string{"failed", "failure"} {
		s := tree(t, emulator.Knobs{OperationFailure: word})
		before := paths(s)
		for _, a := range []answer{
			api(t, s, "POST", "/resources/copy", "from", "/src", "path", "/dst"),
			api(t, s, "DELETE", "/resources", "path", "/file", "force_async", "true"),
		} {
			if got := endOf(t, s, a.want(t, 202).str("href")); got != word {
				t.Errorf("%s, want %s", got, word)
			}
		}
		wantPaths(t, s, before...)
	}
}

func TestOperationAppliesGradually(t *testing.T) {
	steps := func(t *testing.T, s *emulator.Server, a answer) []int {
		t.Helper()
		sizes := []int{len(s.Dump())}
		for range 10 {
			status := send(t, s, "GET", a.want(t, 202).str("href"), nil).str("status")
			sizes = append(sizes, len(s.Dump()))
			if status != "in-progress" {
				return sizes
			}
		}
		t.Fatal("the operation does not end")
		return nil
	}
	between := func(t *testing.T, sizes []int) {
		t.Helper()
		for _, size := range sizes[1 : len(sizes)-1] {
			if size != sizes[0] && size != sizes[len(sizes)-1] {
				return
			}
		}
		t.Errorf("nothing in between: %v", sizes)
	}
	gradual := emulator.Knobs{OperationGradual: true, OperationPolls: 3}
	t.Run("copy", func(t *testing.T) {
		s := tree(t, gradual)
		between(t, steps(t, s, api(t, s, "POST", "/resources/copy", "from", "/src", "path", "/dst")))
		wantPaths(t, s, "disk:/dst", "disk:/dst/g", "disk:/dst/sub", "disk:/dst/sub/f", "disk:/file", "disk:/src", "disk:/src/g", "disk:/src/sub", "disk:/src/sub/f")
	})
	t.Run("move", func(t *testing.T) {
		s := tree(t, gradual)
		id := api(t, s, "GET", "/resources", "path", "/src").str("resource_id")
		between(t, steps(t, s, api(t, s, "POST", "/resources/move", "from", "/src", "path", "/dst")))
		wantPaths(t, s, "disk:/dst", "disk:/dst/g", "disk:/dst/sub", "disk:/dst/sub/f", "disk:/file")
		if api(t, s, "GET", "/resources", "path", "/dst").str("resource_id") != id {
			t.Error("the folder got another id")
		}
	})
	t.Run("delete", func(t *testing.T) {
		s := tree(t, gradual)
		between(t, steps(t, s, api(t, s, "DELETE", "/resources", "path", "/src", "permanently", "true")))
		wantPaths(t, s, "disk:/file")
	})
	t.Run("failing", func(t *testing.T) {
		s := tree(t, emulator.Knobs{OperationGradual: true, OperationPolls: 2, OperationFailure: "failed"})
		if got := endOf(t, s, api(t, s, "POST", "/resources/copy", "from", "/src", "path", "/dst").want(t, 202).str("href")); got != "failed" {
			t.Error(got)
		}
		if _, err := s.Stat("/dst"); err != nil {
			t.Error("nothing was done before it failed")
		}
		if _, err := s.Stat("/dst/g"); err == nil {
			t.Error("everything was done though it failed")
		}
	})
}

func TestOperationLinksHaveSeveralForms(t *testing.T) {
	s := tree(t, emulator.Knobs{OperationQuery: true})
	op := api(t, s, "DELETE", "/resources", "path", "/src").want(t, 202)
	if !strings.Contains(op.str("href"), "/v1/disk/operations?id=") {
		t.Errorf("%s", op.body)
	}
	if got := endOf(t, s, op.str("href")); got != "success" {
		t.Error(got)
	}
	secure := start(t, emulator.Options{TLS: true, Knobs: emulator.Knobs{OperationHTTP: true, Async: "always"}})
	if err := secure.WriteFile("/f", nil); err != nil {
		t.Fatal(err)
	}
	client := trusting(t, secure.Emulator)
	href := secureAPI(t, client, secure, "DELETE", "/resources", "path", "/f").want(t, 202).str("href")
	if !strings.HasPrefix(href, "http://") {
		t.Errorf("href %s", href)
	}
}
