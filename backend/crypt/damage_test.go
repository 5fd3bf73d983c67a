package crypt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/memory"
)

// sizes are those at which blocks begin and end.
var sizes = []int{0, 1, 65535, 65536, 65537, 131072, 131073}

// stored puts a file and returns its only name in the store below, and what is
// stored there.
func stored(t *testing.T, b backend.Backend, inner backend.Backend, name string, content []byte) (string, []byte) {
	t.Helper()
	if _, err := b.Put(t.Context(), name, bytes.NewReader(content), backend.PutOptions{Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	_, children, err := inner.List(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for info := range children {
		sealed, err := readFile(t.Context(), inner, info.Name)
		if err != nil {
			t.Fatal(err)
		}
		return info.Name, sealed
	}
	t.Fatal("nothing is stored")
	return "", nil
}

func put(t *testing.T, b backend.Backend, name string, content []byte) {
	t.Helper()
	if _, err := b.Put(t.Context(), name, bytes.NewReader(content), backend.PutOptions{Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
}

// TestDamageIsAnError changes a byte at a time, cuts at every kind of place and
// adds: the file is read as it was or not at all.
func TestDamageIsAnError(t *testing.T) {
	const border = 32 + 65536 + 16 // at which a cut shows in nothing
	for _, size := range sizes {
		content := bytes.Repeat([]byte("davdisk!"), size/8+1)[:size]
		inner := memory.New(memory.Options{})
		b := open(t, inner, crypt.Options{})
		name, good := stored(t, b, inner, "f", content)
		damages := map[string][]byte{"nothing": {}, "one byte more": append(slices.Clone(good), 0)}
		for _, at := range []int{0, 7, 8, 31, 32, 47, 48, 100, len(good) - 1} {
			if at < len(good) && (size > 0 || at < 8) { // the nonce of nothing means nothing
				bad := slices.Clone(good)
				bad[at] ^= 0x40
				damages[fmt.Sprintf("byte %d changed", at)] = bad
			}
		}
		for _, at := range []int{1, 8, 31, 33, 48, 49, border - 1, border + 1, border + 16, border + 17, len(good) - 1} {
			if at < len(good) {
				damages[fmt.Sprintf("cut at %d", at)] = good[:at]
			}
		}
		if size > 65536 { // two blocks in the wrong order
			damages["other order"] = slices.Concat(good[:32], good[border:], good[32:border])
		}
		for what, bad := range damages {
			put(t, inner, name, bad)
			b := open(t, inner, crypt.Options{}) // which remembers no nonce
			got, err := readFile(t.Context(), b, "f")
			if !errors.Is(err, backend.ErrUnavailable) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d bytes, %s: read %d bytes, %v", size, what, len(got), err)
			}
			if !bytes.HasPrefix(content, got) {
				t.Errorf("%d bytes, %s: what was read is not what was written", size, what)
			}
		}
		put(t, inner, name, good)
		if got, err := readFile(t.Context(), b, "f"); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, whole again: %d bytes, %v", size, len(got), err)
		}
	}
}

// TestAFileThatIsNoneIsListedWithAnError shows the name of such a file, and no
// size.
func TestAFileThatIsNoneIsListedWithAnError(t *testing.T) {
	inner := memory.New(memory.Options{})
	b := open(t, inner, crypt.Options{})
	name, _ := stored(t, b, inner, "f", []byte("x"))
	put(t, inner, name, []byte("short"))
	_, children, err := b.List(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for info, err := range children {
		if info.Name != "f" || !errors.Is(info.Err, backend.ErrUnavailable) || err != nil {
			t.Errorf("listed %+v, %v", info, err)
		}
	}
	if _, err := b.Stat(t.Context(), "f"); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("stat: %v", err)
	}
	if _, err := b.Open(t.Context(), "f", ""); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("open: %v", err)
	}
}

// TestABodyThatBreaksIsNotShorter: an error of the source that looks like its end
// is none.
func TestABodyThatBreaksIsNotShorter(t *testing.T) {
	for _, size := range []int64{-1, 70_000} {
		for _, broken := range []error{io.ErrUnexpectedEOF, errors.New("broken")} {
			inner := memory.New(memory.Options{})
			b := open(t, inner, crypt.Options{})
			body := io.MultiReader(bytes.NewReader(make([]byte, 66_000)), iotest.ErrReader(broken))
			if _, err := b.Put(t.Context(), "f", body, backend.PutOptions{Size: size}); !errors.Is(err, broken) {
				t.Errorf("size %d, %v: %v", size, broken, err)
			}
			if _, err := b.Stat(t.Context(), "f"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("size %d, %v: stored, %v", size, broken, err)
			}
		}
	}
}

// strangers are two entries that are not encrypted.
func strangers(t *testing.T, inner backend.Backend, folder string) {
	t.Helper()
	put(t, inner, folder+"README.md", []byte("not encrypted"))
	if err := inner.Mkdir(t.Context(), folder+"not encrypted"); err != nil {
		t.Fatal(err)
	}
}

// TestWhatDoesNotDecryptIsKept leaves it out of listings, says so once, and
// keeps its folder.
func TestWhatDoesNotDecryptIsKept(t *testing.T) {
	ctx := t.Context()
	inner := memory.New(memory.Options{})
	var log bytes.Buffer
	b := open(t, inner, crypt.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	log.Reset()
	for _, dir := range []string{"d", "d/e"} {
		if err := b.Mkdir(ctx, dir); err != nil {
			t.Fatal(err)
		}
	}
	put(t, b, "d/e/f", []byte("mine"))
	below := "."
	for range 2 { // the names of d and d/e in the store below
		_, children, err := inner.List(ctx, below)
		if err != nil {
			t.Fatal(err)
		}
		for info := range children {
			below = strings.TrimPrefix(below+"/"+info.Name, "./")
		}
	}
	strangers(t, inner, below+"/")
	for range 3 {
		if got := readStore(t, b); len(got) != 1 || string(got["d/e/f"]) != "mine" {
			t.Errorf("shown: %q", got)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "entries=2") {
		t.Errorf("the log has %d warnings: %s", n, log.String())
	}
	omitter, ok := backend.As[interface {
		backend.Backend
		omitting
	}](b)
	if !ok {
		t.Fatal("a copy of the folder would not tell what it leaves out")
	}
	if omitted, err := omitter.Omitted(ctx, "d/e"); err != nil || len(omitted) != 2 {
		t.Errorf("omitted: %v, %v", omitted, err)
	}
	for _, opts := range []backend.RemoveOptions{{}, {Permanent: true}, {IfEmpty: true}} {
		if err := b.Remove(ctx, "d", opts); !errors.Is(err, backend.ErrNotEmpty) {
			t.Errorf("remove of the tree, %+v: %v", opts, err)
		}
	}
	if err := backend.CheckRemove(ctx, b, "d"); !errors.Is(err, backend.ErrNotEmpty) {
		t.Errorf("check: %v", err)
	}
	if err := b.Remove(ctx, "d/e/f", backend.RemoveOptions{}); err != nil {
		t.Error(err)
	}
	for _, opts := range []backend.RemoveOptions{{}, {IfEmpty: true}} {
		if err := b.Remove(ctx, "d/e", opts); !errors.Is(err, backend.ErrNotEmpty) {
			t.Errorf("remove of a folder that looks empty, %+v: %v", opts, err)
		}
	}
	if err := b.Move(ctx, "d/e", "moved", backend.MoveOptions{}); err != nil {
		t.Errorf("move: %v", err)
	}
	if err := b.Remove(ctx, "d", backend.RemoveOptions{}); err != nil {
		t.Errorf("remove of what is empty: %v", err)
	}
}

type omitting interface {
	Omitted(ctx context.Context, name string) ([]error, error)
}

// TestAWrongPassword is refused when the store is opened, unless there is
// nothing to try it on.
func TestAWrongPassword(t *testing.T) {
	for name, opts := range layouts {
		for what, fill := range map[string]func(b, inner backend.Backend){
			"a file":              func(b, inner backend.Backend) { put(t, b, "f", []byte("x")) },
			"an empty and a file": func(b, inner backend.Backend) { put(t, b, "a", nil); put(t, b, "f", []byte("x")) },
			"a file in a folder": func(b, inner backend.Backend) {
				if err := b.Mkdir(t.Context(), "d"); err != nil {
					t.Fatal(err)
				}
				put(t, b, "d/f", []byte("x"))
			},
			"a large file":          func(b, inner backend.Backend) { put(t, b, "f", make([]byte, 100_000)) },
			"what is not encrypted": func(b, inner backend.Backend) { put(t, inner, "README.md", []byte("x")) },
			"one name that passes for decrypted": func(b, inner backend.Backend) {
				for i := range 5 {
					put(t, b, fmt.Sprintf("f%d", i), []byte("x"))
				}
				name, err := crypt.StoredName(crypt.Keys{}, opts, "by chance")
				if err != nil {
					t.Fatal(err)
				}
				put(t, inner, name, []byte("what another key has written"))
			},
			"nothing": func(b, inner backend.Backend) {},
		} {
			inner := memory.New(memory.Options{})
			fill(open(t, inner, opts), inner)
			var log bytes.Buffer
			wrong := opts
			wrong.Log = slog.New(slog.NewTextHandler(&log, nil))
			b, err := crypt.NewWithKeys(t.Context(), inner, crypt.Keys{}, wrong)
			if what == "nothing" {
				if err != nil || !strings.Contains(log.String(), "nothing yet") {
					t.Errorf("%s, %s: %v, and the log has %q", name, what, err, log.String())
				}
				continue
			}
			if err == nil {
				t.Errorf("%s, %s: opened with %v", name, what, readStore(t, b))
			} else if !strings.Contains(err.Error(), "password") {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			if what != "what is not encrypted" {
				open(t, inner, opts)
			}
		}
	}
}
