package conformance_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/conformance"
)

// myfs stands for the package whose file system is to be checked.
var myfs = struct{ New func(dir string) afero.Fs }{
	New: func(dir string) afero.Fs { return afero.NewBasePathFs(afero.NewOsFs(), dir) },
}

// A test of a file system is five lines: how to make one, and what it cannot
// do, with the reason.
func Example() {
	TestConformance := func(t *testing.T) {
		conformance.Run(t, func(tb conformance.TB) afero.Fs { return myfs.New(tb.TempDir()) },
			conformance.Refuses(conformance.Chown, "the store has no owners"))
	}
	_ = TestConformance // go test runs it
}

// Outside go test, Check gives the same report.
func ExampleCheck() {
	report := conformance.Check(context.Background(),
		func(tb conformance.TB) afero.Fs { return myfs.New(tb.TempDir()) },
		conformance.Only("rename/*"),
		conformance.UpTo(conformance.Data))
	fmt.Println("failures:", report.Err())
	// Output:
	// failures: <nil>
}

// A file system that cannot be written is filled by a function of the
// author's.
func ExampleReadOnly() {
	sealed := func(tb conformance.TB, tree conformance.Tree) afero.Fs {
		dir := tb.TempDir()
		for _, name := range tree.Names() {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if name[len(name)-1] == '/' {
				os.Mkdir(path, 0o755)
			} else {
				os.WriteFile(path, []byte(tree[name]), 0o644)
			}
		}
		return afero.NewReadOnlyFs(myfs.New(dir))
	}
	report := conformance.Check(context.Background(), nil,
		conformance.ReadOnly(sealed),
		conformance.Only("readdir/*"))
	fmt.Println("failures:", report.Err())
	// Output:
	// failures: <nil>
}
