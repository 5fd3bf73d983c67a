package cmd

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/upstream"
	"github.com/davdisk/davdisk/cmd/internal/waiting"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/etcd"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/server"
)

const (
	joinTime  = 20 * time.Second // how long one attempt to join may take
	firstWait = time.Second      // until a lost membership is asked for again after a failure
	mostWait  = 30 * time.Second // the same, after many
	leaveTime = 2 * time.Second  // how long the others may take to hear that this gateway leaves
)

// A gateway is what a share is among the others of its cluster. While it is not a
// member it changes nothing and its caches do not count.
type gateway struct {
	engine   cluster.Engine
	sessions *server.Sessions // of browsers
	waiting  *waiting.Table   // files that wait at one of the gateways to be stored
	logins   *upstream.Logins // of the store
	log      *slog.Logger
	pause    func(context.Context, time.Duration) error

	writeBack bool // files wait at this one; says newGateway

	account *upstream.Account // nil before serves
	which   func(context.Context) (string, error)
	digest  string                                  // what which has returned; empty before
	polled  bool                                    // one of the gateways polls the store for all
	current atomic.Pointer[membership]              // the last one; nil before the first
	learn   atomic.Pointer[func(name, etag string)] // vfs.FS.Learn of the file system; nil before there is one

	stop  context.CancelFunc // nil before keep runs
	ended chan struct{}
}

// membership is a cluster.Member, for an atomic.Pointer.
type membership struct{ cluster.Member }

// newGateway prepares the share for a cluster; nil if it is in none. Nothing is
// asked before join.
func (h *share) newGateway() (*gateway, error) {
	c := h.s.c
	address := c.String("cluster")
	if address == "" {
		for _, flag := range []string{"gateway", "cluster-ca", "cluster-cert", "cluster-key", "cluster-user", "cluster-pass-file"} {
			if c.IsSet(flag) {
				return nil, misuse("--%s is for --cluster, which is not there", flag)
			}
		}
		return nil, nil
	}
	switch {
	case h.trial != nil:
		return nil, misuse("--cluster is for a store that all gateways reach, and the disk of --demo is in this process")
	case c.String("litter") == "local":
		return nil, misuse("--litter local does not go with --cluster: the other gateways would not have what is kept on this machine; write --litter refuse, or store")
	case h.s.stateDir == "":
		return nil, misuse("--cluster needs a state folder, to know the cluster again; name one with --state-dir")
	}
	config, err := h.s.clusterConfig(address)
	if err != nil {
		return nil, err
	}
	if config.Gateway = c.String("gateway"); config.Gateway == "" {
		if config.Gateway, err = os.Hostname(); err != nil {
			return nil, language.Errorf("the name of this machine: %w; name the gateway with --gateway", err)
		}
	}
	engine, err := h.s.engine(config)
	if errors.Is(err, journal.ErrLocked) {
		return nil, language.Errorf("another davdisk is a gateway with this state folder; give each its own --state-dir: %w", err)
	}
	if err != nil {
		return nil, err
	}
	g, err := openGateway(engine, h.s.log, pauseFor)
	if err == nil {
		g.writeBack = c.Bool("write-back")
	}
	return g, err
}

func (p program) engine(c etcd.Config) (cluster.Engine, error) {
	if p.openEngine != nil {
		return p.openEngine(c)
	}
	return etcd.Open(c)
}

// openGateway takes the engine over, also if it fails.
func openGateway(engine cluster.Engine, log *slog.Logger, pause func(context.Context, time.Duration) error) (*gateway, error) {
	g := &gateway{engine: engine, log: log, pause: pause}
	_, err := engine.Attach("caches", "caches 1", caches{g})
	if err == nil {
		g.sessions, err = server.OpenSessions(engine, g.member)
	}
	if err == nil {
		g.logins, err = upstream.OpenLogins(engine, log)
	}
	if err == nil {
		g.waiting, err = waiting.Open(waiting.Options{Engine: engine, Member: g.waitingMember, Learn: g.stored, Log: log})
	}
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	return g, nil
}

// serves prepares the gateway for a store that is polled for changes in this interval; 0:
// never. which returns a digest of the store and folder which is the same at all gateways,
// and is called once the gateway has joined: it may ask the store, and the others may have
// renewed the login for that.
func (g *gateway) serves(ctx context.Context, b backend.Backend, which func(context.Context) (string, error), poll time.Duration) error {
	g.which = which
	o := upstream.Options{Engine: g.engine, Forget: g.forgetAll, Log: g.log}
	if _, err := backend.Revision(ctx, b); poll > 0 && !errors.Is(err, errors.ErrUnsupported) {
		o.Poll, o.Revision = poll, func(ctx context.Context) (string, error) { return backend.Revision(ctx, b) }
	}
	if rate, err := backend.RateOf(b); err == nil {
		o.Rate = rate
	}
	var err error
	g.polled = o.Revision != nil
	g.account, err = upstream.Open(o)
	return err
}

// isMember reports whether changes may be made.
func (g *gateway) isMember() bool {
	m := g.current.Load()
	return m != nil && m.Remaining() > 0
}

// mayRemember reports whether what is cached may be answered.
func (g *gateway) mayRemember() bool {
	return g.isMember() && (g.account == nil || g.account.Polled())
}

// isStill reports whether the share is still the member that it was when the request of
// a context began.
func (g *gateway) isStill(ctx context.Context) bool {
	was, ok := cluster.EpochOf(ctx)
	m := g.current.Load()
	return !ok || m != nil && m.Remaining() > 0 && m.Epoch() == was
}

// gauge is isMember for /metrics.
func (g *gateway) gauge() float64 {
	if g.isMember() {
		return 1
	}
	return 0
}

// member returns the membership that changes are made in; nil for none.
func (g *gateway) member() webdav.Member {
	if m := g.current.Load(); m != nil && m.Remaining() > 0 {
		return m
	}
	return nil
}

// waitingMember is member for files that wait.
func (g *gateway) waitingMember() waiting.Member {
	if m := g.member(); m != nil {
		return m
	}
	return nil
}

// handlerOption makes the handler of a file system one of several, whose changes
// the caches of this one follow.
func (g *gateway) handlerOption(f *vfs.FS) webdav.Option {
	learn := func(name, etag string) {
		if err := f.Learn(name, etag); err != nil {
			g.log.Error("a name that another gateway has changed may be answered from a cache", "error", err)
		}
	}
	g.learn.Store(&learn)
	return webdav.WithEngine(g.engine, g.member, func(c webdav.Change) {
		if !c.Own {
			learn(c.Path, c.ETag)
		}
	})
}

// filesOption makes the file system one of several, which know what the others are
// replacing.
func (g *gateway) filesOption() vfs.Option {
	return vfs.WithEngine(g.engine, func() vfs.Member {
		if m := g.member(); m != nil {
			return m
		}
		return nil
	})
}

// join makes the share a member, when its handler is there, and keeps it one until
// Close. Where there is no log it fails: one is made on purpose only.
func (g *gateway) join(ctx context.Context) error {
	m, err := g.joinOnce(ctx)
	if err != nil {
		return err
	}
	g.current.Store(&membership{m})
	g.warn(ctx)
	keeping, stop := context.WithCancel(context.Background())
	g.stop, g.ended = stop, make(chan struct{})
	var running sync.WaitGroup
	if g.writeBack {
		g.announceWaiting(ctx, joinTime)
		running.Go(func() { g.waiting.Run(keeping) })
	}
	running.Go(func() { g.keep(keeping, m) })
	go func() {
		defer close(g.ended)
		running.Wait()
	}()
	return nil
}

func (g *gateway) joinOnce(ctx context.Context) (cluster.Member, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, joinTime, errTooLong)
	defer cancel()
	m, err := g.engine.Join(bounded)
	if err != nil {
		return nil, err
	}
	g.logins.Joined(m)
	if g.account != nil {
		err = g.check(ctx)
	}
	if errors.Is(err, upstream.ErrOtherStore) {
		return nil, misuse("the gateways of this cluster serve another store, or another folder of it; start this one with their address, or give it a cluster of its own by another /NAME behind the address of --cluster")
	}
	if errors.Is(err, waiting.ErrOtherMode) {
		return nil, misuse("the gateways of a cluster all have --write-back, or none has; start this one like the first of them, or give it a cluster of its own by another /NAME behind the address of --cluster")
	}
	return m, err
}

// announceWaiting lets the others know at once what waits here.
func (g *gateway) announceWaiting(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := g.waiting.Tell(ctx); err != nil {
		g.log.Warn("the other gateways could not be told what waits here to be stored", "error", err)
	}
}

// compared returns an error until what waits here was compared with what the others
// know of it for the first time: nothing is answered before.
func (g *gateway) compared() error {
	if g.writeBack && !g.waiting.Compared() {
		return errors.New("the other gateways are still to be told of the uploads that wait here")
	}
	return nil
}

// check refuses a store, or a way to store, that is not that of the others.
func (g *gateway) check(ctx context.Context) (err error) {
	if g.digest == "" {
		if g.digest, err = g.which(ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, joinTime, errTooLong)
	defer cancel()
	if err := g.account.Check(ctx, g.digest); err != nil {
		return err
	}
	return g.waiting.Check(ctx, g.writeBack)
}

// warn tells what of the engine's settings breaks its promises.
func (g *gateway) warn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	status, err := g.engine.Status(ctx)
	for _, why := range status.Unsafe {
		g.log.Warn("the cluster is set up so that it cannot keep its promises", "why", why)
	}
	if err != nil {
		g.log.Warn("how the cluster is set up could not be asked in full", "error", err)
	}
}

// keep joins again whenever the membership is lost, until ctx ends.
func (g *gateway) keep(ctx context.Context, m cluster.Member) {
	for {
		g.attend(ctx, m)
		select {
		case <-m.Lost():
		case <-ctx.Done():
			return
		}
		g.waiting.Lost()
		g.log.Error("this gateway is not a member of its cluster any more: until it is again, changes are refused, and reading asks the store")
		if m = g.again(ctx); m == nil {
			return
		}
		// What was changed meanwhile is in no entry that was told: all that was
		// cached before is asked for again.
		g.forgetAll()
		g.current.Store(&membership{m})
		g.waiting.Wake()
	}
}

// attend does what a membership asks for, until it or ctx ends.
func (g *gateway) attend(ctx context.Context, m cluster.Member) {
	var logins sync.WaitGroup
	defer logins.Wait()
	logins.Go(func() { g.logins.Run(ctx, m) })
	if g.account != nil {
		g.account.Run(ctx, m)
	}
}

// again tries to join until that succeeds; nil when ctx has ended.
func (g *gateway) again(ctx context.Context) cluster.Member {
	for wait := firstWait; ; wait = min(2*wait, mostWait) {
		m, err := g.joinOnce(ctx)
		if err == nil {
			return m
		}
		if ctx.Err() != nil {
			return nil
		}
		g.log.Warn("this gateway cannot join its cluster yet", "error", err, "again in", wait)
		if g.pause(ctx, wait) != nil {
			return nil
		}
	}
}

// forgetAll drops all that is cached.
func (g *gateway) forgetAll() { g.invalidate("/", "") }

// stored tells the file system that another gateway has stored a version under a name
// of the store; with "" only that something there has changed.
func (g *gateway) stored(name, version string) {
	if version != "" {
		version = `"` + version + `"`
	}
	g.invalidate("/"+name, version)
}

// invalidate drops what is cached of a name of the file system, and of what is below it. etag
// is that of a file which was stored there.
func (g *gateway) invalidate(name, etag string) {
	if learn := g.learn.Load(); learn != nil {
		(*learn)(name, etag)
	}
}

// Close leaves the cluster. The handler is closed before.
func (g *gateway) Close() error {
	if g.stop != nil {
		g.stop()
		<-g.ended
	}
	if g.writeBack {
		g.announceWaiting(context.Background(), leaveTime)
	}
	if g.account != nil {
		ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
		defer cancel()
		if err := g.account.Leave(ctx); err != nil {
			g.log.Debug("the other gateways could not be told that this one needs no part of the rate any more", "error", err)
		}
	}
	return g.engine.Close()
}

// caches is a machine without entries: a snapshot takes the place of entries that
// would have told what has changed, and then all that is cached may be stale.
type caches struct{ g *gateway }

func (c caches) Reset() { c.g.forgetAll() }

func (caches) Apply([]byte) error { return journal.ErrEntry }

func (caches) Snapshot() iter.Seq2[[]byte, error] { return func(func([]byte, error) bool) {} }

func (caches) Expelled(string, uint64) {}

// pauseFor waits, at most until the context ends.
func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
