package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
	"github.com/davdisk/davdisk/cmd/internal/upstream"
	"github.com/davdisk/davdisk/cmd/internal/waiting"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/etcd"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
)

const (
	clusterTime = 15 * time.Second // how long a cluster may take to say how it is
	// listenTime is long enough to hear each gateway that lives: they are heard of
	// three times in the time of a lease.
	listenTime = replica.DefaultLease / 2
)

var errTooLong = errors.New("it took too long")

func (p program) clusterCommand() *cli.Command {
	return &cli.Command{
		Name:  "cluster",
		Usage: "set up what several gateways of one share agree by, and look at it",
		Subcommands: []*cli.Command{
			{
				Name: "init", Usage: "make the log of a cluster, once, before its gateways are started", ArgsUsage: "ADDRESS",
				Description: "   davdisk cluster init etcd://db1:2379,db2:2379,db3:2379\n\n" +
					"A log that is there stays as it is. Where one is gone for good, this is run with the --state-dir of one of the gateways: the\nothers accept the new one then. All locks, and the properties that the store does not keep, are gone with the old one.",
				Flags:  clusterFlags(),
				Action: p.withSession((*session).initCluster),
			},
			{
				Name: "status", Usage: "show the gateways of a cluster, the locks, who polls the store, what each may use of its rate, what waits where to be stored, and what is unsafe", ArgsUsage: "ADDRESS",
				Flags:  append(clusterFlags(), jsonFlag()),
				Action: p.withSession((*session).clusterStatus),
			},
			{
				Name: "forget", Usage: "give up the uploads that a gateway has confirmed and not stored, if it is gone for good", ArgsUsage: "ADDRESS GATEWAY",
				Description: "   davdisk cluster forget etcd://db1:2379 here-1a2b3c4d\n\n" +
					"GATEWAY is what 'davdisk cluster status' calls it. Nobody is shown its uploads any more, but what the store has, and after half an\nhour their names may be changed again. They stay in the state folder of that gateway: if it runs again, it stores them, beside\nwhat was changed meanwhile. If it runs, those are given up that the state folder does not have with which it runs.",
				Flags:  append(clusterFlags(), yesFlag()),
				Action: p.withSession((*session).clusterForget),
			},
		},
	}
}

// initCluster makes the log of a cluster.
func (s *session) initCluster(args []string) error {
	config, err := s.clusterConfig(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(s.ctx, clusterTime, errTooLong)
	defer cancel()
	id, err := etcd.Init(ctx, config)
	if errors.Is(err, fs.ErrExist) {
		return language.Errorf("there is a log already (%s), and nothing was changed", id)
	}
	if err != nil {
		return clusterError(err)
	}
	s.lang.Fprintf(s.out(), "the log is made: %s\n", id)
	return nil
}

// clusterJSON is a cluster for scripts.
type clusterJSON struct {
	Engine   string              `json:"engine"`
	Identity string              `json:"identity"`
	Seq      uint64              `json:"seq"`
	Entries  int                 `json:"entries"`
	Bytes    int64               `json:"bytes"`
	Locks    int                 `json:"locks"`
	Waiting  []clusterHolderJSON `json:"waiting"`        // who has uploads that the store does not have
	Rate     float64             `json:"rate,omitempty"` // requests a second of the account; none if the store has no limit
	Gateways []clusterMemberJSON `json:"gateways"`
	Unsafe   []string            `json:"unsafe"`
}

type clusterMemberJSON struct {
	Name    string   `json:"name"`
	Epoch   uint64   `json:"epoch"`
	Heard   *float64 `json:"heard,omitempty"` // seconds ago; none if it was silent while this command listened
	Left    *float64 `json:"left,omitempty"`  // seconds until it is expelled if it remains silent; none likewise
	Applied uint64   `json:"applied"`
	Polls   bool     `json:"polls"`
	Rate    float64  `json:"rate,omitempty"` // its portion of the account's
}

// clusterHolderJSON is a gateway with uploads that it has confirmed and not stored.
type clusterHolderJSON struct {
	Gateway string   `json:"gateway"`
	Runs    bool     `json:"runs"` // with the folder that has them
	GivenUp bool     `json:"given_up,omitempty"`
	Bytes   int64    `json:"bytes"`
	Files   []string `json:"files"`
}

// clusterStatus shows a cluster. It does not join.
func (s *session) clusterStatus(args []string) (err error) {
	config, err := s.clusterConfig(args[0])
	if err != nil {
		return err
	}
	config.Dir = "" // which a gateway on this machine uses
	engine, err := s.engine(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	seen, err := observe(s.ctx, engine, pauseFor)
	if err != nil {
		return clusterError(err)
	}
	all := seen.json()
	if s.c.Bool("json") {
		return writeJSON(s.out(), all)
	}
	s.printCluster(all)
	return nil
}

// observed is what observe saw of a cluster.
type observed struct {
	cluster.Status
	upstream.View
	locks    int
	waiting  []clusterHolderJSON
	listened time.Duration // for beats
}

// machines are those of a gateway, for entries to be applied to, of one that never
// changes a store: it puts nothing right.
type machines struct {
	gateway  *gateway
	accounts *upstream.Account
	files    *vfs.FS
	dav      *webdav.Handler
}

func openMachines(engine cluster.Engine) (m machines, err error) {
	if m.gateway, err = openGateway(engine, nil, nil); err != nil {
		return m, err
	}
	if m.accounts, err = upstream.Open(upstream.Options{Engine: engine}); err != nil {
		return m, err
	}
	if m.files, err = vfs.New(memory.New(memory.Options{}), vfs.WithEngine(engine, func() vfs.Member { return nil })); err != nil {
		return m, err
	}
	if m.dav, err = webdav.NewHandler(m.files, webdav.WithEngine(engine, m.gateway.member, nil)); err != nil {
		return m, errors.Join(err, m.files.Close())
	}
	return m, nil
}

// Close closes the machines, but not the engine.
func (m machines) Close() error { return errors.Join(m.dav.Close(), m.files.Close()) }

// observe looks at a cluster, and listens for its members for a while. What of the
// engine could not be asked is told as unsafe.
func observe(ctx context.Context, engine cluster.Engine, pause func(context.Context, time.Duration) error) (seen observed, err error) {
	m, err := openMachines(engine)
	if err != nil {
		return seen, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	watcher, ok := engine.(interface {
		Observe(ctx context.Context) error
	})
	if !ok {
		return seen, errors.ErrUnsupported
	}
	asked, cancel := context.WithTimeoutCause(ctx, clusterTime, errTooLong)
	defer cancel()
	if err := watcher.Observe(asked); err != nil {
		return seen, err
	}
	began := time.Now()
	if err := pause(ctx, listenTime); err != nil {
		return seen, err
	}
	seen.listened = time.Since(began)
	asked, cancel = context.WithTimeout(ctx, clusterTime)
	defer cancel()
	seen.Status, err = engine.Status(asked)
	if err != nil && ctx.Err() == nil {
		seen.Unsafe, err = append(seen.Unsafe, err.Error()), nil
	}
	seen.View, seen.locks, seen.waiting = m.accounts.View(), m.dav.Locks(), holders(m.gateway.waiting)
	return seen, err
}

// json returns what was seen, for scripts.
func (seen observed) json() clusterJSON {
	all := clusterJSON{
		Engine: seen.Engine, Identity: seen.Identity, Seq: seen.Seq, Entries: seen.Entries, Bytes: seen.Bytes,
		Locks: seen.locks, Rate: seen.Total, Gateways: []clusterMemberJSON{}, Waiting: seen.waiting, Unsafe: append([]string{}, seen.Unsafe...),
	}
	for _, m := range seen.Members {
		one := clusterMemberJSON{Name: m.Gateway, Epoch: m.Epoch, Applied: m.Applied, Polls: m.Epoch == seen.Poller, Rate: seen.Rates[m.Epoch]}
		if m.Beat < seen.listened {
			heard, left := m.Beat.Seconds(), max(0, replica.DefaultLease-m.Beat).Seconds()
			one.Heard, one.Left = &heard, &left
		}
		all.Gateways = append(all.Gateways, one)
	}
	return all
}

// holders lists who has files that wait, those that were given up apart, and those that
// are in no folder which its gateway runs with.
func holders(t *waiting.Table) []clusterHolderJSON {
	all := []clusterHolderJSON{}
	for _, f := range t.Files() {
		of := clusterHolderJSON{Gateway: f.Owner.Gateway, Runs: t.Runs(f.Owner), GivenUp: f.GivenUp}
		i := slices.IndexFunc(all, func(h clusterHolderJSON) bool {
			return h.Gateway == of.Gateway && h.Runs == of.Runs && h.GivenUp == of.GivenUp
		})
		if i < 0 {
			all, i = append(all, of), len(all)
		}
		all[i].Bytes, all[i].Files = all[i].Bytes+f.Size, append(all[i].Files, f.Name)
	}
	return all
}

// printCluster shows a cluster to a person.
func (s *session) printCluster(all clusterJSON) {
	out := s.out()
	s.lang.Fprintf(out, "%s, log %s, at entry %d, with %d since the last snapshot\n", all.Engine, all.Identity, all.Seq, all.Entries)
	if len(all.Gateways) == 0 {
		s.lang.Fprintf(out, "no gateway runs\n")
	}
	for _, m := range all.Gateways {
		is := []string{s.lang.Sprintf("epoch %d, applied %d", m.Epoch, m.Applied)}
		if m.Heard == nil {
			is = append(is, s.lang.Text("silent"))
		} else {
			is = append(is, s.lang.Sprintf("heard of %.1f s ago, %.1f s left", *m.Heard, *m.Left))
		}
		if m.Polls {
			is = append(is, s.lang.Text("polls the store"))
		}
		if m.Rate > 0 {
			is = append(is, s.lang.Sprintf("%.1f of %g requests a second", m.Rate, all.Rate))
		}
		fmt.Fprintf(out, "%s  %s\n", out.Name(m.Name), strings.Join(is, ", "))
	}
	s.lang.Fprintf(out, "locks: %d\n", all.Locks)
	for _, h := range all.Waiting {
		is := []string{s.lang.Sprintf("uploads that wait there: %d, %s", len(h.Files), terminal.Size(h.Bytes))}
		switch {
		case h.Runs:
		case slices.ContainsFunc(all.Gateways, func(m clusterMemberJSON) bool { return m.Name == h.Gateway }):
			is = append(is, s.lang.Text("runs without them"))
		default:
			is = append(is, s.lang.Text("does not run"))
		}
		if h.GivenUp {
			is = append(is, s.lang.Text("given up"))
		}
		fmt.Fprintf(out, "%s  %s\n", out.Name(h.Gateway), strings.Join(is, ", "))
	}
	for _, why := range all.Unsafe {
		s.lang.Fprintf(out, "unsafe: %s\n", out.Name(why))
	}
}

// clusterForget gives up what waits at a gateway. It is a member for that moment.
func (s *session) clusterForget(args []string) (err error) {
	config, err := s.clusterConfig(args[0])
	if err != nil {
		return err
	}
	question := s.lang.Sprintf("give up what waits at the gateway %s to be stored?", args[1])
	if err := s.confirm(question); err != nil {
		return err
	}
	config.Dir, config.Gateway = "", "forget" // without a folder, which gateways have
	engine, err := s.engine(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	m, err := openMachines(engine)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	ctx, cancel := context.WithTimeout(s.ctx, clusterTime)
	defer cancel()
	if _, err := engine.Join(ctx); err != nil {
		return err
	}
	err = m.gateway.waiting.Forget(ctx, args[1])
	switch {
	case errors.Is(err, waiting.ErrRuns):
		return language.Errorf("the gateway %s runs, and nothing was given up; what it cannot store is told by davdisk queue there", args[1])
	case errors.Is(err, waiting.ErrNothing):
		return language.Errorf("nothing waits at a gateway %s; davdisk cluster status tells what they are called", args[1])
	}
	return err
}
