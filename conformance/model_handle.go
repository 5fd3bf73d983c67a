package conformance

import (
	"fmt"
	"io"
	"os"
)

// onHandle is what the model knows about an open file.
func (m *model) onHandle(o op) answer {
	h := m.handles[o.handle]
	switch {
	case h == nil:
		return differ() // nothing has been opened there
	case o.verb == opWriteAt && h.flag&os.O_APPEND != 0:
		return differ() // package os refuses, others obey
	case h.closed && h.wrong(o):
		return no(isError) // two faults at once
	case h.closed:
		return no(isClosed)
	case o.verb == opClose:
		h.closed = true
		return yes("")
	case h.node.dir() && (o.verb == opSeek || o.verb == opSync || o.verb == opFileStat && !m.root.holds(h.node)):
		return differ()
	case o.verb == opFileStat:
		return h.node.describe()
	case h.wrong(o):
		return no(isError)
	}
	return h.do(o)
}

// wrong reports whether an operation could not succeed even on an open handle.
func (h *handle) wrong(o op) bool {
	switch o.verb {
	case opRead:
		return h.node.dir() || !readable(h.flag)
	case opReadAt:
		return h.node.dir() || !readable(h.flag) || o.n < 0
	case opWrite, opWriteString:
		return !writable(h.flag)
	case opWriteAt, opTruncate:
		return !writable(h.flag) || o.n < 0
	case opSeek:
		return h.seek(o) < 0
	}
	return false
}

func (h *handle) do(o op) answer {
	switch o.verb {
	case opRead:
		got := h.at(h.offset, int(o.n))
		h.offset += int64(len(got))
		return bytesRead(got)
	case opReadAt:
		return bytesRead(h.at(o.n, len(o.data)))
	case opWrite, opWriteString:
		if h.flag&os.O_APPEND != 0 {
			h.offset = int64(len(h.node.data))
		}
		h.put(o.data, h.offset)
		h.offset += int64(len(o.data))
		return bytesDone(len(o.data))
	case opWriteAt:
		h.put(o.data, o.n)
		h.placed = true
		return bytesDone(len(o.data))
	case opTruncate:
		h.resize(o.n)
		h.placed = true
		return yes("")
	case opSync:
		if !writable(h.flag) {
			return differ()
		}
		return yes("")
	}
	h.offset = h.seek(o)
	h.placed = true
	return yes(fmt.Sprint(h.offset))
}

// seek is where an opSeek leads, which may be before the start.
func (h *handle) seek(o op) int64 {
	switch o.whence {
	case io.SeekCurrent:
		return h.offset + o.n
	case io.SeekEnd:
		return int64(len(h.node.data)) + o.n
	}
	return o.n
}

// at returns up to n bytes from an offset.
func (h *handle) at(offset int64, n int) []byte {
	size := int64(len(h.node.data))
	start := min(offset, size)
	return h.node.data[start:min(start+int64(n), size)]
}

// put writes at an offset; what lies between the end and it becomes zero.
func (h *handle) put(data string, offset int64) {
	h.resize(max(int64(len(h.node.data)), offset+int64(len(data))))
	copy(h.node.data[offset:], data)
}

// resize never shares memory with what was there before, so that what is cut
// off cannot come back.
func (h *handle) resize(size int64) {
	data := make([]byte, size)
	copy(data, h.node.data)
	h.node.data = data
}
