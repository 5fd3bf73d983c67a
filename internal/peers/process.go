package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A process is a server that runs.
type process struct {
	cmd   *exec.Cmd
	said  *output
	ended chan struct{} // closed when it has ended
	err   error         // of Wait, once ended is closed
}

// output keeps what a program has written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// patience is how long a server may take to listen, and to end.
const patience = time.Minute

// launch starts a server and waits until it listens on the address.
func launch(ctx context.Context, cmd *exec.Cmd, address string) (*process, error) {
	p := &process{cmd: cmd, said: &output{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.said, p.said
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			c.Close()
			return p, nil
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s ended: %w\n%s", strings.Join(cmd.Args, " "), errors.Join(p.err, err), p.said)
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s does not listen: %w\n%s", strings.Join(cmd.Args, " "), err, p.said), p.stop())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// stop ends the server. One that ended by itself, before, is an error.
func (p *process) stop() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended by itself: %w\n%s", p.cmd.Path, p.err, p.said)
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s does not end when asked to\n%s", p.cmd.Path, p.said)
	}
}

// ports hands out addresses of this machine.
type ports struct{ used atomic.Int32 }

// free returns an address that nobody listens on and that is not returned again.
// Its port is below those that Linux gives to connections, one of which could
// otherwise take it before the server does.
func (p *ports) free(ctx context.Context) (string, error) {
	// Two runs at the same time begin elsewhere.
	const first, last = 12_000, 30_000
	for n := p.used.Add(1); n <= last-first; n = p.used.Add(1) {
		address := fmt.Sprintf("127.0.0.1:%d", first+(n+int32(os.Getpid())*100)%(last-first))
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("no port is free")
}
