package webdav

import (
	"sync"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// A buffers is a pool of buffers, for listings and for the content of files.
type buffers struct{ pool sync.Pool }

// get returns a buffer that holds a block and the response that exceeds it.
func (b *buffers) get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 0, davxml.BlockSize+4<<10)
}

// put returns a buffer to the pool, unless it has become too large to be kept.
func (b *buffers) put(buf []byte) {
	if cap(buf) <= 2*davxml.BlockSize {
		b.pool.Put(&buf)
	}
}
