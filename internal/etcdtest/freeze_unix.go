//go:build unix

package etcdtest

import "syscall"

// Stop freezes the node: it accepts connections and answers nothing.
func (n *Node) Stop() { n.signal(syscall.SIGSTOP) }

// Cont lets a frozen node go on.
func (n *Node) Cont() { n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) {
	n.tb.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.tb.Fatal(err)
	}
}
