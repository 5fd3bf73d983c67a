package writeback

import (
	"context"
	"errors"
	"io"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// patient is a store whose uploads wait for their context or for let, or do not take
// part in that.
type patient struct {
	*memory.Backend
	let  chan struct{}
	then func() // called after let, before the content is stored
}

func newPatient(t *testing.T) *patient {
	s := &patient{Backend: memory.New(memory.Options{}), let: make(chan struct{}), then: func() {}}
	if err := s.Mkdir(t.Context(), "d"); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *patient) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	select {
	case <-s.let:
	case <-ctx.Done():
		return backend.Info{}, ctx.Err()
	}
	s.then()
	return s.Backend.Put(context.WithoutCancel(ctx), name, body, opts)
}

// Whoever waits for an upload is answered when the membership ends, whether the upload
// has begun or not, and nothing is done for it then or in the next one.
func TestHaltEndsEveryWait(t *testing.T) {
	for name, prepare := range map[string]func(put func(name, content string)){
		"in flight": func(put func(name, content string)) { put("d/f", "ours") },
		"behind others": func(put func(name, content string)) {
			for i := range maxUploads {
				put(strconv.Itoa(i), "")
			}
			put("d/f", "ours")
		},
		"replaced in flight": func(put func(name, content string)) { put("d/f", "earlier"); put("d/f", "ours") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, o := newPatient(t), newOthers()
				q := amongOthers(t, store, o, t.TempDir())
				prepare(func(name, content string) {
					if err := putIn(t, q, name, content); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				})
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- q.Remove(ctx, "d", backend.RemoveOptions{}) }()
				synctest.Wait()
				owns := o.owns
				o.do(func() { o.owns = map[string]bool{} })
				q.Halt()
				synctest.Wait()
				select {
				case err := <-ended:
					if !errors.Is(err, errNotOurs) {
						t.Errorf("it ends with %v", err)
					}
				default:
					t.Error("it waits for the next membership")
				}
				o.do(func() { o.owns = owns })
				q.Began(nil)
				close(store.let)
				synctest.Wait()
				if got, err := contentOf(t, store, "d/f"); err != nil || got != "ours" {
					t.Errorf("stored is %q, %v", got, err)
				}
				cancel()
				if err := q.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Nobody begins to wait after Halt: an upload that still succeeds is followed by no
// other in the same request.
func TestNobodyWaitsAfterHalt(t *testing.T) {
	for range 20 { // which of the two is waited for first is left to chance
		synctest.Test(t, func(t *testing.T) {
			store, o := newPatient(t), newOthers()
			q := amongOthers(t, store, o, t.TempDir())
			release := q.blockUploads("d/g")
			if err := errors.Join(putIn(t, q, "d/f", "f"), putIn(t, q, "d/g", "g")); err != nil {
				t.Fatal(err)
			}
			store.then = func() {
				o.do(func() { o.owns = map[string]bool{} })
				q.Halt()
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- q.Remove(ctx, "d", backend.RemoveOptions{}) }()
			synctest.Wait()
			close(store.let)
			synctest.Wait()
			select {
			case err := <-ended:
				if !errors.Is(err, backend.ErrUnavailable) {
					t.Errorf("it ends with %v", err)
				}
			default:
				t.Error("it waits for the next membership")
			}
			cancel()
			release()
			if err := q.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What has waited into another membership is not carried out: others may have changed
// its names.
func TestNotInALaterMembership(t *testing.T) {
	for what, do := range map[string]func(q *Queue) error{
		"remove": func(q *Queue) error { return q.Remove(t.Context(), "d", backend.RemoveOptions{}) },
		"move":   func(q *Queue) error { return q.Move(t.Context(), "d", "e", backend.MoveOptions{}) },
		"copy":   func(q *Queue) error { return q.Copy(t.Context(), "d/f", "e", backend.CopyOptions{}) },
		"time":   func(q *Queue) error { return q.SetModTime(t.Context(), "d/f", time.Unix(1, 0)) },
		"put": func(q *Queue) error {
			q.opts.MaxBytes = 0 // it is stored at once
			return putIn(t, q, "d/f", "later")
		},
	} {
		t.Run(what, func(t *testing.T) {
			store, o, held := newPatient(t), newOthers(), true
			close(store.let)
			q := amongOthers(t, store, o, t.TempDir())
			q.opts.Held = func(context.Context) bool { return held }
			if err := putIn(t, q, "d/f", "ours"); err != nil {
				t.Fatal(err)
			}
			if err := q.Flush(t.Context(), "d"); err != nil {
				t.Fatal(err)
			}
			before, err := store.Stat(t.Context(), "d/f")
			if err != nil {
				t.Fatal(err)
			}
			o.do(func() { o.settles = func() error { held = false; return nil } })
			if err := do(q); !errors.Is(err, backend.ErrUnavailable) {
				t.Errorf("it ends with %v", err)
			}
			holds(t, "the store", store.Backend, "d/ d/f=ours")
			if after, err := store.Stat(t.Context(), "d/f"); err != nil || !after.ModTime.Equal(before.ModTime) {
				t.Errorf("its time is %v, and was %v: %v", after.ModTime, before.ModTime, err)
			}
			o.do(func() { o.settles = func() error { held = true; return nil } })
			if err := do(q); err != nil {
				t.Errorf("in its own membership it ends with %v", err)
			}
			if err := q.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
