// Command peers measures davdisk beside other WebDAV servers, which do the same
// work one after the other, and writes docs/performance.md and its charts:
//
//	go run ./internal/peers [-only upstream,wire,local,growth,memory] [-quick] [-rounds N] [-docs DIR] [-dir DIR]
//
// Each piece of work is done by a server that has just been started, on files
// that it has not seen. A request that fails, or whose answer is not what it has
// to be, ends the run: there is no figure of work that was not done. What is
// measured, and by which peers, is in tasks_*.go and peers_*.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

func main() {
	var o options
	only := flag.String("only", strings.Join(partNames, ","), "these `PARTS` alone; the others stay as they are in the document")
	flag.BoolVar(&o.quick, "quick", false, "do little work, once, to see that all of it can be done; build no peer")
	flag.IntVar(&o.rounds, "rounds", 3, "do each piece of work `N` times and take the median")
	flag.StringVar(&o.docs, "docs", "docs", "write performance.md and images in `DIR`")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "keep what is served in `DIR`, which decides on the disk")
	flag.StringVar(&o.davdisk, "davdisk", "", "measure this `PROGRAM`; by default it is built from the source")
	bare := flag.String("serve-xnet", "", "serve this `DIR` by golang.org/x/net/webdav, as a peer")
	address := flag.String("addr", "", "where -serve-xnet listens")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := func() error {
		if *bare != "" {
			return serveXNet(ctx, *bare, *address)
		}
		o.only = strings.Split(*only, ",")
		return measureAll(ctx, o)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

type options struct {
	only      []string
	quick     bool
	rounds    int
	docs, dir string
	davdisk   string
}

// measureAll does the work of all parts and writes each part as soon as it is
// measured.
func measureAll(ctx context.Context, o options) error {
	if runtime.GOOS != "linux" {
		return errors.New("the CPU time of a server and its workers is only known on Linux")
	}
	for _, name := range o.only {
		if !slices.Contains(partNames, name) {
			return fmt.Errorf("there is no part %q; there are %s", name, strings.Join(partNames, ", "))
		}
	}
	if o.rounds < 1 || o.quick {
		o.rounds = 1
	}
	work, err := os.MkdirTemp(o.dir, "davdisk-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	// Apache and nginx become another user, who has to reach what they serve.
	if err := os.Chmod(work, 0o755); err != nil {
		return err
	}
	found, err := findPrograms(ctx, o, work)
	if err != nil {
		return err
	}
	var ports ports
	for _, p := range parts(found, sizesOf(o.quick)) {
		if !slices.Contains(o.only, p.name) {
			continue
		}
		r := runner{dir: work, rounds: o.rounds, together: o.quick, ports: &ports, progress: os.Stderr}
		rows, err := r.measure(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		result := result{part: p, rows: rows, setting: settingOf(o, found)}
		if err := result.write(filepath.Clean(o.docs)); err != nil {
			return err
		}
	}
	return nil
}
