package httpclient

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestResumer: a range is read to its end over connections that break, and each
// goes on where the last one broke; too many breaks without a byte end it.
func TestResumer(t *testing.T) {
	const text = "0123456789"
	tooMany, refused := errors.New("too many"), errors.New("refused")
	for name, test := range map[string]struct {
		bytes   int // of each connection until it breaks
		refused int // connections that fail, before each that does not
		err     error
	}{
		"whole":              {bytes: 10},
		"breaks at each":     {bytes: 1},
		"refused now, then":  {bytes: 3, refused: 1},
		"refused too often":  {bytes: 3, refused: 3, err: tooMany},
		"breaks without one": {bytes: 0, err: tooMany},
	} {
		t.Run(name, func(t *testing.T) {
			var refusals int
			r := Resumer{
				Fetch: func(_ context.Context, start, end int64) (io.ReadCloser, error) {
					if refusals < test.refused {
						refusals++
						return nil, refused
					}
					refusals = 0
					part := text[start:min(end, start+int64(test.bytes))]
					return io.NopCloser(io.MultiReader(strings.NewReader(part), iotest.ErrReader(io.EOF))), nil
				},
				Broken: func(_ context.Context, cause error, try int, at int64) error {
					if !errors.Is(cause, refused) && !errors.As(cause, new(BrokenBodyError)) {
						t.Errorf("at %d: %v", at, cause)
					}
					if try > 2 {
						return tooMany
					}
					return nil
				},
			}
			body, err := r.Open(t.Context(), 2, 9)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(body)
				if closing := body.Close(); closing != nil {
					t.Error(closing)
				}
			}
			if !errors.Is(err, test.err) || err == nil && string(got) != text[2:9] {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}
