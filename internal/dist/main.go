// Command dist makes a release of the commit that is checked out: for each
// target a static binary in an archive and its bill of materials, for Linux
// also Debian and RPM packages, and the checksums of all.
//
//	go run ./internal/dist [-out DIR] [-only linux/amd64,…] [-once] [-tag v1.2.3]
//
// Each binary is built twice, from two clones in different folders and with
// different build caches, and the release fails unless the two are equal.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	var o options
	flag.StringVar(&o.out, "out", "dist", "`DIR` to fill; it must be empty or missing")
	flag.StringVar(&o.only, "only", "", "these `TARGETS` alone, linux/amd64,windows/arm64")
	flag.BoolVar(&o.once, "once", false, "build each binary once; do not compare it with a second build")
	flag.StringVar(&o.tag, "tag", "", "fail unless the version is `TAG`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := release(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

type options struct {
	out, only, tag string
	once           bool
}

// release makes everything in a temporary folder beside o.out, which appears
// when it is whole.
func release(ctx context.Context, o options) (err error) {
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	if err := os.Remove(o.out); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("%s must be empty: %w", o.out, err)
	}
	work, err := os.MkdirTemp("", "davdisk-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	first, err := clone(ctx, ".", filepath.Join(work, "first"))
	if err != nil {
		return err
	}
	made := filepath.Join(work, "made")
	b := bundle{source: first, made: made}
	if err := b.prepare(ctx, filepath.Join(work, "shared")); err != nil {
		return err
	}
	if b.version, b.time, err = identity(b.host()); err != nil {
		return err
	}
	if o.tag != "" && o.tag != b.version {
		return fmt.Errorf("the commit has the version %s, not %s", b.version, o.tag)
	}
	var second tree
	if !o.once {
		if second, err = clone(ctx, ".", filepath.Join(work, "elsewhere", "second")); err != nil {
			return err
		}
		second.cache = filepath.Join(work, "cache")
	}
	for _, t := range chosen {
		fmt.Println(b.version, t)
		binary := filepath.Join(work, strings.ReplaceAll(t.String(), "/", "-"), t.program())
		if err := first.build(ctx, t, binary); err != nil {
			return err
		}
		if !o.once {
			if err := second.sameBuild(ctx, t, binary); err != nil {
				return err
			}
		}
		if err := b.add(ctx, t, binary); err != nil {
			return err
		}
	}
	if err := writeSums(made); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(o.out)), 0o755); err != nil {
		return err
	}
	return move(made, o.out)
}

// run runs a program and returns what it prints.
func run(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, out, errs.String())
	}
	return out, nil
}

// move renames a folder, or copies it where it lies on another file system.
func move(from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	return os.CopyFS(to, os.DirFS(from))
}
