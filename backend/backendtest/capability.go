package backendtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// capabilities test what a store declares, in both directions.
var capabilities = map[string]func(*harness){
	"conditional put": func(h *harness) {
		created := h.contend("new", backend.PutOptions{IfAbsent: true})
		h.given("f=old")
		replaced := h.contend("f", backend.PutOptions{IfVersion: h.stat("f").Version})
		h.judge("NoConditionalPut", h.caps.NoConditionalPut, created, replaced)
	},
	"atomic overwrite": func(h *harness) {
		h.given("f=" + oldContent())
		broken := h.replaceBroken("f")
		if h.caps.NoAtomicOverwrite != "" {
			h.put("f", oldContent())
		}
		var put, moved string
		for range h.rounds("NoAtomicOverwrite", h.caps.NoAtomicOverwrite) {
			put = h.watchFile("f", oldContent(), newContent(), func() error {
				_, err := h.b.Put(h.ctx, "f", stream{strings.NewReader(newContent())}, backend.PutOptions{Size: int64(len(newContent()))})
				return err
			})
			h.put("g", oldContent())
			moved = h.watchFile("f", newContent(), oldContent(), func() error {
				return h.b.Move(h.ctx, "g", "f", backend.MoveOptions{Overwrite: true})
			})
			if broken+put+moved != "" {
				break
			}
		}
		h.judge("NoAtomicOverwrite", h.caps.NoAtomicOverwrite, broken, put, moved)
	},
	"empty folders": func(h *harness) {
		h.ok("mkdir", h.b.Mkdir(h.ctx, "d"))
		made := h.vanished("d", "Mkdir made it")
		if h.caps.NoEmptyFolders == "" && made != "" {
			h.Fatalf("it does not declare NoEmptyFolders, and %s", made)
		}
		h.put("d/f", "x")
		if info := h.stat("d"); !info.Dir {
			h.Errorf("stat of a folder with a file says %+v", info)
		}
		h.ok("remove", h.b.Remove(h.ctx, "d/f", permanent))
		left := h.vanished("d", "its last file was removed")
		if h.caps.NoEmptyFolders != "" && (made == "" || left == "") {
			made, left = "", ""
		}
		h.judge("NoEmptyFolders", h.caps.NoEmptyFolders, made, left)
	},
	"atomic move": func(h *harness) {
		from, to := "from", "to"
		h.given("from/")
		for i := range movedFiles {
			h.given(fmt.Sprintf("from/%d=x", i))
		}
		var seen string
		for range h.rounds("NoAtomicMove", h.caps.NoAtomicMove) {
			if seen = h.watchMove(from, to); seen != "" {
				break
			}
			from, to = to, from
		}
		h.judge("NoAtomicMove", h.caps.NoAtomicMove, seen)
	},
}

const movedFiles = 12

// oldContent and newContent are those of a file that is replaced: long enough not to
// be sent at once. They are made when they are needed, since davdisk has this package
// in it.
func oldContent() string { return strings.Repeat("old ", 64<<10) }
func newContent() string { return strings.Repeat("new!", 80<<10) }

// rounds is how often a lack is looked for that does not show each time.
func (h *harness) rounds(field, lack string) int {
	if _, unseen := h.unseen[field]; lack != "" && !unseen {
		return 20
	}
	return 2
}

// judge compares a declaration with what a test has seen the store do that it
// may do only if it lacks the capability.
func (h *harness) judge(field, lack string, seen ...string) {
	h.Helper()
	what := strings.Join(nonEmpty(seen), "; ")
	why, unseen := h.unseen[field]
	switch {
	case lack == "" && what != "":
		h.Errorf("it does not declare %s, and %s", field, what)
	case lack == "" || what != "":
	case unseen:
		h.Skipf("declared (%s), and not seen: %s", lack, why)
	case h.live:
		h.Skipf("declared (%s), and not seen", lack)
	default:
		h.Errorf("it declares %s (%s), and seems to have it; if no test can see the lack, the option Unseen says why", field, lack)
	}
}

func nonEmpty(all []string) []string {
	var some []string
	for _, s := range all {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}

// aside calls f in a goroutine and waits for it. A store may make f wait for
// the operation that the caller is in the middle of, so the wait has an end: a
// late one if the result is needed to see a lack.
func (h *harness) aside(group *sync.WaitGroup, field, lack string, f func()) {
	limit := 300 * time.Millisecond
	if _, unseen := h.unseen[field]; lack != "" && !unseen && !h.live {
		limit = 10 * time.Second
	}
	done := make(chan struct{})
	h.goes(group, func() {
		defer close(done)
		f()
	})
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// contend stores two contents with one condition, the second while the body of
// the first is being read. Exactly one may succeed; it returns what happened if
// both did.
func (h *harness) contend(name string, opts backend.PutOptions) string {
	h.Helper()
	contents := [2]string{"the first", "the other"}
	opts.Size = 9
	var errs [2]error
	var second sync.WaitGroup
	body := interrupt(contents[0], func() error {
		h.aside(&second, "NoConditionalPut", h.caps.NoConditionalPut, func() {
			_, errs[1] = h.b.Put(h.ctx, name, strings.NewReader(contents[1]), opts)
		})
		return nil
	})
	_, errs[0] = h.b.Put(h.ctx, name, body, opts)
	second.Wait()
	got := h.read(name, 0, -1)
	switch {
	case errs[0] == nil && errs[1] == nil:
		if got != contents[0] && got != contents[1] {
			h.Errorf("two puts at once left %q", got)
		}
		return fmt.Sprintf("two puts at once with the condition %s succeeded", condition(opts))
	case errs[0] != nil && errs[1] != nil:
		h.Fatalf("of two puts at once both failed: %v; %v", errs[0], errs[1])
	}
	for i, err := range errs {
		if err != nil {
			h.fails("the loser of two puts", err, fs.ErrExist, backend.ErrChanged, backend.ErrLocked)
		} else if got != contents[i] {
			h.Errorf("%q was stored, they said, and there is %q", contents[i], got)
		}
	}
	return ""
}

func condition(opts backend.PutOptions) string {
	if opts.IfAbsent {
		return "IfAbsent"
	}
	return "IfVersion"
}

// interrupt returns a stream of content that calls do in the middle, and ends
// with its error.
func interrupt(content string, do func() error) io.Reader {
	half := len(content) / 2
	return stream{io.MultiReader(strings.NewReader(content[:half]), &doing{do}, strings.NewReader(content[half:]))}
}

type doing struct{ do func() error }

func (d *doing) Read([]byte) (int, error) {
	if err := d.do(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// replaceBroken replaces a file by a body that breaks. It returns what was
// found of the file meanwhile and afterwards if that is not its old content.
func (h *harness) replaceBroken(name string) (seen string) {
	h.Helper()
	var meanwhile string
	var reader sync.WaitGroup
	body := interrupt(newContent(), func() error {
		h.aside(&reader, "NoAtomicOverwrite", h.caps.NoAtomicOverwrite, func() { meanwhile = h.found(name, oldContent()) })
		return errSource
	})
	_, err := h.b.Put(h.ctx, name, body, backend.PutOptions{Size: int64(len(newContent()))})
	if !errors.Is(err, errSource) {
		h.Errorf("put answered %v, want the error of the source", err)
	}
	reader.Wait()
	if meanwhile != "" {
		return "while a file was being replaced " + meanwhile
	}
	if after := h.found(name, oldContent()); after != "" {
		return "after a body that broke " + after
	}
	return ""
}

// found reads a file. It returns what was found if that is none of contents.
func (h *harness) found(name string, contents ...string) string {
	data, err := readAll(h.ctx, h.b, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the file was not there"
	case errors.Is(err, backend.ErrChanged), errors.Is(err, backend.ErrLocked):
		return "" // it was replaced meanwhile, and that was told
	case err != nil:
		h.Errorf("read of %s: %v", name, err)
		return ""
	}
	for _, content := range contents {
		if data == content {
			return ""
		}
	}
	return fmt.Sprintf("a reader got %d bytes that are neither the old content nor the new", len(data))
}

func readAll(ctx context.Context, b backend.Backend, name string) (string, error) {
	c, err := b.Open(ctx, name, "")
	if err != nil {
		return "", err
	}
	defer c.Close()
	r, err := c.Range(ctx, 0, -1)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

// meanwhile calls look again and again while do runs, and returns the first
// thing that it saw.
func (h *harness) meanwhile(what string, do func() error, look func() string) (seen string) {
	h.Helper()
	done := make(chan struct{})
	var watcher sync.WaitGroup
	h.goes(&watcher, func() {
		for seen == "" {
			seen = look()
			select {
			case <-done:
				return
			default:
			}
		}
	})
	err := do()
	close(done)
	watcher.Wait()
	h.ok(what, err)
	return seen
}

// watchFile reads a file while do replaces its content, and returns what it
// found that is neither.
func (h *harness) watchFile(name, before, after string, do func() error) string {
	h.Helper()
	seen := h.meanwhile("replace "+name, do, func() string { return h.found(name, before, after) })
	if got := h.read(name, 0, -1); got != after {
		h.Errorf("after it was replaced %s holds %d bytes that differ", name, len(got))
	}
	if seen != "" {
		seen = "while a file was being replaced " + seen
	}
	return seen
}

// watchMove moves a folder and returns what was seen meanwhile that a move in
// one step never shows. A file that is under neither name is a failure of every
// store.
func (h *harness) watchMove(from, to string) string {
	h.Helper()
	exists := func(name string) bool {
		_, err := h.b.Stat(h.ctx, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, backend.ErrLocked) {
			h.Errorf("stat of %s: %v", name, err)
		}
		return !errors.Is(err, fs.ErrNotExist)
	}
	return h.meanwhile("move", func() error { return h.b.Move(h.ctx, from, to, backend.MoveOptions{}) }, func() string {
		if !exists(from+"/0") && !exists(to+"/0") {
			h.Errorf("while a folder was being moved a file was under neither name")
		}
		if !exists(to) {
			return ""
		}
		// What is there is there whole, and nowhere else any more.
		if exists(from) {
			return "while a folder was being moved both names were there"
		}
		_, children, err := h.b.List(h.ctx, to)
		if err != nil {
			return ""
		}
		n := 0
		for _, err := range children {
			if err != nil {
				return ""
			}
			n++
		}
		if n != movedFiles {
			return fmt.Sprintf("while a folder of %d files was being moved %d of them were there", movedFiles, n)
		}
		return ""
	})
}

// vanished returns what happened if a folder is not there.
func (h *harness) vanished(dir, when string) string {
	h.Helper()
	switch _, err := h.b.Stat(h.ctx, dir); {
	case errors.Is(err, fs.ErrNotExist):
		return "a folder was not there after " + when
	case err != nil:
		h.Fatalf("stat of a folder: %v", err)
	}
	return ""
}
