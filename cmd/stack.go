package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/page"
	"github.com/davdisk/davdisk/webdav/server"
)

// The abilities that the handler finds in vfs. It would do without one whose
// signature has drifted, in another way; here that does not compile.
var (
	_ interface {
		webdav.ContextBinder
		webdav.Confiner
		webdav.Putter
		webdav.Mover
		webdav.Copier
		webdav.Deleter
		webdav.Usager
		webdav.FolderUsager
		webdav.Propertier
	} = (*vfs.FS)(nil)

	_ interface {
		webdav.ETager
		webdav.ContentTyper
		webdav.CreationTimer
		webdav.Hasher
		webdav.PropertyHolder
	} = (*vfs.FileInfo)(nil)

	_ webdav.HTTPStatuser = (*backend.Error)(nil)
)

// stackOptions say how a share is put together.
type stackOptions struct {
	address   string // of the backend, which names its folders
	prefix    string // path that the share is served below
	stateDir  string // empty: nothing survives
	cacheDir  string // empty: content is not kept
	cacheSize int64
	spoolSize int64
	dirTime   time.Duration
	dirCount  int
	poll      time.Duration
	transfers int  // of one file at a time; 0: one
	writeBack bool // needs a stateDir
	log       *slog.Logger
	gateway   *gateway // among others; nil for a share of its own
	handler   []webdav.Option
	server    []server.Option
}

// queueBytes is how much may wait to be stored, with --write-back.
const queueBytes = 16 << 30

// stack is a share: a store, the file system on it, the handler before that,
// and around the handler what lets people in.
type stack struct {
	outer    atomic.Pointer[http.Handler]
	dav      *webdav.Handler
	fs       *vfs.FS
	vfsState string          // empty: nothing survives
	always   []server.Option // of every outer handler
	gateway  *gateway        // nil: not one of several
}

// ServeHTTP implements http.Handler.
func (s *stack) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	(*s.outer.Load()).ServeHTTP(w, req)
}

// setServer replaces what lets people in. Requests under way go on as they began;
// browsers have to sign in again, beside other gateways only those of users whose
// passwords have changed.
func (s *stack) setServer(options []server.Option) error {
	outer, err := server.New(takeTurns(s.dav), slices.Concat(options, s.always)...)
	if err == nil {
		s.outer.Store(&outer)
	}
	return err
}

// newStack builds a share from the store up. Each part closes what is below it,
// so the file system takes the backend over, also if this fails.
func newStack(b backend.Backend, o stackOptions) (*stack, error) {
	store := b
	if o.gateway != nil && o.gateway.polled {
		store = unpolled{b}
		o.dirTime = unpolledTTL(o.dirTime)
	}
	options := []vfs.Option{vfs.WithDirCache(o.dirTime, o.dirCount), vfs.WithPollInterval(o.poll), vfs.WithSpoolSize(o.spoolSize), vfs.WithLogger(o.log)}
	key := shareKey(o.address)
	handler := o.handler
	vfsState := ""
	if o.stateDir != "" {
		dir := filepath.Join(o.stateDir, "shares", key)
		vfsState = filepath.Join(dir, "vfs")
		options = append(options, vfs.WithStateDir(vfsState))
		handler = append(handler, webdav.WithState(filepath.Join(dir, "webdav")))
	}
	if o.gateway != nil && !o.writeBack && vfsState != "" {
		// They could be neither announced nor stored: the others have no queues.
		left, err := vfs.ReadQueue(vfsState)
		if err == nil && len(left) > 0 {
			err = misuse("uploads of an earlier --write-back are still to be stored: %d, of which the other gateways do not know; start serve without --cluster until davdisk queue lists none", len(left))
		}
		if err != nil {
			return nil, errors.Join(err, closeBackend(b))
		}
	}
	if o.transfers > 0 {
		options = append(options, vfs.WithTransfersPerFile(o.transfers))
	}
	if o.writeBack {
		options = append(options, vfs.WithWriteBack(queueBytes))
	}
	if o.gateway != nil {
		options = append(options, vfs.WithCacheWhile(o.gateway.mayRemember), vfs.WithAgreement(o.gateway.isStill), o.gateway.filesOption())
		if o.writeBack {
			options = append(options, vfs.WithGateways(o.gateway.waiting))
		}
	}
	if o.cacheDir != "" && o.cacheSize > 0 {
		options = append(options, vfs.WithCacheDir(filepath.Join(o.cacheDir, key), o.cacheSize))
	}
	if spool := filepath.Join(o.cacheDir, "spool"); o.cacheDir != "" {
		// The system's own folder for such files is in memory on many machines.
		if err := os.MkdirAll(spool, 0o700); err != nil {
			o.log.Warn("uploads are kept in the system's temporary folder", "error", err)
		} else {
			options = append(options, vfs.WithSpoolDir(spool))
		}
	}
	f, err := vfs.New(store, options...)
	if err != nil {
		return nil, errors.Join(err, closeBackend(b))
	}
	if o.gateway != nil {
		handler = append(handler, o.gateway.handlerOption(f))
	}
	shown, err := page.New(page.WithStore(pageStore(b, f, vfsState)), page.WithVersion(version().Version))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	dav, err := webdav.NewHandler(f, append(handler, webdav.WithPage(shown), webdav.WithStrictAbilities(), webdav.WithLogger(o.log))...)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	signIn := server.WithSignIn(o.prefix, func(w http.ResponseWriter, req *http.Request, s server.SignIn) {
		shown.ServeSignIn(w, req, page.SignIn(s))
	})
	errorPage := server.WithErrorPage(func(w http.ResponseWriter, req *http.Request, status int, reason string) {
		shown.ServeError(w, req, status, reason, webdav.Folder{Prefix: o.prefix}.Href("/", true))
	})
	s := &stack{dav: dav, fs: f, vfsState: vfsState, always: []server.Option{signIn, errorPage, server.WithLogger(o.log)}}
	if o.gateway != nil {
		s.always = append(s.always, server.WithSessions(o.gateway.sessions))
		s.gateway = o.gateway
		o.gateway.waiting.ReserveBy(dav.Reserve)
	}
	if err := s.setServer(o.server); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the share from the top: first who may still ask, then what is
// still being written.
func (s *stack) Close() error {
	if s.gateway != nil {
		s.gateway.waiting.ReserveBy(nil) // names that it has would stay closed without the handler
	}
	return errors.Join(s.dav.Close(), s.fs.Close())
}

// shareKey names the folders of a share: readable, and different for every
// address.
func shareKey(address string) string {
	name, _, ok := backend.SplitAddress(address)
	if !ok {
		name = "local"
	}
	return lockName(name) + "-" + digest(address)
}

// digest is short, and another for another text.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// lockName leaves what every file system takes as a name.
func lockName(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", r) {
			return r
		}
		return '-'
	}, s)
}
