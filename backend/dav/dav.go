package dav

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/text/unicode/norm"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// store is a folder of a WebDAV server.
type store struct {
	cfg    Config
	log    *slog.Logger
	client *client
	can    features
	names  pathlock.Table // one change of a name at a time
	opened sync.Map       // contents of Open
	temps  sync.Map       // temporary names of ours, which are not listed
	tidy   sync.WaitGroup // those that are being removed in the background

	tagsAgree atomic.Bool // a PUT was answered with the entity tag that is listed
}

// timed is a store whose server sets times.
type timed struct{ *store }

var (
	_ interface {
		backend.Backend
		backend.Copier
		backend.Usager
		backend.Declarer
	} = (*store)(nil)
	_ backend.ModTimer = timed{}
)

// New opens a folder of a WebDAV server, which must be there, and tries out what
// the server can do, unless that was done lately. What it returns is a
// [backend.Copier], [backend.Usager] and [backend.Declarer], and a
// [backend.ModTimer] if the server sets times.
func New(ctx context.Context, cfg Config) (backend.Backend, error) {
	cfg = cfg.withDefaults()
	base, err := cfg.base()
	if err != nil {
		return nil, err
	}
	root, err := rootPath(base, cfg.Root)
	if err != nil {
		return nil, err
	}
	if authorization(cfg) != "" && httpclient.InTheClear(base) {
		cfg.Log.Warn("the password and the files travel in the clear; https would hide them", "host", base.Host)
	}
	c := newClient(cfg, base, root)
	can, ok := keptFeatures(cfg)
	if !ok {
		if can, err = c.tryOut(ctx); err != nil {
			return nil, pathError("open", cfg.URL, err)
		}
		can.keep(cfg)
	}
	return newStore(c, can), nil
}

func newStore(c *client, can features) backend.Backend {
	s := &store{cfg: c.cfg, log: c.cfg.Log, client: c, can: can}
	if can.TimeProperty != "" {
		return timed{s}
	}
	return s
}

// Close waits until temporary files are removed, and closes the connections.
func (s *store) Close() error {
	s.tidy.Wait()
	s.client.http.CloseIdleConnections()
	return nil
}

// Capabilities implements backend.Declarer.
func (s *store) Capabilities() backend.Capabilities {
	return s.can.capabilities(s.cfg.AtomicMove)
}

// checkNew is check for a name that is to be created.
func (s *store) checkNew(ctx context.Context, op, name string) error {
	if err := check(ctx, op, name); err != nil {
		return err
	}
	held := s.can.names()
	for base := range strings.SplitSeq(name, "/") {
		if ownname.Is(base) {
			continue // it has another name on the server
		}
		if err := held.Check(op, base); err != nil {
			return pathError(op, name, err)
		}
	}
	return nil
}

// check refuses a bad name before a request is made.
func check(ctx context.Context, op, name string) error {
	if err := backend.CheckName(op, name); err != nil {
		return err
	}
	if strings.Contains("/"+name, "/"+asidePrefix) { // what it leads to has another name
		return backend.PathError(op, name, fs.ErrInvalid, "names that begin with "+asidePrefix+" are used by davdisk itself")
	}
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// Stat implements backend.Backend.
func (s *store) Stat(ctx context.Context, name string) (backend.Info, error) {
	if err := check(ctx, "stat", name); err != nil {
		return backend.Info{}, err
	}
	e, err := s.stat(ctx, name)
	if err != nil {
		return backend.Info{}, pathError("stat", name, err)
	}
	return e.Info, nil
}

// stat asks for one file or folder.
func (s *store) stat(ctx context.Context, name string) (entry, error) {
	entries, err := s.propfind(ctx, name, "0")
	if err != nil {
		return entry{}, err
	}
	self := entries[0]
	if len(entries) > 1 {
		at, err := findSelf(entries, s.client.path(name))
		if err != nil {
			return entry{}, err
		}
		self = entries[at]
	}
	return self, s.named(ctx, &self, name)
}

// named gives an entry its name. The error is that of an entry that has a status
// in place of properties.
func (s *store) named(ctx context.Context, e *entry, name string) error {
	e.Name = path.Base(name)
	if e.status == 0 {
		return nil
	}
	err := error(&statusError{status: e.status, reading: true})
	if is(err, fs.ErrNotExist) {
		err = s.client.missing(ctx, err)
	}
	return err
}

// propfind asks for a name. It returns one entry or more.
func (s *store) propfind(ctx context.Context, name, depth string) ([]entry, error) {
	entries, err := s.client.propfind(ctx, s.client.address(name, false), depth)
	switch {
	case is(err, fs.ErrNotExist):
		err = s.client.missing(ctx, err)
	case hasStatus(err, http.StatusBadRequest) && name != ".": // Apache says that of a name below a file
		err = s.why(ctx, name, err)
	}
	if err == nil && len(entries) == 0 {
		err = errors.New("the server's listing is empty: it has not even the folder itself")
	}
	return entries, err
}

// findSelf returns the index of the entry with that path. Servers that ignore
// case or Unicode form write it their own way.
func findSelf(entries []entry, want string) (int, error) {
	same := func(a, b string) bool { return a == b }
	alike := func(a, b string) bool { return strings.EqualFold(norm.NFC.String(a), norm.NFC.String(b)) }
	for _, equal := range []func(a, b string) bool{same, alike} {
		for i := range entries {
			if equal(entries[i].path, want) {
				return i, nil
			}
		}
	}
	return 0, &backend.Error{Kind: backend.ErrUnavailable,
		Message: "the server's listing has other addresses than the one asked for: it is behind a proxy that changes them, or the listing is not whole"}
}

// List implements backend.Backend. The listing is read whole before anything of
// it is returned, so that one that breaks off is an error.
func (s *store) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if err := check(ctx, "list", name); err != nil {
		return backend.Info{}, nil, err
	}
	self, children, _, err := s.list(ctx, name)
	if err != nil {
		return self.Info, nil, pathError("list", name, err)
	}
	return self.Info, func(yield func(backend.Info, error) bool) {
		for _, child := range children {
			if err := ctx.Err(); err != nil {
				yield(backend.Info{}, &fs.PathError{Op: "list", Path: name, Err: err})
				return
			}
			if !yield(child, nil) {
				return
			}
		}
	}, nil
}

// list asks for a folder. Its content includes what cannot be shown: names that
// are none, and uploads under way; all counts both.
func (s *store) list(ctx context.Context, name string) (self entry, children []backend.Info, all int, err error) {
	entries, err := s.propfind(ctx, name, "1")
	if err != nil {
		return entry{}, nil, 0, err
	}
	at, err := findSelf(entries, s.client.path(name))
	if err != nil {
		return entry{}, nil, 0, err
	}
	self = entries[at]
	if err := s.named(ctx, &self, name); err != nil {
		return entry{}, nil, 0, err
	}
	if !self.Dir {
		return self, nil, 0, &backend.Error{Kind: backend.ErrNotDir}
	}
	seen := map[string]bool{}
	for i, e := range entries {
		base, below := strings.CutPrefix(e.path, self.path+"/")
		deep := below && strings.Contains(base, "/")
		base, known := inward(base)
		switch {
		case i == at || e.path == self.path:
			continue
		case deep:
			continue // of a server that knows no Depth
		case !below || !known:
			s.log.Warn("a file or folder is not listed, because its address is not one of a name in the folder", "folder", name)
			all++
			continue
		case seen[base] || e.status == http.StatusNotFound:
			continue
		}
		seen[base] = true
		all++
		if _, ours := s.temps.Load(path.Join(name, base)); ours {
			continue
		}
		e.Name = base
		if e.status != 0 {
			e.Err = translate(&statusError{status: e.status, reading: true})
		}
		children = append(children, e.Info)
	}
	return self, children, all, nil
}

// Mkdir implements backend.Backend.
func (s *store) Mkdir(ctx context.Context, name string) error {
	if err := s.checkNew(ctx, "mkdir", name); err != nil {
		return err
	}
	if name == "." {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	unlock, err := s.names.Lock(ctx, pathlock.One(name))
	if err != nil {
		return pathError("mkdir", name, err)
	}
	defer unlock()
	return pathError("mkdir", name, s.mkdir(ctx, name))
}

func (s *store) mkdir(ctx context.Context, name string) error {
	if s.can.MakesTwice {
		if _, err := s.stat(ctx, name); !is(err, fs.ErrNotExist) {
			return exists(err)
		}
	}
	resp, err := s.client.do(ctx, request{method: "MKCOL", url: s.client.address(name, true)})
	if err == nil && resp.status != http.StatusCreated { // a page to log in has 200
		return s.mkdirLost(ctx, name, uncertainError{fmt.Errorf("the server answered %d, and did not make the folder", resp.status)})
	}
	if err == nil || is(err, backend.ErrUnauthorized) {
		return err
	}
	var lost uncertainError
	if errors.As(err, &lost) {
		return s.mkdirLost(ctx, name, lost)
	}
	ctx, cancel := outliving(ctx)
	defer cancel()
	if _, looking := s.stat(ctx, name); looking == nil {
		return &backend.Error{Kind: fs.ErrExist}
	}
	return s.why(ctx, name, err)
}

// exists is fs.ErrExist, unless it is not known whether it is.
func exists(err error) error {
	if err != nil {
		return err
	}
	return &backend.Error{Kind: fs.ErrExist}
}

// mkdirLost determines the outcome of a MKCOL without a response: a folder that
// is there and empty is the one asked for. One that is not there can be asked for
// again, as nothing is replaced by it.
func (s *store) mkdirLost(ctx context.Context, name string, lost uncertainError) error {
	ctx, cancel := outliving(ctx)
	defer cancel()
	for try := range maxTries {
		if err := s.client.sleep(ctx, s.client.backoff(try)); err != nil {
			return lost
		}
		_, _, n, err := s.list(ctx, name)
		switch {
		case err == nil && n == 0:
			return nil
		case err == nil, is(err, backend.ErrNotDir):
			return &backend.Error{Kind: fs.ErrExist}
		case !is(err, fs.ErrNotExist):
			return lost
		}
		if resp, err := s.client.do(ctx, request{method: "MKCOL", url: s.client.address(name, true)}); err == nil && resp.status == http.StatusCreated {
			return nil
		}
	}
	return lost
}

// why returns the reason for which the server refused to create a name, if that is
// that the folder is missing; else err.
func (s *store) why(ctx context.Context, name string, err error) error {
	parent, looking := s.stat(ctx, path.Dir(name))
	if is(looking, fs.ErrNotExist) || looking == nil && !parent.Dir {
		return &backend.Error{Kind: fs.ErrNotExist, Message: "the folder it would be in is missing"}
	}
	if is(err, fs.ErrNotExist) {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: err.Error()}
	}
	return err
}

// needParent fails if the folder that name would be in is missing, where the
// server would make it.
func (s *store) needParent(ctx context.Context, name string) error {
	if !s.can.MakesParents {
		return nil
	}
	return s.why(ctx, name, nil)
}

// outliving returns a context for finding out what became of a change.
func outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), issuedTime)
}
