package davxml

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decoded finds out how a document is encoded (XML 1.0, appendix F): by a byte
// order mark, or by how its first character is written. A declaration in it says
// the rest, and must not say something else but UTF-8, of which encoding/xml asks
// nothing; charsetReader judges that.
func decoded(r io.Reader) (document io.Reader, charsetReader func(label string, input io.Reader) (io.Reader, error)) {
	buf := bufio.NewReader(r)
	begin, _ := buf.Peek(3)
	marked := false
	switch {
	case bytes.HasPrefix(begin, []byte("\xEF\xBB\xBF")):
		buf.Discard(3)
		marked = true
	case bytes.HasPrefix(begin, []byte("\xFE\xFF")), bytes.HasPrefix(begin, []byte("\x00<")):
		return fromUTF16(buf, unicode.BigEndian, "utf-16be")
	case bytes.HasPrefix(begin, []byte("\xFF\xFE")), bytes.HasPrefix(begin, []byte("<\x00")):
		return fromUTF16(buf, unicode.LittleEndian, "utf-16le")
	}
	return buf, func(label string, input io.Reader) (io.Reader, error) {
		switch name := strings.ToLower(label); {
		case name == "utf8":
			return input, nil
		case marked: // and is no UTF-8
		case slices.Contains([]string{"us-ascii", "ascii", "iso646-us", "ansi_x3.4-1968"}, name):
			return asciiReader{input}, nil
		case slices.Contains([]string{"iso-8859-1", "iso_8859-1", "iso8859-1", "latin1", "l1"}, name):
			return charmap.ISO8859_1.NewDecoder().Reader(input), nil
		}
		return nil, errEncoding(label)
	}
}

// fromUTF16 decodes UTF-16; own is the name of the one with that byte order.
func fromUTF16(r io.Reader, order unicode.Endianness, own string) (io.Reader, func(string, io.Reader) (io.Reader, error)) {
	document := unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(r)
	return document, func(label string, input io.Reader) (io.Reader, error) {
		if name := strings.ToLower(label); name != "utf-16" && name != own {
			return nil, errEncoding(label)
		}
		return input, nil
	}
}

func errEncoding(label string) error { return fmt.Errorf("encoding %.40q", label) }

// asciiReader refuses what is not ASCII.
type asciiReader struct{ io.Reader }

func (r asciiReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if slices.ContainsFunc(p[:n], func(b byte) bool { return b > 0x7f }) {
		return 0, errors.New("a character that is not ASCII")
	}
	return n, err
}
