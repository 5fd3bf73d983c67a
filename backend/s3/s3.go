package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"path"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7/pkg/s3utils"
	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// maxKey is the longest key that S3 holds, in bytes.
const maxKey = 1024

// store is a folder of a bucket.
type store struct {
	cfg     Config
	log     *slog.Logger
	client  *client
	prefix  string // that the keys of the root begin with, empty or with a slash at the end
	can     features
	names   pathlock.Table // one change of a name at a time
	opened  sync.Map       // contents of Open
	markers sync.Map       // keys of folders that are known to have a marker

	moves    *work[intent] // changes of several steps under way, by the name that is moved, copied or removed
	left     sync.Map      // those names of which the change was cut short
	uploads  *work[string] // keys of uploads in parts that are under way, by their ID
	tidy     sync.WaitGroup
	tidyStop context.CancelFunc
}

var _ interface {
	backend.Backend
	backend.Copier
	backend.Declarer
	backend.RemoveChecker
	io.Closer
} = (*store)(nil)

// New opens a bucket, or a folder in one, which must be there, and tries out what
// the server can do, unless that was done lately. What a killed process has left
// is finished or taken back in the background. The result is a
// [backend.Copier], a [backend.Declarer] and an [io.Closer].
func New(ctx context.Context, cfg Config) (backend.Backend, error) {
	cfg = cfg.withDefaults()
	endpoint, err := cfg.endpoint()
	if err != nil {
		return nil, err
	}
	prefix, err := cfg.prefix()
	if err != nil {
		return nil, err
	}
	if cfg.Bucket == "" {
		return nil, errors.New("s3: name the bucket: --s3-bucket, bucket=… of a remote, or the first name of the path")
	}
	if err := s3utils.CheckValidBucketName(cfg.Bucket); err != nil {
		return nil, backend.PathError("open", cfg.Bucket, fs.ErrInvalid, httpclient.OneLine(err.Error()))
	}
	if cfg.AccessKey != "" && httpclient.InTheClear(endpoint) {
		cfg.Log.Warn("the files travel in the clear; https would hide them", "host", endpoint.Host)
	}
	c, err := newClient(cfg, endpoint)
	if err != nil {
		return nil, err
	}
	s := &store{cfg: cfg, log: cfg.Log, client: c, prefix: prefix}
	if err := s.checkRoot(ctx); err != nil {
		return nil, pathError("open", path.Join(cfg.Bucket, prefix), err)
	}
	if err := s.begins(ctx); err != nil {
		return nil, errors.Join(pathError("open", cfg.Bucket, err), s.Close())
	}
	return s, nil
}

// begins finds out what the server can do, and what is still to be done.
func (s *store) begins(ctx context.Context) error {
	err := s.openJournals()
	if err != nil {
		return err
	}
	var ok bool
	if s.can, ok = keptFeatures(s.cfg); !ok {
		if s.can, err = s.tryOut(ctx); err != nil {
			return err
		}
		s.can.keep(s.cfg)
	}
	s.recover()
	return nil
}

// checkRoot fails if the root is not there.
func (s *store) checkRoot(ctx context.Context) error {
	there, err := s.client.any(ctx, s.prefix)
	if err != nil && s.cfg.Region == "" && (hasCode(err, "AuthorizationHeaderMalformed") || hasCode(err, "InvalidRegion") || hasCode(err, "AccessDenied")) {
		there, err = s.client.any(ctx, s.prefix) // minio-go has learned the region from the refusal
	}
	var refused *refusal
	switch {
	case errors.As(err, &refused) && refused.code == "NoSuchBucket":
		return &backend.Error{Kind: fs.ErrNotExist, Message: fmt.Sprintf("the server has no bucket %q", s.cfg.Bucket)}
	case err == nil && !there && s.prefix != "":
		return &backend.Error{Kind: fs.ErrNotExist, Message: "the bucket has no such folder"}
	}
	return err
}

// Close waits until what a killed process has left is done with, or stops that.
func (s *store) Close() error {
	if s.tidyStop != nil {
		s.tidyStop()
	}
	s.tidy.Wait()
	(&transport{s.client}).CloseIdleConnections()
	var err error
	if s.moves != nil {
		err = s.moves.Close()
	}
	if s.uploads != nil {
		err = errors.Join(err, s.uploads.Close())
	}
	return err
}

// Capabilities implements backend.Declarer.
func (s *store) Capabilities() backend.Capabilities {
	c := s.can.capabilities()
	c.Names = s.holds()
	return c
}

// holds are the names that fit into keys, with the slash of a folder.
func (s *store) holds() backend.Names {
	names := backend.Names{
		MaxPath: maxKey - 1 - len(s.prefix),
		Refused: []string{trialPrefix + strings.Repeat("?", trialDigits) + trialSuffix},
		Why:     fmt.Sprintf("a key of S3 has at most %d bytes, and davdisk tries servers out with such names", maxKey),
	}
	if s.can.XMLNames {
		names.Forbidden = notXML
		names.Why += "; the server lists control characters as others"
	}
	return names
}

// key is the key of a file.
func (s *store) key(name string) string { return s.prefix + name }

// dirKey is what the keys in a folder begin with.
func (s *store) dirKey(name string) string {
	if name == "." {
		return s.prefix
	}
	return s.prefix + name + "/"
}

// check refuses a bad name before a request is made.
func check(ctx context.Context, op, name string) error {
	if err := backend.CheckName(op, name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// checkNew is check for a name that is to be created.
func (s *store) checkNew(ctx context.Context, op, name string) error {
	if err := check(ctx, op, name); err != nil {
		return err
	}
	if strings.TrimSpace(s.key(name)) == "" {
		return backend.PathError(op, name, fs.ErrInvalid, "a name of spaces alone")
	}
	return s.holds().Check(op, name)
}

// Stat implements backend.Backend.
func (s *store) Stat(ctx context.Context, name string) (backend.Info, error) {
	if err := check(ctx, "stat", name); err != nil {
		return backend.Info{}, err
	}
	if err := s.settle(ctx, looking, name); err != nil {
		return backend.Info{}, pathError("stat", name, err)
	}
	e, err := s.stat(ctx, name)
	return e.Info, pathError("stat", name, err)
}

// stat asks for a file or a folder. Where there are both, it is the file.
func (s *store) stat(ctx context.Context, name string) (entry, error) {
	if name == "." {
		there, err := s.client.any(ctx, s.prefix)
		if err == nil && !there && s.prefix != "" {
			err = &backend.Error{Kind: fs.ErrNotExist}
		}
		return folder(name), err
	}
	if len(s.dirKey(name)) > maxKey || strings.TrimSpace(s.key(name)) == "" {
		return entry{}, &backend.Error{Kind: fs.ErrNotExist, Message: "no key can be like that"}
	}
	e, err := s.head(ctx, s.key(name))
	if !is(err, fs.ErrNotExist) {
		return e, err
	}
	// A listing that says so proves that the name is missing; a 404 alone may be
	// that of a proxy, whose server is away.
	for object, err := range s.client.list(ctx, s.key(name), true, 1) { // a key comes before those that begin with it
		switch {
		case err != nil:
			return entry{}, err
		case object.Key == s.key(name):
			return entry{}, errContradiction
		case strings.HasPrefix(object.Key, s.dirKey(name)):
			return folder(name), nil
		}
		there, err := s.client.any(ctx, s.dirKey(name))
		if err == nil && !there {
			err = &backend.Error{Kind: fs.ErrNotExist}
		}
		return folder(name), err
	}
	return entry{}, &backend.Error{Kind: fs.ErrNotExist}
}

// head asks for a file. Its MD5 is told where the entity tag is one.
func (s *store) head(ctx context.Context, key string) (entry, error) {
	e, err := s.client.head(ctx, key)
	if err == nil && s.can.MD5Tags && e.plain {
		e.MD5 = md5Of(e.tag)
	}
	return e, err
}

// List implements backend.Backend. The listing is read whole before anything of
// it is returned, so that one that breaks off is an error.
func (s *store) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if err := check(ctx, "list", name); err != nil {
		return backend.Info{}, nil, err
	}
	if err := s.settle(ctx, listing, name); err != nil {
		return backend.Info{}, nil, pathError("list", name, err)
	}
	children, err := s.list(ctx, name)
	if err == nil && children == nil && s.dirKey(name) != "" {
		e, err := s.stat(ctx, name)
		if err == nil && !e.Dir {
			err = &backend.Error{Kind: backend.ErrNotDir}
		}
		if err != nil {
			return e.Info, nil, pathError("list", name, err)
		}
	}
	if err != nil {
		return backend.Info{}, nil, pathError("list", name, err)
	}
	return folder(name).Info, func(yield func(backend.Info, error) bool) {
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

// list lists a folder. The result is nil if no key begins with its name. What
// cannot be shown is left out: keys with an empty name or a dot alone in them,
// a folder whose name a file has, and the objects of trials.
func (s *store) list(ctx context.Context, name string) ([]backend.Info, error) {
	prefix := s.dirKey(name)
	if len(prefix) > maxKey {
		return nil, nil
	}
	var children []backend.Info
	files, dirs := map[string]bool{}, map[string]bool{}
	for object, err := range s.client.list(ctx, prefix, false, 0) {
		if err != nil {
			return nil, err
		}
		if children == nil {
			children = []backend.Info{}
		}
		base, isDir := strings.CutSuffix(object.Key[len(prefix):], "/")
		switch {
		case object.Key == prefix, !isDir && leftByTrial(base, object.Size):
		case !usable(base):
			s.log.Warn("keys are not shown, because they are no names of files", "key", httpclient.OneLine(object.Key))
		case isDir: // some servers list a marker twice
			dirs[base] = true
		case !files[base]:
			files[base] = true
			children = append(children, newEntry(object).Info)
		}
	}
	for base := range dirs {
		if files[base] {
			s.log.Warn("a folder is not shown, because a file has its name", "folder", path.Join(name, base))
			continue
		}
		children = append(children, folder(base).Info)
	}
	return children, nil
}

// usable reports whether a key's part between slashes can be a name.
func usable(base string) bool {
	return base != "." && !strings.Contains(base, "/") && backend.CheckName("list", base) == nil
}

// needParent fails if the folder that name would be in is missing, or if name is
// a folder itself.
func (s *store) needParent(ctx context.Context, name string) error {
	var parent, self bool
	both, asking := errgroup.WithContext(ctx)
	both.Go(func() (err error) { self, err = s.client.any(asking, s.dirKey(name)); return err })
	if dir := path.Dir(name); dir != "." {
		both.Go(func() (err error) { parent, err = s.client.any(asking, s.dirKey(dir)); return err })
	} else {
		parent = true
	}
	switch err := both.Wait(); {
	case err != nil:
		return err
	case self:
		_, err := s.head(ctx, s.key(name))
		if is(err, fs.ErrNotExist) {
			err = &backend.Error{Kind: backend.ErrIsDir}
		}
		return err // nil: a file has the name too, which is shown and may be replaced
	case !parent:
		return &backend.Error{Kind: fs.ErrNotExist, Message: "the folder it would be in is missing"}
	}
	return nil
}

// lock locks names for a change, once what was cut short of them is settled. With
// giveUp that is left as it is if the server refuses it for good, because what is
// there from now on is not what it left; a removal always is.
func (s *store) lock(ctx context.Context, giveUp bool, names ...pathlock.Name) (unlock func(), err error) {
	for {
		for _, from := range s.lefts(changing, names...) {
			err := s.settleOne(ctx, from)
			m, _ := s.moves.Get(from)
			if err != nil && (giveUp || m.Kind == removing) && !passing(err) {
				s.log.Warn(m.describe(from)+" that was cut short is left as it is: see what is there", "error", translate(err))
				err = s.forgo(from)
			}
			if err != nil {
				return nil, s.unsettled(from, err)
			}
		}
		unlock, err = s.names.Lock(ctx, names...)
		if err != nil {
			return nil, err
		}
		if len(s.lefts(changing, names...)) == 0 {
			return unlock, nil
		}
		unlock() // another change of them was cut short meanwhile
	}
}

// each calls f for all of some things, a few at a time, and returns the first
// error, or one of unknown outcome if there is one. Nothing more is begun after
// an error.
func each[T any](ctx context.Context, all []T, f func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var mu sync.Mutex
	var unknown error
	for _, one := range all {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := f(ctx, one)
			if errors.As(err, new(uncertainError)) {
				mu.Lock()
				unknown = err
				mu.Unlock()
			}
			return err
		})
	}
	if err := group.Wait(); unknown == nil {
		return err
	}
	return unknown
}

// atOnce is how many objects are copied or removed at a time.
const atOnce = 8
