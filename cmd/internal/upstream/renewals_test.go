package upstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
)

func keyFor(n int) string { return fmt.Sprintf("%064x", n) }

// TestRenewals has what is applied in turn, and what each is answered.
func TestRenewals(t *testing.T) {
	one, two := keyFor(1), keyFor(2)
	reserve := func(key string, epoch, over uint64) renewal {
		return renewal{Op: opReserve, Key: key, Over: over, Gateway: "g", Epoch: epoch}
	}
	tell := func(key, next string, epoch uint64) renewal {
		return renewal{Op: opTell, Key: key, Next: []byte(next), Gateway: "g", Epoch: epoch}
	}
	release := func(key string, epoch uint64) renewal {
		return renewal{Op: opRelease, Key: key, Gateway: "g", Epoch: epoch}
	}
	type step struct {
		renewal
		err error
	}
	for name, steps := range map[string][]step{
		"one at a time":                {{reserve(one, 1, 0), nil}, {reserve(one, 2, 0), errReserved}, {reserve(two, 2, 0), nil}},
		"again by the same":            {{reserve(one, 1, 0), nil}, {reserve(one, 1, 0), errReserved}, {reserve(one, 1, 1), nil}, {reserve(one, 2, 0), errReserved}},
		"after it was told":            {{reserve(one, 1, 0), nil}, {tell(one, "a", 1), nil}, {reserve(one, 2, 0), errRenewed}, {reserve(one, 1, 0), errRenewed}, {reserve(two, 2, 0), nil}},
		"what was told first stays":    {{tell(one, "a", 1), nil}, {tell(one, "b", 2), errRenewed}, {release(one, 1), errRenewed}, {reserve(one, 2, 0), errRenewed}},
		"told without a reservation":   {{reserve(one, 1, 0), nil}, {tell(one, "a", 2), nil}, {reserve(one, 1, 0), errRenewed}},
		"after it was released":        {{reserve(one, 1, 0), nil}, {release(one, 1), nil}, {reserve(one, 2, 0), nil}},
		"not by another":               {{reserve(one, 1, 0), nil}, {release(one, 2), nil}, {reserve(one, 2, 0), errReserved}},
		"nothing to release":           {{release(one, 1), nil}},
		"in the place of that member":  {{reserve(one, 1, 0), nil}, {reserve(one, 2, 1), nil}, {reserve(one, 3, 1), errReserved}, {release(one, 1), nil}, {reserve(one, 3, 0), errReserved}},
		"a key that is none":           {{reserve("", 1, 0), fs.ErrInvalid}, {tell(one+"0", "a", 1), fs.ErrInvalid}},
		"too much, or nothing":         {{tell(one, strings.Repeat("a", maxNext+1), 1), fs.ErrInvalid}, {tell(one, "", 1), fs.ErrInvalid}, {renewal{Op: opReserve, Key: one, Next: []byte("a")}, fs.ErrInvalid}, {reserve(one, 2, 0), nil}},
		"what this version knows not":  {{renewal{Op: "bless", Key: one}, journal.ErrEntry}},
		"as much as may be kept of it": {{tell(one, strings.Repeat("a", maxNext), 1), nil}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRenewals(time.Now)
			for i, s := range steps {
				err := r.Apply(s.renewal)
				if !errors.Is(err, s.err) || (err == nil) != (s.err == nil) {
					t.Errorf("step %d: %v, want %v", i, err, s.err)
				}
				// Whoever starts from a snapshot decides as the others do.
				if again := restored(t, r); !slices.EqualFunc(states(r), states(again), equal) {
					t.Errorf("step %d: a snapshot of %v is read as %v", i, states(r), states(again))
				} else {
					r = again
				}
			}
		})
	}
}

func restored(t *testing.T, r *renewals) *renewals {
	t.Helper()
	again := newRenewals(time.Now)
	_ = again.Apply(renewal{Op: opTell, Key: keyFor(99), Next: []byte("x")})
	again.Reset()
	for c := range r.Snapshot() {
		if err := again.Apply(c); err != nil {
			t.Errorf("%v of a snapshot is refused: %v", c, err)
		}
	}
	return again
}

func states(r *renewals) []renewal { return slices.Collect(r.Snapshot()) }

func equal(a, b renewal) bool {
	return a.Op == b.Op && a.Key == b.Key && bytes.Equal(a.Next, b.Next) && a.Over == b.Over && a.Gateway == b.Gateway && a.Epoch == b.Epoch
}

// Of too many the oldest go, also after a snapshot.
func TestRenewalsAreFew(t *testing.T) {
	r := newRenewals(time.Now)
	for n := range 2 * maxRenewals {
		if n == maxRenewals+5 {
			r = restored(t, r)
		}
		if err := r.Apply(renewal{Op: opTell, Key: keyFor(n), Next: []byte("a"), Gateway: "g", Epoch: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if all := states(r); len(all) != maxRenewals || all[0].Key != keyFor(maxRenewals) || all[maxRenewals-1].Key != keyFor(2*maxRenewals-1) {
		t.Errorf("%d are kept, of which the first is %s", len(all), all[0].Key)
	}
	if r.next(keyFor(maxRenewals-1)) != nil || r.next(keyFor(maxRenewals)) == nil {
		t.Error("others than the oldest are gone")
	}
}

// FuzzRenewals looks for entries that break the machine, or by which two gateways come
// apart of which one has started from a snapshot.
func FuzzRenewals(f *testing.F) {
	key := keyFor(1)
	f.Add([]byte(`{"op":"reserve","key":"`+key+`","gateway":"g","epoch":3}`), []byte(`{"op":"reserve","key":"`+key+`","over":3,"gateway":"h","epoch":4}`))
	f.Add([]byte(`{"op":"tell","key":"`+key+`","next":"AAAA","gateway":"g","epoch":3}`), []byte(`{"op":"release","key":"`+key+`","epoch":3}`))
	f.Add([]byte(`{"op":"tell","key":"`+key+`","next":"`+strings.Repeat("A", 2*maxNext)+`"}`), []byte(`null`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		a := newRenewals(time.Now)
		for _, data := range [][]byte{first, second} {
			var c renewal
			if json.Unmarshal(data, &c) != nil {
				continue
			}
			b := restored(t, a)
			errA, errB := a.Apply(c), b.Apply(c)
			if fmt.Sprint(errA) != fmt.Sprint(errB) || !slices.EqualFunc(states(a), states(b), equal) {
				t.Errorf("%q is %v and %v, and then there is %v and %v", data, errA, errB, states(a), states(b))
			}
		}
		for _, c := range states(a) {
			if len(c.Key) != keyLength || len(c.Next) > maxNext {
				t.Errorf("%v is kept", c)
			}
		}
	})
}

// FuzzUnseal looks for bytes that whoever writes to the log could have taken for a login.
func FuzzUnseal(f *testing.F) {
	login := []byte("1:secret:long:enough")
	good, err := seal(login, []byte("next"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		opened, err := unseal(login, sealed)
		if err == nil && string(opened) != "next" || err != nil && bytes.Equal(sealed, good) {
			t.Errorf("%x is opened as %q, %v", sealed, opened, err)
		}
	})
}

// What is sealed is opened with its login alone, and if nothing of it was changed.
func TestSeal(t *testing.T) {
	login, next := []byte("one login"), []byte("the next login")
	sealed, err := seal(login, next)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := unseal(login, sealed); err != nil || !bytes.Equal(opened, next) {
		t.Errorf("it is %q, %v", opened, err)
	}
	if _, err := unseal([]byte("one logim"), sealed); err == nil {
		t.Error("another login opens it")
	}
	for i := range sealed {
		spoilt := bytes.Clone(sealed)
		spoilt[i] ^= 1
		if _, err := unseal(login, spoilt); err == nil {
			t.Errorf("it is opened though byte %d was changed", i)
		}
	}
	if again, _ := seal(login, next); bytes.Equal(again, sealed) {
		t.Error("it is sealed twice alike")
	}
	a, errA := keyOf(login)
	b, errB := keyOf(next)
	if errA != nil || errB != nil || a == b || len(a) != keyLength {
		t.Errorf("the keys are %q and %q, %v %v", a, b, errA, errB)
	}
}
