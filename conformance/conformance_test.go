package conformance_test

import (
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/conformance"
)

// osFs is package os in a directory of its own for each case.
func osFs(conformance.TB) afero.Fs { return afero.NewOsFs() }

func tempDir(tb conformance.TB) string { return tb.TempDir() }

func TestOsFs(t *testing.T) {
	conformance.Run(t, osFs, conformance.Under(tempDir))
}
