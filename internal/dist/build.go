package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A target is a system and a processor that binaries are released for.
type target struct{ os, arch, arm string }

func (t target) String() string { return t.os + "/" + t.processor() }

// processor is what people call it: armv7 for arm with GOARM=7.
func (t target) processor() string {
	if t.arm != "" {
		return t.arch + "v" + t.arm
	}
	return t.arch
}

// program is what the binary is called on the target.
func (t target) program() string {
	if t.os == "windows" {
		return "davdisk.exe"
	}
	return "davdisk"
}

func targets() []target {
	return []target{
		{"linux", "amd64", ""}, {"linux", "arm64", ""}, {"linux", "arm", "7"},
		{"darwin", "amd64", ""}, {"darwin", "arm64", ""},
		{"windows", "amd64", ""}, {"windows", "arm64", ""},
	}
}

// choose returns the targets that a list names; all for an empty one.
func choose(only string) ([]target, error) {
	if only == "" {
		return targets(), nil
	}
	var chosen []target
	for name := range strings.SplitSeq(only, ",") {
		found := false
		for _, t := range targets() {
			if t.String() == name {
				chosen, found = append(chosen, t), true
			}
		}
		if !found {
			return nil, fmt.Errorf("%q is no target; there are %v", name, targets())
		}
	}
	return chosen, nil
}

// A tree is a folder with the source.
type tree struct {
	dir   string
	cache string // GOCACHE; empty for the one in use
}

// clone checks the commit at from out into dir: a release is of a commit, not
// of what happens to lie around.
func clone(ctx context.Context, from, dir string) (tree, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return tree{}, err
	}
	commit, err := run(ctx, from, nil, "git", "rev-parse", "HEAD")
	if err != nil {
		return tree{}, err
	}
	if _, err := run(ctx, from, nil, "git", "clone", "--quiet", "--shared", "--no-checkout", from, dir); err != nil {
		return tree{}, err
	}
	_, err = run(ctx, dir, nil, "git", "checkout", "--quiet", "--detach", strings.TrimSpace(string(commit)))
	return tree{dir: dir}, err
}

// build builds davdisk for a target.
func (s tree) build(ctx context.Context, t target, out string) error {
	env := []string{"CGO_ENABLED=0", "GOFLAGS=", "GOOS=" + t.os, "GOARCH=" + t.arch}
	if t.arm != "" {
		env = append(env, "GOARM="+t.arm)
	}
	if s.cache != "" {
		env = append(env, "GOCACHE="+s.cache)
	}
	_, err := run(ctx, s.dir, env, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", out, "./cmd/davdisk")
	return err
}

// sameBuild fails unless building here makes the same binary.
func (s tree) sameBuild(ctx context.Context, t target, binary string) error {
	again := binary + ".again"
	if err := s.build(ctx, t, again); err != nil {
		return err
	}
	defer os.Remove(again)
	one, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	other, err := os.ReadFile(again)
	if err != nil {
		return err
	}
	if !bytes.Equal(one, other) {
		return fmt.Errorf("%s: two builds of the same commit differ", t)
	}
	return nil
}

// identity returns the version inside a binary, and the time of its commit.
func identity(binary string) (version string, committed time.Time, err error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", time.Time{}, err
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			committed, err = time.Parse(time.RFC3339, s.Value)
		}
	}
	if err != nil || committed.IsZero() || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "", time.Time{}, fmt.Errorf("%s does not say which commit it was built of; dist wants a git checkout", binary)
	}
	return info.Main.Version, committed, nil
}
