package etcdtest

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// A Proxy is the network between a client and a node, which can fail.
type Proxy struct {
	Endpoint string // http://HOST:PORT

	node     string // HOST:PORT
	listener net.Listener
	working  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	conns  map[net.Conn]bool
	cut    bool
	held   chan struct{} // closed when what is held is delivered; nil if nothing is
	closed bool
}

// NewProxy starts a proxy before the node at an endpoint, until the end of the test.
func NewProxy(tb testing.TB, endpoint string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{Endpoint: "http://" + l.Addr().String(), node: strings.TrimPrefix(endpoint, "http://"), listener: l, conns: map[net.Conn]bool{}}
	p.working.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Cut breaks all connections and refuses others until Heal.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		c.Close()
	}
}

// Hold lets nothing through until Heal, which delivers it: nobody is told that
// anything is wrong.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = make(chan struct{})
	}
}

// Heal ends Cut and Hold.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Cut()
	p.Heal()
	p.working.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.add(client) {
			continue
		}
		node, err := net.Dial("tcp", p.node)
		if err != nil {
			p.drop(client)
			continue
		}
		if !p.add(node) {
			p.drop(client)
			continue
		}
		p.working.Go(func() { p.carry(node, client) })
		p.working.Go(func() { p.carry(client, node) })
	}
}

// add notes a connection, or closes it if there is to be none.
func (p *Proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut || p.closed {
		c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	c.Close()
}

// carry takes what comes from one end to the other, until either is closed.
func (p *Proxy) carry(to, from net.Conn) {
	defer p.drop(to)
	defer p.drop(from)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		held := p.held
		p.mu.Unlock()
		if held != nil {
			<-held
		}
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			return
		}
	}
}
