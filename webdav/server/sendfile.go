package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// ReadFrom implements io.ReaderFrom, so that the system can send files.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	to, file := sendsFile(w.ResponseWriter, src)
	if file == nil {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := to.ReadFrom(file)
	w.bytes += n
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that the system can send files. The client
// has the idle timeout for all of one, which may be too long for that: what it has
// taken when that is over gives it more time, as in Write.
func (w *movingWriter) ReadFrom(src io.Reader) (sent int64, err error) {
	to, file := sendsFile(w.ResponseWriter, src)
	if file == nil {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	for {
		start, left := time.Now(), file.N
		_ = w.conn.SetWriteDeadline(start.Add(w.idle.left))
		n, err := to.ReadFrom(file)
		w.idle.spend(time.Since(start), int(min(n, 1<<30)))
		sent += n
		// What was read of the file and not sent is lost.
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || w.idle.left <= 0 || left-file.N != n {
			return sent, err
		}
	}
}

// sendsFile returns src as the part of a file that the system can send, and w as
// what lets it, or nil. Of any other source, time to write would be counted in
// which it is read.
func sendsFile(w http.ResponseWriter, src io.Reader) (to io.ReaderFrom, file *io.LimitedReader) {
	part, ok := src.(*io.LimitedReader)
	if !ok {
		return nil, nil
	}
	if _, ok := part.R.(*os.File); !ok {
		return nil, nil
	}
	if to, ok = w.(io.ReaderFrom); !ok {
		return nil, nil
	}
	return to, part
}
