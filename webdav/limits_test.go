package webdav

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPatienceMovesWithTheBytes(t *testing.T) {
	whole := 2 * time.Minute
	steady := patience{whole, whole}
	for range 1000 { // 1 KiB every second, for a quarter of an hour
		steady.spend(time.Second, 1<<10)
	}
	if steady.left != whole {
		t.Errorf("a steady client has %s left", steady.left)
	}
	drip := patience{whole, whole}
	for range 10 { // a byte every half minute
		drip.spend(30*time.Second, 1)
	}
	if drip.left > 0 {
		t.Errorf("one that drips has %s left", drip.left)
	}
}

func TestABodyThatStandsStillIsCut(t *testing.T) {
	s := newShare(t, newCapableFs(), WithLimits(Limits{Idle: 50 * time.Millisecond}))
	s.put("/f", "old")
	for _, head := range []string{
		"PUT /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\npart",
		"PUT /f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
		"PROPFIND / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n<D:propfind",
		"LOCK /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
	} {
		// The connection ends with it: nobody knows where the next request begins.
		if a := s.raw(head); a.status != http.StatusRequestTimeout || a.header.Get("Connection") != "close" {
			t.Errorf("%.20q: %d %v %v", head, a.status, a.err, a.header)
		}
	}
	s.holds("/f", "old")
}

// TestAConnectionOutlivesItsDeadlines sends a second request on a connection
// whose first one had deadlines, when these have passed.
func TestAConnectionOutlivesItsDeadlines(t *testing.T) {
	idle := 30 * time.Millisecond
	s := newShare(t, newCapableFs(), WithLimits(Limits{Idle: idle}))
	conn := s.dial()
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for range 2 {
		if _, err := io.WriteString(conn, "PUT /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nfour"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(answers, nil)
		if err != nil || res.StatusCode/100 != 2 {
			t.Fatalf("%v %v", res, err)
		}
		<-time.After(2 * idle)
	}
}

// TestRequestsAtOnceAreBounded fills the only place with an upload.
func TestRequestsAtOnceAreBounded(t *testing.T) {
	s := newShare(t, newCapableFs(), WithLimits(Limits{Requests: 1, QueueTime: time.Millisecond}))
	started := make(chan struct{})
	s.capable().setFail(func(op, _ string) error {
		if op == "put" {
			close(started)
		}
		return nil
	})
	body, feed := io.Pipe()
	done := make(chan answer)
	go func() { done <- s.doBody("PUT", "/f", body) }()
	<-started
	a := s.want(503, "GET", "/", "")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	feed.Close()
	if a := <-done; a.status != 201 {
		t.Errorf("the upload: %d %v", a.status, a.err)
	}
	s.capable().setFail(nil)
	s.want(200, "GET", "/", "")
}

// TestOneClientDoesNotTakeAllTurns: one that sends many bodies slowly keeps
// itself waiting, and not the others.
func TestOneClientDoesNotTakeAllTurns(t *testing.T) {
	s := newShare(t, newCapableFs(), WithTrustedProxies(loopback), WithLimits(Limits{Requests: 8, QueueTime: time.Millisecond}))
	const slow, other = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"
	started := make(chan struct{}, 8)
	s.capable().setFail(func(op, _ string) error {
		if op == "put" {
			started <- struct{}{}
		}
		return nil
	})
	done := make(chan answer)
	var feeds []*io.PipeWriter
	for i := range 6 {
		body, feed := io.Pipe()
		feeds = append(feeds, feed)
		go func() { done <- s.doBody("PUT", fmt.Sprintf("/%d", i), body, slow) }()
		<-started
	}
	s.want(503, "GET", "/", "", slow)
	for range 20 {
		s.want(200, "GET", "/", "", other)
	}
	for _, feed := range feeds {
		feed.Close()
		if a := <-done; a.status != 201 {
			t.Errorf("an upload: %d %v", a.status, a.err)
		}
	}
	s.want(200, "GET", "/", "", slow)
}

// TestTurnsLeaveNothingBehind counts turns of many clients at once, of whom some
// give up.
func TestTurnsLeaveNothingBehind(t *testing.T) {
	turns := newTurns(4)
	var under, most atomic.Int32
	var clients sync.WaitGroup
	for i := range 200 {
		clients.Go(func() {
			from := netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 5)})
			ctx, cancel := context.WithCancel(t.Context())
			if i%7 == 0 {
				cancel()
			}
			defer cancel()
			if !turns.take(ctx, from) {
				return
			}
			now := under.Add(1)
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
			runtime.Gosched()
			under.Add(-1)
			turns.give(from)
		})
	}
	clients.Wait()
	if len(turns.clients) != 0 || len(turns.all) != 0 || most.Load() > 4 {
		t.Errorf("%d clients and %d turns are left; %d at the same time", len(turns.clients), len(turns.all), most.Load())
	}
}

func TestXMLBodiesAreBounded(t *testing.T) {
	s := newShare(t, newCapableFs(), WithLimits(Limits{XML: 1000}))
	s.put("/f", "f")
	for method, root := range map[string]string{"PROPFIND": "propfind", "PROPPATCH": "propertyupdate", "LOCK": "lockinfo"} {
		s.want(413, method, "/f", "<D:"+root+" xmlns:D=\"DAV:\">"+strings.Repeat(" ", 2000)+"</D:"+root+">", "Depth: 0")
	}
	s.want(207, "PROPFIND", "/f", "<D:propfind xmlns:D=\"DAV:\"><D:allprop/>"+strings.Repeat(" ", 500)+"</D:propfind>", "Depth: 0")
}

func TestLocksAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand locks")
	}
	s := newShare(t, newCapableFs())
	for i := range 10_001 {
		a := s.do("LOCK", fmt.Sprintf("/%d", i), lockBody)
		want := 201
		if i == 10_000 {
			want = 507
		}
		if a.status != want {
			t.Fatalf("lock %d: %d", i, a.status)
		}
	}
	s.want(201, "PUT", "/f", "others are served")
}
