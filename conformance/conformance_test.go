package conformance_test

import (
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/conformance"
)

// osFs is package os; tempDir makes it work in a directory of its own for
// each case.
func osFs(conformance.TB) afero.Fs { return afero.NewOsFs() }

func tempDir(tb conformance.TB) string { return tb.TempDir() }

// TestOsFs holds the suite to its measure: package os passes every case that
// is run on it.
func TestOsFs(t *testing.T) {
	opts := []conformance.Option{conformance.Under(tempDir)}
	if !testing.Short() {
		opts = append(opts, conformance.Long())
	}
	conformance.Run(t, osFs, opts...)
}

// TestOsFsParallel runs cases beside one another, as remote stores want it.
func TestOsFsParallel(t *testing.T) {
	conformance.Run(t, osFs, conformance.Under(tempDir), conformance.Parallel(8), conformance.Effort(0, 0))
}

func BenchmarkOsFs(b *testing.B) {
	conformance.Bench(b, osFs, conformance.Under(tempDir), conformance.Effort(0, 0))
}
