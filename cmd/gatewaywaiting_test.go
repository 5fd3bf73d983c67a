package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/etcd"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/testwait"
)

// hesitant is a disk that takes no uploads while a test says so.
type hesitant struct {
	*yandex.Backend
	look    atomic.Pointer[func()] // called before a Stat; nil: nothing is
	refuses atomic.Bool
	holds   atomic.Bool  // uploads, until their context ends
	held    chan error   // how those have ended
	tries   atomic.Int64 // that were refused
}

func (h *hesitant) Unwrap() backend.Backend { return h.Backend }

func (h *hesitant) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if h.holds.Load() {
		h.tries.Add(1)
		<-ctx.Done()
		h.held <- ctx.Err()
		return backend.Info{}, ctx.Err()
	}
	if h.refuses.Load() {
		h.tries.Add(1)
		return backend.Info{}, backend.PathError("put", name, backend.ErrUnavailable, "not now")
	}
	return h.Backend.Put(ctx, name, body, opts)
}

func (h *hesitant) Stat(ctx context.Context, name string) (backend.Info, error) {
	if look := h.look.Load(); look != nil {
		(*look)()
	}
	return h.Backend.Stat(ctx, name)
}

// holdingGateway is a gateway that keeps uploads back.
type holdingGateway struct {
	testGateway
	store *hesitant
	close func() error
}

// startHolding starts a gateway with --write-back of the disk, with a state folder.
func startHolding(t *testing.T, log *clustertest.Memory, disk *emulator.Server, name, stateDir string) *holdingGateway {
	t.Helper()
	return startHoldingWith(t, log, disk, name, stateDir, func(*hesitant) {})
}

// startHoldingWith does something to the disk as the gateway reaches it before.
func startHoldingWith(t *testing.T, log *clustertest.Memory, disk *emulator.Server, name, stateDir string, with func(*hesitant)) *holdingGateway {
	t.Helper()
	b, err := yandex.New(yandex.Config{APIURL: disk.URL, Token: yandex.StaticToken(disk.Token), Rate: -1, RetryWait: time.Millisecond, ModTimeWait: 10 * time.Millisecond, StateDir: filepath.Join(stateDir, "disk")})
	if err != nil {
		t.Fatal(err)
	}
	g := &holdingGateway{testGateway: testGateway{T: t, connection: log.Connect(0, false), clock: &clustertest.Clock{}}, store: &hesitant{Backend: b, held: make(chan error, 10)}}
	with(g.store)
	engine, err := replica.New(g.connection, replica.Config{Gateway: name, Clock: g.clock, Dir: stateDir})
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	if g.gateway, err = openGateway(engine, quiet, func(ctx context.Context, _ time.Duration) error { return ctx.Err() }); err != nil {
		t.Fatal(err)
	}
	g.gateway.writeBack = true
	if err := g.gateway.serves(t.Context(), g.store, func(context.Context) (string, error) { return "the store", nil }, 0); err != nil {
		t.Fatal(err)
	}
	g.stack, err = newStack(g.store, stackOptions{address: "yandex:", stateDir: stateDir, dirTime: time.Hour, dirCount: 100, spoolSize: 1 << 20, writeBack: true, log: quiet, gateway: g.gateway})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.gateway.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	closed := false
	g.close = func() error {
		if closed {
			return nil
		}
		closed = true
		return errors.Join(g.stack.Close(), g.gateway.Close())
	}
	t.Cleanup(func() {
		g.store.refuses.Store(false)
		if err := g.close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// refused is a request that is answered by 503, with words and a time to try again.
func (g *testGateway) refused(method, name, body, words string, headers ...string) {
	g.Helper()
	res := g.wants(method, name, body, 503, headers...)
	said, err := io.ReadAll(res.Body)
	if err != nil || res.Header.Get("Retry-After") == "" || !strings.Contains(string(said), words) && method != "HEAD" {
		g.Errorf("%s %s is refused with %q, Retry-After %q, %v; want %q", method, name, said, res.Header.Get("Retry-After"), err, words)
	}
}

// lists tests what a listing of a folder has of a name.
func (g *testGateway) lists(folder, text string) {
	g.Helper()
	got, err := io.ReadAll(g.wants("PROPFIND", folder, "", 207, "Depth: 1").Body)
	if err != nil || !strings.Contains(string(got), text) {
		g.Errorf("%q is not listed, %v, in %s", text, err, got)
	}
}

// until waits for something that happens in the background.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(testwait.Limit(t)); !is(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		}
	}
}

func startDisk(t *testing.T) *emulator.Server {
	t.Helper()
	disk, err := emulator.Start(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	return disk
}

// What waits at one gateway is listed at the other as it is, and its content is read
// there when it is stored, for which nobody has to wait for the next try.
func TestWaitingIsKnownElsewhere(t *testing.T) {
	disk, log := startDisk(t), clustertest.NewMemory("life")
	a, b := startHolding(t, log, disk, "a", t.TempDir()), startHolding(t, log, disk, "b", t.TempDir())
	a.wants("MKCOL", "/d", "", 201)
	a.wants("PUT", "/d/f", "one", 201)
	b.reads("/d/f", "one")
	b.lists("/d/", ">3<")

	a.store.refuses.Store(true)
	tag := a.wants("PUT", "/d/f", "second", 204).Header.Get("ETag")
	a.wants("PUT", "/d/new", "new one", 201)
	for _, g := range []*holdingGateway{a, b} {
		g.lists("/d/", ">6<")
		g.lists("/d/", "/d/new")
		if got := g.wants("HEAD", "/d/f", "", 200); got.Header.Get("ETag") != tag || got.ContentLength != 6 {
			t.Errorf("HEAD tells %v of %d bytes, want %s", got.Header.Get("ETag"), got.ContentLength, tag)
		}
		g.wants("GET", "/d/f", "", 304, "If-None-Match: "+tag)
	}
	b.wants("PUT", "/d/f", "x", 412, `If-Match: "another"`)
	b.wants("PUT", "/d/new", "x", 412, "If-None-Match: *")
	a.reads("/d/f", "second")

	tries := a.store.tries.Load()
	read := make(chan string)
	go func() {
		got, _ := io.ReadAll(b.wants("GET", "/d/f", "", 200).Body)
		read <- string(got)
	}()
	eventually(t, "it is tried again", func() bool { return a.store.tries.Load() > tries })
	a.store.refuses.Store(false)
	if got := <-read; got != "second" {
		t.Errorf("the other gateway has %q", got)
	}
	for _, change := range []struct {
		method, name, body string
		want               int
		to                 string
	}{
		{"PUT", "/d/new", "newer", 204, ""},
		{"COPY", "/d", "", 201, "/e"},
		{"MOVE", "/d/f", "", 201, "/g"},
		{"DELETE", "/d", "", 204, ""},
	} {
		b.wants(change.method, change.name, change.body, change.want, "Destination: "+change.to)
	}
	for _, g := range []*holdingGateway{a, b} {
		g.reads("/g", "second")
		g.reads("/e/new", "newer")
		g.reads("/e/f", "second")
		g.wants("GET", "/d/new", "", 404)
	}
	eventually(t, "nothing waits", func() bool { return len(a.gateway.waiting.Files()) == 0 })
	before := log.Len()
	for range 5 {
		a.reads("/g", "second")
		b.lists("/", "/g")
	}
	if got := log.Len() - before; got != 0 {
		t.Errorf("reading costs %d entries", got)
	}
}

// Of what waits at a gateway that is cut off the others tell the truth: what it is, and
// that its content cannot be had. They change nothing of it. It is stored when the
// gateway is back, which meanwhile answers nothing.
func TestWaitingAtAGatewayThatIsCutOff(t *testing.T) {
	disk, log := startDisk(t), clustertest.NewMemory("life")
	a, b := startHolding(t, log, disk, "a", t.TempDir()), startHolding(t, log, disk, "b", t.TempDir())
	a.wants("MKCOL", "/d", "", 201)
	a.wants("PUT", "/d/f", "one", 201)
	eventually(t, "it is stored", func() bool { return len(a.gateway.waiting.Files()) == 0 })
	a.store.holds.Store(true)
	a.wants("PUT", "/d/f", "second", 204)
	eventually(t, "it is being stored", func() bool { return a.store.tries.Load() > 0 })
	m := a.gateway.current.Load()
	a.connection.Cut(true)
	a.clock.Advance(replica.DefaultLease)
	<-m.Lost()
	if err := <-a.store.held; !errors.Is(err, context.Canceled) { // others may store there soon
		t.Errorf("the upload ends with %v", err)
	}
	for _, method := range []string{"GET", "HEAD", "PROPFIND", "PUT"} {
		a.refused(method, "/d/f", "", "")
	}
	eventually(t, "it is expelled", func() bool { b.clock.Advance(time.Second); return !b.gateway.isMember() || b.alone() })
	eventually(t, "it is a member", func() bool { return b.gateway.isMember() && b.gateway.waiting.Current() == nil })
	const words = `"f" waits at the gateway a-`
	b.lists("/d/", ">6<")
	for _, c := range []struct{ method, name, to string }{
		{"GET", "/d/f", ""}, {"PUT", "/d/f", ""}, {"DELETE", "/d/f", ""}, {"DELETE", "/d", ""},
		{"MOVE", "/d", "/e"}, {"COPY", "/d/f", "/e"}, {"COPY", "/d", "/e"},
	} {
		body := map[string]string{"PUT": "x"}[c.method]
		b.refused(c.method, c.name, body, words, "Destination: "+c.to)
	}
	b.wants("PUT", "/d/other", "x", 201)
	if got, err := disk.ReadFile("disk:/d/f"); err != nil || string(got) != "one" {
		t.Errorf("the disk has %q, %v", got, err)
	}
	a.store.holds.Store(false)
	a.connection.Cut(false)
	eventually(t, "it is stored", func() bool { return len(b.gateway.waiting.Files()) == 0 })
	b.reads("/d/f", "second")
}

// alone reports whether the gateway knows that no other is a member any more.
func (g *testGateway) alone() bool {
	status, err := g.gateway.engine.Status(g.Context())
	return err == nil && len(status.Members) == 1
}

// What waits at a gateway that has ended is stored when it runs again. If it was given
// up meanwhile, and changed, both are kept.
func TestWaitingOfBefore(t *testing.T) {
	for _, givenUp := range []bool{false, true} {
		t.Run(fmt.Sprint("given up: ", givenUp), func(t *testing.T) {
			disk, log, dir := startDisk(t), clustertest.NewMemory("life"), t.TempDir()
			a, b := startHolding(t, log, disk, "a", dir), startHolding(t, log, disk, "b", t.TempDir())
			a.wants("PUT", "/f", "one", 201)
			eventually(t, "it is stored", func() bool { return len(a.gateway.waiting.Files()) == 0 })
			a.store.refuses.Store(true)
			a.wants("PUT", "/f", "second", 204)
			holder := b.gateway.waiting.Files()[0].Owner.Gateway
			if err := b.gateway.waiting.Forget(t.Context(), holder); err == nil || !strings.Contains(err.Error(), "runs") {
				t.Errorf("what waits is given up while its gateway runs: %v", err)
			}
			if err := a.close(); err != nil {
				t.Fatal(err)
			}
			b.refused("GET", "/f", "", "give up what waits there with davdisk cluster forget")
			if givenUp {
				if err := b.gateway.waiting.Forget(t.Context(), holder); err != nil {
					t.Fatal(err)
				}
				b.reads("/f", "one")
				b.refused("PUT", "/f", "x", "was given up, and may still be stored")
				if err := disk.WriteFile("disk:/f", []byte("third")); err != nil {
					t.Fatal(err)
				}
				b.gateway.forgetAll()
			}
			again := startHolding(t, log, disk, "a", dir)
			eventually(t, "it is stored", func() bool { return len(b.gateway.waiting.Files()) == 0 })
			files, err := io.ReadAll(b.wants("PROPFIND", "/", "", 207, "Depth: 1").Body)
			if err != nil {
				t.Fatal(err)
			}
			beside := regexp.MustCompile(`/f%20[^<]*`).FindString(string(files))
			switch {
			case !givenUp && beside == "":
				b.reads("/f", "second")
				again.reads("/f", "second")
			case givenUp && beside != "":
				b.reads("/f", "third")
				again.reads("/f", "third")
				b.reads(beside, "second")
			default:
				t.Errorf("beside it is %q in %s", beside, files)
			}
		})
	}
}

// TestServeWriteBackInACluster is the commands: a gateway with other flags is refused,
// status says what waits where, and forget gives it up.
func TestServeWriteBackInACluster(t *testing.T) {
	disk := onDisk(t)
	var asked etcd.Config
	app := appInCluster(clustertest.NewMemory("life"), &asked)
	words := func(flags ...string) []string {
		return append([]string{"yandex:", "--state-dir", t.TempDir(), "--cluster", "etcd://one"}, flags...)
	}
	a := startServingWith(t, app, words("--write-back", "--gateway", "here")...)
	_, cancel, ended := beginWith(t, app, append([]string{"serve", "--addr", "127.0.0.1:0"}, words()...)...)
	defer cancel()
	var said bytes.Buffer
	if code := exit(&said, <-ended); code != exitMisuse || !strings.Contains(said.String(), "all have --write-back, or none has") {
		t.Errorf("one without ends with %d and says %q", code, said.String())
	}
	disk.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Times: -1, Status: http.StatusServiceUnavailable})
	a.wants("PUT", "f", "", "taken", 201)
	run := func(words ...string) (string, error) {
		out, cancel, ended := beginWith(t, app, words...)
		defer cancel()
		err := <-ended
		return out.String(), err
	}
	status, err := run("cluster", "status", "etcd://one")
	name := regexp.MustCompile(`(?m)^(here-\S+)  uploads that wait there: 1, 5 B$`).FindStringSubmatch(status)
	if err != nil || name == nil {
		t.Fatalf("status says %q, %v", status, err)
	}
	if _, err := run("cluster", "forget", "--yes", "etcd://one", name[1]); err == nil || !strings.Contains(err.Error(), "runs, and nothing was given up") {
		t.Errorf("it is given up while it runs: %v", err)
	}
	a.stop()
	if status, err = run("cluster", "status", "etcd://one"); err != nil || !strings.Contains(status, "uploads that wait there: 1, 5 B, does not run\n") {
		t.Errorf("status says %q, %v", status, err)
	}
	if _, err := run("cluster", "forget", "--yes", "etcd://one", "there"); err == nil || !strings.Contains(err.Error(), "nothing waits at a gateway there") {
		t.Errorf("nothing is given up: %v", err)
	}
	if _, err := run("cluster", "forget", "--yes", "etcd://one", name[1]); err != nil {
		t.Error(err)
	}
	if status, err = run("cluster", "status", "--json", "etcd://one"); err != nil || !strings.Contains(status, `"given_up": true`) || !strings.Contains(status, `"f"`) {
		t.Errorf("status says %q, %v", status, err)
	}
}

// A gateway is started with an older copy of its state folder, as after a restore. What
// the copy has is stored. What it does not have is told as what it was, at all gateways,
// until somebody gives it up.
func TestWaitingWithACopiedFolder(t *testing.T) {
	disk, log, dir := startDisk(t), clustertest.NewMemory("life"), t.TempDir()
	a, b := startHolding(t, log, disk, "a", dir), startHolding(t, log, disk, "b", t.TempDir())
	a.wants("PUT", "/new", "one", 201)
	eventually(t, "it is stored", func() bool { return len(a.gateway.waiting.Files()) == 0 })
	a.store.refuses.Store(true)
	a.wants("PUT", "/early", "early", 201)
	holder := b.gateway.waiting.Files()[0].Owner.Gateway
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	a = startHolding(t, log, disk, "a", dir)
	a.store.refuses.Store(true)
	a.wants("PUT", "/new", "second", 204)
	a.wants("PUT", "/later", "later", 201)
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	again := startHolding(t, log, disk, "a", copied)
	eventually(t, "what the copy has is stored", func() bool { return len(b.gateway.waiting.Files()) == 2 })
	for _, g := range []*holdingGateway{again, b} {
		g.reads("/early", "early")
		g.lists("/", ">6<")
		for _, name := range []string{"/new", "/later"} {
			g.refused("GET", name, "", "runs without it")
			g.refused("PUT", name, "x", "runs without it")
		}
	}
	if err := b.gateway.waiting.Forget(t.Context(), holder); err != nil {
		t.Error(err)
	}
	b.reads("/new", "one")
	b.wants("GET", "/later", "", 404)
	b.refused("PUT", "/later", "x", "may still be stored")
}

// A gateway that ends while it looks at a file of before gives the name back: others may
// change it at once. When it is back, both are kept.
func TestWaitingIsGivenBackAtTheEnd(t *testing.T) {
	disk, log, dir := startDisk(t), clustertest.NewMemory("life"), t.TempDir()
	alone := startHolding(t, clustertest.NewMemory("another life"), disk, "a", dir)
	alone.store.refuses.Store(true)
	alone.wants("PUT", "/f", "ours", 201)
	if err := alone.close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cluster", "cluster.lock"} { // it knows the other log
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	b := startHolding(t, log, disk, "b", t.TempDir())
	looks, goOn := make(chan bool, 100), make(chan bool)
	a := startHoldingWith(t, log, disk, "a", dir, func(h *hesitant) {
		look := func() { looks <- true; <-goOn }
		h.look.Store(&look)
	})
	<-looks
	ended := make(chan error)
	go func() { ended <- a.close() }()
	close(goOn)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	b.wants("PUT", "/f", "theirs", 201)
}

// Uploads of a time with --write-back are neither hidden from the other gateways nor
// stored past them: serve says what to do.
func TestLeftoversWithoutWriteBack(t *testing.T) {
	disk, dir := onDisk(t), t.TempDir()
	var asked etcd.Config
	app := appInCluster(clustertest.NewMemory("life"), &asked)
	disk.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Times: -1, Status: http.StatusServiceUnavailable})
	before := startServingWith(t, app, "yandex:", "--state-dir", dir, "--write-back")
	before.wants("PUT", "f", "", "taken", 201)
	before.stop()
	_, cancel, ended := beginWith(t, app, "serve", "--addr", "127.0.0.1:0", "yandex:", "--state-dir", dir, "--cluster", "etcd://one")
	defer cancel()
	var said bytes.Buffer
	if code := exit(&said, <-ended); code != exitMisuse || !strings.Contains(said.String(), "still to be stored: 1, of which the other gateways do not know; start serve without --cluster until") {
		t.Errorf("it ends with %d and says %q", code, said.String())
	}
}
