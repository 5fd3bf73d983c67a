package webdav

import (
	"fmt"
	"net/http"
	"testing"
)

// TestRequestedModTimes are the modification times that clients send, with a file and
// by PROPPATCH.
func TestRequestedModTimes(t *testing.T) {
	const none = "Fri, 02 Jan 2026 03:04:05 GMT" // what the file has before
	type wish struct{ text, want string }
	seconds := []wish{
		{"1600000000", "Sun, 13 Sep 2020 12:26:40 GMT"},
		{" 1600000001 ", "Sun, 13 Sep 2020 12:26:41 GMT"},
		{"1600000002.75", "Sun, 13 Sep 2020 12:26:42 GMT"},
		{"1600000003.", "Sun, 13 Sep 2020 12:26:43 GMT"},
		{"1600000004.123456789123", "Sun, 13 Sep 2020 12:26:44 GMT"},
		{"0", "Thu, 01 Jan 1970 00:00:00 GMT"},
		{"-5", "Wed, 31 Dec 1969 23:59:55 GMT"},
		{"-0.5", "Wed, 31 Dec 1969 23:59:59 GMT"},
		{"-2000000000", "Thu, 16 Aug 1906 20:26:40 GMT"}, // and nothing before 1902
		{"2147483647", "Tue, 19 Jan 2038 03:14:07 GMT"},  // there are disks that know nothing later
	}
	noSeconds := []string{"253402300800", "99999999999999999999", "-62135596800", "-99999999999999999999", "--5", "1e9", "0x5f5e100", "junk", "1600000000.x", "1600000000.-5", "1600000000 1"}
	dates := []wish{
		{"Tue, 03 Mar 2020 10:20:30 GMT", "Tue, 03 Mar 2020 10:20:30 GMT"},
		{"\n  Tue, 03 Mar 2020 10:20:31 GMT\n", "Tue, 03 Mar 2020 10:20:31 GMT"},
		{"Tuesday, 03-Mar-20 10:20:32 GMT", "Tue, 03 Mar 2020 10:20:32 GMT"},
		{"Tue Mar  3 10:20:33 2020", "Tue, 03 Mar 2020 10:20:33 GMT"},
	}
	noDates := []string{"", "never", "2020-03-03T10:20:30Z", "Mon, 01 Jan 0001 00:00:00 GMT", "Tue, 03 Mar 2020 10:20:30", "1600000000"}

	onEach(t, func(s *share) {
		has := func(text, want string) {
			s.Helper()
			if got := s.want(200, "HEAD", "/f", "").header.Get("Last-Modified"); got != want {
				s.Errorf("%q: the file is of %s, want %s", text, got, want)
			}
		}
		set := func(name, text string) string {
			m := s.want(207, "PROPPATCH", "/f", fmt.Sprintf(`<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>%s</D:prop></D:set></D:propertyupdate>`, fmt.Sprintf(name, text))).multistatus(s.T)
			return m.Responses[0].Propstats[0].Status
		}
		const lastModified, unix, win32 = `<D:getlastmodified>%s</D:getlastmodified>`, `<D:lastmodified>%s</D:lastmodified>`,
			`<m:Win32LastModifiedTime xmlns:m="urn:schemas-microsoft-com:">%s</m:Win32LastModifiedTime>`
		for i, w := range seconds {
			if got := s.put("/f", fmt.Sprint(i), "X-OC-Mtime: "+w.text).header.Get("X-OC-MTime"); got != "accepted" {
				s.Errorf("%q: X-OC-MTime %q", w.text, got)
			}
			has(w.text, w.want)
			if status := set(lastModified, none); status != "HTTP/1.1 200 OK" {
				s.Fatalf("%s", status)
			}
			if status := set(unix, w.text); status != "HTTP/1.1 200 OK" {
				s.Errorf("%q: %s", w.text, status)
			}
			has(w.text, w.want)
		}
		for _, w := range dates {
			for _, name := range []string{lastModified, win32} {
				set(lastModified, none)
				if status := set(name, w.text); status != "HTTP/1.1 200 OK" {
					s.Errorf("%q: %s", w.text, status)
				}
				has(w.text, w.want)
			}
		}
		set(lastModified, none)
		for _, text := range noSeconds {
			if status := set(unix, text); status != "HTTP/1.1 409 Conflict" {
				s.Errorf("%q: %s", text, status)
			}
			has(text, none)
			if got := s.put("/f", "x"+text, "X-OC-Mtime: "+text).header.Get("X-OC-MTime"); got != "" {
				s.Errorf("%q: X-OC-MTime %q", text, got)
			}
			set(lastModified, none)
		}
		for _, text := range noDates {
			for _, name := range []string{lastModified, win32} {
				if status := set(name, text); status != "HTTP/1.1 409 Conflict" {
					s.Errorf("%q: %s", text, status)
				}
				has(text, none)
			}
		}
	})
}

func TestTimesEndWithTheYear9999(t *testing.T) {
	if got, err := parseUnixTime("253402300799"); err != nil || got.UTC().Format(http.TimeFormat) != "Fri, 31 Dec 9999 23:59:59 GMT" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := parseUnixTime("253402300800"); err == nil {
		t.Errorf("%v", got)
	}
}
