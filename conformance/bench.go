package conformance

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/spf13/afero"
)

// Bench benchmarks the file systems that fresh returns: some simple workloads,
// and the whole catalog, for which it also reports how many cases there are
// and how many passed.
func Bench(b *testing.B, fresh Maker, opts ...Option) {
	s := newSuite(b.Name()+"/", fresh, opts)
	for _, w := range workloads() {
		b.Run(w.name, func(b *testing.B) {
			if d, lacks := s.lacking(w.needs); lacks {
				b.Skipf("%v: %s", d.Capability, d.Why)
			}
			t := &rig{suite: s, id: "bench/" + w.name}
			defer t.cleanUp()
			defer func() {
				t.closeFiles()
				if t.outcome.verdict != 0 {
					b.Fatalf("%v: %s", t.outcome.verdict, t.outcome.detail)
				}
			}()
			t.prepare(s.fresh)
			step := w.prepare(t)
			b.SetBytes(w.bytes)
			for i := 0; b.Loop(); i++ {
				step(i)
			}
		})
	}
	b.Run("catalog", func(b *testing.B) {
		var r Report
		for b.Loop() {
			r = Check(b.Context(), fresh, opts...)
		}
		b.ReportMetric(float64(len(r.Results)), "cases")
		b.ReportMetric(float64(r.Count(Passed)), "passed")
	})
}

// A workload is one thing that is done again and again.
type workload struct {
	name    string
	needs   []Capability
	bytes   int64 // moved by a step
	prepare func(t *rig) (step func(i int))
}

const (
	bulk  = 1 << 20
	block = 4 << 10
)

func workloads() []workload {
	return []workload{{
		name: "create", prepare: func(t *rig) func(int) {
			return func(i int) { t.Put(fmt.Sprint("f", i), "content") }
		},
	}, {
		name: "overwrite", needs: caps(Overwrite), prepare: func(t *rig) func(int) {
			return func(int) { t.Put("f", "content") }
		},
	}, {
		name: "write", needs: caps(Overwrite), bytes: bulk, prepare: func(t *rig) func(int) {
			content := string(noise(bulk))
			return func(int) { t.Put("f", content) }
		},
	}, {
		name: "read", bytes: bulk, prepare: func(t *rig) func(int) {
			t.GivenTree(Tree{"f": string(noise(bulk))})
			return func(int) {
				f := t.Open("f")
				n, err := io.Copy(io.Discard, f)
				t.OK(err)
				equal(t, "bytes read", n, bulk)
				t.Close(f)
			}
		},
	}, {
		name: "readat", bytes: block, prepare: func(t *rig) func(int) {
			t.GivenTree(Tree{"f": string(noise(bulk))})
			f := t.Open("f")
			random, buf := rand.New(rand.NewPCG(t.suite.seed, 0)), make([]byte, block)
			return func(int) {
				_, err := f.ReadAt(buf, random.Int64N(bulk-block))
				t.OK(err)
			}
		},
	}, {
		name: "writeat", needs: caps(WriteAt), bytes: block, prepare: func(t *rig) func(int) {
			t.GivenTree(Tree{"f": string(noise(bulk))})
			f := t.OpenFile("f", wronly)
			random, text := rand.New(rand.NewPCG(t.suite.seed, 0)), string(noise(block))
			return func(int) { t.WriteAt(f, text, random.Int64N(bulk-block)) }
		},
	}, {
		name: "append", needs: caps(Append), prepare: func(t *rig) func(int) {
			t.Given("f=")
			f := t.OpenFile("f", os.O_WRONLY|os.O_APPEND)
			return func(int) { t.Write(f, "a line of a log file\n") }
		},
	}, {
		name: "stat", prepare: func(t *rig) func(int) {
			t.Given("d/", "d/e/", "d/e/f=content")
			return func(int) { t.Stat("d/e/f") }
		},
	}, {
		name: "list", prepare: func(t *rig) func(int) {
			given, names := entriesOf(300)
			t.GivenTree(given)
			return func(int) {
				infos, err := afero.ReadDir(t.FS, t.Path("d"))
				t.OK(err)
				equal(t, "entries", len(infos), len(names))
			}
		},
	}, {
		name: "rename", needs: caps(Rename), prepare: func(t *rig) func(int) {
			t.Given("f0=content")
			return func(i int) { t.OK(t.rename(fmt.Sprint("f", i), fmt.Sprint("f", i+1))) }
		},
	}, {
		name: "chtimes", needs: caps(Chtimes), prepare: func(t *rig) func(int) {
			t.Given("f=content")
			return func(i int) { t.setTime("f", past().Add(time.Duration(i)*time.Second)) }
		},
	}, {
		name: "tree", needs: caps(EmptyDirs), prepare: func(t *rig) func(int) {
			return func(int) {
				t.OK(t.FS.MkdirAll(t.Path("a/b/c/d"), 0o755))
				t.OK(t.FS.RemoveAll(t.Path("a")))
			}
		},
	}}
}
