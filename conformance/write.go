package conformance

import (
	"io"
	"os"
	"strings"
)

// writeCases are about Write and WriteString.
func writeCases() []entry {
	return []entry{{
		id: "write/sequential", level: Data,
		doc: "Writes follow one another.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			for _, part := range []string{"one,", "two,", "three"} {
				t.Write(f, part)
			}
			t.Close(f)
			t.Holds("f=one,two,three")
		},
	}, {
		id: "write/string", level: Data,
		doc: "WriteString writes what Write would.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			n, err := f.WriteString("grüße")
			t.OK(err)
			equal(t, "count", n, len("grüße"))
			t.Write(f, "!")
			t.Close(f)
			t.Holds("f=grüße!")
		},
	}, {
		id: "write/empty", level: Data,
		doc: "Writing nothing succeeds and changes nothing.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			t.Write(f, "")
			t.Write(f, "a")
			t.Write(f, "")
			t.Rewind(f)
			t.Write(f, "")
			t.Close(f)
			t.Holds("f=a")
		},
	}, {
		id: "write/overwrite-middle", level: Data, needs: caps(WriteAt),
		doc: "Writing in the middle changes those bytes and no other.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.OpenFile("f", wronly)
			t.Seek(f, 2, io.SeekStart, 2)
			t.Write(f, "XY")
			t.Close(f)
			t.Holds("f=abXYef")
		},
	}, {
		id: "write/returns-full-count", level: Data,
		doc: "A write that succeeds returns the full count.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			for _, size := range []int{1, 100, 70_000} {
				n, err := f.Write(make([]byte, size))
				t.OK(err)
				equal(t, "count", n, size)
			}
			t.Close(f)
			equal(t, "size", t.Stat("f").Size(), 70_101)
		},
	}, {
		id: "write/short-count-has-error", level: Data,
		doc: "A write that returns another count than requested returns an error, also on handles that cannot write.",
		run: func(t *rig) {
			t.Given("f=abc")
			reader, closed := t.Open("f"), t.Create("g")
			t.Close(closed)
			for _, f := range []io.Writer{reader, closed, t.Create("h")} {
				if n, err := f.Write([]byte("12345")); n != 5 && err == nil {
					t.Errorf("a write of 5 bytes gives %d and no error", n)
				}
			}
		},
	}, {
		id: "write/does-not-keep-buffer", level: Data,
		doc: "The buffer may be used again after a write; what was written stays.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			buf := []byte("first")
			for _, next := range []string{"secnd", "third", "xxxxx"} {
				_, err := f.Write(buf)
				t.OK(err)
				copy(buf, next)
			}
			t.Close(f)
			t.Holds("f=firstsecndthird")
		},
	}, {
		id: "write/does-not-change-buffer", level: Data,
		doc: "A write does not touch the buffer it is given, as io.Writer requires.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			buf := []byte("precious")
			_, err := f.Write(buf[:4])
			t.OK(err)
			_, err = f.Write(buf)
			t.OK(err)
			t.Close(f)
			equal(t, "buffer", string(buf), "precious")
			t.Holds("f=precprecious")
		},
	}, {
		id: "write/read-only-handle", level: Data,
		doc: "A handle opened for reading refuses Write, WriteAt, WriteString and Truncate, and the file stays as it is.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			_, err := f.Write([]byte("X"))
			t.Fails(err)
			_, err = f.WriteAt([]byte("X"), 0)
			t.Fails(err)
			_, err = f.WriteString("X")
			t.Fails(err)
			t.Fails(f.Truncate(0))
			t.Close(f)
			t.Unchanged()
		},
	}, {
		id: "write/write-only-cannot-read", level: Errors,
		doc: "A handle opened only for writing refuses Read and ReadAt.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", os.O_WRONLY|os.O_CREATE)
			n, err := f.Read(make([]byte, 2))
			refuses(t, n, err)
			n, err = f.ReadAt(make([]byte, 2), 0)
			refuses(t, n, err)
			t.Close(f)
			t.Unchanged()
		},
	}, {
		id: "write/own-reads-see-it", level: Data, needs: caps(ReadWrite, WriteAt),
		doc: "A handle reads what it has just written, before any Sync.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.OpenFile("f", rdwr)
			t.Reads(f, "ab")
			t.Write(f, "XY")
			t.ReadsAll(f, "ef")
			t.ReadsAt(f, 0, "abXYef")
		},
	}, {
		id: "write/visible-after-close", level: Data, needs: caps(Overwrite),
		doc: "A file opened after it was closed shows all that was written.",
		run: func(t *rig) {
			t.Given("f=old")
			t.Put("f", "new content")
			t.ReadsAll(t.Open("f"), "new content")
			t.Put("f", "x")
			t.Holds("f=x")
		},
	}, {
		id: "write/visible-after-sync", level: Data, needs: caps(Sync, SharedHandles),
		doc: "A file opened after Sync shows what was written before it.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			t.Write(f, "half")
			t.OK(f.Sync())
			t.Content("f", "half")
			t.Write(f, "whole")
			t.Close(f)
			t.Holds("f=halfwhole")
		},
	}, {
		id: "write/own-stat-sees-size", level: Data,
		doc: "Stat of the handle reports the size after each write.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			for i := range 3 {
				t.Write(f, "12345")
				equal(t, "size", t.StatFile(f).Size(), int64(5*(i+1)))
			}
		},
	}, {
		id: "write/other-stat-after-close", level: Data, needs: caps(Overwrite),
		doc: "Stat of the name reports the new size once the file is closed.",
		run: func(t *rig) {
			t.Given("f=1")
			equal(t, "size", t.Stat("f").Size(), 1)
			for _, text := range []string{"123456", "12"} {
				t.Put("f", text)
				equal(t, "size", t.Stat("f").Size(), int64(len(text)))
			}
		},
	}, {
		id: "write/interleaved-handles", level: Data, needs: caps(WriteAt, SharedHandles),
		doc: "Two handles that write to different parts of a file do not overwrite each other's data.",
		run: func(t *rig) {
			t.Given("f=........")
			a, b := t.OpenFile("f", wronly), t.OpenFile("f", wronly)
			t.Seek(b, 4, io.SeekStart, 4)
			for _, c := range []string{"1", "2", "3"} {
				t.Write(a, c)
				t.Write(b, strings.Repeat(c, 1))
			}
			t.Close(a)
			t.Close(b)
			t.Holds("f=123.123.")
		},
	}}
}

// refuses wants a read to have given an error and no bytes, and the error not
// to be io.EOF, which would look like an empty file.
func refuses(t *rig, n int, err error) {
	if n > 0 || err == nil || err == io.EOF {
		t.Errorf("%s%d bytes, error %v, want a refusal", where(), n, quoted(err))
	}
}

// writeAtCases are about WriteAt.
func writeAtCases() []entry {
	return []entry{{
		id: "writeat/inside", level: Data, needs: caps(WriteAt),
		doc: "WriteAt changes those bytes and no other.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.OpenFile("f", wronly)
			t.WriteAt(f, "XY", 1)
			t.WriteAt(f, "Z", 5)
			t.Close(f)
			t.Holds("f=aXYdeZ")
		},
	}, {
		id: "writeat/leaves-offset", level: Data, needs: caps(WriteAt),
		doc: "WriteAt does not move the offset of Write.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.OpenFile("f", wronly)
			t.Write(f, "12")
			t.WriteAt(f, "Z", 5)
			t.Write(f, "3")
			t.Close(f)
			t.Holds("f=123deZ")
		},
	}, {
		id: "writeat/hole-is-zero", level: Data, needs: caps(WriteAt, Holes),
		doc: "WriteAt beyond the end leaves zeros between.",
		run: func(t *rig) {
			t.Given("f=ab")
			f := t.OpenFile("f", wronly)
			t.WriteAt(f, "Z", 5)
			t.Close(f)
			t.Holds("f=ab\x00\x00\x00Z")
		},
	}, {
		id: "writeat/negative", level: Data, needs: caps(WriteAt),
		doc: "WriteAt at a negative offset fails, changes nothing, and does not panic.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", wronly)
			_, err := f.WriteAt([]byte("XX"), -1)
			t.Fails(err)
			_, err = f.WriteAt([]byte("XX"), -100)
			t.Fails(err)
			t.Close(f)
			t.Unchanged()
		},
	}, {
		id: "writeat/out-of-order", level: Data, needs: caps(WriteAt, Holes),
		doc: "Parts written from the last to the first make one file.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			for i := 7; i >= 0; i-- {
				t.WriteAt(f, strings.Repeat(string(rune('a'+i)), 3), int64(i*3))
			}
			t.Close(f)
			t.Holds("f=aaabbbcccdddeeefffggghhh")
		},
	}, {
		id: "writeat/overlapping", level: Data, needs: caps(WriteAt),
		doc: "Where writes overlap the later one stays.",
		run: func(t *rig) {
			t.Given("f=........")
			f := t.OpenFile("f", wronly)
			t.WriteAt(f, "aaaa", 0)
			t.WriteAt(f, "bbbb", 2)
			t.WriteAt(f, "cc", 1)
			t.Close(f)
			t.Holds("f=accbbb..")
		},
	}, {
		id: "writeat/past-4GiB-sparse", level: Parity, needs: caps(WriteAt, Holes), skip: longOnly,
		doc: "An offset beyond 4 GiB is not truncated, and the hole before it reads as zeros.",
		run: func(t *rig) {
			const far = 1<<32 + 5
			t.roomFor(far + 3)
			t.Given("f=ab")
			f := t.OpenFile("f", wronly)
			t.WriteAt(f, "end", far)
			t.Close(f)
			equal(t, "size", t.Stat("f").Size(), far+3)
			r := t.Open("f")
			t.ReadsAt(r, far, "end")
			t.ReadsAt(r, 0, "ab\x00")
			t.ReadsAt(r, 1<<32-2, "\x00\x00\x00\x00")
		},
	}, {
		id: "writeat/on-append-handle", level: Data, needs: caps(Append),
		doc: "WriteAt on an O_APPEND handle is refused, or goes where it says, or to the end; nothing old is lost in the last two but what it says.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", os.O_WRONLY|os.O_APPEND)
			_, err := f.WriteAt([]byte("X"), 1)
			if cerr := f.Close(); err == nil {
				t.OK(cerr)
				t.HoldsOneOf(tree("f=aXc"), tree("f=abcX"))
				return
			}
			t.Unchanged()
		},
	}, {
		id: "writeat/zero-length", level: Data, needs: caps(WriteAt),
		doc: "WriteAt of nothing changes nothing, not even the size.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.OpenFile("f", wronly)
			t.WriteAt(f, "", 1)
			if t.Has(Holes) {
				t.WriteAt(f, "", 10)
			}
			t.Close(f)
			t.Unchanged()
		},
	}}
}
