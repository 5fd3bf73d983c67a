package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"

	"github.com/spf13/afero"
)

// largeCases are about files that do not fit in one buffer.
func largeCases() []entry {
	return []entry{{
		id: "large/4MiB", level: Data,
		doc: "A file of 4 MiB comes back as it was written.",
		run: func(t *rig) { t.roundTrip(t.Create("f"), 4<<20, 64<<10) },
	}, {
		id: "large/4MiB-write-only", level: Data,
		doc: "A file of 4 MiB comes back as it was written by a handle that cannot read, as uploads do it.",
		run: func(t *rig) {
			t.roundTrip(t.OpenFile("f", os.O_WRONLY|os.O_CREATE|os.O_TRUNC), 4<<20, 64<<10)
		},
	}, {
		id: "large/chunk-boundaries", level: Data,
		doc: "Files of sizes around the powers of two come back as they were written.",
		run: func(t *rig) {
			given := Tree{}
			for _, size := range []int{1, 511, 512, 513, 4095, 4096, 4097, 32<<10 - 1, 32 << 10, 32<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1} {
				if limit := t.suite.limits.FileSize; limit == 0 || int64(size) <= limit {
					given[fmt.Sprintf("f%d", size)] = string(noise(size))
				}
			}
			for _, name := range given.Names() {
				t.Put(name, given[name])
			}
			t.HoldsTree(given)
		},
	}, {
		id: "large/many-small-writes", level: Data,
		doc: "Many writes of a few bytes add up: 10 000 in a long run, else 1 000.",
		run: func(t *rig) {
			n := 1000
			if t.suite.long {
				n = 10_000
			}
			var want bytes.Buffer
			f := t.Create("f")
			for i := range n {
				part := fmt.Sprintf("%d;", i)
				want.WriteString(part)
				t.Write(f, part)
			}
			t.Close(f)
			t.Content("f", want.String())
		},
	}, {
		id: "large/64MiB", level: Data, skip: longOnly,
		doc: "A file of 64 MiB comes back as it was written.",
		run: func(t *rig) { t.roundTrip(t.Create("f"), 64<<20, 1<<20) },
	}, {
		id: "large/over-2GiB-sparse", level: Data, needs: caps(Truncate, Holes, WriteAt), skip: longOnly,
		doc: "A file of more than 2 GiB has its size, and its last bytes can be written and read.",
		run: func(t *rig) {
			const size = 1<<31 + 10
			t.roomFor(size)
			f := t.Create("f")
			t.OK(f.Truncate(size))
			t.WriteAt(f, "end", size-3)
			t.Close(f)
			equal(t, "size", t.Stat("f").Size(), size)
			r := t.Open("f")
			t.ReadsAt(r, size-5, "\x00\x00end")
			t.Seek(r, -3, io.SeekEnd, size-3)
			t.ReadsAll(r, "end")
		},
	}, {
		id: "large/beyond-limit-refused", level: Data, needs: caps(Overwrite, WriteAt, Holes), skip: unlimited,
		doc: "A file beyond the largest that is declared is refused, at the latest by Close, and does not exist.",
		run: func(t *rig) {
			t.Given("f=old")
			limit := t.suite.limits.FileSize
			err := t.tryWrite("f", os.O_WRONLY|os.O_TRUNC, func(f afero.File) error {
				_, err := f.WriteAt([]byte("X"), limit)
				return err
			})
			t.Fails(err)
			if size := t.Stat("f").Size(); size > limit {
				t.Errorf("the file has %d bytes", size)
			}
		},
	}, {
		id: "large/io-copy-both-ways", level: Data,
		doc: "io.Copy into a file and out of it, through ReadFrom and WriteTo where it has them, moves every byte.",
		run: func(t *rig) {
			t.roomFor(300_001)
			content := noise(300_001)
			f := t.Create("f")
			n, err := io.Copy(f, bytes.NewReader(content))
			t.OK(err)
			equal(t, "bytes copied in", n, int64(len(content)))
			t.Close(f)
			for _, r := range []io.Reader{t.Open("f"), struct{ io.Reader }{t.Open("f")}} {
				var back bytes.Buffer
				n, err = io.Copy(&back, r)
				t.OK(err)
				equal(t, "bytes copied out", n, int64(len(content)))
				equal(t, "same bytes", bytes.Equal(back.Bytes(), content), true)
			}
		},
	}}
}

// roundTrip writes the file f in chunks and compares it in chunks of another
// size.
func (t *rig) roundTrip(f afero.File, size, chunk int) {
	t.roomFor(int64(size))
	content := noise(size)
	for part := range slices.Chunk(content, chunk) {
		n, err := f.Write(part)
		if err != nil || n != len(part) {
			t.Fatalf("write of %d bytes gives %d, error %v", len(part), n, quoted(err))
		}
		t.Progress()
	}
	t.Close(f)
	equal(t, "size", t.Stat("f").Size(), int64(size))
	r := t.Open("f")
	buf := make([]byte, chunk+1)
	at := 0
	for {
		n, err := io.ReadFull(r, buf)
		if at+n > size || !bytes.Equal(buf[:n], content[at:at+n]) {
			t.Fatalf("the %d bytes at %d are not those that were written", n, at)
		}
		at += n
		t.Progress()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		t.OK(err)
	}
	equal(t, "bytes read", at, size)
}

// noise makes bytes without a pattern, the same ones for the same size.
func noise(size int) []byte {
	b := make([]byte, size)
	seed := [32]byte{byte(size), byte(size >> 8), byte(size >> 16), byte(size >> 24)}
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	return b
}
