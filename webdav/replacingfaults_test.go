package webdav

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// replacing sends what replaces /target, which has k, by /from, which has x, at gateway
// 0. The test decides what its calls come to.
func (g *davGateways) replacing(t *testing.T, method string) (answer chan int) {
	t.Helper()
	for _, dir := range []string{"/target", "/from"} {
		g.want(t, 0, 201, "MKCOL", dir, "")
	}
	g.want(t, 0, 201, "PUT", "/target/k", "old")
	g.want(t, 0, 201, "PUT", "/from/x", "new")
	g.d.open = false
	return g.sends(method)
}

func (g *davGateways) sends(method string) (answer chan int) {
	answer = make(chan int, 1)
	go func() { answer <- serve(g.handlers[0], method, "/from", "", "Destination: /target").Code }()
	return answer
}

// next has the store carry out the next call, or not, and answer with an error, or how
// it ended.
func (g *davGateways) next(t *testing.T, carriedOut bool, answer error) {
	t.Helper()
	synctest.Wait()
	g.d.mu.Lock()
	n := len(g.d.pending)
	g.d.mu.Unlock()
	if n == 0 {
		t.Fatal("there is no call")
	}
	c := g.d.take(0)
	var err error
	if carriedOut {
		err = c.run()
	}
	if answer != nil {
		err = answer
	}
	c.answer <- err
	synctest.Wait()
}

// A move that was made, and not answered, is one that was made: what goes with it
// follows, and it is answered well. Where the store goes on with moves by itself the old
// folder is kept.
func TestReplacedWithoutAnAnswer(t *testing.T) {
	lost := &backend.Error{Kind: backend.ErrUncertain, Message: "made by the test"}
	for name, test := range map[string]struct {
		as    func(*sender) backend.Backend
		alone bool
	}{
		"one step":        {func(s *sender) backend.Backend { return s }, false},
		"goes on by self": {func(s *sender) backend.Backend { return movesAlone{cannotMove{s}} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newDavGatewaysOf(t, 2, test.as)
				g.want(t, 0, 201, "MKCOL", "/target", "")
				g.want(t, 0, 201, "MKCOL", "/from", "")
				g.want(t, 0, 201, "PUT", "/target/k", "old")
				g.want(t, 0, 201, "PUT", "/from/x", "new")
				open, err := g.files[0].OpenFile("/from/x", os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				g.d.open = false
				answer := g.sends("MOVE")
				g.next(t, true, nil)
				g.next(t, true, lost)
				g.d.release()
				code := <-answer
				all := g.d.files(t, ".")
				if test.alone {
					kept := false
					for name := range all {
						kept = kept || strings.HasPrefix(name, "target (before ") && strings.HasSuffix(name, "/k")
					}
					if code < 500 || !kept {
						t.Errorf("answered %d, there is %q", code, all)
					}
				} else if _, old := all["target/k"]; code != 204 || old || len(all) != 2 {
					t.Errorf("answered %d, there is %q", code, all)
				}
				_, err = open.WriteAt([]byte("NEW"), 0)
				if err := errors.Join(err, open.Close()); err != nil && !test.alone {
					t.Errorf("what was open: %v", err)
				}
				if all := g.d.files(t, "."); all["target/x"] != "NEW" && !test.alone {
					t.Errorf("what was open has not followed: %q", all)
				}
				time.Sleep(25 * time.Hour)
			})
		})
	}
}

// Where its owner does not reach the store to give back what it has moved aside, others
// do, although it lives.
func TestGivenBackByOthersWhileTheOwnerLives(t *testing.T) {
	away := &backend.Error{Kind: backend.ErrUnavailable, Message: "made by the test"}
	synctest.Test(t, func(t *testing.T) {
		g := newDavGateways(t, 2)
		answer := g.replacing(t, "MOVE")
		g.next(t, true, nil)
		g.next(t, false, away)
		g.next(t, false, away) // it is to be given back
		g.next(t, true, nil)   // by the other one
		g.d.release()
		g.want(t, 1, 200, "GET", "/target/k", "")
		if code := <-answer; code < 500 {
			t.Errorf("answered %d", code)
		}
		g.want(t, 0, 200, "GET", "/target/k", "")
		time.Sleep(time.Hour)
		if all := g.d.files(t, "."); len(all) != 4 || all["target/k"] != "old" || all["from/x"] != "new" {
			t.Errorf("there is %q", all)
		}
	})
}

// What an owner has put right, and could not tell, is told soon.
func TestPutRightIsToldSoon(t *testing.T) {
	refused := &backend.Error{Kind: backend.ErrLocked, Message: "made by the test"}
	synctest.Test(t, func(t *testing.T) {
		g := newDavGateways(t, 2)
		answer := g.replacing(t, "MOVE")
		g.next(t, true, nil)
		g.Fail(errors.New("made by the test"))
		g.next(t, false, refused)
		g.next(t, true, nil)
		g.d.release()
		if code := <-answer; code < 400 {
			t.Errorf("answered %d", code)
		}
		g.Fail(nil)
		time.Sleep(3 * time.Second)
		g.want(t, 1, 200, "GET", "/target/k", "")
		time.Sleep(time.Hour)
	})
}

// Who waits for a replacement, and has to begin anew with the log, does not take it for
// over.
func TestForgottenIsNotOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, empty := newDavGateways(t, 2), newDavGateways(t, 1)
		answer := g.replacing(t, "MOVE")
		g.next(t, true, nil)
		g.Expel(g.Gateways()[1], false)
		read := make(chan int, 1)
		go func() { read <- serve(g.handlers[1], "GET", "/target/k", "").Code }()
		synctest.Wait()
		g.Restore(empty.Gateways()[0], g.Gateways()[1])
		if code := <-read; code != 503 {
			t.Errorf("read with %d", code)
		}
		g.d.release()
		if code := <-answer; code != 204 {
			t.Errorf("answered %d", code)
		}
	})
}

// A copy that is complete when its gateway is no member any more does not get its name.
func TestCopyIsPlacedByAMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newDavGateways(t, 2)
		g.d.cut = true
		g.want(t, 0, 201, "MKCOL", "/from", "")
		g.want(t, 0, 201, "PUT", "/from/x", "new")
		g.d.open = false
		answer := g.sends("COPY")
		g.next(t, true, nil) // is not supported
		g.next(t, true, nil) // the folder
		g.Expel(g.Gateways()[0], true)
		g.d.release()
		if code := <-answer; code < 500 {
			t.Errorf("answered %d", code)
		}
		time.Sleep(time.Hour)
		if all := g.d.files(t, "."); len(all) != 2 {
			t.Errorf("there is %q", all)
		}
	})
}

// A copy that was not completed is not taken along where its folder is moved.
func TestCopyNotCompletedIsNotTakenAlong(t *testing.T) {
	for name, test := range map[string]struct {
		as    func(*sender) backend.Backend
		after time.Duration // for which a gateway that was killed may have been at it
	}{
		"one step":        {func(s *sender) backend.Backend { return s }, 0},
		"goes on by self": {func(s *sender) backend.Backend { return movesAlone{cannotMove{s}} }, 31 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newDavGatewaysOf(t, 2, test.as)
				g.d.cut = true
				g.want(t, 0, 201, "MKCOL", "/in", "")
				g.want(t, 0, 201, "MKCOL", "/from", "")
				g.want(t, 0, 201, "PUT", "/from/x", "new")
				g.d.open = false
				go serve(g.handlers[0], "COPY", "/from", "", "Destination: /in/copy")
				g.next(t, true, nil) // is not supported
				g.next(t, true, nil) // the folder
				synctest.Wait()
				c := g.d.take(0)
				g.Expel(g.Gateways()[0], false)
				g.d.release()
				if test.after > 0 {
					if err := g.files[1].Move("/in", "/out", false); !errors.Is(err, backend.ErrLocked) {
						t.Errorf("moved while it may be going on: %v", err)
					}
				}
				time.Sleep(test.after)
				if err := g.files[1].Move("/in", "/out", false); err != nil {
					t.Error(err)
				}
				c.answer <- errors.New("made by the test")
				time.Sleep(25 * time.Hour)
				for name := range g.d.files(t, ".") {
					if strings.Contains(name, ".davdisk") {
						t.Errorf("%s is left", name)
					}
				}
			})
		})
	}
}

// A call that comes late, in the moment before the folder is moved in which it is, takes
// nothing where nobody finds it.
func TestMovedAsideBeforeItsFolderIsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newDavGatewaysOf(t, 2, func(s *sender) backend.Backend { return movesAlone{cannotMove{s}} })
		for _, dir := range []string{"/in", "/in/target", "/from"} {
			g.want(t, 0, 201, "MKCOL", dir, "")
		}
		g.want(t, 0, 201, "PUT", "/in/target/k", "old")
		g.d.open = false
		go serve(g.handlers[0], "MOVE", "/from", "", "Destination: /in/target")
		synctest.Wait()
		late := g.d.take(0)
		g.Expel(g.Gateways()[0], false)
		synctest.Wait()
		time.Sleep(time.Hour)
		answer := make(chan int, 1)
		go func() { answer <- serve(g.handlers[1], "MOVE", "/in", "", "Destination: /out").Code }()
		synctest.Wait()
		if err := late.run(); err != nil {
			t.Fatal(err)
		}
		g.next(t, true, nil)
		g.d.release()
		if code := <-answer; code != 201 {
			t.Errorf("answered %d", code)
		}
		if all := g.d.files(t, "."); all["out/target/k"] != "old" || len(all) != 4 {
			t.Errorf("there is %q", all)
		}
		late.answer <- late.run()
		time.Sleep(25 * time.Hour)
	})
}
