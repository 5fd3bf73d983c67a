package emulator_test

import (
	"testing"

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
	if c.By[emulator.UploadLink] != 5 || c.Transfers() != 5+10 || c.Hops != 10 || c.API() != 5*3 {
		t.Errorf("counted %+v, API %d, transfers %d", c, c.API(), c.Transfers())
	}
}
