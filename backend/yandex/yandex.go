package yandex

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// issuedTime is how long the response to a change is waited for, whether its
// caller still waits or not, and the end of an operation while it does.
const issuedTime = 10 * time.Minute

// Backend is a Yandex Disk, or a folder of it. Its methods may be called from
// many goroutines at once.
type Backend struct {
	cfg  Config
	root string // with scheme, "disk:/" or "disk:/Docs"
	log  *slog.Logger
	api  *api.Client

	appRoot   atomic.Pointer[string] // see base
	account   *account
	links     *links
	recent    *recentState
	files     pathlock.Table       // one change of a name at a time
	folders   pathlock.Table       // one change in a folder at a time
	pending   *work[pendingChange] // those that may still take effect, by name
	pendingMu sync.Mutex           // held while a pending change is set or deleted
	times     *times

	unusable sync.Map // folder: names that its last listing left out

	lost          *lostChanges
	leftovers     *leftovers
	confirmations confirmations
}

var _ interface {
	backend.Backend
	backend.Copier
	backend.Declarer
	backend.Usager
	backend.Revisioner
	backend.Identifier
	backend.Rater
	backend.ModTimer
	backend.Propertier
	backend.Sharer
	backend.Trasher
	backend.Linker
	backend.FlatLister
	backend.PartLister
	backend.Fetcher
	backend.Previewer
	backend.PublicReader
} = (*Backend)(nil)

// New returns a backend for cfg. It does not call the service: a missing root
// is reported on first use. Close writes the modification times still to be
// written.
func New(cfg Config) (*Backend, error) {
	cfg = cfg.withDefaults()
	root, err := cleanRoot(cfg.Root)
	if err != nil {
		return nil, err
	}
	client, err := cfg.client()
	if err != nil {
		return nil, err
	}
	b := &Backend{
		cfg: cfg, root: root, log: cfg.Log, api: client,
		account: &account{api: client, now: cfg.Now}, links: newLinks(cfg.Now),
	}
	b.confirmations = confirmations{b: b, folders: map[string]*uploadsTo{}}
	if b.pending, err = openPending(cfg, root); err != nil {
		return nil, err
	}
	if b.recent, err = openRecentState(cfg, root); err != nil {
		return nil, errors.Join(err, b.pending.Close())
	}
	if b.times, err = openTimes(b); err != nil {
		b.recent.kept.close()
		return nil, errors.Join(err, b.pending.Close())
	}
	if b.lost, err = openLost(b); err != nil {
		b.recent.kept.close()
		return nil, errors.Join(err, b.times.Close(), b.pending.Close())
	}
	if b.leftovers, err = openLeftovers(b); err != nil {
		b.recent.kept.close()
		return nil, errors.Join(err, b.lost.journal.Close(), b.times.Close(), b.pending.Close())
	}
	return b, nil
}

// Capabilities implements backend.Declarer.
func (b *Backend) Capabilities() backend.Capabilities {
	return backend.Capabilities{
		NoConditionalPut: "the service has no conditional uploads: another client may store in the moment after the last look",
		NoAtomicMove:     "the service moves a large folder by an operation, and does not say what others see of it meanwhile",
		FinishesMoves:    true,
	}
}

// Close tries to write the modification times still to be written, and waits
// for background work. Times not written are retried by the next backend with
// the same StateDir.
func (b *Backend) Close() error {
	defer b.api.CloseIdleConnections()
	err := errors.Join(b.leftovers.Close(), b.times.Close())
	b.recent.kept.close() // last: closing the others may still record what they store
	return errors.Join(err, b.lost.journal.Close(), b.pending.Close())
}

// Stat implements backend.Backend.
func (b *Backend) Stat(ctx context.Context, name string) (backend.Info, error) {
	describe := b.describer()
	r, err := b.look(ctx, name)
	if err != nil {
		return backend.Info{}, pathError("stat", name, err)
	}
	return describe(name, r), nil
}

// look requests one file or folder.
func (b *Backend) look(ctx context.Context, name string) (*api.Resource, error) {
	r, err := b.resource(ctx, name, api.Request{Call: api.GetResource, Query: url.Values{"fields": {resourceFields}, "limit": {"0"}}})
	if err == nil {
		b.note(name, r)
	}
	return r, err
}

// resource makes a call whose path is that of a name.
func (b *Backend) resource(ctx context.Context, name string, call api.Request) (r *api.Resource, err error) {
	target, err := b.path(name)
	if err != nil {
		return nil, err
	}
	call.Query.Set("path", target)
	err = b.retryNotFound(ctx, name, func() (err error) {
		r, err = b.api.Resource(ctx, call)
		return err
	})
	return r, err
}

// resourceFields are the members of a resource that the driver reads.
const resourceFields = "type,name,path,size,md5,sha256,created,modified,mime_type,resource_id,revision,custom_properties,public_url,file"

// note records what a response says beside the metadata.
func (b *Backend) note(name string, r *api.Resource) {
	b.recent.observed(name, r)
	b.links.note(r)
}

// describer returns a function that describes resources requested from now on.
func (b *Backend) describer() func(name string, r *api.Resource) backend.Info {
	before := b.times.journal.All()
	return func(name string, r *api.Resource) backend.Info {
		info := info(r, path.Base(name))
		b.times.show(name, &info, before)
		return info
	}
}

func info(r *api.Resource, base string) backend.Info {
	info := backend.Info{
		Name: base, Dir: r.Type == "dir",
		ModTime: r.Modified.Time, Created: r.Created.Time,
		ID: string(r.ID), Public: string(r.PublicURL),
		Properties: properties(r),
	}
	if t, ok := modTime(r); ok {
		info.ModTime = t
	}
	if !info.Dir {
		info.Size, info.Version = int64(r.Size), versionOf(r)
		info.MD5, info.SHA256 = string(r.MD5), string(r.SHA256)
		info.ContentType = string(r.MimeType)
		info.Err = r.CheckSize()
	}
	return info
}

// versionOf identifies the content, by a hash that old files may lack.
func versionOf(r *api.Resource) string {
	switch {
	case r.Type != "file":
		return ""
	case r.SHA256 != "":
		return shortened(string(r.SHA256))
	case r.MD5 != "":
		return string(r.MD5)
	}
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s at %d", r.ID, r.Revision)))
	return shortened(hex.EncodeToString(sum[:]))
}

// shortened is the half of a SHA-256 that makes a version. Entity tags are made
// of versions, and there are clients (neon's own test suite among them) that
// build an If header with two of them in a buffer of 200 bytes.
func shortened(sha256 string) string { return sha256[:min(len(sha256), 32)] }

// issued returns a context for a change that may have begun: it is no
// longer canceled by the caller, so that the result is known.
func issued(ctx context.Context) (context.Context, context.CancelFunc) {
	return api.Detach(ctx, issuedTime)
}

// Mkdir implements backend.Backend.
func (b *Backend) Mkdir(ctx context.Context, name string) error {
	if name == "." {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	return pathError("mkdir", name, b.mkdir(ctx, name))
}

func (b *Backend) mkdir(ctx context.Context, name string) error {
	if err := b.lost.settle(ctx, name, lostChange{}); err != nil { // without a lock
		return err
	}
	return b.change(ctx, name, func(ctx context.Context, target string) error {
		if err := b.lost.settle(ctx, name, lostChange{}); err != nil {
			return err
		}
		_, known := b.recent.fresh(name)
		r, _, err := b.carryOut(ctx, api.MakeFolder, url.Values{"path": {target}}, name)
		// A folder that is there once a response was lost is the one asked for,
		// unless it was known before or is in use.
		if r.Lost > 0 && !known && hasCode(err, "DiskPathPointsToExistentDirectoryError") {
			err = b.unlessEmpty(ctx, name, err)
		}
		if err == nil {
			b.recent.created(name, "", true)
		}
		return err
	})
}

// change calls do with the path of a name, which it has locked, and with a
// context that outlives its caller.
func (b *Backend) change(ctx context.Context, name string, do func(ctx context.Context, target string) error) error {
	target, err := b.path(name)
	if err != nil {
		return err
	}
	unlock, err := b.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, cancel := issued(ctx)
	defer cancel()
	return do(ctx, target)
}

// unlessEmpty returns exists unless the folder is empty.
func (b *Backend) unlessEmpty(ctx context.Context, name string, exists error) error {
	empty, err := b.isEmpty(ctx, name)
	switch {
	case err != nil:
		return api.UncertainError{Err: err}
	case !empty:
		return exists
	}
	return nil
}

// lockToPut is lock for a change that puts something at a name, where no lost change can
// touch it then, by settle. What has to be waited for is waited for without a lock.
func (b *Backend) lockToPut(ctx context.Context, settle func(ctx context.Context) error, names ...string) (unlock func(), err error) {
	if err := settle(ctx); err != nil {
		return nil, err
	}
	if unlock, err = b.lock(ctx, names...); err != nil {
		return nil, err
	}
	if err := settle(ctx); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// lock locks a name and its folder for a change. Yandex answers 423 and 500 to
// concurrent changes in one folder.
func (b *Backend) lock(ctx context.Context, names ...string) (unlock func(), err error) {
	var files, folders []pathlock.Name
	for _, name := range names {
		files, folders = append(files, pathlock.One(name)), append(folders, pathlock.One(path.Dir(name)))
	}
	unlockFiles, err := b.files.Lock(ctx, files...)
	if err != nil {
		return nil, err
	}
	unlockFolders, err := b.folders.Lock(ctx, folders...)
	if err != nil {
		unlockFiles()
		return nil, err
	}
	for _, name := range names {
		if err := b.recoverPending(ctx, name); err != nil {
			unlockFolders()
			unlockFiles()
			return nil, err
		}
	}
	return func() { unlockFolders(); unlockFiles() }, nil
}
