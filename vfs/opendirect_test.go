package vfs_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// direct is a store on this machine that counts what is opened of it, and how much of
// that is open.
type direct struct {
	*counting
	open   atomic.Int64
	opened func() // called when something has been opened, if set
}

func (d *direct) Direct() bool { return true }

func (d *direct) Open(ctx context.Context, name, version string) (backend.Content, error) {
	d.count("open", name)
	c, err := d.Backend.Open(ctx, name, version)
	if err != nil {
		return nil, err
	}
	d.open.Add(1)
	if d.opened != nil {
		d.opened()
	}
	return directContent{c, d}, nil
}

type directContent struct {
	backend.Content
	d *direct
}

func (c directContent) Close() error {
	c.d.open.Add(-1)
	return c.Content.Close()
}

// TestOpenOnThisMachine: a file is opened without a look at it before, and what was
// opened is closed.
func TestOpenOnThisMachine(t *testing.T) {
	d := &direct{counting: newCounting(memory.Options{})}
	f := newFS(t, d)
	write(t, f, "/f", "content")
	write(t, f, "/empty", "")
	if err := f.Mkdir("/d", 0o777); err != nil {
		t.Fatal(err)
	}
	d.calls()
	for _, test := range []struct {
		name, calls string
		err         error
	}{
		{"/f", "1 open", nil},
		{"/empty", "1 open", nil},
		{"/d", "1 open, 1 stat", nil},
		{"/f/", "1 open", fs.ErrNotExist},
		{"/missing", "1 open, 1 stat", fs.ErrNotExist},
	} {
		h, err := f.Open(test.name)
		if test.err == nil && err != nil || test.err != nil && err == nil {
			t.Errorf("%s: %v, want %v", test.name, err, test.err)
		}
		d.wants(t, test.name, test.calls)
		if err == nil {
			h.Close()
		}
		if n := d.open.Load(); n != 0 {
			t.Errorf("%s: %d are still open", test.name, n)
		}
	}
}

// TestOpenAgainOnThisMachine: handles on one version share what was opened first. One
// that is opened after another version was stored reads that, and the others read on.
func TestOpenAgainOnThisMachine(t *testing.T) {
	d := &direct{counting: newCounting(memory.Options{})}
	f := newFS(t, d)
	write(t, f, "/f", "old")
	first, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	if n := d.open.Load(); n != 1 {
		t.Errorf("%d are open of one version", n)
	}
	if _, err := d.Put(t.Context(), "f", strings.NewReader("new"), backend.PutOptions{Size: 3}); err != nil {
		t.Fatal(err)
	}
	third, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	info, err := third.Stat()
	if got, readErr := io.ReadAll(third); errors.Join(err, readErr) != nil || string(got) != "new" || info.Size() != 3 {
		t.Errorf("another version: %q, %v, %v", got, err, readErr)
	}
	third.Close()
	second.Close()
	if n := d.open.Load(); n != 1 {
		t.Errorf("%d are open for one handle", n)
	}
}

// TestOpenWhileStored: a file that is stored here between the look at it and its being
// bound is looked at again, and what was opened before is closed.
func TestOpenWhileStored(t *testing.T) {
	d := &direct{counting: newCounting(memory.Options{})}
	f := newFS(t, d)
	write(t, f, "/f", "old")
	var held []io.Closer
	d.opened = func() {
		d.opened = nil
		write(t, f, "/f", "new")
		h, err := f.Open("/f")
		if err != nil {
			t.Error(err)
			return
		}
		held = append(held, h)
	}
	h, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(h); err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
	h.Close()
	for _, other := range held {
		other.Close()
	}
	if n := d.open.Load(); n != 0 {
		t.Errorf("%d are still open", n)
	}
}

// replaced is a store whose file is replaced by another program whenever a version of
// it is to be opened.
type replaced struct {
	backend.Backend
	t    *testing.T
	last string
}

func (r *replaced) Open(ctx context.Context, name, version string) (backend.Content, error) {
	if version != "" {
		r.last += "more;"
		if _, err := r.Put(ctx, name, strings.NewReader(r.last), backend.PutOptions{Size: int64(len(r.last))}); err != nil {
			r.t.Error(err)
		}
	}
	return r.Backend.Open(ctx, name, version)
}

// TestOpenWhatChangesAllTheTime: a file that is replaced between every lookup and its
// open is opened as it is by then.
func TestOpenWhatChangesAllTheTime(t *testing.T) {
	r := &replaced{Backend: memory.New(memory.Options{}), t: t}
	f := newFS(t, r)
	write(t, f, "/f", "content")
	file, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got, err := io.ReadAll(file)
	if err != nil || r.last == "" || string(got) != r.last {
		t.Errorf("read %q, %v, want %q", got, err, r.last)
	}
}
