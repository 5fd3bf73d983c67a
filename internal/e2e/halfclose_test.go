package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestClientLeavesAfterTheLastByte sends whole requests and ends the connection,
// as ffmpeg and firmware do; each is carried out. One that is cut is not.
func TestClientLeavesAfterTheLastByte(t *testing.T) {
	for store, begin := range map[string]func(t *testing.T) *server{
		"yandex":     func(t *testing.T) *server { return serve(t, startDisk(t, emulator.Options{})) },
		"write-back": func(t *testing.T) *server { return serve(t, startDisk(t, emulator.Options{}), "--write-back") },
		"local": func(t *testing.T) *server {
			return start(t, t.TempDir(), nil, "serve", t.TempDir(), "--addr", "127.0.0.1:0")
		},
		// By itself nginx gives up what its client has left, perhaps before it has
		// passed it on.
		"behind nginx": func(t *testing.T) *server {
			s, front := serve(t, startDisk(t, emulator.Options{})), freeAddress(t)
			startNginx(t, front, `listen `+front+`; proxy_ignore_client_abort on; location / { proxy_pass `+s.url+`; }`)
			return &server{TB: t, url: "http://" + front + "/"}
		},
	} {
		t.Run(store, func(t *testing.T) {
			s := begin(t)
			for ending, end := range map[string]func(conn *net.TCPConn) error{
				"shut":  (*net.TCPConn).CloseWrite,
				"close": (*net.TCPConn).Close,
				"reset": func(conn *net.TCPConn) error {
					if err := conn.SetLinger(0); err != nil {
						return err
					}
					return conn.Close()
				},
			} {
				send := func(head, body string) {
					t.Helper()
					conn, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(s.url, "http:"), "/"))
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { conn.Close() })
					if _, err := fmt.Fprintf(conn, "%s\r\nHost: localhost\r\n%s", head, body); err != nil {
						t.Fatal(err)
					}
					if err := end(conn.(*net.TCPConn)); err != nil {
						t.Fatal(err)
					}
					if ending == "shut" {
						if _, err := io.Copy(io.Discard, conn); err != nil {
							t.Errorf("%s: %v", head, err)
						}
					}
				}
				holds := func(what, name, content string) {
					t.Helper()
					until(t, what, func() bool {
						code, body := s.request(http.MethodGet, name, nil)
						return code == http.StatusOK && body == content
					})
				}
				gone := func(what, name string) {
					t.Helper()
					until(t, what, func() bool {
						code, _ := s.request(http.MethodGet, name, nil)
						return code == http.StatusNotFound
					})
				}
				const chunked = "Transfer-Encoding: chunked\r\n\r\n"
				f := "Ж " + ending
				at := "/%D0%96%20" + ending
				send("PUT "+at+" HTTP/1.1", "Content-Length: 2\r\n\r\nhi")
				holds("a PUT by length", f, "hi")
				send("PUT "+at+" HTTP/1.1", chunked+"3\r\nnew\r\n0\r\n\r\n")
				holds("a PUT in chunks", f, "new")
				send("COPY "+at+" HTTP/1.1", "Destination: "+at+"-copy\r\n\r\n")
				holds("a COPY", f+"-copy", "new")
				send("MOVE "+at+" HTTP/1.1", "Destination: "+at+"-moved\r\n\r\n")
				holds("a MOVE", f+"-moved", "new")
				gone("what was moved", f)
				const patch = `<propertyupdate xmlns="DAV:"><set><prop><p xmlns="urn:n">kept</p></prop></set></propertyupdate>`
				send("PROPPATCH "+at+"-moved HTTP/1.1", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(patch), patch))
				until(t, "a PROPPATCH", func() bool {
					_, body := s.request("PROPFIND", f+"-moved", nil, "Depth", "0")
					return strings.Contains(body, "kept")
				})
				send("DELETE "+at+"-copy HTTP/1.1", "\r\n")
				gone("a DELETE", f+"-copy")
				send("MKCOL "+at+"-folder HTTP/1.1", "\r\n")
				until(t, "a MKCOL", func() bool {
					code, _ := s.request("PROPFIND", f+"-folder", nil, "Depth", "0")
					return code == http.StatusMultiStatus
				})
				send("PUT "+at+"-moved HTTP/1.1", "Content-Length: 3\r\n\r\nhi")
				send("PUT "+at+"-moved HTTP/1.1", chunked+"2\r\nhi\r\n0\r\n")
				send("PUT "+at+"-after HTTP/1.1", "Content-Length: 2\r\n\r\nhi")
				holds("what comes after cut ones", f+"-after", "hi")
				holds("what cut ones were to replace", f+"-moved", "new")
			}
		})
	}
}
