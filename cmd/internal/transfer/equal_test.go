package transfer

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

func TestEqual(t *testing.T) {
	at := time.Date(2020, 5, 17, 4, 3, 2, 123456789, time.UTC)
	info := func(sha, md5 string, mod time.Time) backend.Info {
		return backend.Info{Size: 5, SHA256: sha, MD5: md5, ModTime: mod}
	}
	for name, test := range map[string]struct {
		a, b backend.Info
		o    Options
		want How
	}{
		"the same hash, another time":       {info("x", "", at), info("x", "", at.Add(time.Hour)), Options{}, ByHash},
		"another hash, the same time":       {info("x", "", at), info("y", "", at), Options{}, ""},
		"SHA-256 comes before MD5":          {info("x", "m", at), info("y", "m", at), Options{}, ""},
		"MD5 where that is all":             {info("x", "m", at), info("", "m", at.Add(time.Hour)), Options{}, ByHash},
		"no common hash, the same time":     {info("x", "", at), info("", "m", at), Options{}, BySizeAndMod},
		"no common hash, strictly":          {info("x", "", at), info("", "m", at), Options{Strict: true}, ""},
		"no hash, verified as far as it is": {info("", "", at), info("", "", at), Options{Verify: true}, BySizeAndMod},
		"another time":                      {info("", "", at), info("", "", at.Add(time.Nanosecond)), Options{}, ""},
		"a store with seconds, cut":         {info("", "", at), info("", "", at.Truncate(time.Second)), Options{}, BySizeAndMod},
		"a store with microseconds":         {info("", "", at), info("", "", at.Truncate(time.Microsecond)), Options{}, BySizeAndMod},
		"a second later":                    {info("", "", at), info("", "", at.Truncate(time.Second).Add(2*time.Second)), Options{}, ""},
		"no time":                           {info("", "", time.Time{}), info("", "", time.Time{}), Options{}, ""},
		"another size":                      {backend.Info{Size: 4, SHA256: "x", ModTime: at}, info("x", "", at), Options{}, ""},
	} {
		side := Side{Backend: filled(t), Name: "f"}
		got, err := equal(t.Context(), side, side, test.a, test.b, test.o)
		if err != nil || got != test.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
}

// TestFilesOfThisMachineAreRead compares what has no hash with what has one.
func TestFilesOfThisMachineAreRead(t *testing.T) {
	remote := filled(t, "f=12345")
	info, err := remote.Stat(t.Context(), "f")
	if err != nil || info.SHA256 == "" {
		t.Fatalf("%v, %v", info, err)
	}
	for content, want := range map[string][3]How{"12345": {ByHash, ByHash, ByHash}, "1234x": {"", "", ""}} {
		for i, o := range []Options{{}, {Verify: true}, {Strict: true}} {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "f"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			mod := info.ModTime
			if i == 0 {
				mod = mod.Add(time.Hour) // or size and time would do
			}
			if err := os.Chtimes(filepath.Join(dir, "f"), mod, mod); err != nil {
				t.Fatal(err)
			}
			mine := Side{Backend: here(t, dir), Name: "f"}
			at, err := mine.Stat(t.Context(), "f")
			if err != nil {
				t.Fatal(err)
			}
			there := Side{Backend: remote, Name: "f"}
			up, err := equal(t.Context(), mine, there, at, info, o)
			if err != nil || up != want[i] {
				t.Errorf("%q up with %+v: %q, %v", content, o, up, err)
			}
			if down, err := equal(t.Context(), there, mine, info, at, o); err != nil || down != want[i] {
				t.Errorf("%q down with %+v: %q, %v", content, o, down, err)
			}
			if both, err := equal(t.Context(), mine, mine, at, at, Options{Strict: true}); err != nil || both != ByHash {
				t.Errorf("two files here: %q, %v", both, err)
			}
		}
	}
}

func TestFilter(t *testing.T) {
	for _, test := range []struct {
		include, exclude []string
		name             string
		dir, out         bool
	}{
		{nil, nil, "a/b", false, false},
		{nil, []string{"*.tmp"}, "a/b.tmp", false, true},
		{nil, []string{"*.tmp"}, "a/b.txt", false, false},
		{nil, []string{"a/*.tmp"}, "a/b.tmp", false, true},
		{nil, []string{"a/*.tmp"}, "c/a/b.tmp", false, false},
		{nil, []string{"/b"}, "a/b", false, false},
		{nil, []string{"/b"}, "b", false, true},
		{nil, []string{"**/x/*.tmp"}, "a/b/x/y.tmp", false, true},
		{nil, []string{"cache/"}, "a/cache", true, true},
		{nil, []string{"cache/"}, "a/cache", false, false},
		{[]string{"*.jpg"}, nil, "a/b.jpg", false, false},
		{[]string{"*.jpg"}, nil, "a/b.txt", false, true},
		{[]string{"*.jpg"}, nil, "a", true, false},
		{[]string{"photos/"}, nil, "a/photos/x/b.txt", false, false},
		{[]string{"*.jpg"}, []string{"b*"}, "a/b.jpg", false, true},
		{nil, []string{"Ж?"}, "a/Жж", false, true},
	} {
		f, err := NewFilter(test.include, test.exclude)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.excludes(test.name, test.dir); got != test.out {
			t.Errorf("%q without %q leaves out %q: %v", test.include, test.exclude, test.name, got)
		}
	}
	for _, wrong := range []string{"", "/", "[a"} {
		if _, err := NewFilter(nil, []string{wrong}); err == nil {
			t.Errorf("%q was taken for a pattern", wrong)
		}
	}
}
