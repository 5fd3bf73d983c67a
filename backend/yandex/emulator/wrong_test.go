package emulator_test

import (
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestUploadsThatAreNotKept uploads to a service that keeps something else than
// it was sent, and says what it has.
func TestUploadsThatAreNotKept(t *testing.T) {
	const sent, others = "some content", "&:80u6:;!0;!"
	for name, test := range map[string]struct {
		knobs emulator.Knobs
		want  string // "" is no file
	}{
		"the first half":           {emulator.Knobs{StoresHalf: true}, sent[:6]},
		"other bytes":              {emulator.Knobs{StoresOther: true}, others},
		"half as many others":      {emulator.Knobs{StoresHalf: true, StoresOther: true}, others[:6]},
		"nothing":                  {emulator.Knobs{UploadNoEffect: true}, ""},
		"of another name":          {emulator.Knobs{StoresHalf: true, WrongFor: "other"}, sent},
		"of its name":              {emulator.Knobs{StoresHalf: true, WrongFor: "f"}, sent[:6]},
		"in an operation":          {emulator.Knobs{StoresHalf: true, Upload202: true}, sent[:6]},
		"nothing, in an operation": {emulator.Knobs{UploadNoEffect: true, Upload202: true}, ""},
		"the first of two":         {emulator.Knobs{StoresHalf: true, WrongEvery: 2}, sent[:6]},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, emulator.Options{Knobs: test.knobs})
			status := 201
			if test.knobs.Upload202 {
				status = 202
			}
			link := uploadLink(t, s, "/f")
			put(t, s, link, sent).want(t, status)
			if got := endOf(t, s, s.URL+"/v1/disk/operations/"+link.str("operation_id")); got != "success" {
				t.Errorf("its operation is %s", got)
			}
			got := api(t, s, "GET", "/resources", "path", "/f")
			if test.want == "" {
				got.want(t, 404)
				return
			}
			data, err := s.ReadFile("/f")
			if err != nil || string(data) != test.want || got.json["size"] != float64(len(test.want)) {
				t.Errorf("%q, %v, described as %s", data, err, got.body)
			}
			if test.knobs.WrongEvery == 2 {
				upload(t, s, "/f", sent).want(t, 201)
				if data, _ := s.ReadFile("/f"); string(data) != sent {
					t.Errorf("the second upload was kept as %q", data)
				}
			}
		})
	}
}

// TestDownloadsOfOtherBytes reads from a service that serves something else
// than it has.
func TestDownloadsOfOtherBytes(t *testing.T) {
	const content, others = "some content", ";:80u6:;!0;!"
	for name, test := range map[string]struct {
		knobs       emulator.Knobs
		whole, part string // of the bytes 4 to 9
		tag         bool
	}{
		"its own":         {emulator.Knobs{}, content, content[4:10], true},
		"others":          {emulator.Knobs{ServesOther: true}, "&:80u6:;!0;!", "u6:;!0", true},
		"two versions":    {emulator.Knobs{ServesMixed: true}, content[:6] + others[6:], content[4:6] + others[6:10], true},
		"without a tag":   {emulator.Knobs{ServesOther: true, NoETag: true}, "&:80u6:;!0;!", "u6:;!0", false},
		"no tag":          {emulator.Knobs{NoETag: true}, content, content[4:10], false},
		"of another name": {emulator.Knobs{ServesOther: true, WrongFor: "other"}, content, content[4:10], true},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, emulator.Options{Knobs: test.knobs})
			if err := s.WriteFile("/f", []byte(content)); err != nil {
				t.Fatal(err)
			}
			href := downloadLink(t, s, "/f")
			whole, part := download(t, s, href).want(t, 200), download(t, s, href, "Range", "bytes=4-9").want(t, 206)
			if string(whole.body) != test.whole || string(part.body) != test.part {
				t.Errorf("%q and %q", whole.body, part.body)
			}
			if tag := whole.header.Get("ETag"); (tag != "") != test.tag || tag != part.header.Get("ETag") {
				t.Errorf("the entity tag is %q", tag)
			}
		})
	}
}

// TestOperationsWithoutEffect makes changes that end well and do nothing.
func TestOperationsWithoutEffect(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{OperationNoEffect: true, WrongFor: "d"}})
	for _, path := range []string{"/d/f", "/e/f"} {
		if err := s.WriteFile(path, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	before := s.Dump()
	for _, change := range [][]string{
		{"DELETE", "/resources", "path", "/d"},
		{"POST", "/resources/copy", "from", "/e", "path", "/d", "overwrite", "true"},
		{"POST", "/resources/move", "from", "/d", "path", "/g"},
	} {
		op := api(t, s, change[0], change[1], change[2:]...).want(t, 202)
		if got := endOf(t, s, op.str("href")); got != "success" {
			t.Errorf("%q is %s", change, got)
		}
	}
	if after := s.Dump(); len(after) != len(before) {
		t.Errorf("%v", after)
	}
	op := api(t, s, "DELETE", "/resources", "path", "/e").want(t, 202)
	endOf(t, s, op.str("href"))
	if _, err := s.Stat("/e"); err == nil {
		t.Error("a folder of another name was not removed")
	}
}

func TestSizeNull(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{SizeNull: true, WrongFor: "f"}})
	for _, path := range []string{"/f", "/g"} {
		if err := s.WriteFile(path, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	got := api(t, s, "GET", "/resources", "path", "/", "fields", "_embedded.items.name,_embedded.items.size").want(t, 200)
	if strings.Count(string(got.body), `"size":null`) != 1 || strings.Count(string(got.body), `"size":1`) != 1 {
		t.Errorf("%s", got.body)
	}
}
