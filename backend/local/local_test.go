package local_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/local"
)

func TestContract(t *testing.T) {
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend { return open(tb, tb.TempDir()) },
		backendtest.Unseen("NoConditionalPut", "the version is compared again just before the renaming"))
}

func open(tb backendtest.TB, dir string) *local.Backend {
	tb.Helper()
	b, err := local.New(dir, local.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { b.Close() })
	return b
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, b backend.Backend, name, content string, opts backend.PutOptions) (backend.Info, error) {
	t.Helper()
	opts.Size = int64(len(content))
	return b.Put(t.Context(), name, strings.NewReader(content), opts)
}

func read(t *testing.T, b backend.Backend, name string) (string, error) {
	t.Helper()
	c, err := b.Open(t.Context(), name, "")
	if err != nil {
		return "", err
	}
	defer c.Close()
	r, err := c.Range(t.Context(), 0, -1)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

func names(t *testing.T, b backend.Backend, dir string) []string {
	t.Helper()
	_, children, err := b.List(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for info, err := range children {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, info.Name)
	}
	return got
}

func onDisk(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	return got
}

func TestNothingLeadsOutOfTheFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "secret"), "outside")
	write(t, filepath.Join(dir, "plain"), "inside")
	for name, to := range map[string]string{
		"absolute": filepath.Join(outside, "secret"), "folder": outside, "up": "../" + filepath.Base(outside) + "/secret",
		"nowhere": "missing", "loop": "loop", "within": "plain",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	b := open(t, dir)
	if got, want := names(t, b, "."), []string{"plain", "within"}; !slices.Equal(got, want) {
		t.Errorf("the listing has %q, want %q", got, want)
	}
	if got, err := read(t, b, "within"); err != nil || got != "inside" {
		t.Errorf("a link within the folder shows %q, %v", got, err)
	}
	for _, name := range []string{"absolute", "folder", "up", "folder/secret"} {
		if _, err := read(t, b, name); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s was opened: %v", name, err)
		}
		if _, err := put(t, b, name, "overwritten", backend.PutOptions{}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s was written: %v", name, err)
		}
	}
	if _, err := put(t, b, "within", "new", backend.PutOptions{}); err != nil {
		t.Errorf("a link within the folder cannot be written: %v", err)
	}
	if fi, err := os.Lstat(filepath.Join(dir, "within")); err != nil || fi.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link itself was replaced: %v", err)
	}
	if got, _ := read(t, b, "plain"); got != "new" {
		t.Errorf("what the link leads to holds %q", got)
	}
	if err := b.Remove(t.Context(), "folder", backend.RemoveOptions{}); err != nil {
		t.Errorf("a link that leads out cannot be removed: %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(got) != "outside" {
		t.Errorf("outside is now %q, %v", got, err)
	}
	for _, name := range []string{"../x", "/etc/passwd", "a/../../x", ""} {
		if _, err := b.Stat(t.Context(), name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("stat of %q: %v", name, err)
		}
	}
}

func TestAWalkComesToAnEnd(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"a/self": ".", "a/up": "..", "a/to-b": "../b", "b/to-a": "../a"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	b := open(t, dir)
	var walk func(name string) []string
	walk = func(name string) []string {
		var all []string
		for _, child := range names(t, b, name) {
			all = append(all, path.Join(name, child))
			all = append(all, walk(path.Join(name, child))...)
		}
		return all
	}
	if got, want := walk("."), []string{"a", "a/to-b", "b", "b/to-a"}; !slices.Equal(got, want) {
		t.Errorf("the walk met %q, want %q", got, want)
	}
}

func TestAFailedPutLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	broken := io.MultiReader(strings.NewReader("half"), failing{})
	if _, err := b.Put(t.Context(), "f", broken, backend.PutOptions{Size: 100}); !errors.Is(err, errBroken) {
		t.Errorf("a broken body answered %v", err)
	}
	if _, err := b.Put(t.Context(), "f", strings.NewReader("short"), backend.PutOptions{Size: 100}); err == nil {
		t.Error("a short body was stored")
	}
	if got := onDisk(t, dir); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
}

var errBroken = errors.New("the line broke")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

const leftFile, leftTree = ".~davdisk-OLDOLDOLDOLDOLDOLDOLDOLDOL", ".~davdisk-TREETREETREETREETREETREETR"

// TestLeftoversAreSwept has what a killed process left, at the top and deep
// below, beside what another one is at work on, and somebody's own file.
func TestLeftoversAreSwept(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(filepath.Join(deep, leftTree), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(deep, leftTree, "f"), "x")
	write(t, filepath.Join(dir, ".~davdisk-notes"), "somebody's")
	now := time.Now()
	clock := func() time.Time { return now }
	if runtime.GOOS == "windows" {
		clock = func() time.Time { return now.Add(25 * time.Hour) }
	}
	busy := open(t, dir)
	write(t, filepath.Join(dir, leftFile), "left by a killed process")
	if _, err := busy.Stat(t.Context(), "a/b/"+leftTree+"/f"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a hidden name can be asked for: %v", err)
	}
	// While this body is read, another backend sweeps.
	body := onRead{strings.NewReader("content"), func() {
		other, err := local.New(dir, local.Options{Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		for _, folder := range []string{".", "a", "a/b"} {
			names(t, other, folder)
		}
	}}
	if _, err := busy.Put(t.Context(), "a/new", body, backend.PutOptions{Size: 7}); err != nil {
		t.Errorf("an upload was swept: %v", err)
	}
	if got, want := onDisk(t, dir), []string{".~davdisk-notes", "a"}; !slices.Equal(got, want) {
		t.Errorf("there is %q, want %q", got, want)
	}
	if got := onDisk(t, deep); len(got) != 0 {
		t.Errorf("deep below there is still %q", got)
	}
}

// TestLeftoversAreSweptAtStart looks at nothing but the disk.
func TestLeftoversAreSweptAtStart(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there only an age of a day tells")
	}
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(filepath.Join(deep, leftTree), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(deep, leftFile), "x")
	open(t, dir)
	for deadline := time.Now().Add(time.Minute); len(onDisk(t, deep)) > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("deep below there is still %q", onDisk(t, deep))
		}
	}
}

// onRead does something before it is read.
type onRead struct {
	io.Reader
	do func()
}

func (r onRead) Read(p []byte) (int, error) {
	r.do()
	return r.Reader.Read(p)
}

func TestAWriteInPlaceIsNoticed(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if _, err := put(t, b, "f", "before", backend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	c, err := b.Open(t.Context(), "f", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	write(t, filepath.Join(dir, "f"), "other length")
	r, err := c.Range(t.Context(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, err := io.ReadAll(r); !errors.Is(err, backend.ErrChanged) {
		t.Errorf("read %q, %v, want ErrChanged", data, err)
	}
}

func TestAVersionIsThatOfTheBytes(t *testing.T) {
	b := open(t, t.TempDir())
	when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	first, err := put(t, b, "f", "content A", backend.PutOptions{ModTime: when})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SetModTime(t.Context(), "f", when.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := b.Move(t.Context(), "f", "g", backend.MoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if info, err := b.Stat(t.Context(), "g"); err != nil || info.Version != first.Version {
		t.Errorf("the same bytes had the version %q and have %q, %v", first.Version, info.Version, err)
	}
	seen := map[string]bool{first.Version: true}
	for _, content := range []string{"content B", "content C", "content D"} {
		info, err := put(t, b, "g", content, backend.PutOptions{ModTime: when})
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && seen[info.Version] {
			t.Errorf("%q, of the same size and time as others, has a version that was there before", content)
		}
		seen[info.Version] = true
	}
}

func TestPermissionBitsSurvive(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	dir := t.TempDir()
	b := open(t, dir)
	write(t, filepath.Join(dir, "f"), "old")
	if err := os.Chmod(filepath.Join(dir, "f"), 0o740); err != nil {
		t.Fatal(err)
	}
	if _, err := put(t, b, "f", "new", backend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Copy(t.Context(), "f", "g", backend.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f", "g"} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Mode().Perm() != 0o740 {
			t.Errorf("%s has %v, %v", name, fi.Mode(), err)
		}
	}
}

func TestErrorsDoNotTellWhereTheFolderLies(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	_, err := b.Stat(t.Context(), strings.Repeat("x", 300))
	if !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name of 300 bytes: %v", err)
	}
	if _, err := read(t, b, "missing"); err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("the error is %v", err)
	}
}

func TestTheDriverWantsAFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "x")
	r := backend.NewRegistry(backend.Env{})
	r.Register(local.Driver())
	for address, kind := range map[string]error{dir + "/missing": fs.ErrNotExist, dir + "/file": backend.ErrNotDir} {
		if _, err := r.Open(t.Context(), address); !errors.Is(err, kind) {
			t.Errorf("open of %s: %v", filepath.Base(address), err)
		}
	}
	b, err := r.Open(t.Context(), "local:"+filepath.ToSlash(dir))
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, b, "."); !slices.Equal(got, []string{"file"}) {
		t.Errorf("it holds %q", got)
	}
	b.(io.Closer).Close()
}
