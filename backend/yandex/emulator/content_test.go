package emulator

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/davdisk/davdisk/internal/testwait"
)

func TestPattern(t *testing.T) {
	const size = 100_003
	whole, err := io.ReadAll(Pattern(size, 5))
	if err != nil || len(whole) != size {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	if err := iotest.TestReader(Pattern(size, 5), whole); err != nil {
		t.Error(err)
	}
	other, err := io.ReadAll(Pattern(size, 6))
	if err != nil || bytes.Equal(whole, other) {
		t.Error("two seeds make the same bytes")
	}
	if bytes.Contains(whole[64:], whole[:64]) {
		t.Error("the pattern repeats itself")
	}
	if _, err := Pattern(size, 5).Seek(-1, io.SeekStart); err == nil {
		t.Error("seeking before the start is no error")
	}
}

// Versions that left the disk are kept as long as links to them are valid,
// but only the newest if together they are too large.
func TestDroppedVersionsDoNotPileUp(t *testing.T) {
	now := time.Date(2024, 7, 10, 16, 0, 0, 0, time.UTC)
	s := newContents("", func() string { return "id" })
	drop := func(size int64) int {
		s.drop(&content{size: size}, now, time.Hour)
		return len(s.dropped)
	}
	if n := drop(100 << 20); n != 1 {
		t.Error(n)
	}
	if n := drop(100 << 20); n != 2 {
		t.Error(n)
	}
	if n := drop(100 << 20); n != 2 {
		t.Errorf("%d versions of 300 MiB are kept", n)
	}
	if n := drop(5 << 30); n != 1 {
		t.Errorf("%d versions beside a large one are kept", n)
	}
	now = now.Add(time.Hour + time.Second)
	if n := drop(1); n != 1 {
		t.Errorf("%d versions are kept though their links have lapsed", n)
	}
}

func TestFilesOfContentGoWithIt(t *testing.T) {
	dir := t.TempDir()
	s := newContents(dir, func() string { return "id" })
	files := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	write := func() *sink {
		w, err := s.newSink()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("bytes")); err != nil {
			t.Fatal(err)
		}
		return w
	}
	write().abort()
	if n := files(); n != 0 {
		t.Errorf("%d files after an abort", n)
	}
	c, err := write().commit()
	if err != nil || s.get("id") != c || files() != 1 {
		t.Fatalf("%d files, %v", files(), err)
	}
	runtime.KeepAlive(c)
	c = nil
	for deadline := time.Now().Add(testwait.Limit(t)); files() > 0; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatal("the file of a forgotten version stays")
		}
	}
	if s.get("id") != c {
		t.Error("a forgotten version is found")
	}
}
