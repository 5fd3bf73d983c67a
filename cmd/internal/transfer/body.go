package transfer

import (
	"context"
	"errors"
	"io"

	"github.com/davdisk/davdisk/backend"
)

// body reads a content as one stream that can be rewound, so that the store it
// goes to may repeat or resume.
type body struct {
	ctx     context.Context
	content backend.Content
	moved   func(n int64)
	offset  int64
	open    io.ReadCloser // nil after a seek
	src     io.Reader     // reads open at offset
	failed  error         // why it could not be read
	raw     bool          // its reader compares the hash
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.open == nil {
		r, err := b.content.Range(b.ctx, b.offset, -1)
		if err != nil {
			b.failed = err
			return 0, err
		}
		b.open, b.src = r, r
		if b.offset == 0 && !b.raw {
			b.src = Checked(r, b.content.Info())
		}
	}
	n, err := b.src.Read(p)
	b.offset += int64(n)
	b.moved(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}

// Seek implements io.Seeker.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.offset
	case io.SeekEnd:
		offset += b.content.Info().Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	if offset == b.offset {
		return offset, nil
	}
	b.moved(offset - b.offset)
	b.offset = offset
	return offset, b.Close()
}

// Close ends the reading; the content stays open.
func (b *body) Close() error {
	if b.open == nil {
		return nil
	}
	r := b.open
	b.open = nil
	return r.Close()
}
