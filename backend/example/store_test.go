package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/vfs/vfstest"
)

// empty opens a store of its own.
func empty(dir string) *store { return &store{file: filepath.Join(dir, "tree.json"), now: time.Now} }

// TestContract shows that the seven methods do what package backend asks of
// them.
func TestContract(t *testing.T) {
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend { return empty(tb.TempDir()) })
}

// TestConformance shows that a file system on the store behaves as programs
// expect, but for what is declared.
func TestConformance(t *testing.T) {
	conformance.Run(t, func(tb conformance.TB) afero.Fs {
		f, err := vfs.New(empty(tb.TempDir()))
		if err != nil {
			tb.Fatalf("%v", err)
		}
		tb.Cleanup(func() { f.Close() })
		return f
	}, append(vfstest.Declarations(new(store)),
		conformance.Within(conformance.Limits{FileSize: maxFile, Why: "all is in one JSON file"}),
		conformance.Effort(50, 40),
	)...)
}

// TestDriver shows what is refused before anything is opened.
func TestDriver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tree.json")
	for _, test := range []struct {
		root, file string
		opens      bool
	}{
		{"", file, true},
		{"/", file, true},
		{"", "", false},
		{"Docs", file, false},
	} {
		_, err := driver().Open(t.Context(), test.root, map[string]string{"file": test.file}, backend.Env{Now: time.Now})
		if (err == nil) != test.opens {
			t.Errorf("json:%s in %q: %v", test.root, test.file, err)
		}
	}
}
