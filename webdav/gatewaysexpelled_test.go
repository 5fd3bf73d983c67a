package webdav

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A gateway that was away between reserving a name and creating something there
// leaves alone what others have made meanwhile, properties too.
func TestExpelledLeavesPropertiesAlone(t *testing.T) {
	for method, body := range map[string]string{"LOCK": lockBody, "PUT": "x"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				files := newCapableFs()
				files.noProperties = true
				all, log := newGateways(t, 2, files)
				for _, h := range all {
					defer h.Close()
				}
				away := func() {
					log.Expel(log.Gateways()[0], true)
					time.Sleep(lingers) // until the name is anybody's
					if a := serve(all[1], "PUT", "/f", "other"); a.Code != http.StatusCreated {
						t.Errorf("PUT of the other: %d", a.Code)
					}
					if a := serve(all[1], "PROPPATCH", "/f", setProperty("p", "kept")); a.Code != http.StatusMultiStatus {
						t.Errorf("PROPPATCH of the other: %d", a.Code)
					}
				}
				done := false
				files.setFail(func(op, name string) error {
					if !done && op == "stat" && name == "/" { // it has seen that the name is free
						done = true
						away()
					}
					return nil
				})
				if a := serve(all[0], method, "/f", body); a.Code < 400 {
					t.Errorf("%s of who was away: %d", method, a.Code)
				}
				if !done {
					t.Fatal("it was never away")
				}
				if a := serve(all[1], "PROPFIND", "/f", "", "Depth: 0"); !strings.Contains(a.Body.String(), ">kept<") {
					t.Errorf("the properties are %s", a.Body)
				}
			})
		})
	}
}

// A gateway that was away in the middle of a PROPPATCH keeps no properties in the
// name of a file that may be another one now.
func TestExpelledSetsNoProperties(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := newCapableFs()
		all, log := newGateways(t, 2, files)
		for _, h := range all {
			defer h.Close()
		}
		serve(all[0], "PUT", "/f", "x")
		serve(all[0], "PROPPATCH", "/f", setProperty("p", "of the file system"))
		files.setFail(func(op, name string) error {
			switch {
			case op == "setproperties" && files.count(op) == 2: // the handler has to keep what it refuses
				return failing(op, name, http.StatusRequestEntityTooLarge)
			case op == "properties":
				log.Expel(log.Gateways()[0], true)
			}
			return nil
		})
		if a := serve(all[0], "PROPPATCH", "/f", setProperty("p", "late")); a.Code != http.StatusServiceUnavailable {
			t.Errorf("PROPPATCH of who was away: %d %s", a.Code, a.Body)
		}
		if got := all[1].props.Get("/f"); len(got) > 0 {
			t.Errorf("it has kept %v", got)
		}
	})
}

// An If header is judged once, when nobody else can change what it is about.
func TestIfIsJudgedOnce(t *testing.T) {
	for _, method := range []string{"UNLOCK", "LOCK", "PROPPATCH"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				files := newCapableFs()
				var between func()
				all, _ := newGateways(t, 2, files)
				for _, h := range all {
					defer h.Close()
				}
				serve(all[0], "PUT", "/f", "old")
				tag := serve(all[0], "HEAD", "/f", "").Header().Get("ETag")
				shared := strings.Replace(lockBody, "exclusive", "shared", 1)
				token := serve(all[0], "LOCK", "/f", shared).Header().Get("Lock-Token")
				send := func() int {
					body := map[string]string{"PROPPATCH": setProperty("p", "v"), "LOCK": shared}[method]
					return serve(all[0], method, "/f", body, "If: ("+token+" ["+tag+"])", "Lock-Token: "+token).Code
				}

				looked := 0
				files.setFail(func(op, name string) error {
					if op == "stat" && name == "/f" {
						looked++
					}
					return nil
				})
				want := map[string]int{"UNLOCK": 1, "LOCK": 2, "PROPPATCH": 2}[method] // and once for what the method does
				if code := send(); code >= 400 || looked != want {
					t.Errorf("answered %d after %d looks, want %d", code, looked, want)
				}

				// What it waits for makes it false: nothing is done.
				if method == "UNLOCK" {
					token = serve(all[0], "LOCK", "/f", shared).Header().Get("Lock-Token")
				}
				files.setFail(func(op, _ string) error {
					if op == "put" && between != nil {
						between()
					}
					return nil
				})
				code := make(chan int)
				between = func() {
					between = nil
					go func() { code <- send() }()
					time.Sleep(time.Second)
				}
				if a := serve(all[1], "PUT", "/f", "new", "If: ("+token+")"); a.Code != http.StatusNoContent {
					t.Errorf("PUT: %d", a.Code)
				}
				if got := <-code; got != http.StatusPreconditionFailed {
					t.Errorf("answered %d, want 412", got)
				}
				if a := serve(all[1], "PUT", "/f", "newer"); a.Code != http.StatusLocked {
					t.Errorf("the lock is gone: %d", a.Code)
				}
			})
		})
	}
}
