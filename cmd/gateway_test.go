package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/etcd"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// fakeEngine joins as the test says.
type fakeEngine struct {
	cluster.Engine
	joins  chan any // an error, or a cluster.Member
	unsafe []string
	closed int
}

func (e *fakeEngine) Attach(string, string, cluster.State) (cluster.Shared, error) { return nil, nil }

func (e *fakeEngine) Join(ctx context.Context) (cluster.Member, error) {
	select {
	case got := <-e.joins:
		if err, failed := got.(error); failed {
			return nil, err
		}
		return got.(cluster.Member), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (e *fakeEngine) Status(context.Context) (cluster.Status, error) {
	return cluster.Status{Unsafe: e.unsafe}, errors.New("one of its nodes does not answer")
}

func (e *fakeEngine) Close() error { e.closed++; return nil }

// fakeMember is a membership that lasts until lose.
type fakeMember struct {
	epoch uint64
	over  atomic.Bool
	lost  chan struct{}
}

func newFakeMember(epoch uint64) *fakeMember {
	return &fakeMember{epoch: epoch, lost: make(chan struct{})}
}

func (m *fakeMember) Gateway() string       { return "a" }
func (m *fakeMember) Epoch() uint64         { return m.epoch }
func (m *fakeMember) Lost() <-chan struct{} { return m.lost }

func (m *fakeMember) Remaining() time.Duration {
	if m.over.Load() {
		return 0
	}
	return time.Second
}

func (m *fakeMember) lose() { m.over.Store(true); close(m.lost) }

// A gateway that has lost its membership joins again, more and more rarely, and
// what it had cached is dropped before anything cached counts.
func TestGatewayJoinsAgain(t *testing.T) {
	e := &fakeEngine{joins: make(chan any), unsafe: []string{"it has one node"}}
	var log bytes.Buffer
	pauses := make(chan time.Duration)
	g, err := openGateway(e, slog.New(slog.NewTextHandler(&log, nil)), func(ctx context.Context, d time.Duration) error {
		select {
		case pauses <- d:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	forgotten := make(chan bool)
	learn := func(string, string) { forgotten <- g.isMember() }
	g.learn.Store(&learn)
	if g.isMember() || g.member() != nil || g.gauge() != 0 {
		t.Error("it is a member before it has joined")
	}
	first, second := newFakeMember(7), newFakeMember(9)
	go func() { e.joins <- first }()
	if err := g.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !g.isMember() || g.member().Epoch() != 7 || g.gauge() != 1 {
		t.Error("it has joined, and is no member")
	}
	for _, said := range []string{"it has one node", "one of its nodes does not answer"} {
		if !strings.Contains(log.String(), said) {
			t.Errorf("nothing is said of %q", said)
		}
	}

	first.lose()
	if g.isMember() || g.member() != nil || g.gauge() != 0 {
		t.Error("it is a member after it has lost that")
	}
	var waited []time.Duration
	for range 7 {
		e.joins <- fmt.Errorf("at the moment: %w", cluster.ErrUnavailable)
		waited = append(waited, <-pauses)
	}
	if want := []time.Duration{1, 2, 4, 8, 16, 30, 30}; !slices.EqualFunc(waited, want, func(a, b time.Duration) bool { return a == b*time.Second }) {
		t.Errorf("it waits %v", waited)
	}
	e.joins <- second
	if <-forgotten {
		t.Error("its caches count before they are dropped")
	}
	second.lose()
	e.joins <- errors.New("again") // so the second was current
	<-pauses
	if err := g.Close(); err != nil || e.closed != 1 {
		t.Errorf("it is closed %d times, %v", e.closed, err)
	}
}

// A gateway that cannot join does not serve, and leaves nothing open.
func TestGatewayThatCannotJoin(t *testing.T) {
	e := &fakeEngine{joins: make(chan any, 1)}
	g, err := openGateway(e, slog.New(slog.DiscardHandler), pauseFor)
	if err != nil {
		t.Fatal(err)
	}
	e.joins <- cluster.ErrOtherLog
	if err := g.join(t.Context()); !errors.Is(err, cluster.ErrOtherLog) {
		t.Errorf("it says %v", err)
	}
	if err := g.Close(); err != nil || e.closed != 1 {
		t.Errorf("it is closed %d times, %v", e.closed, err)
	}
}

// testGateway is a share whose log is in memory.
type testGateway struct {
	*testing.T
	*stack
	gateway    *gateway
	connection *clustertest.Connection
	clock      *clustertest.Clock
}

// startGateways starts this many gateways of one store, of which each has its own
// file system, and one polls in this interval; 0: none does.
func startGateways(t *testing.T, store backend.Backend, count int, poll time.Duration) (all []*testGateway) {
	t.Helper()
	return startGatewaysOf(t, func(int) backend.Backend { return store }, count, poll)
}

// startGatewaysOf is startGateways where each reaches the store by its own backend.
func startGatewaysOf(t *testing.T, of func(gateway int) backend.Backend, count int, poll time.Duration) (all []*testGateway) {
	t.Helper()
	log := clustertest.NewMemory("life")
	for i := range count {
		store := of(i)
		g := &testGateway{T: t, connection: log.Connect(uint64(i), false), clock: &clustertest.Clock{}}
		engine, err := replica.New(g.connection, replica.Config{Gateway: fmt.Sprint("g", i), Clock: g.clock})
		if err != nil {
			t.Fatal(err)
		}
		if g.gateway, err = openGateway(engine, slog.New(slog.DiscardHandler), func(ctx context.Context, _ time.Duration) error { return ctx.Err() }); err != nil {
			t.Fatal(err)
		}
		if err := g.gateway.serves(t.Context(), store, func(context.Context) (string, error) { return "the store", nil }, poll); err != nil {
			t.Fatal(err)
		}
		g.stack, err = newStack(unclosed{store}, stackOptions{address: "memory:", dirTime: time.Hour, dirCount: 100, spoolSize: 1 << 20, log: slog.New(slog.DiscardHandler), gateway: g.gateway})
		if err != nil {
			t.Fatal(err)
		}
		if err := g.gateway.join(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(g.stack.Close(), g.gateway.Close()); err != nil {
				t.Error(err)
			}
		})
		all = append(all, g)
	}
	return all
}

// unclosed is a store that several gateways have.
type unclosed struct{ backend.Backend }

func (u unclosed) Unwrap() backend.Backend { return u.Backend }

func (g *testGateway) wants(method, name, body string, want int, headers ...string) *http.Response {
	g.Helper()
	req := httptest.NewRequest(method, "http://localhost"+name, strings.NewReader(body))
	for _, header := range headers {
		key, value, _ := strings.Cut(header, ": ")
		req.Header.Set(key, value)
	}
	w := httptest.NewRecorder()
	g.stack.ServeHTTP(w, req)
	if w.Code != want {
		g.Errorf("%s %s is answered %d, want %d: %s", method, name, w.Code, want, w.Body)
	}
	return w.Result()
}

func (g *testGateway) reads(name, want string) {
	g.Helper()
	if got, err := io.ReadAll(g.wants("GET", name, "", 200).Body); err != nil || string(got) != want {
		g.Errorf("%s has %q, %v, want %q", name, got, err, want)
	}
}

// Two gateways of one store are as one: a lock of the first holds at the second,
// and what was stored at the first is what the second serves and lists, though it
// had cached what was there before.
func TestGatewaysAreAsOne(t *testing.T) {
	all := startGateways(t, memory.New(memory.Options{}), 2, 0)
	a, b := all[0], all[1]
	list := func(want string, shown bool) {
		t.Helper()
		got, err := io.ReadAll(b.wants("PROPFIND", "/", "", 207, "Depth: 1").Body)
		if err != nil || strings.Contains(string(got), want) != shown {
			t.Errorf("%q is listed: %v, want %v, %v", want, !shown, shown, err)
		}
	}
	list("/f", false)
	a.wants("PUT", "/f", "one", 201)
	list("/f", true)
	b.reads("/f", "one")
	a.wants("PUT", "/f", "second", 204)
	b.reads("/f", "second")
	token := a.wants("LOCK", "/f", lockInfo, 200).Header.Get("Lock-Token")
	b.wants("PUT", "/f", "x", 423)
	b.wants("LOCK", "/f", lockInfo, 423)
	b.wants("PUT", "/f", "three", 204, "If: ("+token+")")
	a.reads("/f", "three")
	a.wants("MOVE", "/f", "", 201, "Destination: /g", "If: ("+token+")")
	list("/f", false)
	list("/g", true)
	b.wants("DELETE", "/g", "", 204)
	a.wants("GET", "/g", "", 404)
}

// A gateway that is cut off changes nothing and answers from the store alone; when
// it is a member again, what it had cached does not count.
func TestGatewayCutOff(t *testing.T) {
	store := memory.New(memory.Options{})
	g := startGateways(t, store, 1, 0)[0]
	put := func(content string) {
		t.Helper()
		if _, err := store.Put(t.Context(), "f", strings.NewReader(content), backend.PutOptions{Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
	}
	// lists tells which size a listing has, which may be cached.
	lists := func(want int) {
		t.Helper()
		got, err := io.ReadAll(g.wants("PROPFIND", "/", "", 207, "Depth: 1").Body)
		if text := fmt.Sprintf("getcontentlength>%d<", want); err != nil || !strings.Contains(string(got), text) {
			t.Errorf("the size is not %d, %v, in %s", want, err, got)
		}
	}
	g.wants("PUT", "/f", "1", 201)
	lists(1)
	put("22")
	lists(1) // it is cached

	m := g.gateway.current.Load()
	g.connection.Cut(true)
	g.clock.Advance(replica.DefaultLease)
	lists(2)
	g.reads("/f", "22")
	for method, body := range map[string]string{"PUT": "x", "LOCK": lockInfo, "DELETE": "", "MKCOL": ""} {
		if retry := g.wants(method, "/f", body, 503).Header.Get("Retry-After"); retry == "" {
			t.Errorf("%s: nothing says when to try again", method)
		}
	}
	<-m.Lost()
	put("333")
	lists(3)
	put("4444") // after the last reading without a membership, which may be cached

	g.connection.Cut(false)
	for g.gateway.current.Load() == m {
		time.Sleep(time.Millisecond)
	}
	lists(4)
	put("55555")
	lists(4) // it is cached again
	g.wants("PUT", "/f", "666666", 204)
	lists(6)
}

// appInCluster is davdisk whose clusters have their log in memory.
func appInCluster(log *clustertest.Memory, asked *etcd.Config) func(in io.Reader, out, errs io.Writer) *cli.App {
	p := program{drivers: ownDrivers(), openEngine: func(c etcd.Config) (cluster.Engine, error) {
		*asked = c
		return replica.New(log.Connect(1, false), c.Config)
	}}
	return p.newApp
}

// TestServeInACluster is serve --cluster with all of its flags, beside a davdisk of
// which it uses the log.
func TestServeInACluster(t *testing.T) {
	home(t)
	var asked etcd.Config
	app := appInCluster(clustertest.NewMemory("life"), &asked)
	t.Setenv("DAVDISK_CLUSTER_PASS", "secret-word")
	s := startServingWith(t, app, t.TempDir(), "--cluster", "etcd://one:2379,two,[::1]:3000/photos", "--gateway", "here", "--cluster-user", "me", "--admin-addr", "127.0.0.1:0")
	s.wants("PUT", "f", "", "content", 201)
	if got := s.wants("GET", "f", "", "", 200); got != "content" {
		t.Errorf("it serves %q", got)
	}
	res, err := http.Get(s.log.wait(t, `metrics on (\S+)`) + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if figures, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(figures), "davdisk_cluster_member 1\n") {
		t.Errorf("the metrics are %.300s, %v", figures, err)
	}
	if want := []string{"http://one:2379", "http://two:2379", "http://[::1]:3000"}; !slices.Equal(asked.Endpoints, want) || asked.Prefix != "photos" || asked.Username != "me" || asked.Password != "secret-word" || asked.TLS != nil || asked.Gateway != "here" {
		t.Errorf("it asks %v %q %q %q", asked.Endpoints, asked.Prefix, asked.Username, asked.Gateway)
	}
	if s.stop(); strings.Contains(s.log.String(), "secret-word") || !strings.Contains(s.log.String(), "nothing is on disk") {
		t.Errorf("it says\n%s", s.log)
	}
}

// Where there is no log, or that of another life, nothing is served.
func TestServeNeedsTheLogThatItKnows(t *testing.T) {
	home(t)
	var asked etcd.Config
	dir := t.TempDir()
	startServingWith(t, appInCluster(clustertest.NewMemory("life"), &asked), dir, "--cluster", "etcd://one").stop()
	for _, life := range []string{"", "another life"} {
		_, cancel, ended := beginWith(t, appInCluster(clustertest.NewMemory(life), &asked), "serve", dir, "--addr", "127.0.0.1:0", "--cluster", "etcd://two")
		err := <-ended
		cancel()
		if !errors.Is(err, cluster.ErrOtherLog) {
			t.Errorf("with the log %q it ends with %v", life, err)
		}
	}
}

// TestClusterAddresses has what is refused, in words that repeat no password.
func TestClusterAddresses(t *testing.T) {
	onDisk(t)
	pass := file(t, "secret-word")
	for words, says := range map[string]string{
		"--cluster etcd://me:secret-word@one":                   "do not belong into the address",
		"--cluster one:2379":                                    "is no address of a cluster",
		"--cluster http://one":                                  "is no address of a cluster",
		"--cluster etcd://":                                     "is no address of a cluster",
		"--cluster etcd://one,,two":                             "is no address of a cluster",
		"--cluster etcd://one:0":                                "is no address of a cluster",
		"--cluster etcd://one:99999":                            "is no address of a cluster",
		"--cluster etcd://one/a?b":                              "is no address of a cluster",
		"--cluster etcd://one --cluster-user me":                "goes with a password",
		"--cluster-pass-file " + pass + " --cluster etcd://one": "goes with a password",
		"--cluster etcd://one --cluster-ca x":                   "write etcds://",
		"--cluster etcds://one --cluster-ca missing":            `--cluster-ca: open "missing": no such file`,
		"--cluster etcds://one --cluster-ca " + pass:            "has no certificate in PEM",
		"--cluster etcds://one --cluster-cert x":                "--cluster-cert and --cluster-key go together",
		"--cluster etcd://one --litter local":                   "--litter local does not go with --cluster",
		"--cluster etcd://one --demo":                           "--cluster is for a store that all gateways reach",
		"--gateway here":                                        "--gateway is for --cluster",
	} {
		_, cancel, ended := begin(t, append([]string{"serve", "--addr", "127.0.0.1:0"}, strings.Fields(words)...)...)
		err := <-ended
		cancel()
		var said bytes.Buffer
		if code := exit(&said, err); code != exitMisuse || !strings.Contains(said.String(), says) || strings.Count(said.String(), "\n") != 1 || strings.Contains(said.String(), "secret-word") {
			t.Errorf("serve %s ends with %d and says %q; want %q in one line", words, code, said.String(), says)
		}
	}
}
