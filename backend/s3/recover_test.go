package s3

import (
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// TestRecover: what a killed process has left is finished if all was copied, or
// else taken back, and nothing of which there is one copy alone is removed.
func TestRecover(t *testing.T) {
	dir := func(copied bool, age time.Duration) map[string]intent {
		return map[string]intent{"a": {To: "b", Dir: true, Copied: copied, Begun: time.Now().Add(-age)}}
	}
	file := map[string]intent{"a": {To: "b", Begun: time.Now()}}
	both := map[string]string{"a/": "", "a/1": "1", "a/2": "2", "b/": "", "b/1": "1"}
	for name, test := range map[string]struct {
		moves         map[string]intent
		objects, want map[string]string
	}{
		"copying": {dir(false, 0), both, map[string]string{"a/": "", "a/1": "1", "a/2": "2"}},
		"copying, and a copy was changed": {dir(false, 0),
			map[string]string{"a/": "", "a/1": "1", "b/": "", "b/1": "another's"}, map[string]string{"a/": "", "a/1": "1", "b/1": "another's"}},
		"copying, and the source was removed": {dir(false, 0),
			map[string]string{"a/": "", "b/": "", "b/1": "1"}, map[string]string{"a/": "", "b/1": "1"}},
		"removing": {dir(true, 0),
			map[string]string{"a/": "", "a/2": "2", "b/": "", "b/1": "1", "b/2": "2"}, map[string]string{"b/": "", "b/1": "1", "b/2": "2"}},
		"removing, and another was stored": {dir(true, 0),
			map[string]string{"a/2": "2", "a/new": "n", "b/": "", "b/2": "2"}, map[string]string{"a/new": "n", "b/": "", "b/2": "2"}},
		"removing, and the copy was removed": {dir(true, 0),
			map[string]string{"a/": "", "a/2": "2", "b/1": "1"}, map[string]string{"a/": "", "a/2": "2", "b/1": "1"}},
		"long ago":                        {dir(false, 25*time.Hour), both, both},
		"in the future":                   {dir(true, -time.Hour), both, both},
		"a file, copied":                  {file, map[string]string{"a": "1", "b": "1"}, map[string]string{"b": "1"}},
		"a file, not copied":              {file, map[string]string{"a": "1"}, map[string]string{"a": "1"}},
		"a file over another, not copied": {file, map[string]string{"a": "1", "b": "0"}, map[string]string{"a": "1", "b": "0"}},
		"a file, done":                    {file, map[string]string{"b": "1"}, map[string]string{"b": "1"}},
		"names that begin alike":          {dir(false, 0), map[string]string{"a/1": "1", "ab/1": "1", "b/1": "1", "bb/1": "1"}, map[string]string{"a/1": "1", "ab/1": "1", "bb/1": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, test.objects)
			cfg := f.config(Config{StateDir: t.TempDir()})
			killed := f.opened(t, cfg, all)
			for from, m := range test.moves {
				if err := killed.moves.set(from, m); err != nil {
					t.Fatal(err)
				}
			}
			if err := killed.Close(); err != nil {
				t.Fatal(err)
			}
			s := f.open(t, cfg, all)
			s.tidy.Wait()
			f.holds(t, test.want)
			if left := s.moves.All(); len(left) > 0 {
				t.Errorf("still noted: %v", left)
			}
		})
	}
}

// TestRecoverFails: a move that cannot be finished now is finished by the next
// process.
func TestRecoverFails(t *testing.T) {
	f := newServer(t, map[string]string{"a/1": "1", "b/1": "1"})
	cfg := f.config(Config{StateDir: t.TempDir()})
	for _, fails := range []bool{true, false} {
		f.fault = nil
		if fails {
			f.fault = first(100, "DELETE", refuse(http.StatusInternalServerError, "InternalError"))
		}
		s := f.opened(t, cfg, all)
		if fails {
			s.tidy.Wait()
			if err := s.moves.set("a", intent{To: "b", Dir: true, Copied: true, Begun: time.Now()}); err != nil {
				t.Fatal(err)
			}
			s.recover()
		}
		s.tidy.Wait()
		if left := len(s.moves.All()); (left > 0) != fails {
			t.Errorf("%d moves are noted, and removals fail: %v", left, fails)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f.holds(t, map[string]string{"b/1": "1"})
}

// TestRecoverUploads: the parts of a killed upload are removed, and those of
// others stay.
func TestRecoverUploads(t *testing.T) {
	f := newServer(t, nil)
	cfg := f.config(Config{StateDir: t.TempDir(), PartSize: 4})
	killed := f.opened(t, cfg, all)
	m, err := killed.begin(t.Context(), "ours", headers("ours", time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.send(t.Context(), newPart([]byte("part"))); err != nil {
		t.Fatal(err)
	}
	others := f.opened(t, f.config(Config{}), all)
	if _, err := others.begin(t.Context(), "ours", headers("ours", time.Time{})); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(killed.Close(), others.Close()); err != nil {
		t.Fatal(err)
	}
	if n := f.uploads(); n != 2 {
		t.Fatalf("%d uploads are under way", n)
	}
	s := f.open(t, cfg, all)
	s.tidy.Wait()
	if n := f.uploads(); n != 1 || len(s.uploads.All()) > 0 {
		t.Errorf("%d uploads are left, noted are %v", n, s.uploads.All())
	}
	f.holds(t, map[string]string{})
}

// TestForeignFolders: folders without markers are seen, and stay when the last of
// their content goes.
func TestForeignFolders(t *testing.T) {
	ctx := t.Context()
	f := newServer(t, map[string]string{"a/b/f": "1", "c/f": "2"})
	s := f.open(t, Config{}, all)
	for _, name := range []string{"a", "a/b"} {
		if info, err := s.Stat(ctx, name); err != nil || !info.Dir {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	if err := s.Mkdir(ctx, "a/b"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("mkdir: %v", err)
	}
	if err := put(s, "a", "x", backend.PutOptions{}); !errors.Is(err, backend.ErrIsDir) {
		t.Errorf("put: %v", err)
	}
	if err := s.Remove(ctx, "a/b", backend.RemoveOptions{}); err != nil {
		t.Error(err)
	}
	if err := s.Move(ctx, "c/f", "a/f", backend.MoveOptions{}); err != nil {
		t.Error(err)
	}
	f.holds(t, map[string]string{"a/": "", "a/f": "2", "c/": ""})
}

// TestHiddenKeys: keys that are no names, and a folder with the name of a file,
// are not shown, and keep their folder from being removed.
func TestHiddenKeys(t *testing.T) {
	ctx := t.Context()
	for key, shown := range map[string]string{
		"d/x//y": "", "d/./y": "", "d/../y": "", "d//": "", "d/x": "x", "d/x/": "x", "d/z/": "z",
	} {
		objects := map[string]string{"d/": "", key: "content"}
		if key == "d/x" {
			objects["d/x/y"] = "1"
		}
		f := newServer(t, objects)
		s := f.open(t, Config{}, all)
		_, children, err := s.List(ctx, "d")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for info := range children {
			names = append(names, info.Name)
		}
		if got := strings.Join(names, " "); got != shown && !(key == "d/x//y" && got == "x") {
			t.Errorf("%s: listed are %q", key, names)
		}
		for _, opts := range []backend.RemoveOptions{{}, {IfEmpty: true}} {
			if err := s.Remove(ctx, "d", opts); !errors.Is(err, backend.ErrNotEmpty) {
				t.Errorf("%s: remove: %v", key, err)
			}
		}
		if err := backend.CheckRemove(ctx, s, "d"); !errors.Is(err, backend.ErrNotEmpty) {
			t.Errorf("%s: %v", key, err)
		}
		f.holds(t, objects)
		if err := s.Move(ctx, "d", "e", backend.MoveOptions{}); err != nil {
			t.Errorf("%s: move: %v", key, err)
		}
		moved := map[string]string{}
		for at, content := range objects {
			moved["e"+at[1:]] = content
		}
		f.holds(t, moved)
		if maps.Equal(objects, moved) {
			t.Error("nothing was moved")
		}
	}
}

// TestFileAndFolder: of a file and a folder with one name the file is shown, and
// can be replaced, moved and removed. Nothing happens to the folder by that.
func TestFileAndFolder(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(*store) error
		err  error
		want map[string]string
	}{
		"replace":     {func(s *store) error { return put(s, "a", "new", backend.PutOptions{}) }, nil, map[string]string{"a": "new", "a/b": "2", "f": "3"}},
		"create":      {func(s *store) error { return put(s, "a", "new", backend.PutOptions{IfAbsent: true}) }, fs.ErrExist, nil},
		"mkdir":       {func(s *store) error { return s.Mkdir(t.Context(), "a") }, fs.ErrExist, nil},
		"remove":      {func(s *store) error { return s.Remove(t.Context(), "a", backend.RemoveOptions{}) }, nil, map[string]string{"a/b": "2", "f": "3"}},
		"move":        {func(s *store) error { return s.Move(t.Context(), "a", "n", backend.MoveOptions{}) }, nil, map[string]string{"n": "1", "a/b": "2", "f": "3"}},
		"move over":   {func(s *store) error { return s.Move(t.Context(), "f", "a", backend.MoveOptions{Overwrite: true}) }, nil, map[string]string{"a": "3", "a/b": "2"}},
		"move onto":   {func(s *store) error { return s.Move(t.Context(), "f", "a", backend.MoveOptions{}) }, fs.ErrExist, nil},
		"by its name": {func(s *store) error { return s.Remove(t.Context(), "a/b", backend.RemoveOptions{}) }, nil, map[string]string{"a": "1", "a/": "", "f": "3"}},
	} {
		old := map[string]string{"a": "1", "a/b": "2", "f": "3"}
		f := newServer(t, old)
		s := f.open(t, Config{}, all)
		below, err := s.Open(t.Context(), "a/b", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := test.do(s); !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		}
		if r, err := below.Range(t.Context(), 0, -1); name != "by its name" && err != nil {
			t.Errorf("%s: what is open below: %v", name, err)
		} else if err == nil {
			r.Close()
		}
		below.Close()
		if test.want == nil {
			test.want = old
		}
		f.holds(t, test.want)
	}
}
