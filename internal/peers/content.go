package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
)

// A content is what a file holds: size bytes of an endless repetition of random
// bytes. It costs next to nothing to make and to compare, beside a server.
type content struct{ start, size int64 }

// period is a prime, so that no two blocks of a large file are equal.
const period = 1<<20 + 7

var randomBytes = sync.OnceValue(func() []byte {
	twice := make([]byte, 2*period)
	rand.NewChaCha8([32]byte{}).Read(twice[:period]) //nolint:errcheck // never fails
	copy(twice[period:], twice[:period])
	return twice
})

// contentOf returns the content of the nth file, which differs from that of the
// others.
func contentOf(n int, size int64) content {
	return content{start: int64(n) * 4099 % period, size: size}
}

// at returns what follows an offset, up to the next repetition.
func (c content) at(offset int64) []byte {
	from := (c.start + offset) % period
	return randomBytes()[from : from+min(period, c.size-offset)]
}

// section returns a part of the content.
func (c content) section(offset, length int64) content {
	return content{start: (c.start + offset) % period, size: length}
}

func (c content) reader() io.Reader { return &contentReader{content: c} }

type contentReader struct {
	content
	offset int64
}

func (r *contentReader) Read(p []byte) (int, error) {
	if r.offset == r.size {
		return 0, io.EOF
	}
	n := copy(p, r.at(r.offset))
	r.offset += int64(n)
	return n, nil
}

// WriteTo spares the copy.
func (r *contentReader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for r.offset < r.size {
		n, err := w.Write(r.at(r.offset))
		r.offset += int64(n)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// compare reads r to its end and reports how it differs from the content.
func (c content) compare(r io.Reader) error {
	buf := make([]byte, min(256<<10, c.size+1))
	for offset := int64(0); ; {
		n, err := r.Read(buf)
		for got := buf[:n]; len(got) > 0; {
			if offset == c.size {
				return fmt.Errorf("there is more than %d bytes", c.size)
			}
			want := c.at(offset)
			want = want[:min(len(want), len(got))]
			if !bytes.Equal(got[:len(want)], want) {
				return fmt.Errorf("the bytes from %d on differ", offset)
			}
			got = got[len(want):]
			offset += int64(len(want))
		}
		switch {
		case err == io.EOF && offset == c.size:
			return nil
		case err == io.EOF:
			return fmt.Errorf("there are %d bytes in place of %d", offset, c.size)
		case err != nil:
			return err
		}
	}
}
