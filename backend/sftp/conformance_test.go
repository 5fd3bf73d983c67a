package sftp

import (
	"math"
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
		Name: "vfs over SFTP (pkg/sftp)",
		Open: func(tb conformance.TB) backend.Backend {
			b, err := New(t.Context(), s.options(tb.TempDir()))
			if err != nil {
				tb.Fatalf("%v", err)
			}
			return b
		},
		Like: mustOpen(t, s.options(t.TempDir())),
		Options: []conformance.Option{
			conformance.Within(conformance.Limits{
				TimePrecision: time.Second, Earliest: time.Unix(0, 0), Latest: time.Unix(math.MaxUint32, 0),
				Why: "SFTP has whole seconds, in 32 bits",
			}),
			conformance.Parallel(4),
		},
		Slow: true,
	})
}
