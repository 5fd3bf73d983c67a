package yandex_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// countingMoves counts the moves that are sent.
type countingMoves struct{ n atomic.Int32 }

func (c *countingMoves) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/resources/move") {
		c.n.Add(1)
	}
	return http.DefaultTransport.RoundTrip(req)
}

// TestMoveIsSentOnce: a move with Once is not sent again when its answer is lost.
func TestMoveIsSentOnce(t *testing.T) {
	for name, test := range map[string]struct {
		after bool
		err   error
	}{"carried out": {true, nil}, "not carried out": {false, backend.ErrUncertain}} {
		t.Run(name, func(t *testing.T) {
			moves := &countingMoves{}
			srv, b := start(t, emulator.Options{Now: quickly()}, yandex.Config{Transport: moves})
			plant(t, srv, map[string]string{"/d": "x"})
			srv.Inject(emulator.Fault{Endpoint: emulator.MoveResource, Reset: true, After: test.after})
			if err := b.Move(context.Background(), "d", "m", backend.MoveOptions{Once: true}); !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("it answered %v, want %v", err, test.err)
			}
			if n := moves.n.Load(); n != 1 {
				t.Errorf("it was sent %d times", n)
			}
			if test.after {
				hold(t, srv, map[string]string{"/m": "x"}, []string{"/d"})
			} else {
				hold(t, srv, map[string]string{"/d": "x"}, []string{"/m"})
			}
		})
	}
}
