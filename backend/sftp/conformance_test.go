package sftp

import (
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard/stores"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestConformance shows that a file system on the store behaves as programs
// expect, but for what is declared.
func TestConformance(t *testing.T) {
	testlevel.NeedMore(t)
	s := newServer(t)
	stores.Run(t, stores.Store{
		Open: func(tb conformance.TB) backend.Backend {
			b, err := New(t.Context(), s.options(tb.TempDir()))
			if err != nil {
				tb.Fatalf("%v", err)
			}
			return b
		},
		Like: mustOpen(t, s.options(t.TempDir())),
		Options: []conformance.Option{
			conformance.Within(conformance.Limits{TimePrecision: time.Second, Why: "SFTP has whole seconds"}),
			conformance.Parallel(4),
		},
		Slow: true,
	})
}
