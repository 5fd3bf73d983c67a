package emulator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

func TestFileGoesUpAndComesBack(t *testing.T) {
	s := start(t, emulator.Options{})
	for _, name := range []string{"plain.txt", hostile, "a:b", "й", "line\nbreak\ttab"} {
		path := "disk:/" + name
		if got := upload(t, s, path, "content of "+name); got.status != 201 || len(got.body) != 0 {
			t.Fatalf("%q: upload answered %d %s", name, got.status, got.body)
		}
		meta := api(t, s, "GET", "/resources", "path", path).want(t, 200)
		if meta.str("name") != name || meta.str("path") != path {
			t.Errorf("%q: metadata is of %q at %q", name, meta.str("name"), meta.str("path"))
		}
		for _, href := range []string{meta.str("file"), api(t, s, "GET", "/resources/download", "path", path).want(t, 200).str("href")} {
			if got := download(t, s, href).want(t, 200); string(got.body) != "content of "+name || got.header.Get("ETag") != `"`+meta.str("md5")+`"` {
				t.Errorf("%q: read %q with tag %s", name, got.body, got.header.Get("ETag"))
			}
		}
	}
	c := s.Counters()
	if c.BytesUp == 0 || c.BytesDown != 2*c.BytesUp {
		t.Errorf("%d bytes up, %d down", c.BytesUp, c.BytesDown)
	}
	if c.By[emulator.UploadLink] != 5 || c.Transfers() != 5+10 || c.Hops != 10 || c.API() != 5*3 || c.TokenLeak != 0 {
		t.Errorf("counted %+v, API %d, transfers %d", c, c.API(), c.Transfers())
	}
}

// listed is the names of the children in an answer.
func listed(a answer) []string {
	listing, _ := a.json["_embedded"].(map[string]any)
	if listing == nil {
		listing = a.json
	}
	children, _ := listing["items"].([]any)
	names := []string{}
	for _, child := range children {
		names = append(names, child.(map[string]any)["name"].(string))
	}
	return names
}

func TestListing(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	for i, path := range []string{"/d/b.txt", "/d/Z/", "/d/a.txt", "/d/A/", "/d/ж.txt"} {
		clock.Advance(time.Minute)
		var err error
		if dir, ok := strings.CutSuffix(path, "/"); ok {
			err = s.Mkdir(dir)
		} else {
			err = s.WriteFile(path, make([]byte, 10-i))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		params []string
		want   []string
	}{
		{nil, []string{"A", "Z", "a.txt", "b.txt", "ж.txt"}},
		{[]string{"sort", "name"}, []string{"A", "Z", "a.txt", "b.txt", "ж.txt"}},
		{[]string{"sort", "-name"}, []string{"ж.txt", "b.txt", "a.txt", "Z", "A"}},
		{[]string{"sort", "created"}, []string{"b.txt", "Z", "a.txt", "A", "ж.txt"}},
		{[]string{"sort", "-modified"}, []string{"ж.txt", "A", "a.txt", "Z", "b.txt"}},
		{[]string{"sort", "-size"}, []string{"b.txt", "a.txt", "ж.txt", "A", "Z"}},
		{[]string{"sort", "path"}, []string{"A", "Z", "a.txt", "b.txt", "ж.txt"}},
		{[]string{"limit", "2"}, []string{"A", "Z"}},
		{[]string{"limit", "2", "offset", "4"}, []string{"ж.txt"}},
		{[]string{"limit", "2", "offset", "5"}, []string{}},
		{[]string{"limit", "0"}, []string{}},
		{[]string{"offset", "1000000"}, []string{}},
	} {
		got := api(t, s, "GET", "/resources", append([]string{"path", "/d"}, test.params...)...).want(t, 200)
		if names := listed(got); !slices.Equal(names, test.want) {
			t.Errorf("%q: %q, want %q", test.params, names, test.want)
		}
		if total := got.json["_embedded"].(map[string]any)["total"]; total != 5.0 {
			t.Errorf("%q: total %v", test.params, total)
		}
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.MaxPage = 3 })
	if got := listed(api(t, s, "GET", "/resources", "path", "/d", "limit", "100")); len(got) != 3 {
		t.Errorf("a page of at most 3 holds %q", got)
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.EmbeddedAbsent = true })
	if got := api(t, s, "GET", "/resources", "path", "/d/A"); got.json["_embedded"] != nil {
		t.Errorf("_embedded in %s", got.body)
	}
}

// TestShortFolders sets the knobs that list less than a folder has.
func TestShortFolders(t *testing.T) {
	s := start(t, emulator.Options{})
	for _, path := range []string{"/d/a", "/d/b", "/d/c", "/e/f", "/e/g"} {
		if err := s.WriteFile(path, nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		knobs emulator.Knobs
		want  string
	}{
		"whole":       {emulator.Knobs{}, `{"items":[{"name":"a"},{"name":"b"},{"name":"c"}],"total":3}`},
		"no listing":  {emulator.Knobs{ListingLost: true}, ""},
		"null":        {emulator.Knobs{ItemsNull: true}, `{"items":null,"total":3}`},
		"fewer":       {emulator.Knobs{ItemsLost: 2}, `{"items":[{"name":"a"}],"total":3}`},
		"none at all": {emulator.Knobs{ItemsLost: 9}, `{"items":[],"total":3}`},
		"no total":    {emulator.Knobs{TotalLost: true}, `{"items":[{"name":"a"},{"name":"b"},{"name":"c"}]}`},
	} {
		test.knobs.OrderedKeys = true
		test.knobs.ShortFolder = "disk:/d"
		s.SetKnobs(func(k *emulator.Knobs) { *k = test.knobs })
		want := `{}`
		if test.want != "" {
			want = `{"_embedded":` + test.want + `}`
		}
		if got := api(t, s, "GET", "/resources", "path", "/d", "fields", "_embedded.items.name,_embedded.total").want(t, 200); string(got.body) != want {
			t.Errorf("%s: %s, want %s", name, got.body, want)
		}
		if got := listed(api(t, s, "GET", "/resources", "path", "/e").want(t, 200)); len(got) != 2 {
			t.Errorf("%s: another folder has %q", name, got)
		}
		if got := api(t, s, "GET", "/resources/files").want(t, 200); got.json["items"] == nil {
			t.Errorf("%s: a flat list is %s", name, got.body)
		}
	}
	s.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{ItemsNull: true} })
	for _, list := range []string{"files", "last-uploaded", "public"} {
		if got := api(t, s, "GET", "/resources/"+list).want(t, 200); got.json["items"] != nil {
			t.Errorf("%s: %s", list, got.body)
		}
	}
}

func TestFields(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{OrderedKeys: true}})
	if err := s.WriteFile("/d/a.txt", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, fields, want string }{
		{"/d", "type", `{"type":"dir"}`},
		{"/d", "type,nonsense,no.such", `{"type":"dir"}`},
		{"/d", "type.name", `{}`},
		{"/d", " type , name ,, ", `{"name":"d","type":"dir"}`},
		{"/d", "_embedded.items.name", `{"_embedded":{"items":[{"name":"a.txt"}]}}`},
		{"/d", "_embedded,_embedded.total", `{"_embedded":{"total":1}}`},
		{"/d", "_embedded.total,_embedded", `{"_embedded":{"total":1}}`},
		{"/d", "_embedded.items.name.first", `{"_embedded":{"items":[{}]}}`},
		{"/d/a.txt", "_embedded.items,size", `{"size":1}`},
		{"/d/a.txt", "sizes.name,md5", `{"md5":"9dd4e461268c8034f5c8564e155c67a6","sizes":[{"name":"DEFAULT"},{"name":"XXXS"},{"name":"XXS"},{"name":"XS"},{"name":"S"},{"name":"M"},{"name":"L"},{"name":"XL"},{"name":"XXL"},{"name":"XXXL"},{"name":"C"}]}`},
	} {
		if got := api(t, s, "GET", "/resources", "path", test.path, "fields", test.fields).want(t, 200); string(got.body) != test.want {
			t.Errorf("fields=%s: %s, want %s", test.fields, got.body, test.want)
		}
	}
	if got := api(t, s, "PUT", "/resources", "path", "/e", "fields", "method"); string(got.body) != `{"method":"GET"}` {
		t.Errorf("%s", got.body)
	}
}

func TestKeysAreShuffledBySeed(t *testing.T) {
	orders := make(map[string]bool)
	for seed := range uint64(5) {
		s := start(t, emulator.Options{Seed: seed})
		orders[string(api(t, s, "GET", "/resources", "path", "/", "fields", "name,type,path,created").body)] = true
	}
	if len(orders) < 2 {
		t.Errorf("always %v", orders)
	}
}

func TestTextIsSentRaw(t *testing.T) {
	s := start(t, emulator.Options{})
	if err := s.Mkdir("/" + hostile); err != nil {
		t.Fatal(err)
	}
	got := api(t, s, "GET", "/resources", "path", "/"+hostile, "fields", "name").want(t, 200)
	if want := `{"name":"` + strings.ReplaceAll(hostile, `"`, `\"`) + `"}`; string(got.body) != want {
		t.Errorf("%s, want %s", got.body, want)
	}
	if got.header.Get("Content-Length") != fmt.Sprint(len(got.body)) {
		t.Error("wrong Content-Length")
	}
}

func TestRootIsTheSameForEverybody(t *testing.T) {
	s := start(t, emulator.Options{})
	for path, name := range map[string]string{"/resources": "disk", "/trash/resources": "trash"} {
		got := api(t, s, "GET", path, "path", name+":/").want(t, 200)
		comments, _ := got.json["comment_ids"].(map[string]any)
		if got.str("name") != name || got.str("created") != "2012-04-04T20:00:00+00:00" || got.str("path") != name+":/" || comments == nil || len(comments) != 0 {
			t.Errorf("%s", got.body)
		}
	}
}

func TestEmptyFile(t *testing.T) {
	s := start(t, emulator.Options{})
	upload(t, s, "/empty", "").want(t, 201)
	got := api(t, s, "GET", "/resources", "path", "/empty").want(t, 200)
	if got.json["size"] != 0.0 || got.str("md5") != "d41d8cd98f00b204e9800998ecf8427e" {
		t.Errorf("%s", got.body)
	}
	if got := download(t, s, got.str("file")).want(t, 200); len(got.body) != 0 {
		t.Errorf("%q", got.body)
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.EmptySizeAbsent = true })
	if got := api(t, s, "GET", "/resources", "path", "/empty"); got.json["size"] != nil {
		t.Errorf("%s", got.body)
	}
}

func patch(t *testing.T, s *emulator.Server, path, body, contentType string) answer {
	t.Helper()
	return send(t, s, "PATCH", "/v1/disk/resources?"+query("path", path), strings.NewReader(body), "Content-Type", contentType)
}

func TestProperties(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	if err := s.WriteFile("/f", nil); err != nil {
		t.Fatal(err)
	}
	modified := func() string { return api(t, s, "GET", "/resources", "path", "/f").str("modified") }
	before := modified()
	clock.Advance(time.Minute)
	for _, test := range []struct{ body, want string }{
		{`{"custom_properties":{"a":"😀\n","b":1.50,"c":true}}`, `{"a":"😀\n","b":1.50,"c":true}`},
		{`{"custom_properties":{"a":null,"d":""}}`, `{"b":1.50,"c":true,"d":""}`},
		{`{"custom_properties":{}}`, `{"b":1.50,"c":true,"d":""}`},
		{``, `{"b":1.50,"c":true,"d":""}`},
		{`{"custom_properties":{"b":null,"c":null,"d":null}}`, `null`},
	} {
		patch(t, s, "/f", test.body, "application/json").want(t, 200)
		var got, want any
		whole := api(t, s, "GET", "/resources", "path", "/f").want(t, 200)
		got = whole.json["custom_properties"]
		if err := json.Unmarshal([]byte(test.want), &want); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after %s: %v, want %v", test.body, got, want)
		}
		if _, there := whole.json["custom_properties"]; !there {
			t.Errorf("after %s: no custom_properties", test.body)
		}
	}
	if modified() == before {
		t.Error("modified stands still")
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.PatchKeepsModified = true })
	before = modified()
	clock.Advance(time.Minute)
	patch(t, s, "/f", `{"custom_properties":{"a":1}}`, "application/json; charset=utf-8").want(t, 200)
	if modified() != before {
		t.Error("modified moved")
	}
	for _, test := range []struct {
		body, contentType string
		status            int
		code              string
	}{
		{`{"custom_properties":["a"]}`, "application/json", 400, "FieldValidationError"},
		{`{"custom_properties":{"a":{}}}`, "application/json", 400, "FieldValidationError"},
		{`{"custom_properties":{"a":[1]}}`, "application/json", 400, "FieldValidationError"},
		{`{"custom_properties":{"a":"` + strings.Repeat("x", 1024) + `"}}`, "application/json", 400, "FieldValidationError"},
		{`{"custom_properties":`, "application/json", 400, "BadRequestError"},
		{`[]`, "application/json", 400, "BadRequestError"},
		{`{"custom_properties":{"a":2}}`, "text/plain", 415, "UnsupportedMediaTypeError"},
	} {
		patch(t, s, "/f", test.body, test.contentType).wantError(t, test.status, test.code)
	}
	patch(t, s, "/f", `{"custom_properties":{"a":"`+strings.Repeat("я", 1023)+`"}}`, "application/json").want(t, 200)
	patch(t, s, "/none", `{"custom_properties":{"a":1}}`, "application/json").wantError(t, 404, "DiskNotFoundError")
}

func TestRevision(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	revision := func() int64 { return int64(api(t, s, "GET", "").want(t, 200).json["revision"].(float64)) }
	last := revision()
	changes := []func(){
		func() { api(t, s, "PUT", "/resources", "path", "/d").want(t, 201) },
		func() { upload(t, s, "/d/f", "x").want(t, 201) },
		func() { upload(t, s, "/d/f", "y").want(t, 201) },
		func() { patch(t, s, "/d/f", `{"custom_properties":{"a":1}}`, "application/json").want(t, 200) },
		func() { api(t, s, "PUT", "/resources/publish", "path", "/d/f").want(t, 200) },
		func() { api(t, s, "PUT", "/resources/unpublish", "path", "/d/f").want(t, 200) },
		func() { api(t, s, "POST", "/resources/copy", "from", "/d/f", "path", "/d/g").want(t, 201) },
		func() { api(t, s, "POST", "/resources/move", "from", "/d/g", "path", "/d/h").want(t, 201) },
		func() { api(t, s, "DELETE", "/resources", "path", "/d/h").want(t, 204) },
		func() { api(t, s, "DELETE", "/resources", "path", "/d/f", "permanently", "true").want(t, 204) },
	}
	for i, change := range changes {
		change()
		now := revision()
		if now <= last {
			t.Errorf("change %d did not move the revision", i)
		}
		last = now
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.Revision = "second" })
	if got := revision(); got%1e6 != 0 {
		t.Errorf("revision %d in steps of a second", got)
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.Revision = "frozen" })
	last = revision()
	api(t, s, "PUT", "/resources", "path", "/e").want(t, 201)
	if revision() != last {
		t.Error("a frozen revision moved")
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.Revision = "absent" })
	if got := api(t, s, "GET", "").want(t, 200); got.json["revision"] != nil {
		t.Errorf("a revision that is absent is %v", got.json["revision"])
	}
}

func TestFolderTimes(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	if err := s.Mkdir("/d"); err != nil {
		t.Fatal(err)
	}
	modified := func() string { return api(t, s, "GET", "/resources", "path", "/d").str("modified") }
	before := modified()
	clock.Advance(time.Minute)
	upload(t, s, "/d/f", "x").want(t, 201)
	if modified() != before {
		t.Error("a new child moved the time of its folder")
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.FolderModified = true })
	upload(t, s, "/d/g", "x").want(t, 201)
	if modified() == before {
		t.Error("a new child did not move the time of its folder")
	}
}

func TestSpace(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{TotalSpace: 100, Paid: true}})
	numbers := func() (used, trash, total, largest float64, paid bool) {
		info := api(t, s, "GET", "").want(t, 200).json
		return info["used_space"].(float64), info["trash_size"].(float64), info["total_space"].(float64), info["max_file_size"].(float64), info["is_paid"].(bool)
	}
	want := func(used, trash float64) {
		t.Helper()
		if u, tr, total, largest, paid := numbers(); u != used || tr != trash || total != 100 || largest != 50<<30 || !paid {
			t.Errorf("used %v, trash %v, total %v, largest %v, paid %v", u, tr, total, largest, paid)
		}
	}
	want(0, 0)
	upload(t, s, "/a", "0123456789").want(t, 201)
	upload(t, s, "/a", "01234").want(t, 201)
	want(5, 0)
	api(t, s, "POST", "/resources/copy", "from", "/a", "path", "/b").want(t, 201)
	want(10, 0)
	api(t, s, "DELETE", "/resources", "path", "/a").want(t, 204)
	want(10, 5)
	api(t, s, "DELETE", "/resources", "path", "/b", "permanently", "true").want(t, 204)
	want(5, 5)
	op := api(t, s, "DELETE", "/trash/resources").want(t, 202)
	if status := endOf(t, s, op.str("href")); status != "success" {
		t.Error(status)
	}
	want(0, 0)
	api(t, s, "DELETE", "/trash/resources").want(t, 204)
}
