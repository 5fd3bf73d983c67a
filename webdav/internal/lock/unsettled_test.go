package lock

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// Names of a request that is over stay closed at all gateways as long as its change
// may still take effect, however long that is; then they are open at once, and all are
// told once more.
func TestUnsettledChange(t *testing.T) {
	for name, c := range map[string]struct {
		lasts  time.Duration // the store says that it is not over
		loses  bool          // the gateway loses its membership meanwhile, and has another one
		closes bool          // the gateway ends meanwhile
		opens  time.Duration // when the names are free
	}{
		"over soon":              {lasts: 10 * time.Second, opens: 15 * time.Second},
		"over at last":           {lasts: 5 * time.Hour, opens: 5*time.Hour + lastPause},
		"of a gateway that left": {lasts: 5 * time.Hour, closes: true, opens: 30 * time.Minute},
		"of an expelled gateway": {lasts: 2 * time.Minute, loses: true, opens: 2*time.Minute + lastPause},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, gateways := gatewaytest.New(t, 3)
				var told [3]atomic.Int32
				var all []*Table
				for i, g := range gateways {
					table, err := Open("", Options{Engine: g, Member: func() Member { return g }, OnChange: func(c Changed) {
						if c.Path != "/f" || c.Own {
							t.Errorf("told of %+v", c)
						}
						told[i].Add(1)
					}})
					if err != nil {
						t.Fatal(err)
					}
					defer table.Close()
					all = append(all, table)
				}
				file := Name{Path: "/f", Shared: true, Member: true, Lingers: 30 * time.Minute}
				begun := time.Now()
				r := mustReserve(t, all[0], file)
				r.Leave(func(context.Context) bool { return time.Since(begun) > c.lasts })
				synctest.Wait()
				if n := told[1].Load(); n != 1 {
					t.Errorf("told %d times at the end of the request", n)
				}
				if c.loses {
					log.Expel(gateways[0], true)
				}
				if c.closes {
					if err := all[0].Close(); err != nil {
						t.Fatal(err)
					}
				}
				log.Restore(gateways[1], gateways[2])
				end := begun.Add(min(c.lasts, c.opens) - 2*DefaultMaxWait)
				for time.Now().Before(end) {
					for i, table := range all[1:] {
						if _, err := table.Reserve(t.Context(), file); !errors.Is(err, ErrReserved) {
							t.Fatalf("after %v at gateway %d: %v", time.Since(begun), i+1, err)
						}
					}
					time.Sleep(min(c.opens/20, time.Until(end)))
				}
				for {
					r, err := all[2].Reserve(t.Context(), file)
					if err == nil {
						r.Release()
						break
					}
				}
				if took := time.Since(begun); took < min(c.lasts, c.opens) || took > c.opens {
					t.Errorf("open after %v", took)
				}
			})
		})
	}
}

// What is stored beside a change that may still replace it is not acknowledged.
func TestStoredBesideAnUnsettledChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		file := Name{Path: "/f", Shared: true, Member: true, Lingers: time.Hour}
		lost, beside, other := mustReserve(t, all[0], file), mustReserve(t, all[1], file), mustReserve(t, all[1], Name{Path: "/g"})
		var over atomic.Bool
		lost.Leave(func(context.Context) bool { return over.Load() })
		if err := other.Done(t.Context(), Changed{Path: "/g"}); err != nil {
			t.Error(err)
		}
		if err := beside.Done(t.Context(), Changed{Path: "/f"}); !errors.Is(err, ErrReplaceable) {
			t.Errorf("what may be replaced is acknowledged: %v", err)
		}
		beside.Release()
		over.Store(true)
		mustReserve(t, all[1], file).Release()
		for _, table := range all {
			if n := len(table.reserved.held); n != 0 {
				t.Errorf("%d holds are left", n)
			}
		}
	})
}

// While the log cannot be reached the names are not opened, and afterwards neither.
func TestUnsettledWithoutLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		file := Name{Path: "/f", Shared: true, Member: true, Lingers: time.Hour}
		r := mustReserve(t, all[0], file)
		log.Fail(cluster.ErrUnavailable)
		var over atomic.Bool
		r.Leave(func(context.Context) bool { return over.Load() })
		log.Fail(nil)
		time.Sleep(2 * retryPause)
		if _, err := all[1].Reserve(t.Context(), file); !errors.Is(err, ErrReserved) {
			t.Errorf("open: %v", err)
		}
		over.Store(true)
		mustReserve(t, all[1], file).Release()
	})
}

// A gateway of its own has nobody to keep the names from: its store does.
func TestLeaveAlone(t *testing.T) {
	table := openTable(t)
	r := mustReserve(t, table, Name{Path: "/f"})
	r.Leave(func(context.Context) bool { t.Error("asked"); return false })
	mustReserve(t, table, Name{Path: "/f"}).Release()
	if all := slices.Collect(machine{table}.Snapshot()); len(all) != 0 {
		t.Errorf("kept: %v", all)
	}
}

// Nothing is asked any more once others have opened the names, because their time
// was over while this gateway could not say otherwise.
func TestUnsettledIsSettledByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		r := mustReserve(t, all[0], Name{Path: "/f", Lingers: time.Hour})
		var asked atomic.Int32
		r.Leave(func(context.Context) bool { asked.Add(1); return false })
		all[1].abandon(r.ticket, nil)
		time.Sleep(time.Hour / 2)
		before := asked.Load()
		time.Sleep(time.Hour)
		if after := asked.Load(); before == 0 || after != before {
			t.Errorf("asked %d times, and %d times later", before, after)
		}
	})
}

// A gateway that was expelled has not made its change, though nothing can come of
// that any more.
func TestExpelledIsNotDoneLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		r := mustReserve(t, all[0], Name{Path: "/f", Lingers: time.Hour})
		log.Expel(gateways[0], true)
		time.Sleep(2 * time.Hour)
		if err := r.Done(t.Context(), Changed{Path: "/f"}); !errors.Is(err, cluster.ErrExpelled) {
			t.Errorf("done: %v", err)
		}
		r.Release()
	})
}

// Who found the time of names to be over, and has not yet heard that it was begun
// anew, does not open them.
func TestRenewedIsNotSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		file := Name{Path: "/f", Lingers: time.Hour}
		r := mustReserve(t, all[0], file)
		r.Leave(func(context.Context) bool { return false })
		for renewed := range uint64(2) {
			if _, err := all[1].Reserve(t.Context(), file); !errors.Is(err, ErrReserved) {
				t.Fatalf("with what was over %d times: %v", renewed, err)
			}
			over := settled{r.ticket, renewed + 1}
			if renewed == 0 {
				if err := all[0].unsettle(t.Context(), r.ticket); err != nil {
					t.Fatal(err)
				}
				log.Restore(gateways[0], gateways[1])
			}
			if _, err := all[1].log.Propose(t.Context(), change{Op: opSettle, Reserved: &reserved{Settled: []settled{over}}}, journal.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		mustReserve(t, all[1], file).Release()
	})
}

// The same request again goes on beside one whose outcome is unknown, at the gateway that
// has said so as long as it is a member, and nothing else does, nor does it while the other is under way.
func TestSameBesideAnUnsettledOne(t *testing.T) {
	names := func(again string) []Name {
		return []Name{{Path: "/to", Tree: true, Member: true, Again: again, Lingers: time.Hour}, {Path: "/from", Tree: true, Member: true, Again: again, Lingers: time.Hour}}
	}
	for name, want := range map[string]error{"left": nil, "killed": ErrReserved, "left, then killed": ErrReserved} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, gateways := gatewaytest.New(t, 2)
				all := tables(t, gateways, Options{})
				one := mustReserve(t, all[0], names("x")...)
				if _, err := all[0].Reserve(t.Context(), names("x")...); !errors.Is(err, ErrReserved) {
					t.Errorf("while it is under way: %v", err)
				}
				var over atomic.Bool
				if name == "killed" {
					one.end() // as if the process were another one
				} else {
					one.Leave(func(context.Context) bool { return over.Load() })
				}
				if want != nil {
					log.Expel(gateways[0], true)
				}
				log.Restore(gateways[1], gateways[0])
				for i, table := range all {
					for _, other := range [][]Name{names("y"), names(""), {{Path: "/to", Member: true}}, {{Path: "/from", Lock: true}}} {
						if _, err := table.Reserve(t.Context(), other...); !errors.Is(err, ErrReserved) {
							t.Errorf("gateway %d, %+v: %v", i, other, err)
						}
					}
				}
				if _, err := all[1].Reserve(t.Context(), names("x")...); !errors.Is(err, ErrReserved) {
					t.Errorf("at another gateway: %v", err)
				}
				again, err := all[0].Reserve(t.Context(), names("x")...)
				if !errors.Is(err, want) {
					t.Fatalf("at the same: %v", err)
				}
				if err == nil {
					if err := again.Done(t.Context(), Changed{Path: "/to", Tree: true}); err != nil {
						t.Errorf("it is not done: %v", err)
					}
				}
				if _, err := all[1].Reserve(t.Context(), Name{Path: "/to", Member: true}); !errors.Is(err, ErrReserved) {
					t.Errorf("before the first is over: %v", err)
				}
				over.Store(true)
				time.Sleep(time.Hour)
				mustReserve(t, all[1], Name{Path: "/to", Member: true}).Release()
			})
		})
	}
}

// A removal goes on beside another one whose outcome is unknown, of the same or of what is
// above it, and nothing else does; while the other is under way, it does not.
func TestRemovalBesideAnUnsettledOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		removal := func(path string) Name {
			return Name{Path: path, Tree: true, Member: true, Removes: true, Lingers: time.Hour}
		}
		lost := mustReserve(t, all[0], removal("/d/f"))
		if _, err := all[1].Reserve(t.Context(), removal("/d/f")); !errors.Is(err, ErrReserved) {
			t.Errorf("while it is under way: %v", err)
		}
		var over atomic.Bool
		lost.Leave(func(context.Context) bool { return over.Load() })
		for _, table := range all {
			for _, name := range []Name{{Path: "/d/f", Shared: true, Member: true, Lingers: time.Hour}, {Path: "/d", Tree: true, Member: true}} {
				if _, err := table.Reserve(t.Context(), name); !errors.Is(err, ErrReserved) {
					t.Errorf("%+v: %v", name, err)
				}
			}
			for _, path := range []string{"/d/f", "/d"} {
				r, err := table.Reserve(t.Context(), removal(path))
				if table != all[0] {
					if !errors.Is(err, ErrReserved) {
						t.Errorf("the removal of %s at another gateway: %v", path, err)
					}
					continue
				}
				if err == nil {
					err = r.Done(t.Context(), Changed{Path: path, Tree: true})
				}
				if err != nil {
					t.Errorf("the removal of %s: %v", path, err)
				}
			}
		}
		over.Store(true)
		time.Sleep(lastPause)
		mustReserve(t, all[1], Name{Path: "/d/f", Member: true}).Release()
	})
}
