package backendtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"os/exec"
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
	"stores a part when the body breaks": {"put/a_body_that_breaks_changes_nothing", func(b *memory.Backend) backend.Backend { return truncates{b} }},
	"believes any length":                {"put/a_body_of_another_length", func(b *memory.Backend) backend.Backend { return believes{b} }},
	"closes the body":                    {"put/the_body_is_left_open", func(b *memory.Backend) backend.Backend { return closes{b} }},
	"ignores IfAbsent":                   {"put/only_if_absent", func(b *memory.Backend) backend.Backend { return unconditional{b} }},
	"rewinds to the very beginning":      {"put/a_body_that_stands_in_the_middle", func(b *memory.Backend) backend.Backend { return rewinds{b} }},
	"overwrites folders":                 {"move/folders_are_never_overwritten", func(b *memory.Backend) backend.Backend { return sweeps{b} }},
	"deletes the target first":           {"move/a_missing_source_keeps_the_target", func(b *memory.Backend) backend.Backend { return deletesFirst{b} }},
	"removes by prefix":                  {"tree/remove_a_tree", func(b *memory.Backend) backend.Backend { return byPrefix{b} }},
	"takes unclean names":                {"names/what_is_no_name_is_refused", func(b *memory.Backend) backend.Backend { return cleans{b} }},
	"decodes percent signs":              {"names/hostile_names_are_names", func(b *memory.Backend) backend.Backend { return decodes{b} }},
	"folds case":                         {"names/case_and_form", func(b *memory.Backend) backend.Backend { return folds{b} }},
	"loses the end of a listing":         {"read/a_long_listing_is_whole", func(b *memory.Backend) backend.Backend { return onePage{b} }},
	"cuts ranges short":                  {"read/ranges", func(b *memory.Backend) backend.Backend { return shortRanges{b} }},
	"ignores the context":                {"cancel/a_context_that_has_ended", func(b *memory.Backend) backend.Backend { return deaf{b} }},
	"calls every failure not found":      {"read/what_cannot_be_opened", func(b *memory.Backend) backend.Backend { return liar{b} }},
	"shows times late":                   {"ability/times_are_set", func(b *memory.Backend) backend.Backend { return late{b} }},
}

const brokenEnv = "BACKENDTEST_BROKEN"

// TestSuiteOnBroken is what TestSuiteFindsPlantedBugs runs in a process of
// its own; without one of the bugs named it has nothing to check.
func TestSuiteOnBroken(t *testing.T) {
	bug, ok := broken[os.Getenv(brokenEnv)]
	if !ok {
		t.Skip("runs only as a child of TestSuiteFindsPlantedBugs")
	}
	backendtest.Run(t, func(testing.TB) backend.Backend { return bug.make(memory.New(memory.Options{})) })
}

func TestSuiteFindsPlantedBugs(t *testing.T) {
	for name, bug := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSuiteOnBroken$", "-test.timeout=1m")
			child.Env = append(os.Environ(), brokenEnv+"="+name)
			out, err := child.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("the suite did not fail: %v", err)
			}
			if !bytes.Contains(out, []byte("--- FAIL: TestSuiteOnBroken/"+bug.caught)) {
				t.Errorf("the suite failed, but not in %s:\n%s", bug.caught, out)
			}
		})
	}
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
