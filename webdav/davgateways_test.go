package webdav

import (
	"errors"
	"fmt"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// davGateways are handlers on file systems on one store, which share a log.
type davGateways struct {
	*gatewaytest.Log
	handlers []*Handler
	files    []*vfs.FS
	d        *director
}

func newDavGateways(t *testing.T, n int) *davGateways {
	t.Helper()
	return newDavGatewaysOf(t, n, func(s *sender) backend.Backend { return s })
}

func newDavGatewaysOf(t *testing.T, n int, as func(*sender) backend.Backend) *davGateways {
	t.Helper()
	log, engines := gatewaytest.New(t, n)
	g := &davGateways{Log: log, d: &director{store: memory.New(memory.Options{}), open: true, once: true, sent: map[string]int{}}}
	for i, e := range engines {
		member := func() vfs.Member {
			if e.Epoch() == 0 {
				return nil
			}
			return e
		}
		f, err := vfs.New(as(&sender{g.d.store, g.d, fmt.Sprint(i)}), vfs.WithEngine(e, member), vfs.WithAgreement(heldBy(e)))
		if err != nil {
			t.Fatal(err)
		}
		handlerMember := func() Member {
			if e.Epoch() == 0 {
				return nil
			}
			return e
		}
		h, err := NewHandler(f, WithEngine(e, handlerMember, func(c Change) {
			if !c.Own {
				if err := f.Invalidate(c.Path); err != nil {
					t.Error(err)
				}
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(h.Close(), f.Close()); err != nil {
				t.Error(err)
			}
		})
		g.handlers, g.files = append(g.handlers, h), append(g.files, f)
	}
	return g
}

// want sends a request to a gateway.
func (g *davGateways) want(t *testing.T, at, status int, method, name, body string, headers ...string) string {
	t.Helper()
	a := serve(g.handlers[at], method, name, body, headers...)
	if a.Code != status {
		t.Errorf("%s %s at %d: %d %s, want %d", method, name, at, a.Code, a.Body, status)
	}
	return a.Body.String()
}
