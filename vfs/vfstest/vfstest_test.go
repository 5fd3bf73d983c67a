package vfstest_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/vfs/vfstest"
)

// short is a store of short names without colons.
type short struct{ *memory.Backend }

// roomy is a store of longer names than package vfs has.
type roomy struct{ *memory.Backend }

func (roomy) Capabilities() backend.Capabilities {
	return backend.Capabilities{Names: backend.Names{MaxBytes: 300, Why: "made up"}}
}

func (short) Capabilities() backend.Capabilities {
	return backend.Capabilities{Names: backend.Names{MaxBytes: 100, Forbidden: ":", Why: "made up"}}
}

func (s short) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if err := s.Capabilities().Names.Check("put", name); err != nil {
		return backend.Info{}, err
	}
	return s.Backend.Put(ctx, name, body, opts)
}

func (s short) Mkdir(ctx context.Context, name string) error {
	if err := s.Capabilities().Names.Check("mkdir", name); err != nil {
		return err
	}
	return s.Backend.Mkdir(ctx, name)
}

func (s short) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := s.Capabilities().Names.Check("move", to); err != nil {
		return err
	}
	return s.Backend.Move(ctx, from, to, opts)
}

// TestDeclarations runs the cases about names on stores that declare limits,
// and on one without the declarations, where they fail.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	check := func(b func(*memory.Backend) backend.Backend, opts ...conformance.Option) conformance.Report {
		return conformance.Check(t.Context(), func(tb conformance.TB) afero.Fs {
			f, err := vfs.New(b(memory.New(memory.Options{})))
			if err != nil {
				tb.Fatalf("%v", err)
			}
			tb.Cleanup(func() { f.Close() })
			return f
		}, append(opts, conformance.Only("names/*"))...)
	}
	isShort := func(b *memory.Backend) backend.Backend { return short{b} }
	isRoomy := func(b *memory.Backend) backend.Backend { return roomy{b} }
	for name, b := range map[string]func(*memory.Backend) backend.Backend{"short": isShort, "roomy": isRoomy} {
		report := check(b, vfstest.Declarations(b(nil))...)
		if err := report.Err(); err != nil || report.Count(conformance.Passed) == 0 {
			t.Errorf("%s names, with its declarations: %d cases passed, %v", name, report.Count(conformance.Passed), err)
		}
	}
	if err := check(isShort, vfstest.Declarations(memory.New(memory.Options{}))...).Err(); err == nil || !strings.Contains(err.Error(), "names of up to 100 bytes") {
		t.Errorf("with those of a store of all names: %v", err)
	}
}
