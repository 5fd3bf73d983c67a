package backend

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// opened records what a driver was asked to open.
type opened struct {
	Backend
	driver, root string
	opts         map[string]string
}

func recorder(name string, options ...Option) Driver {
	return Driver{Name: name, Options: options, Open: func(_ context.Context, root string, opts map[string]string, _ Env) (Backend, error) {
		return opened{driver: name, root: root, opts: opts}, nil
	}}
}

func TestRegistryOpensAddresses(t *testing.T) {
	r := NewRegistry(Env{})
	r.Register(recorder("local"))
	r.Register(recorder("store", Option{Name: "speed", Default: "fast"}))
	if err := r.Remote("work", "store", map[string]string{"root": "Team/Ж #1", "speed": "slow"}); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ address, driver, root, speed string }{
		{"store:", "store", "", "fast"},
		{"store:Docs/a b", "store", "Docs/a b", "fast"},
		{"store:a:b", "store", "a:b", "fast"},
		{"work:", "store", "Team/Ж #1", "slow"},
		{"work:in/side", "store", "Team/Ж #1/in/side", "slow"},
		{"work:/in", "store", "Team/Ж #1/in", "slow"},
		{"work:../../outside", "store", "Team/Ж #1/outside", "slow"},
		{"/srv/data", "local", "/srv/data", ""},
		{"relative/x:y", "local", "relative/x:y", ""},
		{"c:/windows", "local", "c:/windows", ""},
		{".", "local", ".", ""},
	}
	for _, test := range tests {
		b, err := r.Open(t.Context(), test.address)
		if err != nil {
			t.Errorf("open %q: %v", test.address, err)
			continue
		}
		got := b.(opened)
		if got.driver != test.driver || got.root != test.root || got.opts["speed"] != test.speed {
			t.Errorf("open %q gave driver %q, root %q, speed %q; want %q, %q, %q",
				test.address, got.driver, got.root, got.opts["speed"], test.driver, test.root, test.speed)
		}
	}
	if _, err := r.Open(t.Context(), "nobody:x"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("an unknown remote answered %v", err)
	}
}

// TestADriverOpensAnotherAddress opens a store that lies in a store in a store,
// and refuses one that would lie in itself.
func TestADriverOpensAnotherAddress(t *testing.T) {
	r := NewRegistry(Env{})
	r.Register(recorder("store"))
	r.Register(Driver{Name: "wrap", Options: []Option{{Name: "remote"}}, Open: func(ctx context.Context, _ string, opts map[string]string, env Env) (Backend, error) {
		return env.Open(ctx, opts["remote"])
	}})
	for name, remote := range map[string]string{"one": "store:deep", "two": "one:", "three": "two:", "self": "self:", "to": "fro:", "fro": "to:"} {
		if err := r.Remote(name, "wrap", map[string]string{"remote": remote}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		b, err := r.Open(t.Context(), "three:")
		if got, ok := b.(opened); err != nil || !ok || got.root != "deep" {
			t.Errorf("three: opened %+v, %v", b, err)
		}
	}
	for _, name := range []string{"self", "to"} {
		if _, err := r.Open(t.Context(), name+":"); err == nil || !strings.Contains(err.Error(), `"`+name+`" would have its store in itself`) {
			t.Errorf("%s: answered %v", name, err)
		}
	}
}

func TestRemoteRefusesWhatItDoesNotKnow(t *testing.T) {
	r := NewRegistry(Env{})
	r.Register(recorder("store", Option{Name: "speed"}))
	for name, err := range map[string]error{
		"driver": r.Remote("work", "floppy", nil),
		"option": r.Remote("work", "store", map[string]string{"color": "red"}),
		"name":   r.Remote("w/x", "store", nil),
		"letter": r.Remote("c", "store", nil),
	} {
		if err == nil {
			t.Errorf("an unusable %s was accepted", name)
		}
	}
}

func TestAsStopsAtAWrapperThatMayNotBeBypassed(t *testing.T) {
	type bypass struct {
		Backend
		unwrapper
	}
	inner := opened{driver: "inner"}
	through := bypass{unwrapper: func() Backend { return inner }}
	if got, ok := As[opened](through); !ok || got.driver != "inner" {
		t.Error("As did not see through a wrapper with Unwrap")
	}
	closed := struct{ Backend }{inner}
	if _, ok := As[opened](closed); ok {
		t.Error("As saw through a wrapper without Unwrap")
	}
}

type unwrapper func() Backend

func (u unwrapper) Unwrap() Backend { return u() }

func TestCheckNameRefusesWhatLeavesTheRoot(t *testing.T) {
	for _, good := range []string{".", "a", "a/b c", "Ж/ü/日本", "a:b", "...", "a\\b", "%2e%2e"} {
		if err := CheckName("stat", good); err != nil {
			t.Errorf("%q was refused: %v", good, err)
		}
	}
	for _, bad := range []string{"", "/", "/a", "a/", "..", "a/../b", "./a", "a//b", "a\x00b", "a\xff"} {
		if err := CheckName("stat", bad); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q was let through: %v", bad, err)
		}
	}
}

// TestAPathThatSaysAnOption: the first name of the path is the option, for a
// remote that does not set it.
func TestAPathThatSaysAnOption(t *testing.T) {
	r := NewRegistry(Env{})
	d := recorder("store", Option{Name: "bucket"})
	d.PathOption = "bucket"
	r.Register(d)
	for name, opts := range map[string]map[string]string{
		"fixed": {"bucket": "photos"}, "within": {"root": "photos/2024"}, "open": {"root": "/"},
	} {
		if err := r.Remote(name, "store", opts); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ remote, path, root, name, bucket, in string }{
		{"store", "photos/2024/a", "photos", "2024/a", "photos", ""},
		{"store", "/photos/", "photos", "", "photos", ""},
		{"store", "photos", "photos", "", "photos", ""},
		{"store", "", "", "", "", ""},
		{"open", "photos/a", "photos", "a", "photos", ""},
		{"fixed", "2024/a", "", "2024/a", "photos", ""},
		{"within", "a", "", "a", "photos", "2024"},
		{"nobody", "a/b", "", "a/b", "", ""},
	} {
		root, name := r.SplitPath(test.remote, test.path)
		if root != test.root || name != test.name {
			t.Errorf("%s:%s is %q in %q, want %q in %q", test.remote, test.path, name, root, test.name, test.root)
		}
		if test.remote == "nobody" {
			continue
		}
		b, err := r.Open(t.Context(), test.remote+":"+root)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.(opened); got.opts["bucket"] != test.bucket || got.root != test.in {
			t.Errorf("%s:%s opened %q in bucket %q, want %q in %q", test.remote, root, got.root, got.opts["bucket"], test.in, test.bucket)
		}
	}
	b, err := r.Open(t.Context(), "store:photos/../archive/b")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.(opened); got.opts["bucket"] != "archive" || got.root != "b" {
		t.Errorf("a path with .. opened %q in bucket %q", got.root, got.opts["bucket"])
	}
}
