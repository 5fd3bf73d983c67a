package conformance

import (
	"io"
	"math"
)

// seekCases are about Seek.
func seekCases() []entry {
	return []entry{{
		id: "seek/start", level: Data, reads: true,
		doc: "Seek from the start moves there and returns the new offset.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.Open("f")
			t.Seek(f, 4, io.SeekStart, 4)
			t.ReadsAll(f, "ef")
			t.Seek(f, 1, io.SeekStart, 1)
			t.Reads(f, "bc")
		},
	}, {
		id: "seek/current", level: Data, reads: true,
		doc: "Seek from the current offset works in both directions.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.Open("f")
			t.Reads(f, "abc")
			t.Seek(f, 1, io.SeekCurrent, 4)
			t.Reads(f, "e")
			t.Seek(f, -4, io.SeekCurrent, 1)
			t.Reads(f, "b")
		},
	}, {
		id: "seek/end", level: Data, reads: true,
		doc: "Seek from the end counts backwards from the size.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.Open("f")
			t.Seek(f, -2, io.SeekEnd, 4)
			t.ReadsAll(f, "ef")
			t.Seek(f, 0, io.SeekEnd, 6)
			t.Ends(f)
		},
	}, {
		id: "seek/negative", level: Errors, reads: true,
		doc: "Seek to before the start fails.",
		run: func(t *rig) {
			t.Given("f=abc")
			_, err := t.Open("f").Seek(-1, io.SeekStart)
			t.Fails(err)
		},
	}, {
		id: "seek/negative-current", level: Errors, reads: true,
		doc: "Seek from the current offset to before the start fails.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			t.Reads(f, "ab")
			_, err := f.Seek(-3, io.SeekCurrent)
			t.Fails(err)
		},
	}, {
		id: "seek/negative-end", level: Errors, reads: true,
		doc: "Seek from the end to before the start fails.",
		run: func(t *rig) {
			t.Given("f=abc")
			_, err := t.Open("f").Seek(-4, io.SeekEnd)
			t.Fails(err)
		},
	}, {
		id: "seek/negative-then-read-does-not-panic", level: Data, reads: true,
		doc: "After a Seek to before the start, reading works or fails, but does not panic.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			if _, err := f.Seek(-3, io.SeekStart); err == nil {
				t.Errorf("Seek(-3, 0) succeeds")
			}
			t.ReadsAll(f, "abc")
		},
	}, {
		id: "seek/failed-seek-keeps-offset", level: Data, reads: true,
		doc: "A failed Seek does not move the offset.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.Open("f")
			t.Reads(f, "ab")
			_, err := f.Seek(-10, io.SeekCurrent)
			t.Fails(err)
			t.Reads(f, "cd")
		},
	}, {
		id: "seek/bad-whence", level: Parity, reads: true,
		doc: "An invalid whence is refused.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			for _, whence := range []int{-1, 99} {
				_, err := f.Seek(0, whence)
				t.Fails(err)
			}
			t.ReadsAll(f, "abc")
		},
	}, {
		id: "seek/past-end-then-read", level: Data, reads: true,
		doc: "Seek beyond the end is allowed; reading there returns io.EOF.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			t.Seek(f, 100, io.SeekStart, 100)
			t.Ends(f)
			t.Rewind(f)
			t.ReadsAll(f, "abc")
		},
	}, {
		id: "seek/past-end-does-not-grow", level: Data, needs: caps(ReadWrite),
		doc: "Seeking beyond the end alone does not make the file longer.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", rdwr)
			t.Seek(f, 100, io.SeekStart, 100)
			t.Close(f)
			t.Unchanged()
		},
	}, {
		id: "seek/past-end-write-zero-fills", level: Data, needs: caps(WriteAt, Holes),
		doc: "What is written beyond the end leaves zeros between.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", wronly)
			t.Seek(f, 6, io.SeekStart, 6)
			t.Write(f, "Z")
			t.Close(f)
			t.Holds("f=abc\x00\x00\x00Z")
		},
	}, {
		id: "seek/huge", level: Errors, reads: true,
		doc: "A Seek to the largest int64 is refused or reads as the end; it does not overflow.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			if at, err := f.Seek(math.MaxInt64-1, io.SeekStart); err == nil {
				equal(t, "offset", at, math.MaxInt64-1)
				if n, err := f.Read(make([]byte, 4)); n > 0 || err == nil {
					t.Errorf("read gives %d bytes, error %v", n, quoted(err))
				}
			}
			if at, err := f.Seek(math.MaxInt64, io.SeekEnd); err == nil && at < 0 {
				t.Errorf("offset wraps around to %d", at)
			}
		},
	}, {
		id: "seek/on-directory-0-rewinds", level: Errors, reads: true, needs: caps(SeekDir),
		doc: "Seek to the start of a directory lists it again.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1", "d/b=2")
			f := t.Open("d")
			for range 2 {
				names, err := f.Readdirnames(-1)
				if err := listed(names, err, []string{"a", "b"}); err != nil {
					t.Errorf("%v", err)
				}
				_, err = f.Seek(0, io.SeekStart)
				t.OK(err)
			}
		},
	}, {
		id: "seek/current-0-reports", level: Data, reads: true,
		doc: "Seek(0, io.SeekCurrent) returns the offset and does not change it.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.Open("f")
			t.Seek(f, 0, io.SeekCurrent, 0)
			t.Reads(f, "abc")
			t.Seek(f, 0, io.SeekCurrent, 3)
			t.Reads(f, "def")
			t.Seek(f, 0, io.SeekCurrent, 6)
		},
	}, {
		id: "seek/every-offset-three-ways", level: Data, reads: true,
		doc: "Every offset can be reached from the start, the current offset and the end.",
		run: func(t *rig) {
			text := "abcdef"
			t.Given("f=" + text)
			f := t.Open("f")
			for off := int64(0); off < int64(len(text)); off++ {
				t.Seek(f, off, io.SeekStart, off)
				t.Reads(f, text[off:off+1])
				t.Rewind(f)
				t.Seek(f, off, io.SeekCurrent, off)
				t.Reads(f, text[off:off+1])
				t.Seek(f, -1, io.SeekCurrent, off)
				t.Reads(f, text[off:])
				t.Seek(f, off-int64(len(text)), io.SeekEnd, off)
				t.Reads(f, text[off:off+1])
			}
		},
	}}
}
