package webdav

import (
	"compress/gzip"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// minCompressed is the size in bytes from which the body of a 207 is compressed:
// what is smaller fits into one packet or two.
const minCompressed = 2 << 10

// A buffers is a pool of buffers for the bodies of a Multistatus.
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

// A multistatusBody is the body of a 207. It is compressed if the client accepts
// that and it pays: listings shrink to a tenth. It does not pay on the machine
// itself, where compressing takes longer than sending, nor for the content of
// files: most are compressed already, ranges could not be served, and their
// entity tags would not be strong.
type multistatusBody struct {
	w     http.ResponseWriter
	zips  *sync.Pool
	zip   *gzip.Writer // nil if it is not compressed
	may   bool         // the client accepts it
	begun bool
}

func (r *request) newMultistatusBody(w http.ResponseWriter) *multistatusBody {
	body := &multistatusBody{w: w, zips: &r.handler.zips}
	if !isLocal(r.RemoteAddr) {
		w.Header().Add("Vary", "Accept-Encoding")
		body.may = acceptsGzip(r.Header)
	}
	return body
}

// Write writes a block of the body. The first one shows whether it is large.
func (b *multistatusBody) Write(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		if b.may && len(p) >= minCompressed {
			b.compress()
		}
		b.w.WriteHeader(http.StatusMultiStatus)
	}
	if b.zip != nil {
		return b.zip.Write(p)
	}
	return b.w.Write(p)
}

func (b *multistatusBody) compress() {
	b.w.Header().Set("Content-Encoding", "gzip")
	if zip, ok := b.zips.Get().(*gzip.Writer); ok {
		zip.Reset(b.w)
		b.zip = zip
		return
	}
	b.zip, _ = gzip.NewWriterLevel(b.w, gzip.BestSpeed) // fails for no level of its own
}

// Close writes what is left. A body that is not closed does not look whole.
func (b *multistatusBody) Close() error {
	if b.zip == nil {
		return nil
	}
	return b.zip.Close()
}

// release ends the use of the body.
func (b *multistatusBody) release() {
	if b.zip != nil {
		b.zips.Put(b.zip)
		b.zip = nil
	}
}

// isLocal reports whether the address of a client is that of the machine itself,
// or not an address of a network.
func isLocal(remote string) bool {
	addr, err := netip.ParseAddrPort(remote)
	return err != nil || addr.Addr().Unmap().IsLoopback()
}

// acceptsGzip reports whether a client accepts the content coding gzip (RFC 9110
// section 12.5.3).
func acceptsGzip(h http.Header) bool {
	for _, line := range h.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(coding, ";")
			name, weight = strings.ToLower(strings.TrimSpace(name)), strings.ToLower(strings.TrimSpace(weight))
			if name == "gzip" || name == "x-gzip" {
				return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
			}
		}
	}
	return false
}
