package local

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

type described struct {
	fs.FileInfo
	size int64
	time time.Time
}

func (d described) Size() int64        { return d.size }
func (d described) ModTime() time.Time { return d.time }
func (d described) Sys() any           { return nil }
func (d described) IsDir() bool        { return false }

// TestVersionsStay: the version of a file is its entity tag and is kept by clients,
// so a later davdisk makes the same one of the same file.
func TestVersionsStay(t *testing.T) {
	b, err := New(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, d := range []described{
		{size: 0, time: time.Unix(0, 0)},
		{size: 255, time: time.Unix(1_700_000_000, 123)},
		{size: 1 << 40, time: time.Unix(-5, 0)}, // before 1970
	} {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s-%x-%x-%x", "", d.size, d.time.UnixNano(), 0))
		if got, want := b.version(d), hex.EncodeToString(sum[:16]); got != want {
			t.Errorf("the version of %d bytes of %s is %s, want %s", d.size, d.time, got, want)
		}
	}
}

// A listing gives each file the version that Stat does.
func TestVersionsOfAListing(t *testing.T) {
	dir := t.TempDir()
	b, err := New(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i, name := range []string{"a", "b c", "\u00e9"} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(file, make([]byte, i), 0o600), os.Chtimes(file, time.Time{}, time.Unix(-5, 123*int64(i)))); err != nil {
			t.Fatal(err)
		}
	}
	_, all, err := b.List(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for listed, err := range all {
		if err != nil {
			t.Fatal(err)
		}
		count++
		if info, err := b.Stat(t.Context(), listed.Name); err != nil || !reflect.DeepEqual(info, listed) {
			t.Errorf("listed %+v, and by itself %+v, %v", listed, info, err)
		}
	}
	if count != 3 {
		t.Errorf("%d files", count)
	}
}
