package webdav

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"
)

// brokenFs is an afero.Fs that fails at one of its calls: the nth of all.
type brokenFs struct {
	afero.Fs
	calls  []string
	failAt int
}

var errBroken = errors.New("the disk is broken")

func (b *brokenFs) step(call string) error {
	b.calls = append(b.calls, call)
	if len(b.calls) == b.failAt {
		return errBroken
	}
	return nil
}

func (b *brokenFs) Open(name string) (afero.File, error) {
	if err := b.step("open"); err != nil {
		return nil, err
	}
	return b.Fs.Open(name)
}

func (b *brokenFs) OpenFile(name string, flag int, perm fs.FileMode) (afero.File, error) {
	if err := b.step("openfile"); err != nil {
		return nil, err
	}
	f, err := b.Fs.OpenFile(name, flag, perm)
	return &brokenFile{f, b}, err
}

func (b *brokenFs) Stat(name string) (fs.FileInfo, error) {
	if err := b.step("stat"); err != nil {
		return nil, err
	}
	return b.Fs.Stat(name)
}

func (b *brokenFs) Mkdir(name string, perm fs.FileMode) error {
	if err := b.step("mkdir"); err != nil {
		return err
	}
	return b.Fs.Mkdir(name, perm)
}

func (b *brokenFs) Rename(from, to string) error {
	if err := b.step("rename"); err != nil {
		return err
	}
	return b.Fs.Rename(from, to)
}

func (b *brokenFs) Chtimes(name string, atime, mtime time.Time) error {
	if err := b.step("chtimes"); err != nil {
		return err
	}
	return b.Fs.Chtimes(name, atime, mtime)
}

type brokenFile struct {
	afero.File
	fs *brokenFs
}

func (f *brokenFile) Write(p []byte) (int, error) {
	if err := f.fs.step("write"); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *brokenFile) Sync() error {
	if err := f.fs.step("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *brokenFile) Close() error {
	if err := f.fs.step("close"); err != nil {
		f.File.Close()
		return err
	}
	return f.File.Close()
}

// TestPlainWritesAreWholeWhateverBreaks makes each call of a write fail in
// turn: afterwards everything is as before or as intended, and nothing is left
// behind.
func TestPlainWritesAreWholeWhateverBreaks(t *testing.T) {
	mtime := time.Unix(1_700_000_000, 0)
	for name, write := range map[string]func(p *plain, b afero.Fs) error{
		"put over a file": func(p *plain, b afero.Fs) error {
			_, err := p.put(t.Context(), b, "/f", strings.NewReader("new content"), -1, mtime, "", false)
			return err
		},
		"put a new file": func(p *plain, b afero.Fs) error {
			_, err := p.put(t.Context(), b, "/new", strings.NewReader("new content"), 11, mtime, "", true)
			return err
		},
		"copy a file over a file":   func(p *plain, b afero.Fs) error { return p.copy(t.Context(), b, "/f", "/g", true, -1) },
		"copy a tree over a tree":   func(p *plain, b afero.Fs) error { return p.copy(t.Context(), b, "/d", "/e", true, -1) },
		"copy a tree to a name":     func(p *plain, b afero.Fs) error { return p.copy(t.Context(), b, "/d", "/new", false, -1) },
		"move a tree over a tree":   func(p *plain, b afero.Fs) error { return p.move(t.Context(), b, "/d", "/e", true) },
		"move a file over a tree":   func(p *plain, b afero.Fs) error { return p.move(t.Context(), b, "/f", "/e", true) },
		"move a tree over a file":   func(p *plain, b afero.Fs) error { return p.move(t.Context(), b, "/d", "/f", true) },
		"move a file over a file":   func(p *plain, b afero.Fs) error { return p.move(t.Context(), b, "/f", "/g", true) },
		"move a tree to a new name": func(p *plain, b afero.Fs) error { return p.move(t.Context(), b, "/d", "/new", false) },
	} {
		t.Run(name, func(t *testing.T) {
			after := ""
			for failAt := 0; ; failAt++ {
				base := afero.NewBasePathFs(afero.NewOsFs(), t.TempDir())
				for at, content := range map[string]string{"/f": "f", "/g": "old g", "/d/x/y": "y", "/d/z": "z", "/e/old": "old"} {
					if err := base.MkdirAll(at[:strings.LastIndex(at, "/")]+"/", 0o700); err != nil {
						t.Fatal(err)
					}
					if err := afero.WriteFile(base, at, []byte(content), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				before := treeOf(t, base)
				broken := &brokenFs{Fs: base, failAt: failAt}
				err := write(&plain{}, broken)
				got := treeOf(t, base)
				switch {
				case failAt == 0 && err != nil:
					t.Fatal(err)
				case failAt == 0:
					after = got
				case failAt > len(broken.calls):
					return
				case err == nil:
					t.Errorf("a broken %s (call %d) was passed over", broken.calls[failAt-1], failAt)
				case got != before && got != after:
					t.Errorf("after a broken %s (call %d of %v):\n%s\nbefore:\n%s", broken.calls[failAt-1], failAt, broken.calls, got, before)
				}
			}
		})
	}
}

// treeOf lists all names and contents, temporary ones too.
func treeOf(t *testing.T, b afero.Fs) string {
	t.Helper()
	var lines []string
	err := afero.Walk(b, "/", func(name string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		content := ""
		if !info.IsDir() {
			read, err := afero.ReadFile(b, name)
			if err != nil {
				return err
			}
			content = string(read)
		}
		lines = append(lines, fmt.Sprintf("%s %q", name, content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestPlainPutFromABrokenBody(t *testing.T) {
	base := afero.NewBasePathFs(afero.NewOsFs(), t.TempDir())
	if err := afero.WriteFile(base, "/f", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := treeOf(t, base)
	for _, body := range []io.Reader{
		io.MultiReader(strings.NewReader("part"), errReader{errBroken}),
		strings.NewReader("too short for its length"),
	} {
		if _, err := new(plain).put(t.Context(), base, "/f", body, 1000, time.Time{}, "", false); err == nil {
			t.Error("stored")
		}
	}
	if got := treeOf(t, base); got != before {
		t.Errorf("after:\n%s", got)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// TestPlainPutConditionsAtTheLastMoment changes the file while a body is on
// its way.
func TestPlainPutConditionsAtTheLastMoment(t *testing.T) {
	for name, c := range map[string]struct {
		ifMatch  bool
		ifAbsent bool
		at       string
		want     error
	}{
		"match":  {ifMatch: true, at: "/f"},
		"absent": {ifAbsent: true, at: "/new", want: fs.ErrExist},
	} {
		t.Run(name, func(t *testing.T) {
			base := afero.NewMemMapFs()
			if err := afero.WriteFile(base, "/f", []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			tag := ""
			if c.ifMatch {
				info, err := base.Stat("/f")
				if err != nil {
					t.Fatal(err)
				}
				tag = entityTag(info)
			}
			overtake := readerFunc(func([]byte) (int, error) {
				if err := afero.WriteFile(base, c.at, []byte("overtaken"), 0o600); err != nil {
					t.Fatal(err)
				}
				return 0, io.EOF
			})
			_, err := new(plain).put(t.Context(), base, c.at, overtake, -1, time.Time{}, tag, c.ifAbsent)
			if code, _ := statusOf(err); code != 412 || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v", err)
			}
			if content, err := afero.ReadFile(base, c.at); err != nil || string(content) != "overtaken" {
				t.Errorf("%q %v", content, err)
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestPlainTagsDifferWithinOneStepOfTheClock stores content of one size with
// one modification time.
func TestPlainTagsDifferWithinOneStepOfTheClock(t *testing.T) {
	base := afero.NewMemMapFs()
	p, mtime, last := new(plain), time.Unix(1_700_000_000, 0), ""
	for i := range 5 {
		info, err := p.put(t.Context(), base, "/f", strings.NewReader(fmt.Sprint(i)), 1, mtime, "", false)
		if err != nil {
			t.Fatal(err)
		}
		if tag := entityTag(info); tag == last {
			t.Errorf("the tag %s stayed", tag)
		} else {
			last = tag
		}
		if info.ModTime().Unix() != mtime.Unix() {
			t.Errorf("the time became %s", info.ModTime())
		}
	}
}

func TestPlainHidesTemporaries(t *testing.T) {
	root := t.TempDir()
	s := newShare(t, afero.NewBasePathFs(afero.NewOsFs(), root))
	s.put("/f", "f")
	if err := os.WriteFile(root+"/.davdisk-LEFT", []byte("part"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := s.want(207, "PROPFIND", "/", "", "Depth: 1"); strings.Contains(a.body, "davdisk-") {
		t.Errorf("listed: %s", a.body)
	}
	s.want(403, "GET", "/.davdisk-LEFT", "")
	s.want(403, "MOVE", "/f", "", "Destination: /.davdisk-LEFT")
}

// TestPlainSyncsBeforeItRenames: a name must not lead to what a loss of power
// would take away.
func TestPlainSyncsBeforeItRenames(t *testing.T) {
	fs := &brokenFs{Fs: afero.NewMemMapFs()}
	s := newShare(t, fs)
	for _, content := range []string{"old", "new"} {
		fs.calls = nil
		s.put("/f", content)
		sync, rename := slices.Index(fs.calls, "sync"), slices.Index(fs.calls, "rename")
		if sync < 0 || rename < sync {
			t.Errorf("storing %q: %q", content, fs.calls)
		}
	}
}

// TestPlainFollowsLinks: a link is what it stands for, in listings too, and
// one that leads nowhere is not there.
func TestPlainFollowsLinks(t *testing.T) {
	root := t.TempDir()
	for _, err := range []error{
		os.Mkdir(root+"/real", 0o700), os.WriteFile(root+"/real/f", []byte("content"), 0o600),
		os.Symlink("real", root+"/link"), os.Symlink("nowhere", root+"/broken"), os.Symlink("real/f", root+"/file"),
	} {
		if err != nil {
			t.Skip(err)
		}
	}
	s := newShare(t, afero.NewBasePathFs(afero.NewOsFs(), root))
	m := s.want(207, "PROPFIND", "/", "", "Depth: 1").multistatus(t)
	if got := strings.Join(m.hrefs(), " "); got != "/ /file /link/ /real/" {
		t.Errorf("listed: %s", got)
	}
	if p, _ := m.prop("/file", "DAV:", "getcontentlength"); p.Text != "7" {
		t.Errorf("length %s", p.Text)
	}
	s.holds("/link/f", "content")
}
