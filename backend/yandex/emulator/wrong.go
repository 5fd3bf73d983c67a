package emulator

import (
	"io"
	"net/http"
)

// What the service says that is not so: knobs for content that it keeps or
// serves otherwise than it says, and for changes that it reports and does not
// make.

// mistakes reports whether a request for a file of this name is to meet one of
// those knobs, if it is on. It counts the requests that could. The caller
// holds e.mu.
func (e *Emulator) mistakes(on bool, name string) bool {
	if !on || e.knobs.WrongFor != "" && e.knobs.WrongFor != name {
		return false
	}
	n := e.wrong
	e.wrong++
	return e.knobs.WrongEvery <= 1 || n%e.knobs.WrongEvery == 0
}

// keptOf returns what the uploader keeps of what it received.
func (e *Emulator) keptOf(received *content, name string) (*content, error) {
	e.mu.Lock()
	k := e.knobs
	wrong := e.mistakes(k.StoresHalf || k.StoresOther, name)
	e.mu.Unlock()
	if !wrong {
		return received, nil
	}
	body, err := received.open()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var from io.Reader = body
	if k.StoresOther {
		from = &otherBytes{ReadSeekCloser: body}
	}
	if k.StoresHalf {
		from = io.LimitReader(from, received.size/2)
	}
	sink, err := e.contents.newSink()
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(sink, from); err != nil {
		sink.abort()
		return nil, err
	}
	return sink.commit()
}

// served returns what is served of a content, with its headers.
func (e *Emulator) served(w http.ResponseWriter, c *content, body io.ReadSeekCloser, name string) io.ReadSeekCloser {
	e.mu.Lock()
	k := e.knobs
	wrong := e.mistakes(k.ServesOther || k.ServesMixed, name)
	e.mu.Unlock()
	if !k.NoETag {
		w.Header().Set("ETag", `"`+c.md5+`"`)
	}
	switch {
	case !wrong:
		return body
	case k.ServesOther:
		return &otherBytes{ReadSeekCloser: body}
	}
	return &otherBytes{ReadSeekCloser: body, from: c.size / 2}
}

// otherBytes are bytes of which all from one place on are others.
type otherBytes struct {
	io.ReadSeekCloser
	from, at int64
}

func (o *otherBytes) Read(p []byte) (int, error) {
	n, err := o.ReadSeekCloser.Read(p)
	for i := range p[:n] {
		if o.at+int64(i) >= o.from {
			p[i] ^= 0x55
		}
	}
	o.at += int64(n)
	return n, err
}

func (o *otherBytes) Seek(offset int64, whence int) (int64, error) {
	at, err := o.ReadSeekCloser.Seek(offset, whence)
	o.at = at
	return at, err
}
