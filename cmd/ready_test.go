package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
)

func TestReadiness(t *testing.T) {
	now, calls, answer := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), 0, error(nil)
	state := t.TempDir()
	r := &readiness{now: func() time.Time { return now }, reached: now, stateDir: state,
		stat: func(context.Context, string) (backend.Info, error) { calls++; return backend.Info{}, answer }}
	for i, step := range []struct {
		after  time.Duration
		answer error
		state  string
		want   string
		calls  int
	}{
		{0, nil, state, "", 1},
		{14 * time.Second, errors.New("ignored"), state, "", 1}, // what was found holds for a while
		{time.Second, backend.ErrUnavailable, state, "", 2},
		{30 * time.Second, backend.ErrUnavailable, state, "", 3},
		{15 * time.Second, backend.ErrUnavailable, state, "out of reach for 1m0s", 4},
		{15 * time.Second, nil, state, "", 5},
		{15 * time.Second, backend.ErrUnavailable, state, "", 6}, // a minute begins anew
		{15 * time.Second, fmt.Errorf("stat secret: %w", backend.ErrUnauthorized), state, "davdisk login", 7},
		{15 * time.Second, yandex.ErrDead, state, "davdisk login", 8},
		{15 * time.Second, fs.ErrNotExist, state, "no longer has the folder", 9},
		{15 * time.Second, nil, filepath.Join(state, "secret", "missing"), "state folder cannot be written", 10},
		{15 * time.Second, nil, "", "", 11},
	} {
		now, answer, r.stateDir = now.Add(step.after), step.answer, step.state
		err := r.check(t.Context())
		if step.want == "" && err != nil || step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want)) {
			t.Errorf("step %d: %v, want %q", i, err, step.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("step %d tells a name: %v", i, err)
		}
		if calls != step.calls {
			t.Errorf("step %d: %d calls, want %d", i, calls, step.calls)
		}
	}
	waits := errors.New("uploads are still to be told")
	r.waits = func() error { return waits }
	if err := r.check(t.Context()); !errors.Is(err, waits) || calls != 11 {
		t.Errorf("before the start is over: %v after %d calls", err, calls)
	}
	r.waits = func() error { return nil }
	if err := r.check(t.Context()); err != nil || calls != 11 { // it is not remembered
		t.Errorf("then: %v after %d calls", err, calls)
	}
	if left, err := filepath.Glob(state + "/.ready-*"); err != nil || len(left) > 0 {
		t.Errorf("left in the state folder: %v, %v", left, err)
	}

	// A client that goes away while the store is asked leaves no answer behind.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	now, answer = now.Add(time.Hour), context.Canceled
	if err := r.check(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that has gone: %v", err)
	}
	answer = nil
	if err := r.check(t.Context()); err != nil {
		t.Errorf("the next client: %v", err)
	}
}
