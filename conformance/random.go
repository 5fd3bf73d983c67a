package conformance

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/spf13/afero"
)

// modelCases are the random part: sequences of operations against the model,
// and properties that need none.
func modelCases() []entry {
	cases := []entry{{
		id: "model/sequences", level: Data, needs: caps(EmptyDirs),
		doc: "Any sequence of operations is answered as package os answers it, and leaves the same tree.",
		run: func(t *rig) { t.agrees(1, style{}, func(*rig) {}) },
	}, {
		id: "model/through-base-path", level: Data, needs: caps(EmptyDirs),
		doc: "So it is through an afero.BasePathFs.",
		run: func(t *rig) {
			t.agrees(4, style{}, func(t *rig) {
				if err := t.FS.Mkdir(t.Path("base"), 0o755); err != nil {
					t.Blockf("the fixture: %v", err)
				}
				t.FS, t.root = afero.NewBasePathFs(t.FS, t.Path("base")), "/"
			})
		},
	}, {
		id: "model/reopened-handles", level: Data, needs: caps(EmptyDirs, Overwrite, ReadWrite),
		doc: "So it is if every file is closed and opened again before each operation on it.",
		run: func(t *rig) { t.agrees(4, style{reopen: true}, func(*rig) {}) },
	}}
	cases = append(cases, propertyCases()...)
	for i := range cases {
		cases[i].skip = func(c *config) string {
			if c.sequences <= 0 || c.steps <= 0 {
				return "the random part is turned off"
			}
			return ""
		}
	}
	return cases
}

// random is the source of the i-th random thing of a run.
func (t *rig) random(i int) *rand.Rand { return rand.New(rand.NewPCG(t.suite.seed, uint64(i))) }

// another runs use on one more file system, made like the first.
func (t *rig) another(use func(t *rig)) { t.anotherFrom(t.suite.fresh, use) }

// anotherFrom runs use on a file system made by another Maker.
func (t *rig) anotherFrom(fresh Maker, use func(t *rig)) {
	sub := &rig{suite: t.suite, id: t.id}
	defer func() {
		sub.closeFiles()
		sub.cleanUp()
		if o := sub.outcome; o.verdict != 0 {
			t.record(o.verdict, o.detail)
		}
	}()
	t.Progress()
	sub.prepare(fresh)
	use(sub)
}

// agrees replays random sequences, as many as the given part of the declared
// effort.
func (t *rig) agrees(part int, how style, wrap func(t *rig)) {
	t.agreesOn(max(t.suite.sequences/part, 1), how, wrap, func(i int) []op {
		return draw(t.random(i), t.suite.steps)
	})
}

// agreesOn replays sequences, each on a file system of its own, and reports in
// how many ways they go wrong.
func (t *rig) agreesOn(n int, how style, wrap func(t *rig), sequence func(i int) []op) {
	const enough = 5 // ways to go wrong; more are of no help
	known := t.knownSignatures()
	seen := map[string]bool{}
	again := func(ops []op) (d *disagreement) {
		t.another(func(sub *rig) {
			wrap(sub)
			d = sub.replay(ops, how)
		})
		if d == nil || known[d.signature()] == "" {
			return d
		}
		seen[d.signature()] = true
		return nil
	}
	ways := map[string]bool{}
	for i := 0; i < n && len(ways) < enough; i++ {
		d := again(sequence(i))
		if d == nil {
			continue
		}
		d = shrink(d, again)
		if sig := d.signature(); !ways[sig] {
			ways[sig] = true
			t.Errorf("sequence %d of seed %#x: %v", i, t.suite.seed, d)
			if len(ways) == 1 {
				t.Repro(d.repro())
			}
		}
	}
	if len(ways) == 0 && len(known) > 0 {
		t.excuse(known, seen)
	}
}

// knownSignatures returns what Known declares about single mismatches of this
// case, given as a signature after the ID of the case.
func (t *rig) knownSignatures() map[string]string {
	known := map[string]string{}
	for id, why := range t.suite.known {
		if sig, ok := strings.CutPrefix(id, t.id+"#"); ok {
			known[sig] = why
		}
	}
	return known
}

// excuse passes a case with only known mismatches; a known mismatch that no
// longer occurs must be removed.
func (t *rig) excuse(known map[string]string, seen map[string]bool) {
	var why []string
	for sig, reason := range known {
		if !seen[sig] {
			t.record(Cured, fmt.Sprintf("%s is not seen any more, so remove its Known, which says: %s", sig, reason))
		}
		why = append(why, sig+": "+reason)
	}
	t.record(WasKnown, strings.Join(why, "\n"))
}
