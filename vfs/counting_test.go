package vfs_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/testclock"
)

// counting is a store in memory that counts what it is asked for.
type counting struct {
	*memory.Backend
	gate func(op, name string) // called with each call, if set

	mu     sync.Mutex
	counts map[string]int
}

func newCounting(opts memory.Options) *counting {
	return &counting{Backend: memory.New(opts), counts: map[string]int{}}
}

func (c *counting) count(op, name string) {
	c.mu.Lock()
	c.counts[op]++
	c.mu.Unlock()
	if c.gate != nil {
		c.gate(op, name)
	}
}

// calls returns the calls since it was last called, as "2 list, 1 put".
func (c *counting) calls() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, op := range slices.Sorted(maps.Keys(c.counts)) {
		all = append(all, fmt.Sprintf("%d %s", c.counts[op], op))
	}
	c.counts = map[string]int{}
	return strings.Join(all, ", ")
}

// wants checks what was asked for.
func (c *counting) wants(t *testing.T, doing, want string) {
	t.Helper()
	if got := c.calls(); got != want {
		t.Errorf("%s: the store was asked for %q, want %q", doing, got, want)
	}
}

func (c *counting) Stat(ctx context.Context, name string) (backend.Info, error) {
	c.count("stat", name)
	return c.Backend.Stat(ctx, name)
}

func (c *counting) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	c.count("list", name)
	return c.Backend.List(ctx, name)
}

func (c *counting) Open(ctx context.Context, name, version string) (backend.Content, error) {
	// Drivers open content that they know from a listing without a call.
	content, err := c.Backend.Open(ctx, name, version)
	if err != nil {
		return nil, err
	}
	return countingContent{content, c, name}, nil
}

type countingContent struct {
	backend.Content
	c    *counting
	name string
}

func (c countingContent) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	c.c.count("range", fmt.Sprintf("%s %d+%d", c.name, offset, length))
	return c.Content.Range(ctx, offset, length)
}

func (c *counting) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	c.count("put", name)
	return c.Backend.Put(ctx, name, body, opts)
}

func (c *counting) Mkdir(ctx context.Context, name string) error {
	c.count("mkdir", name)
	return c.Backend.Mkdir(ctx, name)
}

func (c *counting) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	c.count("remove", name)
	return c.Backend.Remove(ctx, name, opts)
}

func (c *counting) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	c.count("move", name2(from, to))
	return c.Backend.Move(ctx, from, to, opts)
}

func (c *counting) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	c.count("copy", name2(from, to))
	return c.Backend.Copy(ctx, from, to, opts)
}

func name2(from, to string) string { return from + " to " + to }

func (c *counting) Revision(ctx context.Context) (string, error) {
	c.count("revision", ".")
	return c.Backend.Revision(ctx)
}

func (c *counting) Usage(ctx context.Context) (backend.Space, error) {
	c.count("usage", ".")
	return c.Backend.Usage(ctx)
}

func newClock() *testclock.Clock {
	return testclock.At(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
}
