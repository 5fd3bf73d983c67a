package reading

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestChecked(t *testing.T) {
	const content = "the content of a file"
	wrong := errors.New("wrong")
	strong, weak := sha256.Sum256([]byte(content)), md5.Sum([]byte(content))
	for name, test := range map[string]struct {
		sha256, md5, got string
		err              error
	}{
		"its SHA-256":      {hex.EncodeToString(strong[:]), "not looked at", content, nil},
		"in capitals":      {strings.ToUpper(hex.EncodeToString(strong[:])), "", content, nil},
		"its MD5":          {"", hex.EncodeToString(weak[:]), content, nil},
		"no hash":          {"", "", "anything", nil},
		"the first byte":   {hex.EncodeToString(strong[:]), "", "T" + content[1:], wrong},
		"the last byte":    {"", hex.EncodeToString(weak[:]), content[:20] + "E", wrong},
		"shorter":          {hex.EncodeToString(strong[:]), "", content[:20], nil}, // its reader has to notice
		"longer, and more": {hex.EncodeToString(strong[:]), "", content + "!", wrong},
	} {
		for _, step := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader, func(r io.Reader) io.Reader { return r }} {
			got, err := io.ReadAll(Checked(step(strings.NewReader(test.got)), int64(len(content)), NewCheck(test.sha256, test.md5), wrong))
			if !errors.Is(err, test.err) {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil && string(got) != test.got || err != nil && len(got) >= len(content)+1 {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}
