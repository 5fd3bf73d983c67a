package chunks

import (
	"sync"
	"sync/atomic"
)

const (
	maxWaiting = 16 // chunks of one Writer that wait to be written
	maxBuffers = 64 // chunks of all Writers of a cache that are in memory
)

// A Writer caches what a reader gets of one version. A chunk that it does not get
// from its start to its end, in order, is left out. A Writer must not be used by
// several goroutines at once, and must be closed.
type Writer struct {
	cache     *Cache
	version   string
	size      int64 // of the version
	put       func(index int64, data []byte)
	beside    bool       // put is called by a goroutine of the Writer
	unchecked *Unchecked // that Keep gives to all and Close discards; nil: none

	pos    int64   // of the next byte
	buffer *buffer // with the current chunk; nil: that is not cached
	done   bool    // nothing more is cached

	queue    chan piece // nil until the goroutine has been started
	ended    chan struct{}
	closed   bool // there will be no more in queue
	matched  bool
	abandons atomic.Bool // what waits is not written
}

type piece struct {
	index  int64
	buffer *buffer
	length int64
}

// Writer returns a Writer of a version of size bytes that passes chunks to put.
func (c *Cache) Writer(version string, size int64, put func(index int64, data []byte)) *Writer {
	return &Writer{cache: c, version: version, size: size, put: put}
}

// WriterBeside returns a Writer that never makes the reader wait for the disk.
// If the disk falls behind, what follows is not cached.
func (c *Cache) WriterBeside(version string, size int64) *Writer {
	w := c.Writer(version, size, func(index int64, data []byte) { c.Put(version, index, data) })
	w.beside = true
	return w
}

// UncheckedWriter is WriterBeside for chunks that nobody is given before Keep.
func (c *Cache) UncheckedWriter(version string, size int64) *Writer {
	u := c.Unchecked(version)
	w := c.Writer(version, size, u.Put)
	w.beside, w.unchecked = true, u
	return w
}

// Add caches the bytes at an offset. It does not retain p.
func (w *Writer) Add(off int64, p []byte) {
	if off != w.pos {
		w.leaveOut()
		w.pos = off
	}
	for len(p) > 0 && !w.done {
		start := w.pos % Size
		if start == 0 && w.cache.wants(w.version, w.pos/Size, min(Size, w.size-w.pos)) {
			w.buffer = w.cache.buffers.get()
			w.done = w.buffer == nil
		}
		n := min(Size-start, int64(len(p)))
		if w.buffer != nil {
			copy(w.buffer[start:], p[:n])
		}
		w.pos, p = w.pos+n, p[n:]
		if w.buffer != nil && (w.pos%Size == 0 || w.pos == w.size) {
			w.pass(piece{(w.pos - 1) / Size, w.buffer, start + n})
			w.buffer = nil
		}
	}
}

// leaveOut drops the current chunk.
func (w *Writer) leaveOut() {
	if w.buffer != nil {
		w.cache.buffers.put(w.buffer)
		w.buffer = nil
	}
}

// pass has a chunk written.
func (w *Writer) pass(p piece) {
	if !w.beside {
		w.write(p)
		return
	}
	if w.queue == nil {
		w.queue, w.ended = make(chan piece, maxWaiting), make(chan struct{})
		go w.run()
	}
	select {
	case w.queue <- p:
	default: // the disk is slower than the reader
		w.cache.buffers.put(p.buffer)
		w.done = true
	}
}

func (w *Writer) write(p piece) {
	if !w.abandons.Load() {
		w.put(p.index, p.buffer[:p.length])
	}
	w.cache.buffers.put(p.buffer)
}

// run writes chunks until there will be no more.
func (w *Writer) run() {
	defer close(w.ended)
	for p := range w.queue {
		w.write(p)
	}
	switch {
	case w.unchecked == nil:
	case w.matched:
		w.unchecked.Keep()
	default:
		w.unchecked.Discard()
	}
}

// Keep gives all chunks of an UncheckedWriter to everybody, because they have
// been compared with the hash of the content. Nothing is cached afterwards.
func (w *Writer) Keep() {
	w.matched = true
	w.end()
}

// Close waits until the Writer has ended. It may be called again. An
// UncheckedWriter without Keep leaves nothing.
func (w *Writer) Close() {
	if w.unchecked != nil && !w.matched {
		w.abandons.Store(true)
	}
	w.end()
	if w.queue != nil {
		<-w.ended
	}
}

// end lets the goroutine end.
func (w *Writer) end() {
	w.leaveOut()
	if w.queue != nil && !w.closed {
		close(w.queue)
	}
	w.done, w.closed = true, true
}

// A buffer holds one chunk.
type buffer [Size]byte

// buffers are the buffers of all Writers of a cache.
type buffers struct {
	used atomic.Int32
	free sync.Pool // of *buffer
}

// get returns a buffer with any bytes in it, or nil if too many are in use.
func (b *buffers) get() *buffer {
	if b.used.Add(1) > maxBuffers {
		b.used.Add(-1)
		return nil
	}
	if buf, ok := b.free.Get().(*buffer); ok {
		return buf
	}
	return new(buffer)
}

func (b *buffers) put(buf *buffer) {
	b.used.Add(-1)
	b.free.Put(buf)
}
