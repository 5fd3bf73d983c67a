package crypt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/memory"
)

// counted is a store that counts what is read of it.
type counted struct {
	*memory.Backend
	ranges int
	asked  int64 // bytes
	read   int64
}

func (c *counted) Open(ctx context.Context, name, version string) (backend.Content, error) {
	inner, err := c.Backend.Open(ctx, name, version)
	return countedContent{inner, c}, err
}

type countedContent struct {
	backend.Content
	of *counted
}

func (c countedContent) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	c.of.ranges++
	c.of.asked += length
	r, err := c.Content.Range(ctx, offset, length)
	return countedReader{r, c.of}, err
}

type countedReader struct {
	io.ReadCloser
	of *counted
}

func (c countedReader) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.of.read += int64(n)
	return n, err
}

// TestRangesReadBlocks counts what is read below for a range: the blocks that it
// lies in, and once for a version the header.
func TestRangesReadBlocks(t *testing.T) {
	const block = 65536 + 16
	content := make([]byte, 5*65536+1000)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	below := &counted{Backend: memory.New(memory.Options{})}
	put(t, open(t, below, crypt.Options{}), "f", content)
	for _, test := range []struct {
		offset, length int64
		ranges         int // when nothing is known of the file
		asked          int64
	}{
		{0, -1, 1, 32 + 5*block + 1016},
		{0, 1, 1, 32 + block},
		{65535, 1, 1, 32 + block},
		{65535, 2, 1, 32 + 2*block},
		{65536, 1, 2, 32 + block},
		{200_000, 10, 2, 32 + block},
		{196_608, 65536, 2, 32 + block},
		{5 * 65536, -1, 2, 32 + 1016},
		{5*65536 + 999, 500, 2, 32 + 1016},
		{5*65536 + 1000, 5, 0, 0},
		{7 * 65536, -1, 0, 0},
	} {
		b := open(t, below, crypt.Options{})
		for _, known := range []bool{false, true} {
			below.ranges, below.asked, below.read = 0, 0, 0
			c, err := b.Open(t.Context(), "f", "")
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.Range(t.Context(), test.offset, test.length)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			end := int64(len(content))
			if test.length >= 0 {
				end = min(end, test.offset+test.length)
			}
			if want := content[min(test.offset, end):end]; err != nil || !bytes.Equal(got, want) {
				t.Errorf("range %d+%d: %d bytes, want %d, %v", test.offset, test.length, len(got), len(want), err)
			}
			ranges, asked := test.ranges, test.asked
			if known && ranges > 0 {
				ranges, asked = 1, asked-32
			}
			if below.ranges != ranges || below.asked != asked || below.read > asked {
				t.Errorf("range %d+%d, known %v: %d ranges of %d bytes, want %d of %d", test.offset, test.length, known, below.ranges, below.asked, ranges, asked)
			}
			r.Close()
			c.Close()
		}
	}
}

// TestReadAheadIsOneBlock: what is not read is not fetched.
func TestReadAheadIsOneBlock(t *testing.T) {
	below := &counted{Backend: memory.New(memory.Options{})}
	b := open(t, below, crypt.Options{})
	put(t, b, "f", make([]byte, 1<<20))
	c, err := b.Open(t.Context(), "f", "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Range(t.Context(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil || below.read > 32+65536+16 {
		t.Errorf("10 bytes took %d, %v", below.read, err)
	}
}

// repeating is a store whose Put reads the body in parts, out of order, as one
// that resumes does, and may see another body the second time.
type repeating struct {
	*memory.Backend
	between func() // changes the body; nil if it must not change
}

func (r repeating) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	seeker, ok := body.(io.ReadSeeker)
	if !ok {
		return backend.Info{}, errors.New("the body cannot be rewound")
	}
	first, err := io.ReadAll(body)
	if err != nil {
		return backend.Info{}, err
	}
	if r.between != nil {
		r.between()
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil || end != int64(len(first)) || end != opts.Size {
		return backend.Info{}, errors.New("the end is not where it was")
	}
	again := make([]byte, len(first))
	for _, at := range rand.Perm(len(first)/1000 + 1) {
		part := again[at*1000 : min(len(again), at*1000+1000)]
		if _, err := seeker.Seek(int64(at*1000), io.SeekStart); err != nil {
			return backend.Info{}, err
		}
		if _, err := io.ReadFull(seeker, part); err != nil {
			return backend.Info{}, err
		}
	}
	if r.between == nil && !bytes.Equal(first, again) {
		return backend.Info{}, errors.New("the second time it was another body")
	}
	return r.Backend.Put(ctx, name, bytes.NewReader(again), opts)
}

// TestABodyCanBeReadAgain gives the store below the same bytes each time, and
// never two contents under one nonce.
func TestABodyCanBeReadAgain(t *testing.T) {
	for _, size := range sizes {
		content := make([]byte, size+3)
		for i := range content {
			content[i] = byte(i * 7)
		}
		below := repeating{Backend: memory.New(memory.Options{})}
		body := bytes.NewReader(content)
		if _, err := body.Seek(3, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		b := open(t, below, crypt.Options{})
		for _, told := range []int64{int64(size), -1} {
			if _, err := body.Seek(3, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Put(t.Context(), "f", body, backend.PutOptions{Size: told}); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if got, err := readFile(t.Context(), b, "f"); err != nil || !bytes.Equal(got, content[3:]) {
				t.Errorf("%d bytes: %d read, %v", size, len(got), err)
			}
		}
		if size == 0 {
			continue
		}
		below.between = func() { content[size/2+3] ^= 1 }
		b = open(t, below, crypt.Options{})
		if _, err := body.Seek(3, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Put(t.Context(), "g", body, backend.PutOptions{Size: int64(size)}); err == nil {
			t.Errorf("%d bytes: stored half of the old and half of the new", size)
		}
	}
}
