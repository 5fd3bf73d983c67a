package sftp

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/sshtest"
)

// TestContractWithoutExtensions shows what is left on a server that knows the
// bare protocol.
func TestContractWithoutExtensions(t *testing.T) {
	s := newServer(t)
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
		o := s.options(tb.TempDir())
		o.without = []string{"posix-rename@openssh.com", "fsync@openssh.com", "hardlink@openssh.com", "statvfs@openssh.com"}
		b := mustOpen(tb, o)
		if caps := b.Capabilities(); caps.NoAtomicOverwrite == "" || caps.NoConditionalPut == "" {
			tb.Errorf("it declares %+v", caps)
		}
		return b
	}, backendtest.Unseen("NoConditionalPut", "the conditions are checked again just before the renaming"),
		backendtest.Unseen("NoAtomicOverwrite", "between two renames, of a server on this machine"))
}

// watched does something when a byte is read.
type watched struct {
	io.Reader
	at int
	do func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if w.at > 0 && n >= w.at || w.at == 0 && err != nil {
		w.do()
	}
	w.at -= n
	return n, err
}

// TestLeftovers: what a killed davdisk leaves is hidden, and removed when it is
// a day old; what somebody else has called so is kept.
func TestLeftovers(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	fresh, stale, staleDir := path.Base(ownname.Unfinished(".")), path.Base(ownname.Unfinished(".")), path.Base(ownname.Unfinished("."))
	keep := asideOf(path.Base(ownname.Unfinished(".")))
	for _, name := range []string{fresh, stale, keep, ownname.UnfinishedPrefix + "mine"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, staleDir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-25 * time.Hour)
	for _, name := range []string{stale, staleDir, keep, ownname.UnfinishedPrefix + "mine"} {
		if err := os.Chtimes(filepath.Join(dir, name), before, before); err != nil {
			t.Fatal(err)
		}
	}
	b := mustOpen(t, s.options(dir))
	if names := list(t, b, "."); len(names) > 0 {
		t.Errorf("listed are %q", names)
	}
	if got, want := strings.Join(tree(t, dir), " "), 3; len(strings.Fields(got)) != want || strings.Contains(got, stale) || strings.Contains(got, staleDir) {
		t.Errorf("there is %q", got)
	}
	if _, err := b.Put(t.Context(), ownname.UnfinishedPrefix+"x", strings.NewReader("x"), backend.PutOptions{Size: 1}); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("put under a reserved name: %v", err)
	}
}

func list(t *testing.T, b *Backend, name string) []string {
	t.Helper()
	_, children, err := b.List(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for info, err := range children {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	return names
}

// TestLinks: nothing leads out of the folder, and a folder that holds what is
// not listed is not removed.
func TestLinks(t *testing.T) {
	s, dir, outside := newServer(t), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "d", "e"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"out", "d/e/out"} {
		if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	b := mustOpen(t, s.options(dir))
	ctx, put := t.Context(), backend.PutOptions{Size: 1}
	if names := list(t, b, "."); strings.Join(names, " ") != "d" {
		t.Errorf("listed are %q", names)
	}
	if omitted, err := b.Omitted(ctx, "."); err != nil || len(omitted) != 2 || !errors.Is(errors.Join(omitted...), errors.ErrUnsupported) {
		t.Errorf("omitted are %v, %v", omitted, err)
	}
	if omitted, err := b.Omitted(ctx, "d"); err != nil || len(omitted) != 0 {
		t.Errorf("omitted of a folder without links are %v, %v", omitted, err)
	}
	if _, err := b.Omitted(ctx, "missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("omitted of a folder that is not there: %v", err)
	}
	for _, name := range []string{"out", "file", "out/secret"} {
		_, err := b.Open(ctx, name, "")
		_, putErr := b.Put(ctx, name, strings.NewReader("x"), put)
		_, newErr := b.Put(ctx, path.Join(path.Dir(name), "new"), strings.NewReader("x"), put)
		if !errors.Is(err, fs.ErrPermission) || !errors.Is(putErr, fs.ErrPermission) || path.Dir(name) == "out" && !errors.Is(newErr, fs.ErrPermission) {
			t.Errorf("%s: open %v, put %v, put beside it %v", name, err, putErr, newErr)
		}
	}
	if err := b.Move(ctx, "d", "out/d", backend.MoveOptions{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("move through a link: %v", err)
	}
	if err := b.Remove(ctx, "d", backend.RemoveOptions{}); !errors.Is(err, backend.ErrNotEmpty) {
		t.Errorf("remove of a folder with a link: %v", err)
	}
	if err := backend.CheckRemove(ctx, b, "d"); !errors.Is(err, backend.ErrNotEmpty) {
		t.Errorf("whether it could be removed: %v", err)
	}
	if err := b.Remove(ctx, "out", backend.RemoveOptions{}); err != nil {
		t.Errorf("remove of a link: %v", err)
	}
	if text := tree(t, outside); strings.Join(text, " ") != "secret=secret" {
		t.Errorf("outside there is %q", text)
	}
}

// TestVersionsDiffer: files of one size and one second have versions that
// differ, whatever way one takes the other's place.
func TestVersionsDiffer(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	b := mustOpen(t, s.options(dir))
	ctx, when := t.Context(), time.Date(2020, 2, 2, 2, 2, 2, 0, time.UTC)
	seen := map[string]string{}
	look := func(what, name, content string) {
		t.Helper()
		info, err := b.Stat(ctx, name)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if before, ok := seen[info.Version]; ok && before != content {
			t.Errorf("%s: %q has the version of %q", what, content, before)
		}
		seen[info.Version] = content
	}
	put := func(name, content string) {
		t.Helper()
		info, err := b.Put(ctx, name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content)), ModTime: when})
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime.Sub(when) > 3*time.Second {
			t.Errorf("%q has the time %v", content, info.ModTime)
		}
		look("put", name, content)
	}
	put("a", "one")
	put("a", "two")
	put("b", "six")
	if err := b.Remove(ctx, "b", backend.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	put("b", "ten")
	put("c", "old")
	for _, move := range [][2]string{{"a", "t"}, {"b", "a"}, {"t", "b"}} { // they change places
		if err := b.Move(ctx, move[0], move[1], backend.MoveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	look("after the exchange", "a", "ten")
	look("after the exchange", "b", "two")
	if err := b.Move(ctx, "b", "c", backend.MoveOptions{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	look("after a move over it", "c", "two")
	put("b", "new")
}

// hostileFiles serves one folder whose entries are called as nobody should.
type hostileFiles struct{ names []string }

type hostileInfo struct{ name string }

func (i hostileInfo) Name() string       { return i.name }
func (i hostileInfo) Size() int64        { return 3 }
func (i hostileInfo) Mode() fs.FileMode  { return 0o644 }
func (i hostileInfo) ModTime() time.Time { return time.Unix(1, 0) }
func (i hostileInfo) IsDir() bool        { return false }
func (i hostileInfo) Sys() any           { return nil }

type hostileDir struct{ hostileInfo }

func (hostileDir) Mode() fs.FileMode { return fs.ModeDir | 0o755 }
func (hostileDir) IsDir() bool       { return true }

type infos []fs.FileInfo

func (l infos) ListAt(to []fs.FileInfo, offset int64) (int, error) {
	n := copy(to, l[min(int(offset), len(l)):])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}

func (h hostileFiles) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method != "List" {
		return infos{hostileDir{hostileInfo{"root"}}}, nil
	}
	var all infos
	for _, name := range h.names {
		all = append(all, hostileInfo{name})
	}
	return all, nil
}

func (h hostileFiles) Lstat(r *sftp.Request) (sftp.ListerAt, error) { return h.Filelist(r) }

// TestHostileListing: names that are none are not shown, and never used.
func TestHostileListing(t *testing.T) {
	files := hostileFiles{[]string{"good", "good", "..", ".", "../up", "/etc/passwd", "a/b", "\xff", "nul\x00", "", "line\nbreak", ownname.UnfinishedPrefix + "x"}}
	s := newServer(t, func(s *sshtest.Server) {
		s.Serve = func(channel io.ReadWriteCloser) {
			_ = sftp.NewRequestServer(channel, sftp.Handlers{FileList: files}).Serve()
		}
	})
	b := mustOpen(t, s.options(""))
	names := list(t, b, ".")
	for _, name := range names {
		if err := backend.CheckName("list", name); err != nil || strings.Contains(name, "/") || name == "." {
			t.Errorf("%q is listed", name)
		}
	}
	if strings.Count(strings.Join(names, "|"), "good") != 1 {
		t.Errorf("listed are %q", names)
	}
}

// TestShortServer: a server that keeps fewer bytes than it took has stored
// nothing, and the old file stays.
func TestShortServer(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := mustOpen(t, s.options(dir))
	cut := &watched{Reader: strings.NewReader(strings.Repeat("new", 50_000)), at: 0, do: func() {
		temps, _ := filepath.Glob(filepath.Join(dir, ownname.UnfinishedPrefix+"*"))
		for _, temp := range temps {
			if err := os.Remove(temp); err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(temp, []byte("short"), 0o600); err != nil {
				t.Error(err)
			}
		}
	}}
	cut.at = 150_000
	_, err := b.Put(t.Context(), "f", cut, backend.PutOptions{Size: 150_000})
	if !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), "5 bytes of the 150000") {
		t.Errorf("put: %v", err)
	}
	if got := tree(t, dir); strings.Join(got, " ") != "f=old" {
		t.Errorf("there is %.60q", got)
	}
}
