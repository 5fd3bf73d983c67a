// Package backendtest tests the contract of package backend. A driver runs
// it by one call:
//
//	func TestContract(t *testing.T) {
//		backendtest.Run(t, func(tb backendtest.TB) backend.Backend { return memory.New(memory.Options{}) })
//	}
//
// Each test gets an empty store of its own, so tests are independent. A test of
// what the store declares as lacking (see [backend.Capabilities]) is left out,
// and the declaration itself is tested: the store must have what it does not
// declare, and lack what it does. Abilities that a store lacks are tested too:
// they must fail with errors.ErrUnsupported and change nothing.
//
// A panic of the store fails the test in which it happens, and no other.
package backendtest

import (
	"context"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// A Maker opens an empty store that nothing else uses, and registers its
// cleanup with tb. The store is closed before that if it is an io.Closer.
type Maker func(tb TB) backend.Backend

// TB is what a test uses of *testing.T, which is one.
type TB interface {
	Name() string
	Helper()
	Context() context.Context
	Cleanup(f func())
	TempDir() string
	Logf(format string, args ...any)
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// An Option configures a run.
type Option func(*settings)

type settings struct {
	unseen map[string]string // by field of backend.Capabilities
	only   func(name string) bool
	each   func(Result)
	live   bool // see Check
}

// Unseen says that tests cannot see what the store lacks, and why. lack is the
// field of backend.Capabilities, "NoAtomicMove". Without it a declaration is
// false if the store seems to have what it declares as lacking. With it one of
// many writers with the same condition must win: only clients outside of this
// process could spoil that.
func Unseen(lack, why string) Option {
	return func(s *settings) { s.unseen[lack] = why }
}

// Only runs only the tests that f selects by their name, "put/only if absent".
func Only(f func(name string) bool) Option {
	return func(s *settings) { s.only = f }
}

// Each calls f with every result of Check as soon as it is known.
func Each(f func(Result)) Option {
	return func(s *settings) { s.each = f }
}

func newSettings(opts []Option) *settings {
	s := &settings{unseen: map[string]string{}, only: func(string) bool { return true }, each: func(Result) {}}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// A group is a map of tests by name.
type group struct {
	name  string
	tests map[string]func(*harness)
}

func (g group) names() []string { return slices.Sorted(maps.Keys(g.tests)) }

// groups are all tests in the order in which they run.
func groups() []group {
	return []group{
		{"capability", capabilities},
		{"names", names},
		{"read", reads},
		{"put", puts},
		{"tree", trees},
		{"move", moves},
		{"cancel", cancels},
		{"ability", abilities},
	}
}

// Tests returns the names of all tests, "put/only if absent", in the order in
// which they run.
func Tests() []string {
	var all []string
	for _, g := range groups() {
		for _, name := range g.names() {
			all = append(all, g.name+"/"+name)
		}
	}
	return all
}

// Run tests the stores that open returns, with one subtest for each test, so
// that go test -run 'TestContract/put' works.
func Run(t *testing.T, open Maker, opts ...Option) {
	s := newSettings(opts)
	for _, g := range groups() {
		t.Run(g.name, func(t *testing.T) {
			for _, name := range g.names() {
				if s.only(g.name + "/" + name) {
					t.Run(name, func(t *testing.T) { s.run(t, open, g.tests[name]) })
				}
			}
		})
	}
}

// run runs one test on a store of its own.
func (s *settings) run(tb TB, open Maker, test func(*harness)) {
	defer caught(tb)
	b := open(tb)
	if c, ok := b.(io.Closer); ok {
		tb.Cleanup(func() {
			if err := c.Close(); err != nil {
				tb.Errorf("close: %v", err)
			}
		})
	}
	test(&harness{TB: tb, b: b, ctx: tb.Context(), caps: backend.CapabilitiesOf(b), unseen: s.unseen, live: s.live})
}
