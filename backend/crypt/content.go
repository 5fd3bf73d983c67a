package crypt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"golang.org/x/crypto/nacl/secretbox"

	"github.com/davdisk/davdisk/backend"
)

// content is one version of a file.
type content struct {
	store *store
	inner backend.Content
	info  backend.Info
	name  string // whole, for errors

	mu    sync.Mutex
	first *nonce // of the first block, once it is known
}

func (c *content) Info() backend.Info { return c.info }
func (c *content) Close() error       { return c.inner.Close() }

// Sequential implements backend.SequentialContent.
func (c *content) Sequential() bool { return backend.IsSequential(c.inner) }

// Range implements backend.Content. It reads the blocks that hold the range,
// whole, one at a time, and before the first time the header of the file.
func (c *content) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	size := c.info.Size
	if offset < 0 {
		return nil, backend.PathError("read", c.name, fs.ErrInvalid, "negative offset")
	}
	if length < 0 || length > size-offset {
		length = size - offset
	}
	if length <= 0 {
		err := ctx.Err()
		if size == 0 {
			_, err = c.nonce(ctx) // it may be no encrypted file at all
		}
		return io.NopCloser(bytes.NewReader(nil)), err
	}
	block := offset / blockSize
	begin := headerSize + block*sealedBlock
	end := min(headerSize+((offset+length-1)/blockSize+1)*sealedBlock, sealedSize(size))
	o := &opener{content: c, block: block, skip: offset - block*blockSize, left: length}
	known := c.known()
	if known == nil && block == 0 {
		begin, o.header = 0, true
	} else if known == nil {
		n, err := c.nonce(ctx)
		if err != nil {
			return nil, err
		}
		known = &n
	}
	if known != nil {
		o.nonce = *known
	}
	o.sealedLeft = end - begin
	src, err := c.inner.Range(ctx, begin, end-begin)
	if err != nil {
		return nil, renamed(err, "read", c.name)
	}
	o.src = src
	return o, nil
}

func (c *content) known() *nonce {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == nil {
		if n, ok := c.store.nonces.Get(c.info.Version); ok {
			c.first = &n
		}
	}
	return c.first
}

// learn keeps the nonce, for later ranges of the same version.
func (c *content) learn(header []byte) (nonce, error) {
	n, ok := parseHeader(header)
	if !ok {
		return n, damaged("read", c.name, "it does not begin as an encrypted file does")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first = &n
	c.store.nonces.Add(c.info.Version, n)
	return n, nil
}

// nonce returns that of the first block, and reads the header if it must.
func (c *content) nonce(ctx context.Context) (nonce, error) {
	if n := c.known(); n != nil {
		return *n, ctx.Err()
	}
	src, err := c.inner.Range(ctx, 0, headerSize)
	if err != nil {
		return nonce{}, renamed(err, "read", c.name)
	}
	defer src.Close()
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(src, header); err != nil {
		return nonce{}, c.short(err)
	}
	return c.learn(header)
}

// short is the error of a file that ends before it should.
func (c *content) short(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return renamed(err, "read", c.name)
}

// opener reads a range, one block ahead.
type opener struct {
	content    *content
	src        io.ReadCloser
	sealedLeft int64  // of src
	header     bool   // src begins with the header
	nonce      nonce  // of the first block of the file
	block      int64  // the next one
	skip, left int64  // what of the next block is before the range; bytes of the range
	plain      []byte // opened, and not yet read
	opened     []byte
	sealed     []byte
	err        error
}

func (o *opener) Close() error { return o.src.Close() }

func (o *opener) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(o.plain) == 0 && o.err == nil {
		o.plain, o.err = o.open()
	}
	if len(o.plain) == 0 {
		return 0, o.err
	}
	n := copy(p, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

// open opens the next block and returns what of it is in the range.
func (o *opener) open() ([]byte, error) {
	if o.left == 0 {
		return nil, io.EOF
	}
	if o.header {
		header, err := o.read(headerSize)
		if err != nil {
			return nil, err
		}
		if o.nonce, err = o.content.learn(header); err != nil {
			return nil, err
		}
		o.header = false
	}
	sealed, err := o.read(min(sealedBlock, o.sealedLeft))
	if err != nil {
		return nil, err
	}
	nonce := [24]byte(o.nonce.plus(o.block))
	plain, ok := secretbox.Open(o.opened[:0], sealed, &nonce, &o.content.store.keys.content)
	if !ok || int64(len(plain)) <= o.skip {
		o.content.store.nonces.Remove(o.content.info.Version)
		return nil, damaged("read", o.content.name, fmt.Sprintf("block %d of the file does not authenticate", o.block))
	}
	o.block++
	o.opened = plain
	plain = plain[o.skip:]
	plain = plain[:min(o.left, int64(len(plain)))]
	o.skip, o.left = 0, o.left-int64(len(plain))
	return plain, nil
}

// read reads n bytes of the file.
func (o *opener) read(n int64) ([]byte, error) {
	if o.sealed == nil {
		o.sealed = make([]byte, max(n, min(sealedBlock, o.sealedLeft)))
	}
	if _, err := io.ReadFull(o.src, o.sealed[:n]); err != nil {
		return nil, o.content.short(err)
	}
	o.sealedLeft -= n
	return o.sealed[:n], nil
}
