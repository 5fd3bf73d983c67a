package backendtest

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/davdisk/davdisk/backend"
)

var cancels = map[string]func(*harness){
	"a context that has ended stops everything": func(h *harness) {
		h.given("d/", "f=keep")
		ended, cancel := context.WithCancel(h.ctx)
		cancel()
		tries := map[string]func() error{
			"stat": func() error { _, err := h.b.Stat(ended, "f"); return err },
			"open": func() error { return openAndRead(ended, h.b, "f") },
			"put": func() error {
				_, err := h.b.Put(ended, "f", strings.NewReader("x"), backend.PutOptions{Size: 1})
				return err
			},
			"mkdir": func() error { return h.b.Mkdir(ended, "e") },
			"remove": func() error {
				return h.b.Remove(ended, "f", backend.RemoveOptions{})
			},
			"move": func() error { return h.b.Move(ended, "f", "g", backend.MoveOptions{}) },
			"list": func() error {
				_, children, err := h.b.List(ended, ".")
				if err != nil {
					return err
				}
				for _, err := range children {
					if err != nil {
						return err
					}
				}
				return nil
			},
		}
		for name, try := range tries {
			if err := try(); !errors.Is(err, context.Canceled) {
				h.Errorf("%s answered %v, want the context's own error", name, err)
			}
		}
		h.holds("d/", "f=keep")
	},
	"a put is stopped in the middle of its body": func(h *harness) {
		h.given("f=old")
		ctx, cancel := context.WithCancel(h.ctx)
		body := &canceling{left: 64 << 10, at: 32 << 10, cancel: cancel}
		_, err := h.b.Put(ctx, "f", body, backend.PutOptions{Size: 64 << 10})
		if err == nil {
			h.Fatal("it succeeded")
		}
		if !errors.Is(err, context.Canceled) {
			h.Errorf("it answered %v, want the context's own error", err)
		}
		h.unharmed("f=old")
	},
}

func openAndRead(ctx context.Context, b backend.Backend, name string) error {
	c, err := b.Open(ctx, name, "")
	if err != nil {
		return err
	}
	defer c.Close()
	r, err := c.Range(ctx, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.ReadAll(r)
	return err
}

// canceling yields zeros and cancels a context in between; after that
// it blocks until its reader gives up.
type canceling struct {
	left, at int
	cancel   context.CancelFunc
}

func (c *canceling) Read(p []byte) (int, error) {
	n := min(len(p), c.left, 4096)
	if c.left -= n; c.left <= c.at {
		c.cancel()
	}
	if n == 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	return n, nil
}
