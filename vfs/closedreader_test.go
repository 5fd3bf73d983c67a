package vfs

import (
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/chunks"
)

// described is content of which only the description is used.
type described struct {
	backend.Content
	info backend.Info
}

func (d described) Info() backend.Info { return d.info }

// TestClosedReaderCachesNothing: a Read that has begun before Close, and goes on
// after it, begins nothing that nobody would close, and what it reads is not
// given to others.
func TestClosedReaderCachesNothing(t *testing.T) {
	cache, err := chunks.Open(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for name, info := range map[string]backend.Info{
		"a hash": {Size: 10, Version: "v", SHA256: "0"}, "no hash": {Size: 10, Version: "v"},
	} {
		for _, closed := range []bool{false, true} {
			content := &version{described{info: info}}
			r := &reader{cache: cache, closed: closed}
			r.take(content, 0)
			if got := r.kept == nil && r.ranges == nil && r.rangeWriter(content) == nil; got != closed {
				t.Errorf("%s, closed %v: nothing is cached: %v", name, closed, got)
			}
			if (r.check != nil) != (info.SHA256 != "") {
				t.Errorf("%s, closed %v: it is not compared", name, closed)
			}
			r.close()
		}
	}
}
