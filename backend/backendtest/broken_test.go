package backendtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/memory"
)

// Each of these stores is sound but for one planted bug. The suite must find
// it, in the test that claims to look for it.
var broken = map[string]struct {
	caught string // the test that must fail
	make   func(*memory.Backend) backend.Backend
}{
	"stores a part when the body breaks": {"put/a body that breaks changes nothing", func(b *memory.Backend) backend.Backend { return truncates{b} }},
	"believes any length":                {"put/a body of another length", func(b *memory.Backend) backend.Backend { return believes{b} }},
	"closes the body":                    {"put/the body is left open", func(b *memory.Backend) backend.Backend { return closes{b} }},
	"ignores IfAbsent":                   {"put/only if absent", func(b *memory.Backend) backend.Backend { return unconditional{b} }},
	"rewinds to the very beginning":      {"put/a body that stands in the middle", func(b *memory.Backend) backend.Backend { return rewinds{b} }},
	"overwrites folders":                 {"move/folders are never overwritten", func(b *memory.Backend) backend.Backend { return sweeps{b} }},
	"deletes the target first":           {"move/a missing source keeps the target", func(b *memory.Backend) backend.Backend { return deletesFirst{b} }},
	"removes by prefix":                  {"tree/remove a tree", func(b *memory.Backend) backend.Backend { return byPrefix{b} }},
	"takes unclean names":                {"names/what is no name is refused", func(b *memory.Backend) backend.Backend { return cleans{b} }},
	"decodes percent signs":              {"names/hostile names are names", func(b *memory.Backend) backend.Backend { return decodes{b} }},
	"folds case":                         {"names/case tells", func(b *memory.Backend) backend.Backend { return folds{b} }},
	"loses the end of a listing":         {"read/a long listing is whole", func(b *memory.Backend) backend.Backend { return onePage{b} }},
	"cuts ranges short":                  {"read/ranges", func(b *memory.Backend) backend.Backend { return shortRanges{b} }},
	"ignores the context":                {"cancel/a context that has ended", func(b *memory.Backend) backend.Backend { return deaf{b} }},
	"calls every failure not found":      {"read/what cannot be opened", func(b *memory.Backend) backend.Backend { return liar{b} }},
	"shows times late":                   {"ability/times are set", func(b *memory.Backend) backend.Backend { return late{b} }},
	"panics":                             {"read/ranges", func(b *memory.Backend) backend.Backend { return panics{b} }},
	"panics in a goroutine":              {"read/many readers of one content", func(b *memory.Backend) backend.Backend { return panics{b} }},
	"says nothing of the length":         {"put/a body of another length", func(b *memory.Backend) backend.Backend { return taciturn{b} }},
}

func TestSuiteFindsPlantedBugs(t *testing.T) {
	for name, bug := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := backendtest.CheckStrictly(t.Context(), func(backendtest.TB) backend.Backend { return bug.make(memory.New(memory.Options{})) })
			caught := false
			for _, result := range report.Results {
				caught = caught || result.Verdict == backendtest.Failed && strings.HasPrefix(result.Test, bug.caught)
			}
			if !caught {
				t.Errorf("no test of %s failed", bug.caught)
			}
		})
	}
}

type panics struct{ *memory.Backend }

func (b panics) Open(ctx context.Context, name, version string) (backend.Content, error) {
	c, err := b.Backend.Open(ctx, name, version)
	return panicsContent{c}, err
}

type panicsContent struct{ backend.Content }

func (panicsContent) Range(context.Context, int64, int64) (io.ReadCloser, error) { panic("planted") }

type taciturn struct{ *memory.Backend }

func (b taciturn) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	info, err := b.Backend.Put(ctx, name, body, opts)
	if opts.Size >= 0 && err != nil && !errors.Is(err, fs.ErrExist) && ctx.Err() == nil {
		err = &fs.PathError{Op: "put", Path: name, Err: io.ErrUnexpectedEOF}
	}
	return info, err
}

type truncates struct{ *memory.Backend }

func (b truncates) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	data, err := io.ReadAll(body)
	opts.Size = int64(len(data))
	info, storeErr := b.Backend.Put(ctx, name, bytes.NewReader(data), opts)
	return info, errors.Join(err, storeErr)
}

type believes struct{ *memory.Backend }

func (b believes) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	opts.Size = -1
	return b.Backend.Put(ctx, name, body, opts)
}

type closes struct{ *memory.Backend }

func (b closes) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if c, ok := body.(io.Closer); ok {
		defer c.Close()
	}
	return b.Backend.Put(ctx, name, body, opts)
}

type unconditional struct{ *memory.Backend }

func (b unconditional) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	opts.IfAbsent = false
	return b.Backend.Put(ctx, name, body, opts)
}

type rewinds struct{ *memory.Backend }

func (b rewinds) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if s, ok := body.(io.Seeker); ok {
		if _, err := s.Seek(0, io.SeekStart); err != nil {
			return backend.Info{}, err
		}
	}
	return b.Backend.Put(ctx, name, body, opts)
}

type sweeps struct{ *memory.Backend }

func (b sweeps) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if _, err := b.Stat(ctx, from); err == nil && opts.Overwrite && from != to && !backend.Within(to, from) && !backend.Within(from, to) {
		_ = b.Remove(ctx, to, backend.RemoveOptions{})
	}
	return b.Backend.Move(ctx, from, to, opts)
}

type deletesFirst struct{ *memory.Backend }

func (b deletesFirst) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if opts.Overwrite && from != to && to != "." && !backend.Within(from, to) {
		_ = b.Remove(ctx, to, backend.RemoveOptions{})
	}
	return b.Backend.Move(ctx, from, to, opts)
}

type byPrefix struct{ *memory.Backend }

func (b byPrefix) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if err := b.Backend.Remove(ctx, name, opts); err != nil {
		return err
	}
	_, children, err := b.List(ctx, path.Dir(name))
	if err != nil {
		return err
	}
	for info := range children {
		if strings.HasPrefix(info.Name, path.Base(name)) {
			_ = b.Backend.Remove(ctx, path.Join(path.Dir(name), info.Name), opts)
		}
	}
	return nil
}

type cleans struct{ *memory.Backend }

func (b cleans) Stat(ctx context.Context, name string) (backend.Info, error) {
	return b.Backend.Stat(ctx, strings.TrimPrefix(path.Clean("/"+name), "/"))
}

type decodes struct{ *memory.Backend }

func (b decodes) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	return b.Backend.Put(ctx, strings.ReplaceAll(name, "%20", " "), body, opts)
}

type folds struct{ *memory.Backend }

func (b folds) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	return b.Backend.Put(ctx, strings.ToLower(name), body, opts)
}

type onePage struct{ *memory.Backend }

func (b onePage) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	self, children, err := b.Backend.List(ctx, name)
	if err != nil {
		return self, nil, err
	}
	return self, func(yield func(backend.Info, error) bool) {
		n := 0
		for info, err := range children {
			if n++; n > 50 || !yield(info, err) {
				return
			}
		}
	}, nil
}

type shortRanges struct{ *memory.Backend }

func (b shortRanges) Open(ctx context.Context, name, version string) (backend.Content, error) {
	c, err := b.Backend.Open(ctx, name, version)
	if err != nil {
		return nil, err
	}
	return shortContent{c}, nil
}

type shortContent struct{ backend.Content }

func (c shortContent) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	r, err := c.Content.Range(ctx, offset, length)
	if err != nil || length < 3 {
		return r, err
	}
	return io.NopCloser(io.LimitReader(r, length-1)), nil
}

type deaf struct{ *memory.Backend }

func (b deaf) Mkdir(ctx context.Context, name string) error {
	return b.Backend.Mkdir(context.WithoutCancel(ctx), name)
}

type liar struct{ *memory.Backend }

func (b liar) Open(ctx context.Context, name, version string) (backend.Content, error) {
	c, err := b.Backend.Open(ctx, name, version)
	if err != nil && !errors.Is(err, fs.ErrInvalid) && ctx.Err() == nil {
		err = backend.PathError("open", name, fs.ErrNotExist, "")
	}
	return c, err
}

type late struct{ *memory.Backend }

func (b late) SetModTime(ctx context.Context, name string, _ time.Time) error {
	_, err := b.Stat(ctx, name)
	return err
}
