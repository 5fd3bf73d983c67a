package vfs

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/reading"
	"github.com/davdisk/davdisk/vfs/internal/spool"
)

const (
	partSize = 8 << 20  // bytes of a part that is fetched ahead
	maxParts = 8        // of all files together that are held at a time
	slowRate = 64 << 20 // bytes a second of one transfer, below which others beside it may gain
)

// fetcher fetches large files in several transfers at a time, because there are
// services that limit the rate of each. It is safe for concurrent use.
type fetcher struct {
	atOnce   int   // transfers of one file
	partSize int64 // bytes
	spools   *spool.Pool
	now      func() time.Time
	slots    chan struct{} // one for each part that is held
}

func newFetcher(atOnce int, partSize int64, spools *spool.Pool, now func() time.Time) *fetcher {
	return &fetcher{atOnce: atOnce, partSize: partSize, spools: spools, now: now, slots: make(chan struct{}, maxParts)}
}

// open returns a reader of the content from off to its end, in one transfer at
// first. Once the size of two parts has been read, the caller probably reads on. If
// it has mostly waited for the store so far, that transfer is given up, and parts
// are fetched ahead from there on, as far as there is room for them. The reader must
// not be used by several goroutines at once.
func (f *fetcher) open(ctx context.Context, content backend.Content, off int64) (io.ReadCloser, error) {
	size := content.Info().Size
	if f.atOnce < 2 || size-off < 2*f.partSize {
		return content.Range(ctx, off, -1)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &parts{fetcher: f, content: content, ctx: ctx, cancel: cancel, next: off, size: size}
	if err := p.stream(size); err != nil {
		cancel()
		return nil, err
	}
	p.holdBack()
	return p, nil
}

// parts is the reader that open returns.
type parts struct {
	*fetcher
	content backend.Content
	ctx     context.Context // of the reading, which open was called for
	cancel  context.CancelFunc

	next, size int64         // offsets of what is to be fetched next and of the end
	current    io.ReadCloser // of which left bytes are still to be read
	left       int64
	rest       int64         // bytes of current after those, if they are not fetched in parts
	waited     time.Duration // for the store so far
	slow       bool          // the first transfer was, so it is worth it to fetch ahead
	ahead      []*part       // what follows current, in order
}

// Read implements io.Reader.
func (p *parts) Read(b []byte) (int, error) {
	if p.left == 0 {
		if err := p.advance(); err != nil {
			return 0, err
		}
	}
	begin := p.now()
	n, err := p.current.Read(b[:min(int64(len(b)), p.left)])
	p.waited += p.now().Sub(begin)
	p.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = nil
		if p.left > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

// advance goes on to what follows current, and fetches ahead.
func (p *parts) advance() error {
	p.slow = (p.slow || p.waited > time.Duration(2*p.partSize)*time.Second/slowRate) && !backend.IsSequential(p.content)
	if p.rest > 0 {
		p.next = p.size - p.rest
		if !p.slow || !p.fetchAhead() {
			p.readOn()
			return nil
		}
		p.rest = 0
	}
	p.current.Close()
	p.current = io.NopCloser(nil)
	for p.slow && p.next < p.size && len(p.ahead) < p.atOnce && p.fetchAhead() {
	}
	switch {
	case len(p.ahead) > 0:
		p.current, p.left, p.ahead = p.ahead[0], p.ahead[0].length, p.ahead[1:]
		return nil
	case p.next == p.size:
		return io.EOF
	}
	return p.stream(2 * p.partSize) // others have taken the room
}

// readOn reads the rest of current; of one that is slow, for which others have
// taken the room, some of it.
func (p *parts) readOn() {
	p.next, p.left, p.rest = p.size, p.rest, 0
	if p.slow {
		p.holdBack()
	}
}

// holdBack leaves it open whether more than the size of two parts is read of
// current.
func (p *parts) holdBack() {
	held := max(0, p.left-2*p.partSize)
	p.left, p.rest = p.left-held, held
}

// stream begins a transfer of so many bytes at most, which are read as they come.
func (p *parts) stream(length int64) error {
	length = min(length, p.size-p.next)
	body, err := p.content.Range(p.ctx, p.next, length)
	if err != nil {
		return err
	}
	p.current, p.left = body, length
	p.next += length
	return nil
}

// fetchAhead begins to fetch the next part, and reports whether there is room for
// it.
func (p *parts) fetchAhead() bool {
	select {
	case p.slots <- struct{}{}:
	default:
		return false
	}
	ctx, cancel := context.WithCancel(p.ctx)
	next := &part{
		length: min(p.partSize, p.size-p.next), file: p.spools.New(), grown: make(chan struct{}, 1),
		release: func() { <-p.slots }, cancel: cancel, ended: make(chan struct{}),
	}
	go next.fetch(ctx, p.content, p.next)
	p.next += next.length
	p.ahead = append(p.ahead, next)
	return true
}

// Close implements io.Closer. It ends all transfers and waits for them.
func (p *parts) Close() error {
	p.cancel()
	err := p.current.Close()
	for _, ahead := range p.ahead {
		err = errors.Join(err, ahead.Close())
	}
	p.current, p.ahead, p.left, p.rest, p.next = io.NopCloser(nil), nil, 0, 0, p.size
	return err
}

// part is a part that is fetched ahead into a file.
type part struct {
	length  int64
	file    *spool.File
	pos     int64         // in file, of the next byte to read
	grown   chan struct{} // has a token when file may have grown
	release func()        // gives the room up
	cancel  context.CancelFunc

	ended chan struct{} // closed when the transfer has ended
	err   error         // that it ended with
}

// fetch fetches the part, which begins at off.
func (p *part) fetch(ctx context.Context, content backend.Content, off int64) {
	defer close(p.ended)
	body, err := content.Range(ctx, off, p.length)
	if err != nil {
		p.err = err
		return
	}
	_, p.err = io.Copy(p, reading.Exactly(body, p.length))
	body.Close()
}

// Write implements io.Writer, for fetch.
func (p *part) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	select {
	case p.grown <- struct{}{}:
	default:
	}
	return n, err
}

// Read implements io.Reader. It waits until there is something to read.
func (p *part) Read(b []byte) (int, error) {
	for ended := false; p.pos == p.file.Size(); {
		if ended {
			return 0, cmp.Or(p.err, io.EOF)
		}
		select {
		case <-p.grown:
		case <-p.ended:
			ended = true
		}
	}
	n, err := p.file.ReadAt(b, p.pos)
	p.pos += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Close implements io.Closer. It ends the transfer and waits for it.
func (p *part) Close() error {
	p.cancel()
	<-p.ended
	defer p.release()
	return p.file.Close()
}
