package crypt

import (
	"errors"
	"io"

	"golang.org/x/crypto/nacl/secretbox"

	"github.com/davdisk/davdisk/internal/reading"
)

// errSourceChanged says that a body read again is not what it was.
var errSourceChanged = errors.New("the source has changed while it was being stored")

// A sealer reads a body as the store is to have it. If the body can be rewound
// the sealer can, so that the store below may repeat a transfer or go on with it;
// the bytes are the same each time, because the nonce is.
type sealer struct {
	key   *[32]byte
	nonce nonce
	src   io.Reader
	seek  io.Seeker // nil if src can be read only once
	start int64     // where src stood
	size  int64     // of the content; -1 if unknown, and then seek is nil

	body    io.Reader // src from block next on, of the announced length
	next    int64     // the block to read
	ended   bool
	pending []byte // sealed, and not yet read
	at      int64  // offset in what is sealed
	err     error  // for good, until the next Seek

	plain, sealed []byte

	// tags has the authenticator of each block that was sealed, so that no
	// nonce is used for two contents, which would show both to the store.
	tags [][secretbox.Overhead]byte
}

// newSealer returns a reader of src as the store is to have it, with size bytes of
// content, and the size of it all; -1 if unknown. It is an io.Seeker if src is one.
func newSealer(key *[32]byte, first nonce, src io.Reader, size int64) (sealed io.Reader, sealedLength int64, err error) {
	s := &sealer{key: key, nonce: first, src: src, size: size}
	if seeker, ok := src.(io.Seeker); ok {
		if s.start, err = seeker.Seek(0, io.SeekCurrent); err == nil {
			s.seek = seeker
		}
	}
	if s.seek != nil && size < 0 {
		end, err := s.seek.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, 0, err
		}
		if _, err := s.seek.Seek(s.start, io.SeekStart); err != nil {
			return nil, 0, err
		}
		s.size = max(0, end-s.start)
	}
	s.body = reading.Exactly(src, s.size)
	if s.seek == nil {
		sealed = struct{ io.Reader }{s}
	} else {
		sealed = s
	}
	if s.size < 0 {
		return sealed, -1, nil
	}
	return sealed, sealedSize(s.size), nil
}

func (s *sealer) Read(p []byte) (int, error) {
	for len(s.pending) == 0 && s.err == nil {
		s.fill()
	}
	if len(s.pending) == 0 {
		return 0, s.err
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	s.at += int64(n)
	return n, nil
}

// fill seals one block. The header comes with the first one: an empty file is
// all header, which must not be read before the body has ended.
func (s *sealer) fill() {
	if s.ended {
		s.err = io.EOF
		return
	}
	block := s.next
	n, err := s.readBlock()
	if err != nil {
		s.err = err
		return
	}
	s.next++
	s.sealed = s.sealed[:0]
	if block == 0 {
		s.sealed = append(append(s.sealed, magic...), s.nonce[:]...)
	}
	if n > 0 {
		begin := len(s.sealed)
		nonce := [24]byte(s.nonce.plus(block))
		s.sealed = secretbox.Seal(s.sealed, s.plain[:n], &nonce, s.key)
		if s.seek != nil && !s.remember(block, [secretbox.Overhead]byte(s.sealed[begin:])) {
			s.err = errSourceChanged
			return
		}
	}
	s.pending = s.sealed
}

// readBlock reads one block of the body, a shorter one at its end. It tells the
// end of the body from an error that is called a lot like it.
func (s *sealer) readBlock() (n int, err error) {
	if s.plain == nil {
		s.plain = make([]byte, blockSize)
	}
	for n < len(s.plain) {
		m, err := s.body.Read(s.plain[n:])
		n += m
		if err == io.EOF {
			s.ended = true
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// remember reports whether a block is what it was when it was sealed before.
func (s *sealer) remember(block int64, tag [secretbox.Overhead]byte) bool {
	for int64(len(s.tags)) <= block {
		s.tags = append(s.tags, [secretbox.Overhead]byte{})
	}
	before := s.tags[block]
	s.tags[block] = tag
	return before == tag || before == [secretbox.Overhead]byte{}
}

// Seek implements io.Seeker for a body that is one.
func (s *sealer) Seek(offset int64, whence int) (int64, error) {
	total := sealedSize(s.size)
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += total
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, errors.New("seek to a negative offset, or from nowhere")
	}
	s.at, s.pending, s.err = offset, nil, nil
	if s.ended = offset >= total; s.ended {
		return offset, nil
	}
	s.next = max(0, offset-headerSize) / sealedBlock
	if _, err := s.seek.Seek(s.start+s.next*blockSize, io.SeekStart); err != nil {
		s.err = err
		return 0, err
	}
	s.body = reading.Exactly(s.src, s.size-s.next*blockSize)
	begin := int64(0)
	if s.next > 0 {
		begin = headerSize + s.next*sealedBlock
	}
	if offset > begin {
		s.fill()
		if s.err != nil {
			return 0, s.err
		}
		s.pending = s.pending[offset-begin:]
	}
	return offset, nil
}
