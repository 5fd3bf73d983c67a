package vfs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// forgetful makes changes and loses the answer.
type forgetful struct{ *memory.Backend }

func (b forgetful) SetModTime(ctx context.Context, name string, t time.Time) error {
	return errors.Join(b.Backend.SetModTime(ctx, name, t), backend.PathError("chtimes", name, backend.ErrUncertain, ""))
}

func (b forgetful) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	return errors.Join(b.Backend.SetProperties(ctx, name, set, remove), backend.PathError("properties", name, backend.ErrUncertain, ""))
}

// A change of which the answer was lost may have been made: what a listing
// remembers of before is not believed any more.
func TestUncertainTimesAndPropertiesAreLookedAtAgain(t *testing.T) {
	store := memory.New(memory.Options{})
	f, err := vfs.New(forgetful{store})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Mkdir("/d", 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Stat("/d"); err != nil { // the listing of the root is remembered
		t.Fatal(err)
	}
	when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := f.Chtimes("/d", when, when); !errors.Is(err, backend.ErrUncertain) {
		t.Fatalf("chtimes answered %v", err)
	}
	if info, err := f.Stat("/d"); err != nil || !info.ModTime().Equal(when) {
		t.Errorf("after a lost answer the time is %v, %v, want %v", info.ModTime(), err, when)
	}
	const key = "{urn:x}colour"
	if err := f.SetProperties("/d", map[string]string{key: "<c/>"}, nil); !errors.Is(err, backend.ErrUncertain) {
		t.Fatalf("set properties answered %v", err)
	}
	if props, err := f.Properties("/d"); err != nil || props[key] != "<c/>" {
		t.Errorf("after a lost answer the properties are %v, %v", props, err)
	}
}
