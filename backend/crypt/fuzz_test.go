package crypt

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// FuzzNames decodes any name of the store, which must show as nothing or as a
// name that becomes that one again, and encodes any name, which must come back.
func FuzzNames(f *testing.F) {
	var layouts []*names
	for _, opts := range []Options{{}, {FilenameEncoding: "base64"}, {FilenameEncoding: "base32768", PlainFolders: true}, {FilenameEncryption: "off"}} {
		n, err := newNames(keys{}, opts)
		if err != nil {
			f.Fatal(err)
		}
		layouts = append(layouts, n)
		for _, name := range []string{"a", "report-v2001-02-03-040506-123.txt", strings.Repeat("x", 2031), strings.Repeat("x", 2032)} {
			f.Add(name)
			if stored, ok := n.fileBase(name); ok {
				f.Add(stored)
				f.Add(strings.ToUpper(stored))
				f.Add(stored + "-v2001-02-03-040506-123")
			}
		}
	}
	for _, name := range []string{"", ".", "..", "\n", "=", "-v2001-02-03-040506-123", ".x-v2001-02-03-040506-123", "ƀ", "ɀ", "\xff", "a/b", ".bin", "🎉"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, base string) {
		for _, n := range layouts {
			for _, dir := range []bool{false, true} {
				encode := n.fileBase
				if dir {
					encode = n.folderBase
				}
				if plain, ok := n.plainBase(base, dir); ok {
					if again, ok := encode(plain); !ok || again != base {
						t.Errorf("%q shows as %q, which is stored as %q", base, plain, again)
					}
					if backend.CheckName("", plain) != nil || strings.Contains(plain, "/") || plain == "." {
						t.Errorf("%q shows as %q", base, plain)
					}
				}
				if backend.CheckName("", base) != nil || strings.Contains(base, "/") || base == "." {
					continue
				}
				if stored, ok := encode(base); ok {
					if plain, ok := n.plainBase(stored, dir); !ok || plain != base {
						t.Errorf("%q is stored as %q, which shows as %q, %v", base, stored, plain, ok)
					}
				} else if len(base) < maxEncrypted-16 {
					if _, stamp := cutStamp(base); stamp == "" {
						t.Errorf("%q cannot be stored", base)
					}
				}
			}
		}
	})
}

// FuzzContent reads anything as an encrypted file: it is an error, or what its
// size says, and the same in ranges as whole.
func FuzzContent(f *testing.F) {
	k := keys{}
	for _, size := range []int{0, 1, 100, 65536, 65537} {
		sealed, _, err := newSealer(&k.content, nonce{1, 2, 3}, bytes.NewReader(make([]byte, size)), int64(size))
		if err != nil {
			f.Fatal(err)
		}
		data, err := io.ReadAll(sealed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, int64(size/2), int64(10))
	}
	f.Add([]byte("RCLONE\x00\x00"), int64(0), int64(-1))
	f.Fuzz(func(t *testing.T, data []byte, offset, length int64) {
		inner := memory.New(memory.Options{})
		s, err := newStore(t.Context(), inner, k, Options{})
		if err != nil {
			t.Fatal(err)
		}
		stored, _ := s.names.fileBase("f")
		if _, err := inner.Put(t.Context(), stored, bytes.NewReader(data), backend.PutOptions{Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		c, err := s.Open(t.Context(), "f", "")
		if err != nil {
			if !errors.Is(err, backend.ErrUnavailable) {
				t.Errorf("open: %v", err)
			}
			return
		}
		size := c.Info().Size
		whole, wholeErr := readRange(t, c, 0, -1)
		if wholeErr == nil && int64(len(whole)) != size {
			t.Errorf("%d bytes, %d told", len(whole), size)
		}
		if offset < 0 {
			return
		}
		part, err := readRange(t, c, offset, length)
		if wholeErr != nil {
			return
		}
		begin, end := min(offset, size), size
		if length >= 0 && length < end-begin {
			end = begin + length
		}
		if err != nil || !bytes.Equal(part, whole[begin:end]) {
			t.Errorf("range %d+%d of %d: %d bytes, %v", offset, length, size, len(part), err)
		}
	})
}

func readRange(t *testing.T, c backend.Content, offset, length int64) ([]byte, error) {
	r, err := c.Range(t.Context(), offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
