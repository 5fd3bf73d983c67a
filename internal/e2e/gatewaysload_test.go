//go:build unix

package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestGatewaysUnderLoad lets 24 clients do all kinds of things to the same files,
// each request at one of three gateways, while gateways are killed, frozen and cut
// off, and so are the nodes of their etcd. What the clients were told is held
// against all that they know together: see chronicle.
func TestGatewaysUnderLoad(t *testing.T) {
	testlevel.NeedMore(t)
	during := time.Minute
	if testlevel.Long() {
		during = 30 * time.Minute
	}
	t.Run("stored before the answer", func(t *testing.T) { gatewaysUnderLoad(t, during) })
	t.Run("written back", func(t *testing.T) { gatewaysUnderLoad(t, during, "--write-back") })
}

func gatewaysUnderLoad(t *testing.T, during time.Duration, flags ...string) {
	const clients, rooms = 24, 3
	seed := seedOf(t)
	t.Logf("DAVDISK_SEED=%d", seed)
	f := startFleet(t, 3, 3, flags...)
	began := time.Now()
	c := newChronicle(func() time.Duration { return time.Since(began) })
	var all []*room
	for i := range rooms {
		all = append(all, newRoom(t, f.disk, i))
	}
	var working sync.WaitGroup
	defer working.Wait()
	ctx, stop := context.WithTimeout(t.Context(), during)
	defer stop()
	for i := range clients {
		one := &loadClient{chronicle: c, id: i, room: all[i%rooms], random: rand.New(rand.NewPCG(seed, uint64(i))), at: f.url, http: &http.Client{Transport: &http.Transport{}}}
		working.Go(func() {
			defer one.http.CloseIdleConnections()
			one.work(ctx)
		})
	}
	f.trouble(ctx, rand.New(rand.NewPCG(seed, clients)))
	working.Wait()
	f.recovered()
	f.stored(c)
	f.lookAround(c)
	c.judge()
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		t.Logf("%6d %s", c.counts[what], what)
	}
	for _, what := range slices.Sorted(maps.Keys(f.troubles)) {
		t.Logf("%6d times: %s", f.troubles[what], what)
	}
	if said := c.report(10); said != "" {
		t.Error(said)
	}
	for _, what := range []string{"grants", "PUT 204", "PUT 423", "PUT 412", "MOVE 201", "COPY 201", "GET 200"} {
		if c.counts[what] == 0 {
			t.Errorf("no %s: this run shows nothing", what)
		}
	}
}

// A fleet is gateways of one disk, and the etcd by which they agree.
type fleet struct {
	*testing.T
	disk     *emulator.Server
	etcd     *etcdtest.Cluster
	gateways []*gatewayProcess
	troubles map[string]int
}

// A gatewayProcess can be started again in its state folder.
type gatewayProcess struct {
	name, home string
	flags      []string
	links      []*etcdtest.Proxy // to each node of etcd
	s          *server
	url        atomic.Pointer[string] // of its last start
}

// startFleet starts gateways with links of their own to each node of an etcd.
func startFleet(t *testing.T, gateways, nodes int, flags ...string) *fleet {
	t.Helper()
	return startFleetWith(t, gateways, nodes, func(int) []string { return flags })
}

// startFleetWith is startFleet with flags for each gateway.
func startFleetWith(t *testing.T, gateways, nodes int, flags func(gateway int) []string) *fleet {
	t.Helper()
	f := &fleet{T: t, etcd: etcdtest.Start(t, nodes), disk: startDisk(t, emulator.Options{Latency: time.Millisecond}), troubles: map[string]int{}}
	initCluster(t, f.etcd.Address())
	for i := range gateways {
		g := &gatewayProcess{name: fmt.Sprint("gateway", i), home: t.TempDir()}
		var nodes []string
		for _, endpoint := range f.etcd.Endpoints() {
			link := etcdtest.NewProxy(t, endpoint)
			g.links = append(g.links, link)
			nodes = append(nodes, strings.TrimPrefix(link.Endpoint, "http://"))
		}
		g.flags = append([]string{"--cluster", "etcd://" + strings.Join(nodes, ","), "--gateway", g.name}, flags(i)...)
		f.gateways = append(f.gateways, g)
		f.start(g)
	}
	return f
}

func (f *fleet) start(g *gatewayProcess) {
	f.Helper()
	g.s = serveIn(f.T, f.disk, g.home, g.flags...)
	url := g.s.url
	g.url.Store(&url)
}

// url is the address of any gateway, without the slash at its end.
func (f *fleet) url(r *rand.Rand) string {
	return strings.TrimSuffix(*f.gateways[r.IntN(len(f.gateways))].url.Load(), "/")
}

// recovered waits until every gateway takes changes.
func (f *fleet) recovered() {
	f.Helper()
	for i, g := range f.gateways {
		until(f.T, g.name+" takes changes again", func() bool {
			code, _ := g.s.request(http.MethodPut, fmt.Sprint("recovered-", i), strings.NewReader("x"))
			return code/100 == 2
		})
	}
}

// stored waits until the disk has all files as a gateway shows them. What one that was
// killed had confirmed may be told to wait for half an hour after that.
func (f *fleet) stored(c *chronicle) {
	f.Helper()
	for _, name := range c.names() {
		if strings.HasSuffix(name, propertyMark) || isFolderName(name) {
			continue
		}
		until(f.T, "the disk has "+name+" as a gateway shows it", func() bool {
			code, shown := f.gateways[0].s.request(http.MethodGet, strings.TrimPrefix(name, "/"), nil)
			stored, err := f.disk.ReadFile("disk:" + name)
			return code == http.StatusOK && err == nil && shown == string(stored) || code == http.StatusNotFound && err != nil
		})
	}
}

// lookAround reads all files at all gateways, and at the disk.
func (f *fleet) lookAround(c *chronicle) {
	f.Helper()
	names := c.names()
	for i, g := range f.gateways {
		one := &loadClient{chronicle: c, id: 1000 + i, random: rand.New(rand.NewPCG(0, 0)), http: http.DefaultClient, at: func(*rand.Rand) string { return strings.TrimSuffix(*g.url.Load(), "/") }}
		for _, name := range names {
			one.see(name)
		}
	}
	there := map[string]bool{}
	for _, entry := range f.disk.Dump() {
		if there[entry.Path] = true; strings.Contains(entry.Path, ".davdisk-") {
			c.fault("left behind", "%s", entry.Path)
		}
	}
	for _, name := range names {
		if strings.HasSuffix(name, propertyMark) || isFolderName(name) {
			continue
		}
		sent, value, ok := c.now(), "", true
		if there["disk:"+name] {
			content, err := f.disk.ReadFile("disk:" + name)
			if err != nil {
				f.Fatal(err)
			}
			value, ok = whole(string(content))
		}
		if !ok {
			c.fault("torn", "%s at the disk", name)
		}
		c.saw(name, look{value, sent, c.now(), "the disk"})
	}
}
