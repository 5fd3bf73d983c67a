package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A runner lets peers do tasks.
type runner struct {
	dir      string
	rounds   int
	together bool // all peers at the same time, where figures do not matter
	ports    *ports
	progress io.Writer
}

// errWork is what is wrong when a peer did not do its work.
var errWork = errors.New("the work is not done")

// A row is what a task cost each peer, in the order of the rounds.
type row struct {
	task  task
	costs map[string][]cost // by the name of the peer
	fails map[string]string // why a peer did not do it
}

// measure lets each peer of a part do each of its tasks. They take turns within a
// task, and each round begins with another, so that what changes on the machine
// meanwhile meets all of them.
func (r runner) measure(ctx context.Context, p part) ([]row, error) {
	var rows []row
	for _, t := range p.tasks {
		row := row{t, map[string][]cost{}, map[string]string{}}
		for round := range r.rounds {
			if err := r.round(ctx, p, row, round); err != nil {
				return nil, fmt.Errorf("%s, %w", t.name, err)
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// round lets each peer do a task once, and adds to its row.
func (r runner) round(ctx context.Context, p part, row row, round int) error {
	group, ctx := errgroup.WithContext(ctx)
	if !r.together {
		group.SetLimit(1)
	}
	var mu sync.Mutex // guards row
	for i := range p.peers {
		who := p.peers[(i+round)%len(p.peers)]
		if row.task.programs && who.copy == nil {
			continue
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c, err := r.once(ctx, row.task, who)
			mu.Lock()
			defer mu.Unlock()
			what := fmt.Sprintf("%s: %s: %s", p.name, row.task.name, who.name)
			switch {
			case row.task.hard && who.name != p.peers[0].name && errors.Is(err, errWork) && ctx.Err() == nil:
				row.fails[who.name], _, _ = strings.Cut(err.Error(), "\n")
				fmt.Fprintf(r.progress, "%s fails: %v\n", what, err)
			case err != nil:
				return fmt.Errorf("%s: %w", who.name, err)
			default:
				fmt.Fprintf(r.progress, "%s: %s, CPU %s, %d calls, %d transfers, %d MiB\n", what,
					c.wall.Round(time.Microsecond), c.cpu.Round(time.Microsecond), c.calls, c.transfers, c.peak>>20)
				row.costs[who.name] = append(row.costs[who.name], c)
			}
			return nil
		})
	}
	return group.Wait()
}

// once lets a peer do a task, in a place and by a server that nobody has used
// before.
func (r runner) once(ctx context.Context, t task, who peer) (c cost, err error) {
	dir, err := os.MkdirTemp(r.dir, "task-")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, emptyFiles(dir)) }()
	s := &session{Context: ctx, peer: who, site: site{slow: t.rate > 0, private: filepath.Join(dir, "private"), folder: folder(filepath.Join(dir, "served"))}}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(s.site.private, 0o755)); err != nil {
		return c, err
	}
	if who.far {
		if s.site.disk, err = newDisk(dir, t.large); err != nil {
			return c, err
		}
		defer func() { err = errors.Join(err, s.site.disk.close()) }()
		s.place = s.site.disk
	} else {
		if err := errors.Join(os.Mkdir(string(s.site.folder), 0o777), os.Chmod(string(s.site.folder), 0o777)); err != nil {
			return c, err
		}
		s.place = s.site.folder
	}
	if err := t.prepare(s.place); err != nil {
		return c, fmt.Errorf("prepare: %w", err)
	}
	if t.programs || who.serve == nil {
		return s.do(t, nil)
	}
	if s.site.address, err = r.ports.free(ctx); err != nil {
		return c, err
	}
	cmd, err := who.serve(s.site)
	if err != nil {
		return c, err
	}
	server, err := launch(ctx, cmd, s.site.address)
	if err != nil {
		return c, err
	}
	defer func() {
		// What the server said tells why a request failed.
		if stopped := server.stop(); err != nil || stopped != nil {
			err = errors.Join(err, stopped, errors.New(server.said.String()))
		}
	}()
	s.client = newClient("http://" + s.site.address + "/")
	defer s.close()
	return s.do(t, server)
}

// do does a task and measures it; server is nil for one that is done by programs.
func (s *session) do(t task, server *process) (c cost, err error) {
	if t.warm != nil {
		if err := t.warm(s); err != nil {
			return c, fmt.Errorf("before it is measured: %w", err)
		}
	}
	if d := s.site.disk; d != nil {
		d.degrade(t.latency, t.refused, t.rate)
		defer d.restore()
	}
	var before time.Duration
	if server != nil {
		if before, err = settled(server.cmd.Process.Pid); err != nil {
			return c, err
		}
	}
	s.cpu = 0
	began := time.Now()
	done, err := t.work(s)
	c.wall = time.Since(began)
	if err != nil {
		return c, fmt.Errorf("%w: %w", errWork, err)
	}
	if d := s.site.disk; d != nil {
		counted := d.Counters()
		c.calls, c.transfers = counted.API(), counted.Transfers()
		d.restore()
	}
	c.cpu = s.cpu
	if server != nil {
		after, err := settled(server.cmd.Process.Pid)
		if err != nil {
			return c, err
		}
		c.cpu += after - before
		if c.peak, err = peakMemory(server.cmd.Process.Pid); err != nil {
			return c, err
		}
	}
	if err := done(); err != nil {
		return c, fmt.Errorf("%w: %w", errWork, err)
	}
	return c, nil
}
