package replica

import (
	"encoding/json"
	"errors"
	"fmt"
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
	s := newState()
	s.machines["c"] = c
	for epoch, gateway := range names() {
		if err := s.apply(epoch, envelope{Gateway: gateway, Join: &join{Process: gateway, Attempt: 1, Lease: time.Second}}); err != nil {
			t.Fatal(err)
		}
	}
	return &s, c
}

// names returns those of the gateways, by epoch.
func names() map[uint64]string { return map[uint64]string{1: "a", 2: "b"} }

func change(epoch, number, floor uint64, void ...uint64) envelope {
	return envelope{Gateway: names()[epoch], Epoch: epoch, Number: number, Floor: floor, Void: void, Entries: []cluster.Data{{Name: "c", Data: json.RawMessage("1")}}}
}

// TestExpulsionIsVoidAfterALaterBeat: whoever proposes it may have been suspended,
// or have seen nothing of the log for some time.
func TestExpulsionIsVoidAfterALaterBeat(t *testing.T) {
	s, c := joined(t)
	for i, e := range []envelope{
		{Gateway: "a", Epoch: 1, Number: 1, Floor: 1, Beat: true},
		{Gateway: "b", Epoch: 2, Number: 1, Floor: 1, Expel: &expel{Epoch: 1, Beat: 1}},
	} {
		if err := s.apply(uint64(3+i), e); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Members) != 2 || c.expelled != 0 {
		t.Error("a member was expelled that was heard of")
	}
	if err := s.apply(5, envelope{Gateway: "b", Epoch: 2, Number: 2, Floor: 2, Expel: &expel{Epoch: 1, Beat: 3}}); err != nil {
		t.Fatal(err)
	}
	if len(s.Members) != 1 || c.expelled != 1 {
		t.Error("a silent member was not expelled")
	}
	for i, e := range []envelope{change(1, 2, 2), {Gateway: "a", Epoch: 1, Number: 3, Floor: 2, Beat: true}, {Gateway: "a", Epoch: 1, Number: 4, Floor: 2, Expel: &expel{Epoch: 2, Beat: 2}}} {
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
	apply := func(number, floor uint64, want error, void ...uint64) {
		t.Helper()
		if err := s.apply(seq, change(1, number, floor, void...)); !errors.Is(err, want) {
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
	apply(8, 5, nil, 6) // 5 and 7 are pending
	apply(6, 5, errVoid)
	apply(7, 5, nil, 6)
	apply(5, 5, nil)
	apply(9, 8, nil)
	if c.entries != 6 { // the first was before the snapshot
		t.Errorf("%d entries were applied", c.entries)
	}
	if m := s.Members[1]; len(m.Counted) != 2 || m.Floor != 8 {
		t.Errorf("what can come no more is kept: %+v", m)
	}
}

// TestALateJoinDoesNotCount: it would end the membership that the gateway has.
func TestALateJoinDoesNotCount(t *testing.T) {
	s, c := joined(t)
	seq := uint64(2)
	apply := func(j join, want error) uint64 {
		t.Helper()
		seq++
		j.Lease = time.Second
		if err := s.apply(seq, envelope{Gateway: "a", Join: &j}); !errors.Is(err, want) {
			t.Errorf("join %+v: %v", j, err)
		}
		return seq
	}
	second := apply(join{Process: "a", Attempt: 2, Seen: 2}, nil)
	if s.Members[1] != nil || s.Members[second] == nil {
		t.Errorf("a later attempt: %v", s.Members)
	}
	apply(join{Process: "a", Attempt: 1, Seen: 0}, errVoid)
	next := apply(join{Process: "a2", Replaces: "a", Attempt: 1, Seen: second}, nil)
	if s.Members[second] != nil || s.Members[next] == nil || c.expelled != 2 {
		t.Errorf("the next process: %v", s.Members)
	}
	apply(join{Process: "a", Attempt: 3, Seen: second}, errVoid)
	copied := apply(join{Process: "a3", Replaces: "a", Attempt: 1, Seen: next}, nil)
	if !s.Members[next].Over || !s.isMember(copied) || c.expelled != 2 {
		t.Errorf("a process that does not know that the other is gone: %v", s.Members)
	}
	seq++
	late := change(next, 1, 1)
	late.Gateway = "a"
	if err := s.apply(seq, late); !errors.Is(err, cluster.ErrExpelled) || c.entries != 0 {
		t.Errorf("an entry of the other: %v", err)
	}
	if err := s.apply(seq+1, envelope{Gateway: "b", Epoch: 2, Number: 1, Floor: 1, Expel: &expel{Epoch: next, Beat: next}}); err != nil || s.Members[next] != nil || c.expelled != 3 {
		t.Errorf("the other is silent: %v, %v", err, s.Members)
	}
}

// TestEpochsOfACopyAreOthers: a log that was restored from a copy gives numbers
// again.
func TestEpochsOfACopyAreOthers(t *testing.T) {
	s, c := joined(t)
	e := change(1, 1, 1)
	e.Gateway = "c"
	if err := s.apply(3, e); !errors.Is(err, cluster.ErrExpelled) || c.entries != 0 {
		t.Errorf("an entry of a gateway that has not this epoch: %v", err)
	}
}

// TestFormatsChangeWhenNobodyIsLeft, as in an upgrade.
func TestFormatsChangeWhenNobodyIsLeft(t *testing.T) {
	s, _ := joined(t)
	s.Formats = map[string]string{"c": "1"}
	next := join{Process: "n", Formats: map[string]string{"c": "1", "d": "1"}}
	for _, c := range []struct {
		what  string
		expel []expel
		want  error
	}{
		{"two are there", nil, cluster.ErrFormat},
		{"one is there", []expel{{1, 1}}, cluster.ErrFormat},
		{"one was heard of", []expel{{1, 1}, {2, 1}}, cluster.ErrFormat},
		{"both are silent", []expel{{1, 1}, {2, 2}}, nil},
	} {
		next.Expel = c.expel
		if err := s.apply(s.Seq+1, envelope{Gateway: "n", Join: &next}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if len(s.Members) != 1 || len(s.Formats) != 2 {
		t.Errorf("there are %v, with %v", s.Members, s.Formats)
	}
}

// TestGatewaysAreForgotten, but never that entries of one may be missing.
func TestGatewaysAreForgotten(t *testing.T) {
	s, _ := joined(t)
	for n := range uint64(2 * mostGateways) {
		name, seq := fmt.Sprint("g", n), 10+2*n
		err := s.apply(seq, envelope{Gateway: name, Join: &join{Process: name, Seen: s.Seq}})
		if err := errors.Join(err, s.apply(seq+1, envelope{Gateway: name, Epoch: seq, Number: 1, Floor: 1, Leave: true})); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Gateways); n > mostGateways+3 {
		t.Errorf("%d gateways are known", n)
	}
	if s.Gateways["a"].Last != 1 || s.Gateways["b"].Last != 2 {
		t.Error("members are forgotten")
	}
	if s.last("g0") < 11 || s.last("g0") >= s.last(fmt.Sprint("g", 2*mostGateways-1)) {
		t.Errorf("of one that is forgotten the last is %d", s.last("g0"))
	}
	if err := s.apply(s.Seq+1, envelope{Gateway: "g0", Join: &join{Process: "g0", Seen: 9}}); !errors.Is(err, errVoid) {
		t.Errorf("its late join: %v", err)
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
