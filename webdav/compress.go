package webdav

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// minCompressed is the size in bytes from which the body of a 207 is compressed:
// what is smaller fits into one packet or two.
const minCompressed = 2 << 10

// maxCompressing is how many answers are compressed at a time, each with about a
// megabyte of memory for as long as its client takes to read it. The others are
// sent as they are.
const maxCompressing = 16

// A multistatusBody is the body of a 207. It is compressed if the client accepts
// that and it pays: listings shrink to a tenth. It does not pay on the machine
// itself, where compressing takes longer than sending, nor for the content of
// files: most are compressed already, ranges could not be served, and their
// entity tags would not be strong.
type multistatusBody struct {
	w     http.ResponseWriter
	zips  *zips
	zip   *gzip.Writer // nil if it is not compressed
	may   bool         // the client accepts it
	begun bool
	whole bool // all of it is written
}

func (r *request) newMultistatusBody(w http.ResponseWriter) *multistatusBody {
	body := &multistatusBody{w: w, zips: r.handler.zips}
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
	if b.zip = b.zips.get(b.w); b.zip != nil {
		b.w.Header().Set("Content-Encoding", "gzip")
	}
}

// Close writes what is left. A body that is not closed does not look whole.
func (b *multistatusBody) Close() error {
	if b.zip == nil {
		return nil
	}
	err := b.zip.Close()
	b.whole = err == nil
	return err
}

// release ends the use of the body. The writer of one that is not whole is not
// used again: HTTP/2 may still be sending what was written when it reports that
// the client has left.
func (b *multistatusBody) release() {
	if b.zip != nil {
		b.zips.put(b.zip, b.whole)
		b.zip = nil
	}
}

// A zips is a bounded pool of gzip writers.
type zips struct {
	pool sync.Pool
	held chan struct{}
}

func newZips() *zips { return &zips{held: make(chan struct{}, maxCompressing)} }

// get returns a writer to w, or nil if too many are in use.
func (z *zips) get(w io.Writer) *gzip.Writer {
	select {
	case z.held <- struct{}{}:
	default:
		return nil
	}
	if zip, ok := z.pool.Get().(*gzip.Writer); ok {
		zip.Reset(w)
		return zip
	}
	zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // fails for no level of its own
	return zip
}

// put ends the use of a writer, which may be used again.
func (z *zips) put(zip *gzip.Writer, again bool) {
	if again {
		zip.Reset(io.Discard) // the pool is not to keep the response
		z.pool.Put(zip)
	}
	<-z.held
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
