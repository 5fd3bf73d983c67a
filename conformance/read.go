package conformance

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing/iotest"
)

// readCases are about Read.
func readCases() []entry {
	return []entry{{
		id: "read/empty-buffer", level: Data, reads: true,
		doc: "Reading into an empty buffer returns 0 bytes and does not move the offset.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			if n, err := f.Read(nil); n != 0 || err != nil && !errors.Is(err, io.EOF) {
				t.Errorf("read gives %d, error %v", n, quoted(err))
			}
			t.ReadsAll(f, "abc")
		},
	}, {
		id: "read/eof-on-empty", level: Data, reads: true,
		doc: "Reading an empty file returns io.EOF at once.",
		run: func(t *rig) {
			t.Given("f=")
			t.Ends(t.Open("f"))
		},
	}, {
		id: "read/eof-sticky", level: Data, reads: true,
		doc: "At the end every further read returns io.EOF again.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			t.Reads(f, "abc")
			for range 3 {
				t.Ends(f)
			}
		},
	}, {
		id: "read/small-buffers", level: Data, reads: true,
		doc: "Reads of three bytes add up to the file.",
		run: func(t *rig) {
			t.Given("f=0123456789")
			f := t.Open("f")
			for _, part := range []string{"012", "345", "678", "9"} {
				t.Reads(f, part)
			}
			t.Ends(f)
		},
	}, {
		id: "read/iotest", level: Data, reads: true,
		doc: "A file is an io.Reader, io.Seeker and io.ReaderAt as testing/iotest requires.",
		run: func(t *rig) {
			text := strings.Repeat("A well read file. ", 20)
			t.Given("f=" + text)
			t.OK(iotest.TestReader(t.Open("f"), []byte(text)))
		},
	}, {
		id: "read/directory", level: Errors, reads: true,
		doc: "Reading a directory as a file fails, and not with io.EOF, which would look like an empty file.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			n, err := t.Open("d").Read(make([]byte, 4))
			if n > 0 || err == nil || errors.Is(err, io.EOF) {
				t.Errorf("read gives %d bytes, error %v, want a refusal", n, quoted(err))
			}
		},
	}, {
		id: "read/sees-growth", level: Parity, needs: caps(Append, SharedHandles),
		doc: "A reader at the end gets what is appended later.",
		run: func(t *rig) {
			t.Given("f=abc")
			r := t.Open("f")
			t.ReadsAll(r, "abc")
			t.appendTo("f", "def")
			t.ReadsAll(r, "def")
		},
	}, {
		id: "read/byte-by-byte", level: Data, reads: true,
		doc: "Reads of one byte return every byte once.",
		run: func(t *rig) {
			t.Given("f=\x00\xff\r\n\x00z")
			f := t.Open("f")
			for _, b := range []byte("\x00\xff\r\n\x00z") {
				t.Reads(f, string([]byte{b}))
			}
			t.Ends(f)
		},
	}, {
		id: "read/short-read-is-not-eof", level: Data, reads: true,
		doc: "As long as there are bytes, a read returns some, and io.EOF only together with the last of them.",
		run: func(t *rig) {
			text := strings.Repeat("x", 10_000)
			t.Given("f=" + text)
			f := t.Open("f")
			total := 0
			for buf := make([]byte, 4096); total < len(text); {
				n, err := f.Read(buf)
				total += max(n, 0)
				if n <= 0 || err != nil && (total < len(text) || !errors.Is(err, io.EOF)) {
					t.Fatalf("after %d of %d bytes a read gives %d, error %v", total, len(text), n, quoted(err))
				}
			}
			t.Ends(f)
		},
	}, {
		id: "read/after-failed-read-offset-unchanged", level: Data, reads: true,
		doc: "A ReadAt that fails does not move the offset of Read.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.Open("f")
			t.Reads(f, "ab")
			_, err := f.ReadAt(make([]byte, 4), -1)
			t.Fails(err)
			_, err = f.ReadAt(make([]byte, 4), 100)
			t.Fails(err)
			t.ReadsAll(f, "cdef")
		},
	}}
}

// readAtCases are about ReadAt.
func readAtCases() []entry {
	return []entry{{
		id: "readat/basic", level: Data, reads: true,
		doc: "ReadAt returns the bytes at the offset.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.Open("f")
			t.ReadsAt(f, 2, "cd")
			t.ReadsAt(f, 0, "ab")
			t.ReadsAt(f, 0, "abcdef")
		},
	}, {
		id: "readat/short-is-eof", level: Data, reads: true,
		doc: "A ReadAt that gets fewer bytes than the buffer holds returns io.EOF; without it the rest of the buffer would look like data.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			buf := make([]byte, 10)
			n, err := t.Open("f").ReadAt(buf, 4)
			equal(t, "bytes", first(buf, n), "ef")
			t.Is(err, io.EOF)
		},
	}, {
		id: "readat/at-end", level: Data, reads: true,
		doc: "ReadAt at the end returns 0 bytes and io.EOF.",
		run: func(t *rig) {
			t.Given("f=abc")
			n, err := t.Open("f").ReadAt(make([]byte, 2), 3)
			equal(t, "count", n, 0)
			t.Is(err, io.EOF)
		},
	}, {
		id: "readat/past-end", level: Errors, reads: true,
		doc: "ReadAt beyond the end returns 0 bytes and io.EOF.",
		run: func(t *rig) {
			t.Given("f=abc")
			n, err := t.Open("f").ReadAt(make([]byte, 2), 1000)
			equal(t, "count", n, 0)
			t.Is(err, io.EOF)
		},
	}, {
		id: "readat/negative", level: Data, reads: true,
		doc: "ReadAt at a negative offset fails, and does not panic.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			for _, off := range []int64{-1, -3, math.MinInt64} {
				n, err := f.ReadAt(make([]byte, 2), off)
				equal(t, "count", max(n, 0), 0)
				if err == nil || errors.Is(err, io.EOF) {
					t.Errorf("error at %d is %v, want a refusal", off, quoted(err))
				}
			}
		},
	}, {
		id: "readat/leaves-offset", level: Data, reads: true,
		doc: "ReadAt does not move the offset of Read.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.Open("f")
			t.Reads(f, "ab")
			t.ReadsAt(f, 4, "ef")
			t.ReadsAt(f, 0, "a")
			t.Reads(f, "cd")
		},
	}, {
		id: "readat/concurrent", level: Data, reads: true, needs: caps(Concurrent),
		doc: "ReadAt calls at the same time on one handle each get their own bytes, as io.ReaderAt promises.",
		run: func(t *rig) {
			text := strings.Repeat("0123456789abcdef", 64)
			t.Given("f=" + text)
			f := t.Open("f")
			t.Together(8, func(i int) error {
				for k := range 16 {
					off := (i*16 + k) * 7 % (len(text) - 16)
					t.ReadsAt(f, int64(off), text[off:off+16])
				}
				return nil
			})
		},
	}, {
		id: "readat/on-directory", level: Errors, reads: true,
		doc: "ReadAt on a directory fails.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			n, err := t.Open("d").ReadAt(make([]byte, 2), 0)
			equal(t, "count", max(n, 0), 0)
			t.Fails(err)
		},
	}, {
		id: "readat/zero-length", level: Parity, reads: true,
		doc: "ReadAt into an empty buffer within the file returns 0 bytes and no error.",
		run: func(t *rig) {
			t.Given("f=abc")
			n, err := t.Open("f").ReadAt(nil, 1)
			equal(t, "count", n, 0)
			t.OK(err)
		},
	}}
}
