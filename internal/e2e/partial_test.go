package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestPartialBodies sends PUTs that are not what they say, and goes away at each
// stage. None of them may leave anything but the old file, and davdisk goes on
// serving. What has come whole is stored.
func TestPartialBodies(t *testing.T) {
	const old, told = "the old content", 12 << 20
	half := strings.Repeat("x", 6<<20)
	for what, test := range map[string]struct {
		header, body string
		stay         bool   // to wait for the answer
		holds        string // afterwards; "" is the old content
	}{
		"nothing after the header":            {header: "Content-Length: 10"},
		"nothing after a promise":             {header: "Content-Length: 10\r\nExpect: 100-continue"},
		"a part":                              {header: "Content-Length: 10", body: "five!"},
		"a part that is too large for memory": {header: fmt.Sprintf("Content-Length: %d", told), body: half},
		"all but one byte":                    {header: "Content-Length: 10", body: "nine byte"},
		"a chunk and no end":                  {header: "Transfer-Encoding: chunked", body: "5\r\nfive!\r\n"},
		"a chunk that is cut":                 {header: "Transfer-Encoding: chunked", body: "50\r\nfive!"},
		"many chunks and no end":              {header: "Transfer-Encoding: chunked", body: strings.Repeat("5\r\nfive!\r\n", 1000)},
		"chunks and half an end":              {header: "Transfer-Encoding: chunked", body: "5\r\nfive!\r\n0\r\n"},
		"a trailer that is cut":               {header: "Transfer-Encoding: chunked\r\nTrailer: X-Sum", body: "5\r\nfive!\r\n0\r\nX-Su"},
		"a size of a chunk that is none":      {header: "Transfer-Encoding: chunked", body: "5\r\nfive!\r\nzz\r\n", stay: true},
		"less than Finder told":               {header: "Transfer-Encoding: chunked\r\nX-Expected-Entity-Length: 9", body: "5\r\nfive!\r\n0\r\n\r\n", stay: true},
		"more than Finder told":               {header: "Transfer-Encoding: chunked\r\nX-Expected-Entity-Length: 3", body: "5\r\nfive!\r\n0\r\n\r\n", stay: true},
		"two lengths":                         {header: "Content-Length: 5\r\nContent-Length: 6", body: "five!!", stay: true},
		"a length and chunks":                 {header: "Content-Length: 5\r\nTransfer-Encoding: identity, chunked", body: "5\r\nfive!\r\n0\r\n\r\n", stay: true},
		"a length below zero":                 {header: "Content-Length: -5", body: "five!", stay: true},
		"another checksum":                    {header: "Content-Length: 5\r\nOC-Checksum: MD5:" + sum([]byte("other")), body: "five!", stay: true},
		"all of it":                           {header: "Content-Length: 5", body: "five!", stay: true, holds: "five!"},
		"more than was told":                  {header: "Content-Length: 5", body: "five!more", stay: true, holds: "five!"},
		"all chunks":                          {header: "Transfer-Encoding: chunked", body: "5\r\nfive!\r\n0\r\n\r\n", stay: true, holds: "five!"},
		"all chunks and a trailer":            {header: "Transfer-Encoding: chunked\r\nTrailer: X-Sum", body: "5\r\nfive!\r\n0\r\nX-Sum: 1\r\n\r\n", stay: true, holds: "five!"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := newSubject(t, emulator.Knobs{})
			defer d.close()
			if code, _ := d.request(http.MethodPut, "/f.txt", old, nil); code != http.StatusNoContent {
				t.Fatalf("the old file was answered %d", code)
			}
			conn, err := net.Dial("tcp", strings.TrimPrefix(d.http.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := fmt.Fprintf(conn, "PUT /f.txt HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n%s", conn.RemoteAddr(), test.header, test.body); err != nil {
				t.Fatal(err)
			}
			stored := false
			if test.stay {
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
				}
				if err != nil {
					t.Fatal(err)
				}
				stored = res.StatusCode/100 == 2
				if want := test.holds != ""; stored != want {
					t.Errorf("it was answered %s", res.Status)
				}
			}
			conn.Close()
			d.http.Close() // which waits for the request to end
			want := old
			if stored {
				want = test.holds
			}
			if is := d.holds()["/f.txt"]; is != sum([]byte(want)) {
				t.Errorf("the file holds other content than %q", want)
			}
		})
	}
}
