package etcdtest

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testport"
	"github.com/davdisk/davdisk/internal/testwait"
)

// A Cluster is the nodes of one etcd.
type Cluster struct {
	Nodes []*Node
	// TLS is what a client needs, and nil without TLS.
	TLS *tls.Config
	// Files has the same, in files.
	Files Files
}

// A Node is one process of etcd with a data folder.
type Node struct {
	Endpoint string // http://HOST:PORT, or https://

	tb   testing.TB
	tls  *tls.Config // of a client
	bin  string
	args []string
	log  bytes.Buffer
	cmd  *exec.Cmd
}

// Start starts an etcd of this many empty nodes, which are killed at the end of
// the test.
func Start(tb testing.TB, nodes int) *Cluster {
	tb.Helper()
	return start(tb, nodes, "http", nil, nil)
}

// StartTLS starts an etcd like Start, which serves clients that show a certificate
// of its authority.
func StartTLS(tb testing.TB, nodes int) *Cluster {
	tb.Helper()
	flags, files, client := certificates(tb)
	c := start(tb, nodes, "https", client, flags)
	c.Files = files
	return c
}

func start(tb testing.TB, nodes int, scheme string, client *tls.Config, flags []string) *Cluster {
	tb.Helper()
	bin, dir := Binary(tb), dataDir(tb)
	c := &Cluster{TLS: client}
	addresses := testport.Addresses(tb, 2*nodes)
	var members []string
	for i := range nodes {
		members = append(members, fmt.Sprintf("n%d=http://%s", i, addresses[2*i]))
	}
	for i := range nodes {
		peer, endpoint := "http://"+addresses[2*i], scheme+"://"+addresses[2*i+1]
		n := &Node{tb: tb, bin: bin, tls: client, Endpoint: endpoint, args: append([]string{
			"--name", fmt.Sprint("n", i), "--data-dir", filepath.Join(dir, fmt.Sprint("n", i)), "--logger", "zap", "--log-level", "error",
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
			"--listen-client-urls", endpoint, "--advertise-client-urls", endpoint,
			"--initial-cluster", strings.Join(members, ","), "--initial-cluster-state", "new",
		}, flags...)}
		tb.Cleanup(n.Kill)
		c.Nodes = append(c.Nodes, n)
	}
	for _, n := range c.Nodes {
		n.Launch()
	}
	for _, n := range c.Nodes {
		n.Healthy()
	}
	return c
}

// dataVariable names a folder for the data of the nodes. They wait for it to be on disk
// with every entry, and on one machine all for the same disk; a folder in memory, such as
// /dev/shm, leaves that out.
const dataVariable = "DAVDISK_ETCD_DATA"

// dataDir returns an empty folder, and says so where it is one that was chosen.
func dataDir(tb testing.TB) string {
	tb.Helper()
	chosen := os.Getenv(dataVariable)
	if chosen == "" {
		return tb.TempDir()
	}
	dir, err := os.MkdirTemp(chosen, "etcd-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	tb.Logf("the data of etcd is in %s, as %s says", dir, dataVariable)
	return dir
}

// Endpoints returns those of all nodes.
func (c *Cluster) Endpoints() []string {
	var all []string
	for _, n := range c.Nodes {
		all = append(all, n.Endpoint)
	}
	return all
}

// Address returns what davdisk calls the cluster: etcd://HOST:PORT,…, or etcds://
func (c *Cluster) Address() string {
	var hosts []string
	scheme := "etcd"
	for _, endpoint := range c.Endpoints() {
		before, host, _ := strings.Cut(endpoint, "://")
		hosts, scheme = append(hosts, host), strings.Replace(before, "http", "etcd", 1)
	}
	return scheme + "://" + strings.Join(hosts, ",")
}

// Launch starts the node, at first or again after Kill, and does not wait for it.
func (n *Node) Launch() {
	n.tb.Helper()
	n.cmd = exec.Command(n.bin, n.args...)
	n.cmd.Stdout, n.cmd.Stderr = &n.log, &n.log
	if err := n.cmd.Start(); err != nil {
		n.tb.Fatal(err)
	}
}

// Healthy waits until the node has a leader and answers.
func (n *Node) Healthy() {
	n.tb.Helper()
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: n.tls, DisableKeepAlives: true}}
	for deadline := time.Now().Add(testwait.Limit(n.tb)); ; time.Sleep(20 * time.Millisecond) {
		answer, err := client.Get(n.Endpoint + "/health")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			n.Kill() // before its log is read
			n.tb.Fatalf("etcd is not healthy: %v\n%s", err, n.log.String())
		}
	}
}

// Kill kills the node with signal 9, if it runs.
func (n *Node) Kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	n.cmd = nil
}

// Copy copies the data of a node that does not run, and returns what restores it,
// when it does not run either.
func (n *Node) Copy() (restore func()) {
	n.tb.Helper()
	kept := filepath.Join(n.tb.TempDir(), "copy")
	if err := os.CopyFS(kept, os.DirFS(n.args[3])); err != nil {
		n.tb.Fatal(err)
	}
	return func() {
		n.tb.Helper()
		n.Wipe()
		if err := os.CopyFS(n.args[3], os.DirFS(kept)); err != nil {
			n.tb.Fatal(err)
		}
	}
}

// Wipe removes the data of a node that does not run.
func (n *Node) Wipe() {
	n.tb.Helper()
	if err := os.RemoveAll(n.args[3]); err != nil {
		n.tb.Fatal(err)
	}
}
