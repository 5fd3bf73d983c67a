package webdav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// clone is another file system that holds the same.
func (c *capableFs) clone() *capableFs {
	other := newCapableFs()
	other.clock = c.clock
	for name, node := range c.nodes {
		kept := *node
		kept.props = maps.Clone(node.props)
		other.nodes[name] = &kept
	}
	return other
}

// A world is what requests meet in: a handler with files, and perhaps a lock.
type world struct {
	t       *testing.T
	handler *Handler
	other   *Handler // that the fast request comes to
	files   capableLike
	vars    *strings.Replacer
}

// worldNames are all the names that the requests have to do with.
var worldNames = []string{"/", "/d", "/d/f", "/d/g", "/d/n", "/d/n/g", "/d/f/f", "/e", "/e/f", "/e/g", "/e/n", "/n", "/n/f", "/n/g", "/n/n", "/m"}

// filled makes the files of a world.
func filled(t *testing.T, files capableLike) capableLike {
	t.Helper()
	for _, name := range []string{"/d", "/d/f", "/d/g", "/e", "/e/f", "/m"} {
		var err error
		if path.Dir(name) == "/" && name != "/m" {
			err = files.Mkdir(name, 0o777)
		} else {
			_, err = files.Put(name, strings.NewReader(name), -1, time.Time{}, "", false)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// newWorld serves such files, and makes the lock if there is one.
func newWorld(t *testing.T, files capableLike, locked call, gateways bool) *world {
	t.Helper()
	w := &world{t: t, files: files, vars: strings.NewReplacer()}
	if gateways {
		two, _ := newGateways(t, 2, stagedFs{files, t.Context()})
		w.handler, w.other = two[0], two[1]
	} else {
		h, err := NewHandler(stagedFs{files, t.Context()})
		if err != nil {
			t.Fatal(err)
		}
		w.handler, w.other = h, h
	}
	h := w.handler
	for _, name := range []string{"/d/g", "/e"} {
		property := map[string]string{"{urn:n}p": "<p xmlns='urn:n'>of " + name + "</p>"}
		err := files.SetProperties(name, property, nil)
		if errors.Is(err, errors.ErrUnsupported) {
			err = h.props.Set(name, property, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tag := w.send(call{method: "HEAD", at: "/d/f"}, "", nil).Header().Get("ETag")
	token, empty := "", ""
	if locked.method != "" {
		a := w.send(locked, "", nil)
		if token = a.Header().Get("Lock-Token"); token == "" {
			t.Fatalf("%v: %d %s", locked, a.Code, a.Body)
		}
		empty = w.send(call{method: "HEAD", at: locked.at}, "", nil).Header().Get("ETag")
	}
	w.vars = strings.NewReplacer("{T}", token, "{E}", tag, "{L}", empty)
	return w
}

func (w *world) close() {
	err := errors.Join(w.handler.Close(), w.other.Close())
	if files, ok := w.files.(io.Closer); ok {
		err = errors.Join(err, files.Close())
	}
	if err != nil {
		w.t.Error(err)
	}
}

// send serves one request by somebody, whose content differs from others'.
func (w *world) send(c call, by string, s *stop) *httptest.ResponseRecorder {
	body := ""
	switch {
	case c.method == "PUT":
		body = "by " + by
	case c.method == "LOCK" && !strings.Contains(c.headers, "Timeout"):
		body = lockBody
	case c.method == "PROPPATCH":
		body = strings.Replace(setProperty("p", "by "+by), "<D:prop>",
			`<D:prop><Z:Win32LastModifiedTime xmlns:Z="urn:schemas-microsoft-com:">Tue, 06 Feb 2001 04:05:06 GMT</Z:Win32LastModifiedTime>`, 1)
	}
	ctx := context.WithValue(context.Background(), stopKey{}, s)
	req := httptest.NewRequestWithContext(ctx, c.method, c.at, stagedBody{strings.NewReader(body), ctx})
	req.ContentLength = int64(len(body))
	req.Host = "localhost"
	if c.to != "" {
		req.Header.Set("Destination", c.to)
	}
	for header := range strings.SplitSeq(c.headers, "; ") {
		if name, value, ok := strings.Cut(header, ": "); ok {
			req.Header.Set(name, w.vars.Replace(value))
		}
	}
	a := stagedWriter{httptest.NewRecorder(), ctx}
	h := w.handler
	if by == "fast" {
		h = w.other
	}
	h.ServeHTTP(a, req)
	return a.ResponseRecorder
}

// patchStatus is a status in a 207 of PROPPATCH.
var patchStatus = regexp.MustCompile(`HTTP/1.1 \d+`)

func verdict(a *httptest.ResponseRecorder) string {
	return fmt.Sprint(a.Code, patchStatus.FindAllString(a.Body.String(), -1))
}

// state tells what there is: files, properties, locks and what these made.
func (w *world) state() string {
	var b strings.Builder
	for _, name := range worldNames {
		info, err := w.files.Stat(name)
		if err != nil && !isMissing(err) {
			w.t.Error(err)
		}
		kept := w.handler.props.Get(name)["{urn:n}p"]
		_, empty := w.handler.locks.Placeholder(name)
		if err == nil {
			content, date := "folder", ""
			if !info.IsDir() {
				read, err := afero.ReadFile(w.files, name)
				if err != nil {
					w.t.Error(err)
				}
				content = string(read)
				if info.ModTime().Year() == 2001 {
					date = "2001"
				}
			}
			props, err := w.files.(Propertier).Properties(name)
			if err != nil && !errors.Is(err, errors.ErrUnsupported) {
				w.t.Error(err)
			}
			fmt.Fprintln(&b, name, content, date, props["{urn:n}p"])
		}
		if kept != "" || empty {
			fmt.Fprintln(&b, name, "in the handler:", kept, empty)
		}
	}
	for _, l := range w.handler.locks.Below("/") {
		fmt.Fprintln(&b, "lock", l.Root, l.Infinite, l.Shared)
	}
	return b.String()
}

// An outcome is how two requests were answered, and what there is afterwards.
type outcome struct{ slow, fast, state string }

// A meeting is the kind of world that two requests meet in.
type meeting struct {
	files  func() capableLike
	locked call
	// settle waits until the fast request has ended, or waits for the other.
	settle func(ended <-chan struct{})
	// patient: what waits is also seen to give up.
	patient bool
	// gateways: the fast request comes to another gateway.
	gateways bool
}

// serially serves one request after the other; the state is also told as it is
// between them.
func (m meeting) serially(t *testing.T, first, second call, firstBy, secondBy string) (a, b, between, state string) {
	w := newWorld(t, m.files(), m.locked, m.gateways)
	defer w.close()
	a = verdict(w.send(first, firstBy, nil))
	between = w.state()
	b = verdict(w.send(second, secondBy, nil))
	return a, b, between, w.state()
}

// meet holds the slow request up at each of its stages in turn, and has the fast
// one come there. It returns how many there were.
func (m meeting) meet(t *testing.T, slow, fast call) (stages int) {
	slowFirst, fastFirst := outcome{}, outcome{}
	var slowOnly, fastOnly string
	slowFirst.slow, slowFirst.fast, slowOnly, slowFirst.state = m.serially(t, slow, fast, "slow", "fast")
	fastFirst.fast, fastFirst.slow, fastOnly, fastFirst.state = m.serially(t, fast, slow, "fast", "slow")
	waited := false
	for ; ; stages++ {
		w := newWorld(t, m.files(), m.locked, m.gateways)
		s := newStop(stages)
		got, was := outcome{}, ""
		var slowDone, fastDone = make(chan struct{}), make(chan struct{})
		go func() {
			defer close(slowDone)
			got.slow = verdict(w.send(slow, "slow", s))
		}()
		select {
		case <-s.reached:
		case <-slowDone: // there are no more stages
			w.close()
			return stages
		}
		go func() {
			defer close(fastDone)
			got.fast = verdict(w.send(fast, "fast", nil))
		}()
		m.settle(fastDone)
		gaveUp := false
		select {
		case <-fastDone:
			was = w.state()
		default:
			if gaveUp = m.patient && !waited; gaveUp { // once, see it give up
				time.Sleep(lock.DefaultMaxWait + time.Second)
			}
		}
		close(s.resume)
		<-slowDone
		<-fastDone
		got.state = w.state()
		w.close()
		if gaveUp {
			waited = true
			if !strings.HasPrefix(got.fast, "423") || got.slow != slowFirst.slow || got.state != slowOnly {
				t.Errorf("%v, held up %s; %v waits too long:\n%v\nwant 423 and\n%s", slow, s.name, fast, got, slowOnly)
			}
			continue
		}
		// Whoever was served and saw nothing of the slow request came before it.
		before := was == fastOnly && was != slowFirst.state
		refused := got.fast == fastFirst.fast && strings.HasPrefix(got.slow, "423") && got.state == fastOnly
		if got != fastFirst && (got != slowFirst || before) && !refused {
			t.Errorf("%v, held up %s; %v (seen in between: %v):\n%v\nwant one after the other:\n%v\nor the other way round:\n%v",
				slow, s.name, fast, before, got, slowFirst, fastFirst)
		}
	}
}

// Each two requests that change something, one of them held up at any of its
// stages, end as if one had come after the other, or the second is told 423.
func TestEachTwoRequestsAreSerial(t *testing.T) {
	eachTwoRequestsAreSerial(t, false)
}

// The same if they come to two gateways.
func TestEachTwoRequestsAreSerialAtGateways(t *testing.T) {
	testlevel.NeedMore(t)
	eachTwoRequestsAreSerial(t, true)
}

func eachTwoRequestsAreSerial(t *testing.T, gateways bool) {
	t.Helper()
	plain := []call{
		{"PUT", "/d/f", "", ""},
		{"PUT", "/d/f", "", "If-Match: {E}"},
		{"PUT", "/d/f", "", `If: (["x"]) ([{E}])`},
		{"PUT", "/d/n", "", ""},
		{"PUT", "/d/n", "", "If-None-Match: *"},
		{"DELETE", "/d/f", "", ""},
		{"DELETE", "/d/f", "", "If-Match: {E}"},
		{"DELETE", "/d", "", ""},
		{"MKCOL", "/d/n", "", ""},
		{"MKCOL", "/n", "", ""},
		{"COPY", "/d/f", "/d/n", ""},
		{"COPY", "/d", "/n", ""},
		{"COPY", "/d/f", "/e/f", "Overwrite: F"},
		{"COPY", "/e/f", "/d/f", ""},
		{"COPY", "/e", "/d", ""},
		{"MOVE", "/d/f", "/d/n", ""},
		{"MOVE", "/d/n", "/d/f", ""},
		{"MOVE", "/d", "/n", ""},
		{"MOVE", "/d/f", "/e/f", "If-Match: {E}"},
		{"MOVE", "/e/f", "/d/f", ""},
		{"MOVE", "/e", "/d", ""},
		{"PROPPATCH", "/d/f", "", ""},
		{"PROPPATCH", "/d/n", "", ""},
		{"PROPPATCH", "/d", "", ""},
		{"LOCK", "/d/f", "", "Depth: 0"},
		{"LOCK", "/d/n", "", "Depth: 0"},
		{"LOCK", "/d", "", "Depth: 0"},
		{"LOCK", "/d", "", "Depth: infinity"},
		{"LOCK", "/d/f", "", "If-Match: {E}"},
	}
	template := filled(t, newCapableFs()).(*capableFs)
	inMemory := func() capableLike { return template.clone() }
	settle := func(<-chan struct{}) { synctest.Wait() }
	for name, m := range map[string]struct {
		meeting
		calls []call
	}{
		"no locks": {meeting{inMemory, call{}, settle, true, false}, plain},
		"properties in the handler": {meeting{func() capableLike {
			f := template.clone()
			f.noProperties = true
			return f
		}, call{}, settle, true, false}, slices.DeleteFunc(slices.Clone(plain), func(c call) bool { return c.headers != "" })},
		"a locked file": {meeting{inMemory, call{"LOCK", "/d/f", "", "Depth: 0"}, settle, true, false}, []call{
			{"LOCK", "/d/f", "", "Timeout: Second-100; If: ({T})"},
			{"UNLOCK", "/d/f", "", "Lock-Token: {T}"},
			{"PUT", "/d/f", "", "If: ({T})"},
			{"PUT", "/d/f", "", ""},
			{"DELETE", "/d/f", "", "If: ({T})"},
			{"DELETE", "/d", "", "If: </d/f> ({T})"},
			{"MOVE", "/d/f", "/n", "If: ({T})"},
			{"MOVE", "/e/f", "/d/f", "If: </d/f> ({T})"},
			{"MOVE", "/d", "/n", "If: </d/f> ({T})"},
			{"COPY", "/d/f", "/n", ""},
			{"COPY", "/e/f", "/d/f", "If: </d/f> ({T})"},
			{"PROPPATCH", "/d/f", "", "If: ({T})"},
			{"LOCK", "/d/f", "", "Depth: 0"},
			{"LOCK", "/d", "", "Depth: infinity"},
		}},
		"a locked folder": {meeting{inMemory, call{"LOCK", "/d", "", "Depth: infinity"}, settle, true, false}, []call{
			{"LOCK", "/d/f", "", "Timeout: Second-100; If: ({T})"},
			{"UNLOCK", "/d", "", "Lock-Token: {T}"},
			{"UNLOCK", "/d/f", "", "Lock-Token: {T}"},
			{"PUT", "/d/f", "", "If: ({T})"},
			{"PUT", "/d/n", "", "If: </d> ({T})"},
			{"PUT", "/d/n", "", ""},
			{"DELETE", "/d/f", "", "If: ({T})"},
			{"DELETE", "/d", "", "If: ({T})"},
			{"MKCOL", "/d/n", "", "If: </d> ({T})"},
			{"MOVE", "/d/f", "/n", "If: ({T})"},
			{"MOVE", "/d", "/n", "If: ({T})"},
			{"MOVE", "/e", "/d", "If: </d> ({T})"},
			{"COPY", "/d", "/n", ""},
			{"PROPPATCH", "/d", "", "If: ({T})"},
			{"LOCK", "/d/g", "", "Depth: 0"},
		}},
		"a locked free name": {meeting{inMemory, call{"LOCK", "/d/n", "", "Depth: 0"}, settle, true, false}, []call{
			{"LOCK", "/d/n", "", "Timeout: Second-100; If: ({T})"},
			{"UNLOCK", "/d/n", "", "Lock-Token: {T}"},
			{"PUT", "/d/n", "", "If: ({T})"},
			{"PUT", "/d/n", "", "If: ({T}); If-Match: {L}"},
			{"DELETE", "/d/n", "", "If: ({T})"},
			{"DELETE", "/d", "", "If: </d/n> ({T})"},
			{"MKCOL", "/d/n", "", "If: ({T})"},
			{"MOVE", "/d/n", "/n", "If: ({T})"},
			{"MOVE", "/d", "/n", "If: </d/n> ({T})"},
			{"MOVE", "/d/n", "/d/f", "If: ({T})"},
			{"MOVE", "/d/f", "/d/n", "If: </d/n> ({T})"},
			{"COPY", "/d/n", "/n", ""},
			{"COPY", "/d", "/n", ""},
			{"COPY", "/d/n", "/d/f", ""},
			{"COPY", "/d/f", "/d/n", "If: </d/n> ({T})"},
			{"PROPPATCH", "/d/n", "", "If: ({T})"},
			{"LOCK", "/d", "", "Depth: infinity"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			pairs, stages := 0, 0
			m.gateways = gateways
			for _, slow := range m.calls {
				t.Run(slow.String(), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						for _, fast := range m.calls {
							n := m.meet(t, slow, fast)
							if n < 1 {
								t.Errorf("%v has %d stages", slow, n)
							}
							pairs, stages = pairs+1, stages+n
						}
					})
				})
			}
			t.Logf("%d pairs, %d meetings", pairs, stages)
		})
	}
}
