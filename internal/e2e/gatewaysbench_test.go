//go:build unix

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// The benchmarks of several gateways, whose figures are in docs/scaling.md:
//
//	DAVDISK_TEST=more go test -run '^$' -bench Gateways -benchtime 2000x ./internal/e2e
//
// With DAVDISK_ETCD_DATA=/dev/shm the nodes of etcd keep their data in memory: without it
// all three wait for one disk.
//
// Gateways, etcd's nodes, the disk and the clients share one machine, so that
// what more gateways cost is seen, and not what more machines bring.

// an office is gateways of one disk, and the etcd they agree by.
type office struct {
	testing.TB
	disk     *emulator.Server
	etcd     *etcdtest.Cluster // nil for a davdisk alone
	address  string            // of the cluster
	gateways []*server
	next     atomic.Uint64
	http     *http.Client
}

// openOffice starts an etcd of three nodes and so many gateways, or with 0 a davdisk
// that is in no cluster.
func openOffice(b testing.TB, gateways int) *office {
	b.Helper()
	o := &office{TB: b, disk: startDisk(b, emulator.Options{}), http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	b.Cleanup(o.http.CloseIdleConnections)
	if gateways == 0 {
		o.gateways = []*server{serve(b, o.disk)}
		return o
	}
	o.etcd = etcdtest.Start(b, 3)
	o.address = o.etcd.Address()
	initCluster(b, o.address)
	for n := range gateways {
		o.gateways = append(o.gateways, serveIn(b, o.disk, b.TempDir(), "--cluster", o.address, "--gateway", fmt.Sprint("g", n)))
	}
	return o
}

// ask sends a request to the next gateway, which has to answer with the status.
// It returns the header of the answer.
func (o *office) ask(want int, method, path, body string, header ...string) http.Header {
	s := o.gateways[o.next.Add(1)%uint64(len(o.gateways))]
	got, head, err := o.try(s, method, path, body, header...)
	if err != nil || got != want {
		o.Errorf("%s %s is answered %d, %v; want %d", method, path, got, err, want)
	}
	return head
}

// try sends a request to a gateway.
func (o *office) try(s *server, method, path, body string, header ...string) (int, http.Header, error) {
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := o.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header, err
}

// lock locks a file and returns the token.
func (o *office) lock(path string) string {
	head := o.ask(http.StatusOK, "LOCK", path, exclusiveLock, "Depth", "0", "Timeout", "Second-600")
	return head.Get("Lock-Token")
}

// filesOf names a file of a folder for each number, so many different ones.
func filesOf(folder string, files int) func(n uint64) string {
	return func(n uint64) string { return fmt.Sprintf("%s/%06d.txt", folder, n%uint64(files)) }
}

// BenchmarkGateways has eight clients ask a davdisk alone, and one, two and three
// gateways of a cluster in turn.
func BenchmarkGateways(b *testing.B) {
	testlevel.NeedMore(b)
	const files = 200
	body := strings.Repeat("x", 4<<10)
	for _, gateways := range []int{0, 1, 2, 3} {
		b.Run(fmt.Sprintf("gateways=%d", gateways), func(b *testing.B) {
			o := openOffice(b, gateways)
			name := filesOf("d", files)
			if err := o.disk.Mkdir("disk:/d"); err != nil {
				b.Fatal(err)
			}
			for n := range uint64(files) {
				put(b, o.disk, name(n), body+fmt.Sprint(n))
			}
			for _, s := range o.gateways { // has listed and read everything once
				for range 2 {
					if code, _, err := o.try(s, "PROPFIND", "d/", "", "Depth", "1"); err != nil || code != http.StatusMultiStatus {
						b.Fatal(code, err)
					}
				}
				for n := range uint64(files) {
					if code, _, err := o.try(s, "GET", name(n), ""); err != nil || code != http.StatusOK {
						b.Fatal(code, err)
					}
				}
			}
			for _, work := range []struct {
				name string
				do   func(n uint64)
			}{
				{"propfind", func(uint64) { o.ask(http.StatusMultiStatus, "PROPFIND", "d/", "", "Depth", "1") }},
				{"get", func(n uint64) { o.ask(http.StatusOK, "GET", name(n), "") }},
				{"lock", func(n uint64) {
					o.unlock(name(n), o.lock(name(n)))
				}},
				{"put", func(n uint64) { o.ask(http.StatusNoContent, "PUT", name(n), fmt.Sprint(body, "again", n)) }},
			} {
				b.Run(work.name, func(b *testing.B) {
					var n atomic.Uint64
					b.SetParallelism(4) // eight clients on two cores
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							work.do(n.Add(1))
						}
					})
				})
			}
		})
	}
}

// BenchmarkGatewaysAt40 has three gateways take 40 LOCKs a second, evenly, as many
// changes as an account bears requests. A LOCK is answered when its entry has been
// ordered and applied, as the reservation of a change is.
func BenchmarkGatewaysAt40(b *testing.B) {
	testlevel.NeedMore(b)
	o := openOffice(b, 3)
	if err := o.disk.Mkdir("disk:/d"); err != nil {
		b.Fatal(err)
	}
	name := filesOf("d", 100)
	for n := range uint64(100) {
		put(b, o.disk, name(n), "x")
	}
	for range o.gateways { // each lists the folder
		o.unlock(name(0), o.lock(name(0)))
		o.ask(http.StatusMultiStatus, "PROPFIND", "d/", "", "Depth", "1")
	}
	times := make([]time.Duration, b.N)
	tick := time.NewTicker(time.Second / 40)
	defer tick.Stop()
	var running atomic.Int64
	done := make(chan struct{})
	b.ResetTimer()
	running.Store(int64(b.N))
	for n := range b.N {
		<-tick.C
		go func() {
			began := time.Now()
			token := o.lock(name(uint64(n)))
			times[n] = time.Since(began)
			o.unlock(name(uint64(n)), token)
			if running.Add(-1) == 0 {
				close(done)
			}
		}()
	}
	<-done
	b.StopTimer()
	quantiles(b, times)
}

// unlock takes a lock back.
func (o *office) unlock(path, token string) {
	o.ask(http.StatusNoContent, "UNLOCK", path, "", "Lock-Token", token)
}

// quantiles reports the median and the 99th of a hundred in milliseconds.
func quantiles(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	for _, q := range []int{50, 99} {
		b.ReportMetric(float64(times[(len(times)-1)*q/100])/1e6, fmt.Sprintf("ms-p%d", q))
	}
}

// BenchmarkGatewaysShow measures how long after a PUT is answered by one gateway its
// content has been read at another one, which had the old one in its cache.
func BenchmarkGatewaysShow(b *testing.B) {
	testlevel.NeedMore(b)
	o := openOffice(b, 3)
	times := make([]time.Duration, b.N)
	for n := range b.N {
		want := fmt.Sprint("content ", n)
		if code, _, err := o.try(o.gateways[0], "PUT", "f", want); err != nil || code/100 != 2 {
			b.Fatal(code, err)
		}
		began := time.Now()
		if code, got := o.gateways[1+n%2].request("GET", "f", nil); code != http.StatusOK || got != want {
			b.Fatalf("the other gateway answers %d, %q; want %q", code, got, want)
		}
		times[n] = time.Since(began)
	}
	quantiles(b, times)
}

// BenchmarkGatewaysTakeOver kills the gateway that answers and measures how long it
// takes until another one has made a change, which waits for the killed one to be
// expelled.
func BenchmarkGatewaysTakeOver(b *testing.B) {
	testlevel.NeedMore(b)
	o := openOffice(b, 3)
	home := b.TempDir()
	times := make([]time.Duration, b.N)
	for n := range b.N {
		dying := serveIn(b, o.disk, home, "--cluster", o.address, "--gateway", "dying")
		for _, s := range append([]*server{dying}, o.gateways...) {
			if code, _, err := o.try(s, "PUT", "f", fmt.Sprint(n)); err != nil || code/100 != 2 {
				b.Fatal(code, err)
			}
		}
		dying.kill()
		began := time.Now()
		until(b, "a change is made after the kill", func() bool {
			code, _, err := o.try(o.gateways[0], "PUT", "f", "after the kill")
			return err == nil && code/100 == 2
		})
		times[n] = time.Since(began)
	}
	quantiles(b, times)
}

// BenchmarkGatewaysBytes reports how many bytes the nodes of etcd receive of their
// clients for one request of each method. What they receive while nothing is
// requested is taken off.
func BenchmarkGatewaysBytes(b *testing.B) {
	testlevel.NeedMore(b)
	o := openOffice(b, 3)
	if err := o.disk.Mkdir("disk:/d"); err != nil {
		b.Fatal(err)
	}
	began, before := time.Now(), o.received()
	time.Sleep(10 * time.Second)
	idle := (o.received() - before) / time.Since(began).Seconds()
	b.ReportMetric(idle, "idle-bytes/s")

	name := func(n int) string { return fmt.Sprintf("d/document%%20%06d.txt", n) }
	other := func(n int) string { return fmt.Sprintf("d/moved%%20document%%20%06d.txt", n) }
	to := func(n int) []string { return []string{"Destination", "/" + other(n)} }
	tokens := make([]string, b.N)
	const properties = `<propertyupdate xmlns="DAV:"><set><prop><color xmlns="urn:x">red</color></prop></set></propertyupdate>`
	for _, m := range []struct {
		method string
		do     func(n int)
	}{
		{"PUT", func(n int) { o.ask(http.StatusCreated, "PUT", name(n), "content") }},
		{"PROPFIND", func(int) { o.ask(http.StatusMultiStatus, "PROPFIND", "d/", "", "Depth", "1") }},
		{"GET", func(n int) { o.ask(http.StatusOK, "GET", name(n), "") }},
		{"PROPPATCH", func(n int) { o.ask(http.StatusMultiStatus, "PROPPATCH", name(n), properties) }},
		{"LOCK", func(n int) { tokens[n] = o.lock(name(n)) }},
		{"UNLOCK", func(n int) { o.unlock(name(n), tokens[n]) }},
		{"COPY", func(n int) { o.ask(http.StatusCreated, "COPY", name(n), "", to(n)...) }},
		{"MOVE", func(n int) { o.ask(http.StatusNoContent, "MOVE", name(n), "", to(n)...) }},
		{"DELETE", func(n int) { o.ask(http.StatusNoContent, "DELETE", other(n), "") }},
	} {
		began, before := time.Now(), o.received()
		for n := range b.N {
			m.do(n)
		}
		received := o.received() - before - idle*time.Since(began).Seconds()
		b.ReportMetric(max(received, 0)/float64(b.N), m.method+"-bytes")
	}
}

// received returns how many bytes the nodes of etcd have had from clients.
func (o *office) received() float64 {
	o.Helper()
	sum := 0.0
	for _, node := range o.etcd.Endpoints() {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, node+"/metrics", nil)
		if err != nil {
			o.Fatal(err)
		}
		res, err := o.http.Do(req)
		if err != nil {
			o.Fatal(err)
		}
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if v, ok := strings.CutPrefix(lines.Text(), "etcd_network_client_grpc_received_bytes_total "); ok {
				n, err := strconv.ParseFloat(v, 64)
				if err != nil {
					o.Fatal(err)
				}
				sum += n
			}
		}
		res.Body.Close()
	}
	return sum
}
