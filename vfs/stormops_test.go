package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
)

// own returns the names that only this goroutine changes: files, and folders
// with one file each.
func (g *stormer) own() []string {
	var names []string
	for _, name := range []string{"f0", "f1", "f2", "a", "a/k", "b", "b/k"} {
		names = append(names, fmt.Sprintf("/own/%d-%s", g.id, name))
	}
	return names
}

func (g *stormer) name(of string) string { return fmt.Sprintf("/own/%d-%s", g.id, of) }

func (g *stormer) content() string { return whole(g.storm.number.Add(1)) }

// failed reports an error that no operation on names of one's own may have. One
// that was cancelled has changed nothing, and so has one that is refused because
// others are busy.
func (g *stormer) failed(doing string, err error) bool {
	switch {
	case err == nil:
		g.done.Add(1)
		return false
	case errors.Is(err, context.Canceled), errors.Is(err, backend.ErrLocked):
	default:
		g.t.Errorf("%d: %s: %v", g.id, doing, err)
	}
	return true
}

// change makes an operation known that changes names from what they have to
// something else: it succeeds, or changes nothing.
func (g *stormer) change(doing string, to map[string]string, do func() error, amid ...string) {
	for name, what := range to {
		g.ledger.may(name, what)
		g.ledger.may(name, amid...)
	}
	if !g.failed(doing, do()) {
		for name, what := range to {
			g.has[name] = what
		}
	}
	for name := range to {
		g.ledger.is(name, g.has[name])
	}
	for name := range to {
		if got := seen(g.f, name); got != g.has[name] {
			g.t.Errorf("%d: after %s of %v, %s is %q, want %q", g.id, doing, to, name, got, g.has[name])
		}
	}
}

// changeOwn changes names of one's own.
func (g *stormer) changeOwn() {
	files := []string{g.name("f0"), g.name("f1"), g.name("f2")}
	g.random.Shuffle(3, func(i, j int) { files[i], files[j] = files[j], files[i] })
	one, two, next := files[0], files[1], g.content()
	there := g.has[one] != absent
	switch n := g.random.IntN(15); {
	case n == 14 && there:
		g.closeBesideWrite(one, next)
	case n < 2:
		g.change("put", map[string]string{one: next}, func() error {
			_, err := g.bound.Put(one, strings.NewReader(next), int64(len(next)), time.Time{}, "", false)
			return err
		})
	case n == 2:
		g.change("create", map[string]string{one: next}, func() error { return g.edit(one, os.O_TRUNC, next, false) }, "")
	case n == 3:
		g.change("abort", map[string]string{one: g.has[one]}, func() error { return g.edit(one, os.O_TRUNC, next, true) }, "", next)
	case n == 4 && there:
		longer := next + g.has[one][min(len(next), len(g.has[one])):]
		g.change("edit", map[string]string{one: longer}, func() error { return g.edit(one, 0, next, false) })
	case n == 5 && there:
		g.change("rename", map[string]string{one: absent, two: g.has[one]}, func() error { return g.bound.Rename(one, two) })
	case n == 6 && there:
		g.change("copy", map[string]string{two: g.has[one]}, func() error { return g.bound.Copy(one, two, true, -1) })
	case n == 7 && there:
		g.change("delete", map[string]string{one: absent}, func() error { return g.bound.Delete(one, "") })
	case n == 8:
		// An open file follows its name.
		g.change("rename while open", map[string]string{one: absent, two: next}, func() error {
			h, err := g.f.OpenFile(one, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
			if err != nil {
				return err
			}
			if _, err = h.WriteAt([]byte(next), 0); err == nil {
				err = g.f.Rename(one, two)
			}
			return errors.Join(err, h.Close())
		}, "", next, absent)
	case n == 9 && there:
		at := time.Unix(g.random.Int64N(1e9), 0).UTC()
		err := g.bound.Chtimes(one, at, at)
		if !errors.Is(err, errors.ErrUnsupported) && !g.failed("set the time", err) {
			if info, err := g.f.Stat(one); err != nil || !info.ModTime().Equal(at) {
				g.t.Errorf("%d: %s has the time %v, %v, want %v", g.id, one, info.ModTime(), err, at)
			}
		}
	case n == 10 && there:
		err := g.bound.SetProperties(one, map[string]string{"{x}y": next[:8]}, nil)
		if !errors.Is(err, errors.ErrUnsupported) && !g.failed("set a property", err) {
			if props, err := g.f.Properties(one); err != nil || props["{x}y"] != next[:8] {
				g.t.Errorf("%d: %s has the properties %v, %v", g.id, one, props, err)
			}
		}
	default:
		g.changeOwnFolders()
	}
}

// closeBesideWrite closes a handle while it is written to: a write that succeeds
// is stored.
func (g *stormer) closeBesideWrite(name, next string) {
	old := g.has[name]
	longer := next + old[min(len(next), len(old)):]
	var written error
	g.change("close beside a write", map[string]string{name: longer}, func() error {
		h, err := g.f.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		g.others.Go(func() { _, written = h.WriteAt([]byte(next), 0) })
		linger()
		err = h.Close()
		g.others.Wait()
		if err == nil && errors.Is(written, fs.ErrClosed) {
			return context.Canceled // which has changed nothing
		}
		return errors.Join(err, written)
	}, old)
}

// edit writes a content to a file, at once, and closes or aborts it.
func (g *stormer) edit(name string, flag int, content string, abort bool) error {
	h, err := g.bound.OpenFile(name, os.O_RDWR|os.O_CREATE|flag, 0o666)
	if err != nil {
		return err
	}
	_, err = h.WriteAt([]byte(content), 0)
	if abort || err != nil {
		return errors.Join(err, h.(interface{ Abort() error }).Abort())
	}
	return h.Close()
}

// changeOwnFolders makes, replaces, copies and deletes folders of one's own. A
// folder that replaces another is never missing meanwhile, nor is its file.
func (g *stormer) changeOwnFolders() {
	one, two := g.name("a"), g.name("b")
	if g.random.IntN(2) == 0 {
		one, two = two, one
	}
	if g.has[one] == absent {
		g.change("mkdir", map[string]string{one: folder}, func() error { return g.bound.Mkdir(one, 0o777) })
		return
	}
	from, to, content := one+"/k", two+"/k", g.has[one+"/k"]
	switch g.random.IntN(4) {
	case 0:
		next := g.content()
		g.change("put", map[string]string{from: next}, func() error {
			_, err := g.bound.Put(from, strings.NewReader(next), -1, time.Time{}, "", false)
			return err
		})
	case 1:
		g.change("move a folder", map[string]string{one: absent, from: absent, two: folder, to: content}, func() error { return g.bound.Move(one, two, true) })
	case 2:
		g.change("copy a folder", map[string]string{two: folder, to: content}, func() error { return g.bound.Copy(one, two, true, -1) })
	case 3:
		g.change("delete a folder", map[string]string{one: absent, from: absent}, func() error { return g.bound.RemoveAll(one) })
	}
}

// seen returns what a name shows.
func seen(f afero.Fs, name string) string {
	info, err := f.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return absent
	case err != nil:
		return err.Error()
	case info.IsDir():
		return folder
	}
	content, err := afero.ReadFile(f, name)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// watch looks at names of others.
func (g *stormer) watch() {
	names := g.ledger.known()
	name := names[g.random.IntN(len(names))]
	since := g.ledger.now()
	var saw string
	var err error
	wrong := g.ledger.wrong
	switch g.random.IntN(4) {
	case 0:
		g.watchFolder()
		return
	case 1:
		var info fs.FileInfo
		if info, err = g.bound.Stat(name); err == nil {
			saw = file
			if info.IsDir() {
				saw = folder
			}
		}
	default:
		saw, err = g.read(name)
		owner, _, _ := strings.Cut(name, "-")
		wrong = func(name, saw string, since int) string { return g.ledger.wrongIn(owner, name, saw, since) }
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, backend.ErrChanged):
		return
	case errors.Is(err, fs.ErrNotExist):
		saw = absent
	case err != nil:
		g.t.Errorf("%d: looking at %s: %v", g.id, name, err)
		return
	}
	if wrong := wrong(name, saw, since); wrong != "" {
		g.t.Errorf("%d: %s", g.id, wrong)
	}
}

// read reads a file, with a single call, as it may be written to meanwhile.
func (g *stormer) read(name string) (string, error) {
	h, err := g.bound.Open(name)
	if err != nil {
		return "", err
	}
	defer h.Close()
	info, err := h.Stat()
	switch {
	case err != nil:
		return "", err
	case info.IsDir():
		return folder, nil
	}
	buf := make([]byte, 64<<10)
	n, err := h.ReadAt(buf, 0)
	if n == len(buf) || err == nil {
		return "", fmt.Errorf("%d bytes, %v", n, err)
	}
	if err.Error() == "EOF" {
		err = nil
	}
	return string(buf[:n]), err
}

// watchFolder lists what others change.
func (g *stormer) watchFolder() {
	dir := []string{"/", "/own", "/any", "/tokens"}[g.random.IntN(4)]
	since := g.ledger.now()
	infos, err := afero.ReadDir(g.bound, dir)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			g.t.Errorf("%d: listing %s: %v", g.id, dir, err)
		}
		return
	}
	there := map[string]string{}
	for _, info := range infos {
		if ownname.Is(info.Name()) {
			g.t.Errorf("%d: %s is listed in %s", g.id, info.Name(), dir)
		}
		there[info.Name()] = file
		if info.IsDir() {
			there[info.Name()] = folder
		}
	}
	if dir != "/own" {
		return
	}
	for _, name := range g.ledger.known() {
		if path.Dir(name) != dir {
			continue
		}
		saw, ok := there[path.Base(name)]
		if !ok {
			saw = absent
		}
		if wrong := g.ledger.wrong(name, saw, since); wrong != "" {
			g.t.Errorf("%d: in the listing, %s", g.id, wrong)
		}
	}
}

const tokens = 6

// moveTokens moves a token, or a folder of tokens, to a free name.
func (g *stormer) moveTokens() {
	dirs := []string{"/tokens", "/tokens/a", "/tokens/b", "/tokens/c"}
	dir := func() string { return dirs[1+g.random.IntN(3)] }
	place := func() string { return fmt.Sprintf("%s/t%d", dirs[g.random.IntN(4)], g.random.IntN(tokens)) }
	var err error
	switch g.random.IntN(10) {
	case 0:
		err = g.bound.Mkdir(dir(), 0o777)
	case 1:
		err = g.bound.Remove(dir()) // if it is empty
	case 2, 3, 4:
		err = g.bound.Move(dir(), dir(), false)
	default:
		err = g.bound.Move(place(), place(), false)
	}
	g.tolerate("move tokens", err, fs.ErrExist, fs.ErrNotExist, fs.ErrInvalid, backend.ErrNotEmpty, backend.ErrNotDir)
}

// tolerate reports an error that is none of some.
func (g *stormer) tolerate(doing string, err error, may ...error) {
	if err == nil {
		g.done.Add(1)
		return
	}
	for _, kind := range append(may, context.Canceled, backend.ErrLocked) {
		if errors.Is(err, kind) {
			return
		}
	}
	g.t.Errorf("%d: %s: %v", g.id, doing, err)
}

// changeAny changes names that everybody changes, and reads them.
func (g *stormer) changeAny() {
	pick := func() string {
		name := fmt.Sprintf("/any/%d", g.random.IntN(3))
		if g.random.IntN(3) == 0 {
			name += fmt.Sprintf("/%d", g.random.IntN(2))
		}
		return name
	}
	one, two, next := pick(), pick(), g.content()
	var err error
	switch g.random.IntN(10) {
	case 0, 1:
		_, err = g.bound.Put(one, strings.NewReader(next), int64(len(next)), time.Time{}, "", g.random.IntN(2) == 0)
	case 2:
		err = g.bound.Mkdir(one, 0o777)
	case 3:
		err = g.bound.Move(one, two, g.random.IntN(3) > 0)
	case 4:
		err = g.bound.Rename(one, two)
	case 5:
		err = g.bound.Copy(one, two, g.random.IntN(3) > 0, -g.random.IntN(2))
	case 6:
		err = g.bound.Delete(one, "")
	case 7:
		var h afero.File
		if h, err = g.bound.OpenFile(one, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err == nil {
			linger()
			if _, err = h.WriteAt([]byte(next), 0); err == nil && g.random.IntN(2) == 0 {
				err = h.Close()
			} else {
				err = errors.Join(err, h.(interface{ Abort() error }).Abort())
			}
		}
	default:
		var content string
		if content, err = g.read(one); err == nil && content != folder && content != "" && !isWhole(content) {
			g.t.Errorf("%d: %s is %q, which nobody has written", g.id, one, content)
		}
	}
	g.tolerate("change "+one+" and "+two, err, fs.ErrExist, fs.ErrNotExist, fs.ErrInvalid, backend.ErrNotEmpty, backend.ErrNotDir, backend.ErrIsDir, backend.ErrChanged)
}

const slotSize = 40

// writeSlot writes the part of its own in the file in which everybody has one.
func (g *stormer) writeSlot() {
	h, err := g.bound.OpenFile("/slots", os.O_RDWR, 0)
	if err != nil {
		g.failed("open the file of all", err)
		return
	}
	wrote := g.writePart(h)
	if g.random.IntN(5) == 0 {
		if err := h.(interface{ Abort() error }).Abort(); err != nil {
			g.t.Errorf("%d: %v", g.id, err)
		}
		return // others may store it
	}
	if err := h.Close(); err != nil {
		g.failed("close the file of all", err)
		return
	}
	mine := g.slot[len(g.slot)-1]
	if !wrote {
		return
	}
	g.slot = []string{mine}
	g.done.Add(1)
	if g.writeBack {
		return // it is stored later, which judge sees
	}
	content, err := g.store.Open(context.Background(), "slots", "")
	if err != nil {
		g.t.Errorf("%d: %v", g.id, err)
		return
	}
	defer content.Close()
	if got, err := readRange(content, int64(g.id*slotSize), slotSize); err != nil || got != mine {
		g.t.Errorf("%d: Close succeeded, and %q is stored, %v; want %q", g.id, got, err, mine)
	}
}

// writePart writes a new part through a handle, and reports whether it did.
func (g *stormer) writePart(h afero.File) bool {
	part := fmt.Sprintf("%d wrote %d", g.id, rand.Uint64())
	part += strings.Repeat(".", slotSize-len(part))
	g.slot = append(g.slot, part)
	_, err := h.WriteAt([]byte(part), int64(g.id*slotSize))
	g.tolerate("write to the file of all", err, fs.ErrClosed, backend.ErrChanged)
	return err == nil
}
