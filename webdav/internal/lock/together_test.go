package lock

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// meeting is a log in which n proposals wait until all of them are there.
type meeting struct {
	cluster.Log[change]
	all sync.WaitGroup
}

func (m *meeting) Propose(ctx context.Context, c change, opts journal.Options) (uint64, error) {
	m.all.Done()
	m.all.Wait()
	return m.Log.Propose(ctx, c, opts)
}

// TestChangesMeetInTheLog: eight clients that lock, and then unlock, reach the
// log at the same time, so that they can share its sync. It hangs if the table
// lets in one at a time.
func TestChangesMeetInTheLog(t *testing.T) {
	table, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	log := &meeting{Log: table.log}
	table.log = log
	const clients = 8
	tokens := make([]string, clients)
	together := func(change func(root string, token *string) error) {
		log.all.Add(clients)
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				if err := change(fmt.Sprint("/d/", i), &tokens[i]); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	together(func(root string, token *string) error {
		l, err := table.Create(Request{Root: root, Missing: true})
		*token = l.Token
		return err
	})
	if table.Len() != clients {
		t.Errorf("%d locks are held", table.Len())
	}
	together(func(root string, token *string) error { return table.Unlock(root, "", *token) })
	if table.Len() != 0 {
		t.Errorf("%d locks are left", table.Len())
	}
}
