package webdav

import (
	"io"
	"math"
	"net/http"
	"runtime"

	"github.com/spf13/afero"
)

// An osFileSender lets the system send files of this machine. The system does not
// copy what it sends: until the client has taken them, those bytes still change with
// the file. So the last look at the file, which decides whether the answer ends as
// complete, must come when none of them is on its way any more. That is so once more
// was written after them than the buffers of both ends hold: on Linux, unless a
// program or the administrator asked for more, 4 MiB of a sender and 32 MiB of a
// receiver on the same machine (tcp_wmem, tcp_rmem).
type osFileSender struct {
	step   int64 // bytes between two looks whether the file has changed, and for which a client has time
	copied int64 // bytes at the end of each part that are read and written
}

// newOSFileSender returns what suits the system. Desktop editions of Windows send two
// files at a time (TransmitFile), and let the others wait: there all is read.
func newOSFileSender() osFileSender {
	if runtime.GOOS == "windows" {
		return osFileSender{copied: math.MaxInt64}
	}
	return osFileSender{step: 128 << 10, copied: 64 << 20}
}

// send sends a file from offset at on, and returns how many bytes it has sent: all
// but the last ones before end, or fewer, which is no error, if the system cannot
// send them. An error is one of the file. If it has sent any, unchanged reports whether
// the file is still the same. Only an answer over plain HTTP/1 is written to a
// connection as it is.
func (s osFileSender) send(w http.ResponseWriter, r *http.Request, file afero.File, at, end int64) (sent int64, unchanged func() error, err error) {
	to, ok := w.(io.ReaderFrom)
	own, isOwn := file.(OSFiler)
	if !ok || !isOwn || r.TLS != nil || r.ProtoMajor != 1 || end-at <= s.copied {
		return 0, nil, nil
	}
	f, unchanged, err := own.OSFile()
	if err != nil {
		return 0, nil, nil //nolint:nilerr // it is read instead, which tells what is wrong
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return 0, nil, nil //nolint:nilerr // as above
	}
	for left := end - at - s.copied; sent < left; {
		// Package net recognizes a file in exactly this reader.
		n, err := to.ReadFrom(&io.LimitedReader{R: f, N: min(s.step, left-sent)})
		sent += n
		if changed := unchanged(); changed != nil {
			return sent, unchanged, changed
		}
		if err != nil || n == 0 {
			break // a fault of the file or of the connection: reading and writing on will tell
		}
	}
	return sent, unchanged, nil
}
