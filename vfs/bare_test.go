package vfs_test

import (
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// TestListingsOfAStoreWithoutProperties say that there are none, so that nobody asks
// for those of each entry; others do not say what they do not know.
func TestListingsOfAStoreWithoutProperties(t *testing.T) {
	for name, test := range map[string]struct {
		store backend.Backend
		known bool
	}{
		"folder": {openLocal(t, t.TempDir()), true},
		"memory": {memory.New(memory.Options{}), false},
		"hidden": {struct{ backend.Backend }{memory.New(memory.Options{})}, true},
		"within": {wrapper{memory.New(memory.Options{})}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFS(t, test.store)
			write(t, f, "/f", "content")
			_ = f.SetProperties("/f", map[string]string{"{urn:p}of": `<of xmlns="urn:p"/>`}, nil)
			dir, err := f.Open("/")
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			infos, err := dir.Readdir(-1)
			if err != nil || len(infos) != 1 {
				t.Fatal(infos, err)
			}
			props, known := infos[0].(*vfs.FileInfo).Properties()
			if known != test.known || len(props) > 0 {
				t.Errorf("%v, known is %t, want %t", props, known, test.known)
			}
		})
	}
}

// wrapper is a store in front of another.
type wrapper struct{ backend.Backend }

func (w wrapper) Unwrap() backend.Backend { return w.Backend }
