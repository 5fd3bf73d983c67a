package backendtest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/davdisk/davdisk/backend"
)

// harness is a store under test with helpers for the tests.
type harness struct {
	TB
	b      backend.Backend
	ctx    context.Context
	caps   backend.Capabilities
	unseen map[string]string // see Unseen
	live   bool              // see Check
}

// needs leaves out a test of what the store lacks for a reason; it goes on if
// there is none.
func (h *harness) needs(lack string) {
	h.Helper()
	if lack != "" {
		h.Skipf("declared: %s", lack)
	}
}

// unharmed is holds after a failed change. A store without atomic overwrite may
// have lost what it held.
func (h *harness) unharmed(entries ...string) {
	h.Helper()
	if h.caps.NoAtomicOverwrite == "" {
		h.holds(entries...)
	}
}

// goes calls f in a goroutine of the group, whose panic fails the test.
func (h *harness) goes(group *sync.WaitGroup, f func()) {
	group.Go(func() {
		defer caught(h.TB)
		f()
	})
}

// caught fails the test of a goroutine that panics. It must be deferred.
func caught(tb TB) {
	if r := recover(); r != nil {
		tb.Errorf("panic: %v\n%s", r, debug.Stack())
	}
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
	want := slices.Sorted(slices.Values(h.lasting(entries)))
	got := slices.Sorted(slices.Values(h.walk(".")))
	if !slices.Equal(got, want) {
		h.Fatalf("the store holds %q, want %q", got, want)
	}
}

// lasting leaves out the folders that the store forgets because no file is below
// them.
func (h *harness) lasting(entries []string) []string {
	if h.caps.NoEmptyFolders == "" {
		return entries
	}
	return slices.DeleteFunc(slices.Clone(entries), func(dir string) bool {
		return strings.HasSuffix(dir, "/") && !slices.ContainsFunc(entries, func(file string) bool {
			return strings.HasPrefix(file, dir) && !strings.HasSuffix(file, "/")
		})
	})
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
