// Package backendtest tests the contract of package backend. A driver runs
// it by one call:
//
//	func TestContract(t *testing.T) {
//		backendtest.Run(t, func(tb testing.TB) backend.Backend { return memory.New(memory.Options{}) })
//	}
//
// Each test gets an empty store of its own, so tests are independent. Abilities
// that a store lacks (see package backend) are tested too: they must fail with
// errors.ErrUnsupported and change nothing.
package backendtest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// A Maker opens an empty store that nothing else uses, and registers its
// cleanup with tb.
type Maker func(tb testing.TB) backend.Backend

// Run tests the stores that open returns.
func Run(t *testing.T, open Maker) {
	for _, group := range []struct {
		name  string
		tests map[string]func(*harness)
	}{
		{"names", names},
		{"read", reads},
		{"put", puts},
		{"tree", trees},
		{"move", moves},
		{"cancel", cancels},
		{"ability", abilities},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, name := range slices.Sorted(maps.Keys(group.tests)) {
				t.Run(name, func(t *testing.T) {
					b := open(t)
					if c, ok := b.(io.Closer); ok {
						t.Cleanup(func() {
							if err := c.Close(); err != nil {
								t.Errorf("close: %v", err)
							}
						})
					}
					group.tests[name](&harness{T: t, b: b, ctx: t.Context()})
				})
			}
		})
	}
}

// harness is a store under test with helpers for the tests.
type harness struct {
	*testing.T
	b   backend.Backend
	ctx context.Context
}

// given creates a tree: a name that ends in a slash is a folder, any other is
// name=content, cut at the last "=". Parents come first.
func (h *harness) given(entries ...string) {
	h.Helper()
	for _, entry := range entries {
		if dir, ok := strings.CutSuffix(entry, "/"); ok {
			h.ok("make the folder "+dir, h.b.Mkdir(h.ctx, dir))
			continue
		}
		at := strings.LastIndexByte(entry, '=')
		h.put(entry[:at], entry[at+1:])
	}
}

func (h *harness) put(name, content string) backend.Info {
	h.Helper()
	info, err := h.b.Put(h.ctx, name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content))})
	h.ok("put "+name, err)
	return info
}

// holds compares the whole tree with what given would have created.
func (h *harness) holds(entries ...string) {
	h.Helper()
	want := slices.Sorted(slices.Values(entries))
	got := slices.Sorted(slices.Values(h.walk(".")))
	if !slices.Equal(got, want) {
		h.Fatalf("the store holds %q, want %q", got, want)
	}
}

func (h *harness) walk(dir string) []string {
	h.Helper()
	var entries []string
	for _, info := range h.list(dir) {
		name := path.Join(dir, info.Name)
		if info.Dir {
			entries = append(entries, name+"/")
			entries = append(entries, h.walk(name)...)
			continue
		}
		entries = append(entries, name+"="+h.read(name, 0, -1))
	}
	return entries
}

func (h *harness) list(dir string) []backend.Info {
	h.Helper()
	_, children, err := h.b.List(h.ctx, dir)
	h.ok("list "+dir, err)
	var infos []backend.Info
	seen := map[string]bool{}
	for info, err := range children {
		h.ok("list "+dir, err)
		if seen[info.Name] || info.Name == "" || strings.Contains(info.Name, "/") {
			h.Fatalf("the listing of %q has the name %q, twice or unusable", dir, info.Name)
		}
		seen[info.Name] = true
		infos = append(infos, info)
	}
	return infos
}

// read reads a range of the current version.
func (h *harness) read(name string, offset, length int64) string {
	h.Helper()
	c, err := h.b.Open(h.ctx, name, "")
	h.ok("open "+name, err)
	defer c.Close()
	return h.readRange(c, offset, length)
}

func (h *harness) readRange(c backend.Content, offset, length int64) string {
	h.Helper()
	r, err := c.Range(h.ctx, offset, length)
	h.ok("range", err)
	defer r.Close()
	data, err := io.ReadAll(r)
	h.ok("read", err)
	return string(data)
}

func (h *harness) stat(name string) backend.Info {
	h.Helper()
	info, err := h.b.Stat(h.ctx, name)
	h.ok("stat "+name, err)
	return info
}

func (h *harness) ok(what string, err error) {
	h.Helper()
	if err != nil {
		h.Fatalf("%s: %v", what, err)
	}
}

// fails requires an error of one of the kinds, in the form of the contract.
func (h *harness) fails(what string, err error, kinds ...error) {
	h.Helper()
	if err == nil {
		h.Fatalf("%s succeeded, want %v", what, kinds)
	}
	if !slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) }) {
		h.Fatalf("%s answered %q, want one of %v", what, err, kinds)
	}
	var one *fs.PathError
	var two *os.LinkError
	if !errors.As(err, &one) && !errors.As(err, &two) {
		h.Errorf("%s answered a %T, want a *fs.PathError or *os.LinkError", what, err)
	}
}
