package webdav

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
)

// stops is a body that stops before its last bytes.
type stops struct {
	io.Reader
	last    io.Reader
	reached chan<- struct{} // closed there
	goOn    <-chan struct{}
}

func (s *stops) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != io.EOF || s.last == nil {
		return n, err
	}
	close(s.reached)
	<-s.goOn
	s.Reader, s.last = s.last, nil
	return n, nil
}

// TestExpelledDuringABody: a gateway is expelled while the body of a PUT is coming.
// Others have the name at once, and what they store is not replaced when the body comes
// to its end after all; an entry of the log more is what that costs.
func TestExpelledDuringABody(t *testing.T) {
	for _, size := range []int{shortBody, shortBody + 1, 20 << 20} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d bytes, known %v", size, known), func(t *testing.T) {
				t.Parallel()
				all, log, disk := diskGateways(t, 2, emulator.Options{}, func(int, *http.Request) error { return nil })
				content := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
				put := func(body io.Reader) int {
					req := httptest.NewRequest("PUT", "/f", body)
					req.Host = "localhost"
					req.ContentLength = -1
					if known {
						req.ContentLength = int64(size)
					}
					w := httptest.NewRecorder()
					all[0].ServeHTTP(w, req)
					return w.Code
				}
				waits := size > shortBody || !known
				before := log.Entries()
				if code := put(bytes.NewReader(content)); code != http.StatusCreated {
					t.Errorf("answered %d", code)
				}
				if n := log.Entries() - before; n != 2+map[bool]int{true: 1}[waits] {
					t.Errorf("%d entries", n)
				}
				reached, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan int)
				late := bytes.ToUpper(content)
				go func() {
					ended <- put(&stops{bytes.NewReader(late[:size-1]), bytes.NewReader(late[size-1:]), reached, goOn})
				}()
				<-reached
				log.Expel(log.Gateways()[0], true)
				limit := time.Second // while the name stays closed
				if waits {
					limit = testwait.Limit(t)
				}
				if a := putWithin(all[1], limit, "/f", "of another"); (a.Code == http.StatusNoContent) != waits {
					t.Errorf("another is answered %d", a.Code)
				}
				close(goOn)
				if code := <-ended; code != http.StatusServiceUnavailable {
					t.Errorf("the expelled one is answered %d", code)
				}
				if there, err := disk.ReadFile("/f"); waits && (err != nil || string(there) != "of another") {
					t.Errorf("%d bytes are there, %v", len(there), err)
				}
			})
		}
	}
}
