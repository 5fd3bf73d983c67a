package cmd

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/cmd/internal/state"
)

const (
	listingTime  = 10 * time.Second // how long a store may take to list a folder for a completion
	listingLimit = 1000             // how many names are read for one
)

// A listing is a session that can list folders and do nothing else: it keeps no
// state, starts no background work, refreshes no login, and its requests are
// those that only read.
type listing struct{ *session }

// newListing reads the configuration that the flags on the line name.
func (f *completion) newListing() (*listing, error) {
	var s *session
	app := &cli.App{
		Name: "davdisk", Flags: f.withStores(commonFlags()...), HideHelp: true, HideVersion: true,
		Writer: io.Discard, ErrWriter: io.Discard, ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			path := c.String("config")
			if path == "" {
				path = config.DefaultPath()
			}
			cfg, err := config.Load(path, f.configRules(f.app))
			s = &session{program: f.program, ctx: c.Context, c: c, cfg: cfg, log: slog.New(slog.DiscardHandler), unused: map[string]fmt.Stringer{}}
			return err
		},
	}
	known := map[string]bool{}
	for _, flag := range app.Flags {
		for _, name := range flag.Names() {
			known[name] = true
		}
	}
	words := []string{"davdisk"}
	for _, given := range f.line.flags {
		if known[given.name] {
			words = append(words, given.words...)
		}
	}
	if err := app.RunContext(f.ctx, words); err != nil {
		return nil, err
	}
	return &listing{s}, nil
}

// list returns what is in a folder of a remote; nothing if that fails.
func (l *listing) list(ctx context.Context, remote, folder string) []backend.Info {
	ctx, cancel := context.WithTimeout(ctx, listingTime)
	defer cancel()
	configured, known := l.cfg.Remotes[remote]
	if !known {
		configured.Driver = remote
	}
	opts, err := l.options(configured)
	if err != nil {
		return nil
	}
	l.preferAccount(configured, opts)
	switch configured.Driver {
	case "sftp", "crypt", combined: // they remove what they find unfinished
		return nil
	}
	if configured.Driver == "local" {
		return listLocal(filepath.Join(filepath.FromSlash(opts["root"]), filepath.FromSlash(folder)))
	}
	if configured.Driver == "yandex" && opts["token"] == "" && opts["anonymous"] != "true" {
		tokens := l.login(opts["account"])
		opts["token"] = tokens.Access
		if tokens.APIURL != "" && opts["api-url"] == "" {
			opts["api-url"] = tokens.APIURL
		}
	}
	r := backend.NewRegistry(backend.Env{Log: l.log, Transport: readsOnly{http.DefaultTransport}})
	for _, d := range l.drivers {
		r.Register(d)
	}
	if r.Remote(remote, configured.Driver, opts) != nil {
		return nil
	}
	root, folder := rootIn(r, remote, folder)
	b, err := r.Open(ctx, remote+":"+root)
	if err != nil {
		return nil
	}
	defer closeBackend(b)
	name := strings.Trim(folder, "/")
	if name == "" {
		name = "."
	}
	_, children, err := b.List(ctx, name)
	if err != nil {
		return nil
	}
	var infos []backend.Info
	for info, err := range children {
		if err != nil || len(infos) == listingLimit {
			break
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b backend.Info) int { return strings.Compare(a.Name, b.Name) })
	return infos
}

// listLocal reads a folder of this machine without the driver, which removes
// what it finds unfinished there.
func listLocal(dir string) []backend.Info {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var infos []backend.Info
	for _, e := range entries {
		infos = append(infos, backend.Info{Name: e.Name(), Dir: e.IsDir()})
	}
	return infos
}

// login is a stored login, as it is.
func (l *listing) login(account string) yandex.Tokens {
	dir := l.c.String("state-dir")
	if values := l.cfg.Flags["state-dir"]; dir == "" && len(values) > 0 {
		dir = values[0]
	}
	if dir == "" {
		dir = state.DefaultDir()
	}
	if account == "" {
		account = "default"
	}
	tokens, err := yandex.NewTokenStore(dir, account, yandex.OAuth{}).Load()
	if err != nil {
		return yandex.Tokens{}
	}
	return tokens
}

// readsOnly refuses every request that could change something.
type readsOnly struct{ next http.RoundTripper }

func (t readsOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "PROPFIND":
		return t.next.RoundTrip(req)
	}
	return nil, &backend.Error{Kind: fs.ErrPermission, Message: "a completion only reads"}
}
