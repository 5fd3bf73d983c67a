package local_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// TestTimesThatCannotBeKept are those that package os or the file system turns
// into others: they are refused, and a file that comes with one is stored as of
// now.
func TestTimesThatCannotBeKept(t *testing.T) {
	b := open(t, t.TempDir())
	kept := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	before, err := put(t, b, "f", "x", backend.PutOptions{ModTime: kept})
	if err != nil {
		t.Fatal(err)
	}
	for _, year := range []int{1, 1600, 2300, 2500, 9999} {
		when := time.Date(year, 1, 2, 3, 4, 5, 0, time.UTC)
		err := b.SetModTime(t.Context(), "f", when)
		info, statErr := b.Stat(t.Context(), "f")
		if statErr != nil {
			t.Fatal(statErr)
		}
		want := kept
		if err == nil {
			want = when // there are file systems that can
		} else if !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("year %d: %v", year, err)
		}
		if !info.ModTime.Equal(want) || info.Version != before.Version {
			t.Errorf("year %d: %v, and the file is %+v; it was %+v", year, err, info, before)
		}
		start := time.Now().Add(-time.Minute)
		info, err = put(t, b, "g", "x", backend.PutOptions{ModTime: when})
		if err != nil || !info.ModTime.Equal(when) && (info.ModTime.Before(start) || info.ModTime.After(time.Now().Add(time.Minute))) {
			t.Errorf("a file of the year %d: %+v, %v", year, info, err)
		}
	}
	for _, when := range []time.Time{time.Unix(0, 0), time.Unix(-5, 0), time.Unix(1<<31-1, 0)} {
		if info, err := put(t, b, "g", "x", backend.PutOptions{ModTime: when}); err != nil || !info.ModTime.Equal(when) {
			t.Errorf("a file of %v: %+v, %v", when, info, err)
		}
		if err := b.SetModTime(t.Context(), "f", when); err != nil {
			t.Errorf("%v: %v", when, err)
		}
	}
}
