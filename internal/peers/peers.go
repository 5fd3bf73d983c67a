package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/net/webdav"
)

// A peer is a server that is measured, or a program that copies.
type peer struct {
	name    string
	version string
	care    string // what it does, or does not do, for what it answers
	far     bool   // serves an emulated disk, not a folder
	// serve returns the command of the server, which serves a site until it is
	// ended by SIGTERM.
	serve func(s site) (*exec.Cmd, error)
	// straight returns the command that reads the one file of a disk from its link to
	// standard output, or stores standard input by it: such a peer has no server. It
	// is nil for those that have one.
	straight func(s site, link *url.URL, put bool) *exec.Cmd
	// copy returns the command that copies a folder to a folder of the disk; nil
	// if there is none.
	copy func(s site, from, to string) *exec.Cmd
}

// A site is where a server is, and what it serves.
type site struct {
	address string // it listens there
	private string // a folder of its own: configuration, state, temporary files
	folder  folder // what local peers serve
	disk    *disk  // what upstream peers serve
	slow    bool   // the disk limits the rate of each download
}

// A program is one that peers are made of, if it is there.
type program struct{ path, version string }

// programs are those of this machine. An empty path is a program that is not
// there.
type programs struct {
	davdisk, self, rclone, debianRclone, nginx, apache, lighttpd, curl program
	missing                                                            []string // what that means for the tables
}

// environment is that of this program with additions and a home of its own.
func (s site) environment(add ...string) []string {
	return append(append(os.Environ(), "HOME="+s.private, "XDG_CONFIG_HOME="+s.private+"/config",
		"XDG_STATE_HOME="+s.private+"/state", "XDG_CACHE_HOME="+s.private+"/cache"), add...)
}

// config writes a configuration for a server and returns its file.
func (s site) config(text string) (string, error) {
	file := filepath.Join(s.private, "server.conf")
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// serveXNet serves a folder by x/net/webdav and nothing else.
func serveXNet(ctx context.Context, dir, address string) error {
	server := &http.Server{
		Addr: address, ReadHeaderTimeout: time.Minute,
		Handler: &webdav.Handler{FileSystem: webdav.Dir(dir), LockSystem: webdav.NewMemLS()},
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", dir, err)
	case <-ctx.Done():
		return server.Close()
	}
}
