package webdav

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestUploadsEndWithTheMembership: what a gateway has not stored when it is expelled it
// does not store later, when others may have stored something there.
func TestUploadsEndWithTheMembership(t *testing.T) {
	sending, goOn := make(chan struct{}, 10), make(chan struct{})
	all, log, disk := diskGateways(t, 2, emulator.Options{}, func(i int, req *http.Request) error {
		if i != 0 || !isSent(req) {
			return nil
		}
		sending <- struct{}{}
		select {
		case <-goOn:
			return nil
		case <-req.Context().Done():
			return req.Context().Err()
		}
	})
	if a := serve(all[1], "PUT", "/f", "old"); a.Code != http.StatusCreated {
		t.Fatalf("answered %d", a.Code)
	}
	ended := make(chan *httptest.ResponseRecorder, 1)
	go func() { ended <- serve(all[0], "PUT", "/f", "late") }()
	<-sending
	log.Expel(log.Gateways()[0], true)
	select {
	case a := <-ended:
		if a.Code != http.StatusServiceUnavailable {
			t.Errorf("answered %d %s", a.Code, a.Body)
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on")
		close(goOn)
		<-ended
	}
	if there, err := disk.ReadFile("/f"); err != nil || string(there) != "old" {
		t.Errorf("there is %q, %v", there, err)
	}
}
