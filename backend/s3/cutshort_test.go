package s3

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// refusing refuses the requests that match one of some texts (see first).
func refusing(fault faultFunc, matches ...string) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
	var all []func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool
	for _, match := range matches {
		all = append(all, first(1<<20, match, fault))
	}
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
		for _, f := range all {
			if f(w, r, next) {
				return true
			}
		}
		return false
	}
}

func (f *server) breaks(fault func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// TestCutShort: a change of several steps that fails in the middle, and cannot be
// taken back then, is finished or taken back before its names are seen again, or by
// the next process. What others have stored meanwhile stays.
func TestCutShort(t *testing.T) {
	ctx := context.Background()
	old := map[string]string{"f": "old", "g": "other", "d/": "", "d/x": "1", "d/y": "2", "e/": ""}
	with := func(gone []string, pairs ...string) map[string]string {
		m := maps.Clone(old)
		for _, key := range gone {
			delete(m, key)
		}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	tree := []string{"d/", "d/x", "d/y"}
	move := func(from, to string) func(*store) error {
		return func(s *store) error { return s.Move(ctx, from, to, backend.MoveOptions{Overwrite: to == "g"}) }
	}
	copies := func(s *store) error { return s.Copy(ctx, "d", "n", backend.CopyOptions{}) }
	remove := func(s *store) error { return s.Remove(ctx, "d", backend.RemoveOptions{}) }
	denied, broken := refuse(403, "AccessDenied"), refuse(500, "InternalError")
	for name, test := range map[string]struct {
		do      func(*store) error
		fault   faultFunc
		matches []string
		other   [2]string // is stored meanwhile
		touched string    // a name
		want    map[string]string
	}{
		"move, removal refused":             {move("f", "n"), denied, []string{"DELETE"}, [2]string{}, "n", with([]string{"f"}, "n", "old")},
		"move, removal lost":                {move("f", "n"), broken, []string{"DELETE"}, [2]string{}, "f", with([]string{"f"}, "n", "old")},
		"move over, removal refused":        {move("f", "g"), denied, []string{"DELETE"}, [2]string{}, "g", with([]string{"f"}, "g", "old")},
		"move, and the target is another":   {move("f", "n"), broken, []string{"DELETE"}, [2]string{"n", "another's"}, "n", with(nil, "n", "another's")},
		"move, and the source is another":   {move("f", "n"), broken, []string{"DELETE"}, [2]string{"f", "another's"}, "n", with(nil, "f", "another's", "n", "old")},
		"move a folder, a removal refused":  {move("d", "n"), denied, []string{"DELETE d/y"}, [2]string{}, "n/x", with(tree, "n/", "", "n/x", "1", "n/y", "2")},
		"move a folder, a removal lost":     {move("d", "n"), broken, []string{"DELETE d/"}, [2]string{}, "d", with(tree, "n/", "", "n/x", "1", "n/y", "2")},
		"move a folder, and one is stored":  {move("d", "n"), broken, []string{"DELETE d/y"}, [2]string{"d/z", "another's"}, "n", with(tree, "n/", "", "n/x", "1", "n/y", "2", "d/z", "another's")},
		"move a folder, not taken back":     {move("d", "n"), denied, []string{"PUT n/y", "DELETE"}, [2]string{}, "n", old},
		"copy a folder, not taken back":     {copies, denied, []string{"PUT n/y", "DELETE"}, [2]string{}, "n", old},
		"copy a folder, a copy was changed": {copies, broken, []string{"PUT n/y", "DELETE"}, [2]string{"n/x", "another's"}, "n", with(nil, "n/x", "another's")},
		"remove a folder":                   {remove, broken, []string{"DELETE d/y"}, [2]string{}, "d/y", with(tree)},
		"remove a folder, one is stored":    {remove, broken, []string{"DELETE d/y"}, [2]string{"d/z", "another's"}, "d", with(tree, "d/z", "another's")},
		"remove a folder, one is replaced":  {remove, broken, []string{"DELETE d/y"}, [2]string{"d/y", "another's"}, "d", with(tree, "d/y", "another's")},
	} {
		for by, again := range map[string]func(*store) error{
			"looked at": func(s *store) error {
				_, err := s.Stat(ctx, test.touched)
				if errors.Is(err, fs.ErrNotExist) {
					err = nil
				}
				return err
			},
			"listed": func(s *store) error { _, _, err := s.List(ctx, "."); return err },
			"changed": func(s *store) error {
				unlock, err := s.lock(ctx, false, intent{}.names(test.touched)...)
				if err == nil {
					unlock()
				}
				return err
			},
			"opened again": nil,
		} {
			t.Run(name+", and "+by, func(t *testing.T) {
				t.Parallel()
				f := newServer(t, old)
				cfg := f.config(Config{StateDir: t.TempDir()})
				s := f.opened(t, cfg, all)
				f.breaks(refusing(test.fault, test.matches...))
				if err := test.do(s); err == nil {
					t.Error("it succeeded")
				}
				f.breaks(nil)
				if test.other[0] != "" {
					f.do(http.MethodPut, test.other[0], test.other[1])
				}
				if again == nil {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
					s = f.opened(t, cfg, all)
					s.tidy.Wait()
				} else if err := again(s); err != nil {
					t.Error(err)
				}
				if left := s.moves.All(); len(left) > 0 {
					t.Errorf("still noted: %v", left)
				}
				f.holds(t, test.want)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestCutShortForGood: what the server does not let be finished is shown as it is,
// and given up when somebody stores something there; but it is not mistaken for
// what it should be by a move. While the server is in trouble it is not shown.
func TestCutShortForGood(t *testing.T) {
	ctx := t.Context()
	f := newServer(t, map[string]string{"f": "old"})
	s := f.open(t, Config{}, all)
	f.breaks(refusing(refuse(403, "AccessDenied"), "DELETE"))
	move := func(from, to string) error { return s.Move(ctx, from, to, backend.MoveOptions{}) }
	if err := move("f", "n"); !errors.Is(err, backend.ErrUncertain) {
		t.Errorf("move: %v", err)
	}
	f.breaks(refusing(refuse(500, "InternalError"), "DELETE"))
	for _, name := range []string{"f", "n"} {
		if _, err := s.Stat(ctx, name); !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("%s is shown in the middle of a move: %v", name, err)
		}
	}
	f.breaks(refusing(refuse(403, "AccessDenied"), "DELETE"))
	for range 2 {
		for _, name := range []string{"f", "n"} {
			if _, err := s.Stat(ctx, name); err != nil {
				t.Error(err)
			}
		}
	}
	if n := f.count("DELETE n"); n != 1 {
		t.Errorf("%d tries to remove the copy, want that of the move alone", n)
	}
	for _, to := range []string{"n", "other"} {
		if err := move("f", to); !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("move to %s: %v", to, err)
		}
	}
	if err := put(s, "n", "new", backend.PutOptions{}); err != nil {
		t.Error(err)
	}
	if left := s.moves.All(); len(left) > 0 {
		t.Errorf("still noted: %v", left)
	}
	f.breaks(nil)
	if _, err := s.Stat(ctx, "f"); err != nil {
		t.Error(err)
	}
	f.holds(t, map[string]string{"f": "old", "n": "new"})
}

// TestNothingRemoved: a folder of which nothing can be removed is as it was, which
// is told, and nothing is done to it later.
func TestNothingRemoved(t *testing.T) {
	objects := map[string]string{"d/": "", "d/x": "1", "d/y": "2"}
	f := newServer(t, objects)
	s := f.open(t, Config{}, all)
	f.breaks(refusing(refuse(403, "AccessDenied"), "DELETE"))
	if err := s.Remove(t.Context(), "d", backend.RemoveOptions{}); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
	f.breaks(nil)
	if _, err := s.Stat(t.Context(), "d"); err != nil || len(s.moves.All()) > 0 {
		t.Errorf("%v, still noted: %v", err, s.moves.All())
	}
	f.holds(t, objects)
}
