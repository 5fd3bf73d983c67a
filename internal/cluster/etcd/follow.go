package etcd

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// page is how many entries are read at once.
const page = 64

// Follow implements replica.Store. It reads what is there at one revision and
// watches what comes after that, so that nothing is missed. What etcd has
// forgotten of its history does not matter. It ends when the connection does: the
// client would go on with the next entry, also of an etcd that was restored from
// a copy and has others before it.
func (s *store) Follow(ctx context.Context, after uint64, f func(replica.Event) error) error {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	client, err := s.current(ctx)
	if err != nil {
		return err
	}
	defer s.next(client) // whatever ended it, another node may do better
	now, stop := context.WithTimeout(ctx, s.timeout)
	err = connect(now, client)
	stop()
	if err != nil {
		return err
	}
	watching, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	var connected sync.WaitGroup
	defer connected.Wait()
	defer cancel()
	connected.Go(func() {
		client.ActiveConnection().WaitForStateChange(watching, connectivity.Ready)
		cancel()
	})
	revision, err := s.catchUp(watching, client, after, f)
	if err != nil {
		return err
	}
	for answer := range client.Watch(watching, s.key("log/"), clientv3.WithPrefix(), clientv3.WithRev(revision+1), clientv3.WithFragment()) {
		if err := answer.Err(); err != nil {
			return err
		}
		for _, ev := range answer.Events {
			if err := s.event(ev, f); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%w: the watch has ended", cluster.ErrUnavailable)
}

// event hands an event of the watch to f.
func (s *store) event(ev *clientv3.Event, f func(replica.Event) error) error {
	name := strings.TrimPrefix(string(ev.Kv.Key), s.prefix)
	key, isEntry := strings.CutPrefix(name, "log/entry/")
	switch {
	case isEntry && ev.Type == clientv3.EventTypeDelete:
		return f(replica.Event{Trimmed: key})
	case isEntry:
		return f(replica.Event{Entry: &replica.Entry{Seq: uint64(ev.Kv.ModRevision), Key: key, Data: ev.Kv.Value}})
	case ev.Type == clientv3.EventTypeDelete:
		return nil
	}
	return s.report(name, ev.Kv.Value, f)
}

// report hands a report to f, unless it is none.
func (s *store) report(name string, value []byte, f func(replica.Event) error) error {
	epoch, err := strconv.ParseUint(strings.TrimPrefix(name, "log/applied/"), 10, 64)
	if err != nil {
		return nil
	}
	seq, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil {
		return nil
	}
	return f(replica.Event{Report: &replica.Report{Epoch: epoch, Seq: seq}})
}

// catchUp hands everything after an entry to f, as it is at one revision, which
// it returns.
func (s *store) catchUp(ctx context.Context, client *clientv3.Client, after uint64, f func(replica.Event) error) (revision int64, err error) {
	now, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	answer, err := client.Txn(now).If(s.same()).Then(clientv3.OpGet(s.key("snapshot/current"))).Commit()
	if err != nil {
		return 0, err
	}
	revision = answer.Header.Revision
	if !answer.Succeeded || after > uint64(revision) {
		return 0, errReplaced
	}
	from := after // which shows that the data is the same
	for _, kv := range answer.Responses[0].GetResponseRange().Kvs {
		latest, err := decodeCurrent(kv.Value)
		if err != nil {
			return 0, err
		}
		if latest.Trimmed <= after {
			continue
		}
		snapshot, err := s.load(ctx, client, latest, revision)
		if err != nil {
			return 0, err
		}
		if err := f(replica.Event{Snapshot: snapshot}); err != nil {
			return 0, err
		}
		from = 0 // what is left from before is to be trimmed
	}
	if err := s.entries(ctx, client, from, revision, f); err != nil {
		return 0, err
	}
	reports, err := s.get(ctx, client, "log/applied/", clientv3.WithPrefix(), clientv3.WithRev(revision))
	if err != nil {
		return 0, err
	}
	for _, kv := range reports.Kvs {
		if err := s.report(strings.TrimPrefix(string(kv.Key), s.prefix), kv.Value, f); err != nil {
			return 0, err
		}
	}
	return revision, nil
}

// entries hands the entries that are there at a revision to f, in their order.
func (s *store) entries(ctx context.Context, client *clientv3.Client, from uint64, revision int64, f func(replica.Event) error) error {
	for {
		answer, err := s.get(ctx, client, "log/entry/", clientv3.WithPrefix(), clientv3.WithRev(revision), clientv3.WithLimit(page),
			clientv3.WithMinModRev(int64(from)), clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortAscend))
		if err != nil {
			return err
		}
		for _, kv := range answer.Kvs {
			from = uint64(kv.ModRevision) + 1
			key := strings.TrimPrefix(string(kv.Key), s.key("log/entry/"))
			if err := f(replica.Event{Entry: &replica.Entry{Seq: uint64(kv.ModRevision), Key: key, Data: kv.Value}}); err != nil {
				return err
			}
		}
		if !answer.More {
			return nil
		}
	}
}

// get reads from one node; its time is that of a few calls, because it may read
// much.
func (s *store) get(ctx context.Context, client *clientv3.Client, name string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.timeout)
	defer cancel()
	return client.Get(ctx, s.key(name), opts...)
}
