package webdav

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/davdisk/davdisk/internal/testwait"
)

func mustJudgeConditions(s *share) {
	etag := s.put("/f", "1").header.Get("ETag")
	past, future := "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
	s.untouched(func() {
		for _, method := range []string{"PUT", "DELETE", "MOVE", "COPY", "PROPPATCH", "LOCK"} {
			body := map[string]string{"PUT": "2", "PROPPATCH": windowsTimes, "LOCK": lockBody}[method]
			for _, header := range []string{
				`If-Match: "other"`, `If-Match: W/"other"`, `If-None-Match: ` + etag, `If-None-Match: W/` + etag, "If-None-Match: *",
				"If-None-Match: \"a\", " + etag, "If-Unmodified-Since: " + past, "If-Match: malformed",
			} {
				a := s.do(method, "/f", body, header, "Destination: {server}/g")
				if a.status != 412 {
					s.Errorf("%s with %s: %d", method, header, a.status)
				}
			}
		}
		s.want(412, "PUT", "/new", "x", "If-Match: *")
		// A condition does not count where the request would fail anyway.
		s.want(404, "DELETE", "/new", "", `If-Match: "x"`)
		s.want(404, "GET", "/new", "", `If-Match: "x"`)
		s.want(409, "PUT", "/none/new", "x", `If-Match: "x"`)
	})
	for i, header := range []string{
		"If-Match: *", "If-Match: {etag}", "If-Match: W/{etag}", `If-Match: "a" , {etag},`, `If-None-Match: "other"`, "If-None-Match: JoplinIgnore-12345",
		"If-Unmodified-Since: " + future, "If-Unmodified-Since: nonsense", "If-Modified-Since: " + future,
	} {
		header = strings.ReplaceAll(header, "{etag}", etag)
		stale := etag
		etag = s.want(204, "PUT", "/f", strings.Repeat("1", i), header).header.Get("ETag")
		if strings.Contains(header, stale) {
			s.want(412, "PUT", "/f", "stale", header)
		}
	}
	s.want(207, "PROPFIND", "/f", "", "Depth: 0", "If-None-Match: *")
	s.want(207, "PROPFIND", "/f", "", "Depth: 0", "If-None-Match: JoplinIgnore-12345")
	s.want(200, "GET", "/f", "", "If-None-Match: JoplinIgnore-12345")
	s.want(304, "GET", "/f", "", "If-None-Match: "+etag)
	s.want(304, "HEAD", "/f", "", "If-None-Match: W/"+etag)
	s.want(304, "GET", "/f", "", "If-Modified-Since: "+future)
	s.want(200, "GET", "/f", "", "If-Modified-Since: "+past)
	s.want(200, "GET", "/f", "", `If-None-Match: "x"`, "If-Modified-Since: "+future)
	s.want(412, "GET", "/f", "", "If-Unmodified-Since: "+past)
	s.want(200, "GET", "/f", "", "If-Match: "+etag, "If-Unmodified-Since: "+past)
	s.want(200, "HEAD", "/f", "", "If-Match: "+etag)
	s.want(204, "DELETE", "/f", "", "If-Match: "+etag)
}

func mustTakeBodies(s *share) {
	content := strings.Repeat("0123456789abcdef", 40_000)
	for name, c := range map[string]struct {
		body    io.Reader
		headers []string
	}{
		"chunked":             {onlyReader{strings.NewReader(content)}, nil},
		"chunked with length": {onlyReader{strings.NewReader(content)}, []string{fmt.Sprintf("X-Expected-Entity-Length: %d", len(content))}},
		"length":              {strings.NewReader(content), nil},
		"continue":            {strings.NewReader(content), []string{"Expect: 100-continue"}},
		"gvfs":                {strings.NewReader(content), []string{"Overwrite: T"}},
	} {
		at := escape("/" + name)
		if a := s.doBody("PUT", at, c.body, c.headers...); a.status != 201 {
			s.Errorf("%s: %d", name, a.status)
		}
		s.holds(at, content)
	}
	for _, head := range []string{"Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\nX-Expected-Entity-Length: 0\r\n\r\n0\r\n\r\n"} {
		if a := s.raw("PUT /empty HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + head); a.status != 201 {
			s.Errorf("empty: %d", a.status)
		}
		s.holds("/empty", "")
		s.want(204, "DELETE", "/empty", "")
	}
	// 100 comes only when the upload will be accepted.
	s.want(201, "MKCOL", "/d", "")
	s.put("/locked", "x")
	s.lock("/locked")
	for at, want := range map[string]int{"/ok": 100, "/none/f": 409, "/d": 405, "/locked": 423} {
		if got := s.firstStatus("PUT " + at + " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"); got != want {
			s.Errorf("PUT %s with Expect: first answer %d, want %d", at, got, want)
		}
	}
	if _, ok := s.fs.(*capableFs); ok {
		head := fmt.Sprintf("PUT /big HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", 2<<30)
		if got := s.firstStatus(head); got != 507 {
			s.Errorf("too much for the space: first answer %d", got)
		}
	}
}

type onlyReader struct{ io.Reader }

// firstStatus sends the head of a request and gives the status of the first
// answer, 100 included.
func (s *share) firstStatus(head string) int {
	s.Helper()
	conn := s.dial()
	defer conn.Close()
	if _, err := io.WriteString(conn, head); err != nil {
		s.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		s.Fatal(err)
	}
	var status int
	if _, err := fmt.Sscanf(line, "HTTP/1.1 %d", &status); err != nil {
		s.Fatalf("%q: %v", line, err)
	}
	return status
}

func mustStoreWhole(s *share) {
	s.put("/f", "the old content")
	s.untouched(func() {
		s.cutPut("/f", "Content-Length: 1000", "part")
		s.cutPut("/f", "Transfer-Encoding: chunked", "4\r\npart\r\n")
		s.cutPut("/new", "Content-Length: 1000", "part")
		s.want(400, "PUT", "/f", "123", "OC-Checksum: MD5:00000000000000000000000000000000")
		s.want(400, "PUT", "/f", "123", "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==")
		s.want(400, "PUT", "/f", "123", "OC-Checksum: SHA1:nonsense")
		for _, expected := range []string{"2", "4"} {
			if a := s.doBody("PUT", "/f", onlyReader{strings.NewReader("123")}, "X-Expected-Entity-Length: "+expected); a.status != 400 {
				s.Errorf("3 bytes for %s: %d", expected, a.status)
			}
		}
	})
	s.want(204, "PUT", "/f", "123", "OC-Checksum: ADLER32:1 SHA1:40bd001563085fc35165329ea1ff5c5ecbdbbeef MD5:202cb962ac59075b964b07152d234b70")
	// A lock that is asked for while a body is on its way comes after it.
	conn := s.dial()
	defer conn.Close()
	if _, err := io.WriteString(conn, "PUT /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		s.Fatal(err)
	}
	begun := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(conn, begun); err != nil || !strings.Contains(string(begun), "100 Continue") {
		s.Fatalf("%q %v", begun, err)
	}
	locked := make(chan answer)
	go func() { locked <- s.do("LOCK", "/f", lockBody) }()
	if _, err := io.WriteString(conn, "begun"); err != nil {
		s.Fatal(err)
	}
	if a := s.readAnswer(conn); a.err != nil || a.status != 204 {
		s.Errorf("an upload beside a LOCK: %d %v", a.status, a.err)
	}
	a := <-locked
	if a.status != 200 {
		s.Fatalf("a LOCK beside an upload: %d", a.status)
	}
	s.holds("/f", "begun")
	s.want(423, "PUT", "/f", "1234")
	s.want(204, "PUT", "/f", "1234", "If: ("+a.header.Get("Lock-Token")+")")
}

func mustRefusePartial(s *share) {
	s.put("/f", "hello world")
	s.untouched(func() {
		s.want(400, "PUT", "/f", "WORLD", "Content-Range: bytes 6-10/11")
		s.want(400, "PUT", "/new", "WORLD", "Content-Range: bytes 0-4/11")
		s.want(400, "PUT", "/f", "WORLD", "Content-Range: ")
		s.want(415, "PUT", "/f", "x", "Content-Encoding: gzip")
		s.want(415, "PUT", "/f", "x", "Content-Encoding: identity", "Content-Encoding: gzip")
		s.want(405, "PATCH", "/f", "x", "X-Update-Range: bytes=0-0", "Content-Type: application/x-sabredav-partialupdate")
	})
	s.want(204, "PUT", "/f", "x", "Content-Encoding: identity")
}

func mustShowAtOnce(s *share) {
	for i := range 20 {
		at, content := fmt.Sprintf("/%d", i), strings.Repeat("x", i)
		a := s.put(at, content)
		if a.header.Get("ETag") == "" || a.header.Get("Last-Modified") == "" {
			s.Fatalf("PUT tells no validators: %v", a.header)
		}
		s.holds(at, content)
		if got := s.want(200, "HEAD", at, "").header.Get("Content-Length"); got != fmt.Sprint(i) {
			s.Errorf("HEAD: length %s", got)
		}
		if got := s.properties(at, "getcontentlength", "getetag"); got["getcontentlength"] != fmt.Sprint(i) || got["getetag"] != a.header.Get("ETag") {
			s.Errorf("PROPFIND: %v", got)
		}
		s.want(204, "DELETE", at, "")
		s.gone(at)
	}
}

func mustTag(s *share) {
	seen := map[string]string{}
	for _, content := range []string{"one", "two", "six", "one and more", ""} {
		tag := s.put("/f", content).header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) || !strings.HasSuffix(tag, `"`) || len(tag) < 4 {
			s.Errorf("ETag %s is not strong", tag)
		}
		if before, ok := seen[tag]; ok {
			s.Errorf("%q and %q have one tag", before, content)
		}
		seen[tag] = content
		m := s.want(207, "PROPFIND", "/f", "", "Depth: 0").multistatus(s.T)
		p, _ := m.prop("/f", "DAV:", "getetag")
		for source, got := range map[string]string{
			"GET": s.do("GET", "/f", "").header.Get("ETag"), "HEAD": s.do("HEAD", "/f", "").header.Get("ETag"), "PROPFIND": p.Text,
		} {
			if got != tag {
				s.Errorf("%s: %s, PUT said %s", source, got, tag)
			}
		}
	}
}

func mustRange(s *share) {
	content := "hello world"
	tag := s.put("/f", content, "X-OC-Mtime: 1700000000").header.Get("ETag")
	date := "Tue, 14 Nov 2023 22:13:20 GMT"
	for _, c := range []struct {
		header       string
		status       int
		body, part   string
		extraHeaders []string
	}{
		{"bytes=0-", 206, content, "bytes 0-10/11", nil},
		{"bytes=2-4", 206, "llo", "bytes 2-4/11", nil},
		{"bytes=0-0", 206, "h", "bytes 0-0/11", nil},
		{"bytes=6-100", 206, "world", "bytes 6-10/11", nil},
		{"bytes=6-99999999999999999999999", 206, "world", "bytes 6-10/11", nil},
		{"bytes=-3", 206, "rld", "bytes 8-10/11", nil},
		{"bytes=-100", 206, content, "bytes 0-10/11", nil},
		{"BYTES=2-4", 206, "llo", "bytes 2-4/11", nil},
		{"bytes=11-", 416, "", "bytes */11", nil},
		{"bytes=99999999999999999999-", 416, "", "bytes */11", nil},
		{"bytes=-0", 416, "", "bytes */11", nil},
		{"bytes=4-2", 200, content, "", nil},
		{"bytes=0-1,1-5", 200, content, "", nil},
		{"bytes=0-1,-10", 200, content, "", nil},
		{"bytes=0-1,x", 200, content, "", nil},
		{"bytes=,", 200, content, "", nil},
		{"bytes=0-0" + strings.Repeat(",20-20", 32), 200, content, "", nil},
		{"bytes=4-4,20-20,,", 206, "o", "bytes 4-4/11", nil},
		{"bytes=20-20,30-", 416, "", "bytes */11", nil},
		{"bytes=x-", 200, content, "", nil},
		{"bytes", 200, content, "", nil},
		{"lines=1-2", 200, content, "", nil},
		{"bytes=2-4", 206, "llo", "bytes 2-4/11", []string{"If-Range: " + tag}},
		{"bytes=2-4", 206, "llo", "bytes 2-4/11", []string{"If-Range: " + date}},
		{"bytes=2-4", 206, "llo", "bytes 2-4/11", []string{"If-Match: " + tag}},
		{"bytes=2-4", 200, content, "", []string{`If-Range: "old"`}},
		{"bytes=2-4", 200, content, "", []string{"If-Range: W/" + tag}},
		{"bytes=2-4", 200, content, "", []string{"If-Range: Mon, 13 Nov 2023 22:13:20 GMT"}},
	} {
		a := s.do("GET", "/f", "", append(c.extraHeaders, "Range: "+c.header)...)
		if a.status != c.status || a.body != c.body || a.header.Get("Content-Range") != c.part {
			s.Errorf("%s %v: %d %q %q", c.header, c.extraHeaders, a.status, a.body, a.header.Get("Content-Range"))
		}
		if a.header.Get("Content-Length") != fmt.Sprint(len(c.body)) || a.header.Get("Accept-Ranges") != "bytes" {
			s.Errorf("%s: header %v", c.header, a.header)
		}
	}
	for header, want := range map[string][]string{
		"bytes=0-1,4-5":          {"bytes 0-1/11 he", "bytes 4-5/11 o "},
		"bytes=-2, 0-0 ,20-,3-3": {"bytes 9-10/11 ld", "bytes 0-0/11 h", "bytes 3-3/11 l"},
		"bytes=0-4,5-":           {"bytes 0-4/11 hello", "bytes 5-10/11  world"},
		"bytes=0-0,2-2" + strings.Repeat(",20-20", 30): {"bytes 0-0/11 h", "bytes 2-2/11 l"},
	} {
		a := s.want(206, "GET", "/f", "", "Range: "+header)
		media, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
		if err != nil || media != "multipart/byteranges" || a.header.Get("Content-Range") != "" || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			s.Errorf("%s: header %v, %v", header, a.header, err)
		}
		var got []string
		parts := multipart.NewReader(strings.NewReader(a.body), params["boundary"])
		for {
			part, err := parts.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				s.Fatalf("%s: %v in %q", header, err, a.body)
			}
			data, err := io.ReadAll(part)
			if err != nil || part.Header.Get("Content-Type") == "" {
				s.Errorf("%s: part %v, %v", header, part.Header, err)
			}
			got = append(got, part.Header.Get("Content-Range")+" "+string(data))
		}
		if !slices.Equal(got, want) {
			s.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if a := s.want(200, "HEAD", "/f", "", "Range: bytes=2-4"); a.header.Get("Content-Length") != "11" || a.header.Get("Content-Range") != "" {
		s.Errorf("HEAD with Range: %v", a.header)
	}
	s.want(412, "GET", "/f", "", "Range: bytes=0-", `If-Match: "changed"`)
}

// mustStopReading opens a large file, takes a little and goes away. The file
// system must see that its reader is gone.
func mustStopReading(s *share) {
	c, ok := s.fs.(*capableFs)
	if !ok {
		return
	}
	const size = 64 << 20
	s.put("/large", strings.Repeat("x", size))
	ended := make(chan struct{})
	end := func() { close(ended) }
	s.onEnd.Store(&end)
	c.resetCounts()
	ctx, cancel := context.WithCancel(s.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", s.server.URL+"/large", nil)
	if err != nil {
		s.Fatal(err)
	}
	res, err := s.server.Client().Do(req)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 1000)); err != nil {
		s.Fatal(err)
	}
	cancel()
	res.Body.Close()
	select {
	case <-ended:
	case <-time.After(testwait.Limit(s.T)):
		s.Fatal("still reading")
	}
	s.onEnd.Store(nil)
	if read := c.count("read") * (32 << 10); read >= size {
		s.Errorf("%d bytes were read for a client that went away", read)
	}
}
