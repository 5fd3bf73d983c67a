package reading

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestExactly: a consumer that counts never gets as many bytes as announced of
// a source that is not exactly that long.
func TestExactly(t *testing.T) {
	gone := errors.New("gone")
	readers := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
		"with the end": iotest.DataErrReader,
	}
	for _, test := range []struct {
		src     string
		size    int64
		then    error
		want    error
		message string
	}{
		{src: "", size: 0},
		{src: "hello", size: 5},
		{src: "hello", size: -1},
		{src: "hello", size: 6, want: io.ErrUnexpectedEOF, message: "the body has 5 bytes, 6 announced"},
		{src: "", size: 6, want: io.ErrUnexpectedEOF, message: "the body has 0 bytes, 6 announced"},
		{src: "hello", size: 0, message: "the body has at least 5 bytes, 0 announced"},
		{src: "hello", size: 4, message: "the body has at least 5 bytes, 4 announced"},
		{src: "hello", size: 5, then: gone, want: gone, message: "gone"},
		{src: "hello", size: 6, then: gone, want: gone, message: "gone"},
	} {
		for name, reader := range readers {
			src := io.Reader(strings.NewReader(test.src))
			if test.then != nil {
				src = io.MultiReader(src, iotest.ErrReader(test.then))
			}
			r := Exactly(reader(src), test.size)
			got, err := io.ReadAll(r)
			if test.message == "" {
				if err != nil || string(got) != test.src {
					t.Errorf("%q as %d, %s: %q, %v", test.src, test.size, name, got, err)
				}
				continue
			}
			if err == nil || !errors.Is(err, test.want) && test.want != nil || test.want == nil && errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q as %d, %s: %v, want %v", test.src, test.size, name, err, test.want)
			} else if name == "whole" && err.Error() != test.message {
				t.Errorf("%q as %d: %q, want %q", test.src, test.size, err, test.message)
			}
			if test.size > 0 && int64(len(got)) >= test.size {
				t.Errorf("%q as %d, %s: all %d bytes were returned", test.src, test.size, name, len(got))
			}
			if n, again := r.Read(make([]byte, 1)); n > 0 || again != err {
				t.Errorf("%q as %d, %s: then %d, %v", test.src, test.size, name, n, again)
			}
		}
	}
	content := bytes.Repeat([]byte("content"), 1000)
	if err := iotest.TestReader(Exactly(bytes.NewBuffer(content), int64(len(content))), content); err != nil {
		t.Error(err)
	}
}

func TestUntil(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := Until(ctx, io.MultiReader(strings.NewReader("one"), readerFunc(func(p []byte) (int, error) {
		cancel() // while it is being read
		return copy(p, "two"), io.EOF
	})))
	if got, err := io.ReadAll(r); string(got) != "one" || !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", got, err)
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("afterwards: %d, %v", n, err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
