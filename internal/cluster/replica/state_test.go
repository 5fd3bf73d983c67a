package replica

import (
	"encoding/json"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
)

// counter is a State that counts its entries.
type counter struct{ entries, expelled int }

func (c *counter) Apply([]byte) error                 { c.entries++; return nil }
func (c *counter) Snapshot() iter.Seq2[[]byte, error] { return func(func([]byte, error) bool) {} }
func (c *counter) Reset()                             { c.entries = 0 }
func (c *counter) Expelled(string, uint64)            { c.expelled++ }

// joined returns a state with members of the epochs 1 and 2.
func joined(t *testing.T) (*state, *counter) {
	t.Helper()
	c := &counter{}
	s := &state{Members: map[uint64]*record{}, machines: map[string]cluster.State{"c": c}}
	for seq, gateway := range map[uint64]string{1: "a", 2: "b"} {
		if err := s.apply(seq, envelope{Gateway: gateway, Join: &join{Process: gateway, Attempt: 1, Lease: time.Second}}); err != nil {
			t.Fatal(err)
		}
	}
	return s, c
}

func change(epoch, number, floor uint64) envelope {
	return envelope{Epoch: epoch, Number: number, Floor: floor, Entries: []cluster.Data{{Name: "c", Data: json.RawMessage("1")}}}
}

// TestExpulsionIsVoidAfterALaterBeat: whoever proposes it may have been suspended,
// or have seen nothing of the log for some time.
func TestExpulsionIsVoidAfterALaterBeat(t *testing.T) {
	s, c := joined(t)
	for i, e := range []envelope{
		{Epoch: 1, Number: 1, Floor: 1, Beat: true},
		{Epoch: 2, Number: 1, Floor: 1, Expel: &expel{Epoch: 1, Beat: 1}},
	} {
		if err := s.apply(uint64(3+i), e); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Members) != 2 || c.expelled != 0 {
		t.Error("a member was expelled that was heard of")
	}
	if err := s.apply(5, envelope{Epoch: 2, Number: 2, Floor: 2, Expel: &expel{Epoch: 1, Beat: 3}}); err != nil {
		t.Fatal(err)
	}
	if len(s.Members) != 1 || c.expelled != 1 {
		t.Error("a silent member was not expelled")
	}
	for i, e := range []envelope{change(1, 2, 2), {Epoch: 1, Number: 3, Floor: 2, Beat: true}, {Epoch: 1, Number: 4, Floor: 2, Expel: &expel{Epoch: 2, Beat: 2}}} {
		if err := s.apply(uint64(6+i), e); !errors.Is(err, cluster.ErrExpelled) {
			t.Errorf("entry %d of a member that was expelled: %v", i, err)
		}
	}
	if c.entries != 0 || len(s.Members) != 1 {
		t.Error("an entry of a member that was expelled was applied")
	}
}

// TestANumberCountsOnce also where a snapshot was restored in between, and not at
// all once it was given up.
func TestANumberCountsOnce(t *testing.T) {
	s, c := joined(t)
	seq := uint64(3)
	apply := func(number, floor uint64, want error) {
		t.Helper()
		if err := s.apply(seq, change(1, number, floor)); !errors.Is(err, want) {
			t.Errorf("number %d: %v", number, err)
		}
		seq++
	}
	apply(2, 1, nil)
	apply(2, 1, errVoid)
	snapshot, err := s.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	s = &state{machines: s.machines}
	if err := s.restore(snapshot); err != nil {
		t.Fatal(err)
	}
	apply(2, 1, errVoid)
	apply(1, 1, nil)
	apply(4, 4, nil) // 3 was given up
	apply(3, 1, errVoid)
	apply(2, 1, errVoid)
	if c.entries != 2 { // the first was before the snapshot
		t.Errorf("%d entries were applied", c.entries)
	}
	if m := s.Members[1]; len(m.Counted) != 1 || m.Floor != 4 {
		t.Errorf("what can come no more is kept: %+v", m)
	}
}

// TestALateJoinDoesNotCount: it would end the membership that its process has.
func TestALateJoinDoesNotCount(t *testing.T) {
	s, _ := joined(t)
	again := envelope{Gateway: "a", Join: &join{Process: "a", Attempt: 2, Lease: time.Second}}
	if err := s.apply(3, again); err != nil || s.Members[1] != nil || s.Members[3] == nil {
		t.Errorf("a later attempt: %v, %v", err, s.Members)
	}
	again.Join.Attempt = 1
	if err := s.apply(4, again); !errors.Is(err, errVoid) || s.Members[3] == nil {
		t.Errorf("an earlier attempt: %v, %v", err, s.Members)
	}
	other := envelope{Gateway: "a", Join: &join{Process: "a2", Attempt: 1, Lease: time.Second}}
	if err := s.apply(5, other); err != nil || s.Members[3] == nil {
		t.Errorf("a process that does not know that the other is gone: %v, %v", err, s.Members)
	}
}

func TestElapsedTimeIsTheWorse(t *testing.T) {
	then := Reading{Awake: 10, Boot: 20, Wall: time.Unix(100, 0)}
	for _, c := range []struct {
		now         Reading
		least, most time.Duration
	}{
		{Reading{Awake: 12, Boot: 22, Wall: time.Unix(100, 2)}, 2, 2},
		{Reading{Awake: 12, Boot: 50, Wall: time.Unix(100, 2)}, 2, 30},  // suspended
		{Reading{Awake: 12, Boot: 22, Wall: time.Unix(100, 40)}, 2, 40}, // a virtual machine that stood still
		{Reading{Awake: 12, Boot: 22, Wall: time.Unix(-3000, 0)}, 2, 2}, // set back
	} {
		if least, most := c.now.least(then), c.now.most(then); least != c.least || most != c.most {
			t.Errorf("%v: %v and %v, want %v and %v", c.now, least, most, c.least, c.most)
		}
	}
}
