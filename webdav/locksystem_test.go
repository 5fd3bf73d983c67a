package webdav

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	xdav "golang.org/x/net/webdav"
)

// lockDay is the time of the calls in these tests.
var lockDay = time.Date(2026, 6, 22, 10, 0, 0, 0, time.UTC)

// newLocks is a lock system that is closed with the test.
func newLocks(t *testing.T, dir string) xdav.LockSystem {
	t.Helper()
	locks, err := NewLockSystem(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := locks.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
	return locks
}

func mustCreate(t *testing.T, s xdav.LockSystem, d xdav.LockDetails) string {
	t.Helper()
	token, err := s.Create(lockDay, d)
	if err != nil || token == "" {
		t.Fatalf("%+v: %q %v", d, token, err)
	}
	return token
}

// TestLockSystemConflicts: what a lock keeps out, for both kinds of locks: those
// of clients, and those that x/net's handler takes for the time of a request.
func TestLockSystemConflicts(t *testing.T) {
	client := func(root string, zeroDepth bool) xdav.LockDetails {
		return xdav.LockDetails{Root: root, ZeroDepth: zeroDepth, Duration: time.Minute, OwnerXML: "<o/>"}
	}
	request := func(root string) xdav.LockDetails {
		return xdav.LockDetails{Root: root, ZeroDepth: true, Duration: -1}
	}
	for _, c := range []struct {
		first, second xdav.LockDetails
		want          error
	}{
		{client("/a", false), client("/a", true), xdav.ErrLocked},
		{client("/a", false), client("/a/b", true), xdav.ErrLocked},
		{client("/a", true), client("/a/b", true), nil},
		{client("/a/b", true), client("/a", false), xdav.ErrLocked},
		{client("/a/b", true), client("/a", true), nil},
		{client("/a", false), client("/ab", false), nil},
		{client("/a", false), request("/a"), xdav.ErrLocked},
		{client("/a", false), request("/a/b"), xdav.ErrLocked},
		{client("/a", true), request("/a/b"), nil},
		{request("/a"), request("/a/"), xdav.ErrLocked},
		{request("/a/b"), request("/a"), nil},
		{request("/a/b"), client("/a", false), xdav.ErrLocked},
		{request("/a/b"), client("/a", true), nil},
		{request("/a"), client("/a/b", false), nil},
		{request("/"), client("/", true), xdav.ErrLocked},
	} {
		s := newLocks(t, "")
		token := mustCreate(t, s, c.first)
		second, err := s.Create(lockDay, c.second)
		if !errors.Is(err, c.want) || (err == nil) != (second != "") || second == token {
			t.Errorf("%+v, then %+v: %q %v, want %v", c.first, c.second, second, err, c.want)
		}
		if err := s.Unlock(lockDay, token); err != nil {
			t.Errorf("%+v: %v", c.first, err)
		}
		if err := s.Unlock(lockDay, token); !errors.Is(err, xdav.ErrNoSuchLock) {
			t.Errorf("unlocked twice: %v", err)
		}
		if c.want != nil {
			mustCreate(t, s, c.second)
		}
	}
}

// TestLockSystemConfirms: a token opens what its lock covers, and while one
// request uses a name no other does, though others in the same folder may.
func TestLockSystemConfirms(t *testing.T) {
	s := newLocks(t, "")
	tree := mustCreate(t, s, xdav.LockDetails{Root: "/d", Duration: time.Minute, OwnerXML: "<o/>"})
	file := mustCreate(t, s, xdav.LockDetails{Root: "/f", ZeroDepth: true, Duration: time.Minute, OwnerXML: "<o/>"})
	of := func(token string) xdav.Condition { return xdav.Condition{Token: token} }
	for _, c := range []struct {
		name0, name1 string
		conditions   []xdav.Condition
		confirmed    bool
	}{
		{"/d", "", []xdav.Condition{of(tree)}, true},
		{"/d/x/y/", "", []xdav.Condition{of(tree)}, true},
		{"/f", "", []xdav.Condition{of(tree), of(file)}, true},
		{"/f", "/d/x", []xdav.Condition{of(tree), of(file)}, true},
		{"/f", "/f", []xdav.Condition{of(file)}, true},
		{"", "/d/x", []xdav.Condition{of(tree)}, true},
		{"/d", "", []xdav.Condition{{Not: true, Token: "DAV:no-lock"}, of(tree)}, true},
		{"/d", "", []xdav.Condition{of(tree), {ETag: `"x"`}}, true},
		{"/f", "/d/x", []xdav.Condition{of(tree)}, false},
		{"/f", "", []xdav.Condition{of(tree)}, false},
		{"/f/x", "", []xdav.Condition{of(file)}, false},
		{"/other", "", []xdav.Condition{of(tree)}, false},
		{"/d", "", []xdav.Condition{of("urn:uuid:made-up")}, false},
		{"/d", "", []xdav.Condition{{Not: true, Token: tree}}, false},
		{"/d", "", []xdav.Condition{{Not: true, Token: "DAV:no-lock"}}, false},
		{"/d", "", nil, false},
	} {
		release, err := s.Confirm(lockDay, c.name0, c.name1, c.conditions...)
		if c.confirmed != (err == nil) || c.confirmed != (release != nil) || err != nil && !errors.Is(err, xdav.ErrConfirmationFailed) {
			t.Errorf("%+v: %v", c, err)
		}
		if release == nil {
			continue
		}
		if c.name0 != "" {
			if _, err := s.Confirm(lockDay, c.name0, "", c.conditions...); !errors.Is(err, xdav.ErrConfirmationFailed) {
				t.Errorf("%+v: confirmed twice, %v", c, err)
			}
		}
		release()
	}
	if _, err := s.Confirm(lockDay.Add(time.Minute), "/d", "", of(tree)); !errors.Is(err, xdav.ErrConfirmationFailed) {
		t.Errorf("a lock that has ended: %v", err)
	}
	mustCreate(t, s, xdav.LockDetails{Root: "/g", Duration: time.Minute, OwnerXML: "<o/>"})
}

// TestLockSystemOfManyRequests: with one token of a folder many write into it at
// once, each name one after the other, and nothing is left held.
func TestLockSystemOfManyRequests(t *testing.T) {
	s := newLocks(t, "")
	token := mustCreate(t, s, xdav.LockDetails{Root: "/d", Duration: time.Minute, OwnerXML: "<o/>"})
	var using [8]sync.Mutex
	var clients sync.WaitGroup
	for i := range 64 {
		clients.Go(func() {
			name := fmt.Sprintf("/d/%d", i%len(using))
			release, err := s.Confirm(lockDay, name, "", xdav.Condition{Token: token})
			if err != nil {
				return
			}
			if !using[i%len(using)].TryLock() {
				t.Errorf("two use %s", name)
			} else {
				using[i%len(using)].Unlock()
			}
			release()
		})
	}
	clients.Wait()
	if held := s.(*lockSystem).held; len(held) != 0 {
		t.Errorf("held: %v", held)
	}
}

// TestLockSystemSurvives a restart: the locks of clients, and not those of
// requests that were under way.
func TestLockSystemSurvives(t *testing.T) {
	dir := t.TempDir()
	first, err := NewLockSystem(dir)
	if err != nil {
		t.Fatal(err)
	}
	details := xdav.LockDetails{Root: "/f", ZeroDepth: true, Duration: 10 * time.Minute, OwnerXML: "<D:owner xmlns:D=\"DAV:\">me</D:owner>"}
	token := mustCreate(t, first, details)
	mustCreate(t, first, xdav.LockDetails{Root: "/g", ZeroDepth: true, Duration: -1})
	forever := mustCreate(t, first, xdav.LockDetails{Root: "/h", Duration: -1, OwnerXML: "<o/>"})
	if !strings.HasPrefix(token, "urn:uuid:") || token == forever {
		t.Errorf("tokens %s, %s", token, forever)
	}
	if err := first.(io.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	// The table takes its time from the calls; opening it is the first.
	s := newLocks(t, dir)
	if _, err := s.Create(lockDay, details); !errors.Is(err, xdav.ErrLocked) {
		t.Errorf("locked again: %v", err)
	}
	mustCreate(t, s, xdav.LockDetails{Root: "/g", ZeroDepth: true, Duration: -1})
	got, err := s.Refresh(lockDay.Add(5*time.Minute), token, 20*time.Minute)
	if want := (xdav.LockDetails{Root: "/f", ZeroDepth: true, Duration: 20 * time.Minute, OwnerXML: details.OwnerXML}); err != nil || got != want {
		t.Errorf("refreshed: %+v %v", got, err)
	}
	if got, err := s.Refresh(lockDay, forever, -1); err != nil || got.Duration != time.Hour || got.ZeroDepth {
		t.Errorf("one without an end: %+v %v", got, err)
	}
	if _, err := s.Create(lockDay.Add(24*time.Minute), details); !errors.Is(err, xdav.ErrLocked) {
		t.Errorf("before its end: %v", err)
	}
	mustCreate(t, s, xdav.LockDetails{Root: "/k", ZeroDepth: true, Duration: -1})
	if _, err := s.Create(lockDay.Add(26*time.Minute), details); err != nil {
		t.Errorf("after its end: %v", err)
	}
	for name, token := range map[string]string{"empty": "", "made up": "urn:uuid:x", "ended": token} {
		if _, err := s.Refresh(lockDay.Add(26*time.Minute), token, time.Minute); !errors.Is(err, xdav.ErrNoSuchLock) {
			t.Errorf("refresh of one %s: %v", name, err)
		}
	}
}
