package conformance

import (
	"io"
	"math"
	"os"
	"strings"
)

// truncateCases are about File.Truncate.
func truncateCases() []entry {
	return []entry{{
		id: "truncate/shrink", level: Data, needs: caps(Truncate),
		doc: "Truncate cuts the file and leaves the rest.",
		run: func(t *rig) {
			t.Given("f=abcdef", "g=other")
			f := t.OpenFile("f", wronly)
			t.OK(f.Truncate(2))
			t.Close(f)
			t.Holds("f=ab", "g=other")
		},
	}, {
		id: "truncate/grow", level: Data, needs: caps(Truncate, Holes),
		doc: "Truncate to a larger size adds zeros.",
		run: func(t *rig) {
			t.Given("f=ab")
			f := t.OpenFile("f", wronly)
			t.OK(f.Truncate(5))
			t.Close(f)
			t.Holds("f=ab\x00\x00\x00")
		},
	}, {
		id: "truncate/to-same", level: Data, needs: caps(Truncate),
		doc: "Truncate to the size that the file has changes nothing.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", wronly)
			t.OK(f.Truncate(3))
			t.Close(f)
			t.Unchanged()
		},
	}, {
		id: "truncate/shrink-then-grow-is-zero", level: Data, needs: caps(Truncate, Holes),
		doc: "What was cut off does not come back when the file grows again.",
		run: func(t *rig) {
			t.Given("f=secret")
			f := t.OpenFile("f", wronly)
			t.OK(f.Truncate(2))
			t.OK(f.Truncate(6))
			t.Close(f)
			t.Holds("f=se\x00\x00\x00\x00")
		},
	}, {
		id: "truncate/shrink-then-hole-is-zero", level: Data, needs: caps(Truncate, Holes, WriteAt),
		doc: "What was cut off does not come back in the hole before a later write.",
		run: func(t *rig) {
			t.Given("f=secret")
			f := t.OpenFile("f", wronly)
			t.OK(f.Truncate(1))
			t.WriteAt(f, "Z", 5)
			t.Close(f)
			t.Holds("f=s\x00\x00\x00\x00Z")
		},
	}, {
		id: "truncate/keeps-offset", level: Data, needs: caps(Truncate, Holes, WriteAt),
		doc: "Truncate does not move the offset of Write.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.OpenFile("f", wronly)
			t.Seek(f, 4, io.SeekStart, 4)
			t.OK(f.Truncate(2))
			t.Seek(f, 0, io.SeekCurrent, 4)
			t.Write(f, "Z")
			t.Close(f)
			t.Holds("f=ab\x00\x00Z")
		},
	}, {
		id: "truncate/negative", level: Errors, needs: caps(Truncate),
		doc: "Truncate to a negative size fails and changes nothing.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", wronly)
			t.Fails(f.Truncate(-1))
			t.Close(f)
			t.Unchanged()
		},
	}, {
		id: "truncate/other-handle-sees", level: Data, needs: caps(Truncate, SharedHandles),
		doc: "A reader of the same file sees the new end.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			r, f := t.Open("f"), t.OpenFile("f", wronly)
			t.Reads(r, "a")
			t.OK(f.Truncate(3))
			t.flush(f)
			t.ReadsAll(r, "bc")
		},
	}, {
		id: "truncate/directory", level: Errors, reads: true,
		doc: "Truncate on a directory fails, and the directory keeps its content.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.Fails(t.Open("d").Truncate(0))
			t.Unchanged()
		},
	}, {
		id: "truncate/read-only-handle", level: Data, reads: true,
		doc: "Truncate through a handle opened for reading fails and changes nothing.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			t.Fails(f.Truncate(0))
			t.ReadsAll(f, "abc")
			t.Unchanged()
		},
	}, {
		id: "truncate/closed", level: Data, needs: caps(Truncate),
		doc: "Truncate through a closed handle is os.ErrClosed and changes nothing.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", wronly)
			t.Close(f)
			t.Is(f.Truncate(0), os.ErrClosed)
			t.Unchanged()
		},
	}, {
		id: "truncate/huge-refused-or-sparse", level: Parity, needs: caps(Truncate, Holes),
		doc: "Truncate to a size larger than any disk fails at once, and the file stays as it is.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", wronly)
			if err := f.Truncate(math.MaxInt64); err == nil {
				equal(t, "size", t.StatFile(f).Size(), math.MaxInt64)
				t.OK(f.Truncate(3))
			}
			t.Close(f)
			t.Unchanged()
		},
	}, {
		id: "truncate/every-length-down", level: Data, needs: caps(Truncate, ReadWrite),
		doc: "A file cut byte by byte is right at each length.",
		run: func(t *rig) {
			text := strings.Repeat("ab", 8)
			t.Given("f=" + text)
			f := t.OpenFile("f", rdwr)
			for n := len(text) - 1; n >= 0; n-- {
				t.OK(f.Truncate(int64(n)))
				t.Rewind(f)
				t.ReadsAll(f, text[:n])
			}
			t.Close(f)
			t.Holds("f=")
		},
	}}
}

// appendCases are about O_APPEND.
func appendCases() []entry {
	const flag = os.O_WRONLY | os.O_APPEND
	return []entry{{
		id: "append/ignores-seek", level: Data, needs: caps(Append),
		doc: "On an O_APPEND handle every write goes to the end, whatever the offset.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", flag)
			t.Write(f, "1")
			t.Rewind(f)
			t.Write(f, "2")
			t.Close(f)
			t.Holds("f=abc12")
		},
	}, {
		id: "append/two-handles", level: Data, needs: caps(Append, SharedHandles),
		doc: "Two handles that append in turn do not overwrite each other.",
		run: func(t *rig) {
			t.Given("f=")
			a, b := t.OpenFile("f", flag), t.OpenFile("f", flag)
			for range 3 {
				t.Write(a, "a")
				t.Write(b, "bb")
			}
			t.Close(a)
			t.Close(b)
			t.Holds("f=abbabbabb")
		},
	}, {
		id: "append/read-starts-at-0", level: Parity, needs: caps(Append, ReadWrite),
		doc: "A handle that reads and appends starts reading at the start.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", os.O_RDWR|os.O_APPEND)
			t.ReadsAll(f, "abc")
		},
	}, {
		id: "append/writeat-refused", level: Parity, needs: caps(Append),
		doc: "WriteAt on an O_APPEND handle is refused, as package os does.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", flag)
			_, err := f.WriteAt([]byte("X"), 0)
			t.Fails(err)
			t.Close(f)
			t.Unchanged()
		},
	}, {
		id: "append/after-truncate", level: Data, needs: caps(Append, Truncate),
		doc: "After Truncate an append goes to the new end and leaves no hole.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.OpenFile("f", flag)
			t.Write(f, "1")
			t.OK(f.Truncate(2))
			t.Write(f, "2")
			t.Close(f)
			t.Holds("f=ab2")
		},
	}, {
		id: "append/offset-after-write", level: Parity, needs: caps(Append),
		doc: "After an append the offset is at the end.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", flag)
			t.Write(f, "de")
			t.Seek(f, 0, io.SeekCurrent, 5)
		},
	}, {
		id: "append/create-on-missing", level: Data, needs: caps(Append),
		doc: "O_APPEND with O_CREATE creates a missing file.",
		run: func(t *rig) {
			t.Given()
			f := t.OpenFile("f", flag|os.O_CREATE)
			t.Write(f, "a")
			t.Write(f, "b")
			t.Close(f)
			t.Holds("f=ab")
		},
	}, {
		id: "append/read-back", level: Data, needs: caps(Append, ReadWrite),
		doc: "What was appended can be read back through the same handle.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", os.O_RDWR|os.O_APPEND)
			t.Write(f, "def")
			t.Rewind(f)
			t.ReadsAll(f, "abcdef")
			t.Write(f, "g")
			t.Close(f)
			t.Holds("f=abcdefg")
		},
	}}
}
