package vfs

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// An Option configures an [FS].
type Option func(*options)

type options struct {
	stateDir   string
	waiting    int64 // bytes that may be queued; 0: no write-back
	gateways   Gateways
	cacheDir   string
	cacheBytes int64
	ttl        time.Duration
	entries    int
	poll       time.Duration
	valid      func() bool
	held       func(ctx context.Context) bool // nil: nobody else changes the store by agreement
	engine     Engine
	member     func() Member
	spoolDir   string
	spoolSize  int64
	readAhead  int64
	transfers  int
	log        *slog.Logger
	now        func() time.Time
}

func newOptions(opts []Option) (*options, error) {
	o := &options{
		ttl:       time.Minute,
		entries:   100_000,
		poll:      5 * time.Second,
		spoolSize: 4 << 30,
		readAhead: 8 << 20,
		transfers: 1,
		log:       slog.New(slog.DiscardHandler),
		now:       time.Now,
	}
	for _, opt := range opts {
		opt(o)
	}
	switch {
	case o.cacheDir != "" && o.cacheBytes <= 0:
		return nil, fmt.Errorf("a content cache needs a size above 0, not %d", o.cacheBytes)
	case o.ttl < 0 || o.poll < 0:
		return nil, fmt.Errorf("times must not be negative")
	case o.ttl > 0 && o.entries <= 0:
		return nil, fmt.Errorf("a metadata cache needs room for entries, not %d", o.entries)
	case o.waiting < 0:
		return nil, fmt.Errorf("write-back needs room, not %d bytes", o.waiting)
	case o.waiting > 0 && o.stateDir == "":
		return nil, fmt.Errorf("write-back needs a state folder to keep files in until they are stored")
	case o.spoolSize <= 0:
		return nil, fmt.Errorf("the spool needs a size above 0, not %d", o.spoolSize)
	case o.readAhead <= 0:
		return nil, fmt.Errorf("read-ahead must be above 0, not %d", o.readAhead)
	case o.transfers < 1 || o.transfers > maxParts:
		return nil, fmt.Errorf("a file can be fetched in 1 to %d transfers at a time, not %d", maxParts, o.transfers)
	}
	return o, nil
}

// WithStateDir keeps the journal of pending operations in dir, which is created
// if it does not exist, so that they are recovered after a crash. Without it
// they are recovered only while the program runs. Two file systems must not
// share a state folder.
func WithStateDir(dir string) Option { return func(o *options) { o.stateDir = dir } }

// WithWriteBack makes Put and Close return when the content is on the local
// disk, in the folder of [WithStateDir], where at most maxBytes may be queued
// to be stored in the background. A file that does not fit is stored at once.
// [ReadQueue] returns the queued files. It needs WithStateDir and a store that
// is a [backend.Versioner]. The default is 0: no write-back.
func WithWriteBack(maxBytes int64) Option { return func(o *options) { o.waiting = maxBytes } }

// WithGateways makes f one of several with [WithWriteBack] on one store, which know
// of each other's queues by g: what waits at one of them is shown by all, and read or
// changed at another one only when it is stored.
func WithGateways(g Gateways) Option { return func(o *options) { o.gateways = g } }

// WithCacheDir caches content that was read in dir, at most maxBytes of it, and a
// quarter of that for one file. Read never waits for it: if the disk falls
// behind, the rest of the file is not cached. The folder may be deleted at any
// time. Without it content is not cached.
func WithCacheDir(dir string, maxBytes int64) Option {
	return func(o *options) { o.cacheDir, o.cacheBytes = dir, maxBytes }
}

// WithDirCache sets how long a listing is fresh if the store has no revision
// that confirms it, and how many entries of listings are cached in total. The
// defaults are one minute and 100,000; a ttl of 0 disables the cache. Listings of
// a [backend.Director], such as a local folder, are never cached.
func WithDirCache(ttl time.Duration, entries int) Option {
	return func(o *options) { o.ttl, o.entries = ttl, entries }
}

// WithPollInterval sets how often the revision of a store in use is requested,
// and so for how long a change made elsewhere may stay unseen. The default is
// five seconds; with 0 it is never requested, and the ttl of [WithDirCache]
// applies.
func WithPollInterval(d time.Duration) Option { return func(o *options) { o.poll = d } }

// WithCacheWhile makes f use cached metadata only while valid reports true, and ask
// the store otherwise: for a program that is told of changes made elsewhere, and
// calls [FS.Invalidate], but may lose the connection by which it is told. Content
// is cached by version and always used. valid is called often and concurrently,
// and must not block.
func WithCacheWhile(valid func() bool) Option { return func(o *options) { o.valid = valid } }

// WithAgreement is for a process that agrees with others who may change which names
// of the store, and may lose that. held reports whether what the caller of ctx was
// granted is still kept from the others. Where it is not, or the caller is gone, an
// operation that was interrupted is undone so that nothing is removed: what it was to
// replace gets its name again, or another one beside it. held is called concurrently,
// and must not block.
func WithAgreement(held func(ctx context.Context) bool) Option {
	return func(o *options) { o.held = held }
}

// WithSpoolDir sets the folder for content on its way to or from the store that is
// too large for memory. The default is [os.TempDir].
func WithSpoolDir(dir string) Option { return func(o *options) { o.spoolDir = dir } }

// WithSpoolSize limits how many bytes of bodies of Put are held at once on their
// way to the store. Beyond it a Put waits, and fails after a minute; the one that
// began first goes on however large it is. What is written to open files does not
// count. The default is 4 GiB.
func WithSpoolSize(maxBytes int64) Option { return func(o *options) { o.spoolSize = maxBytes } }

// WithReadAhead limits how many bytes ReadAt requests ahead of what is read
// once access has proved to be sequential. The default is 8 MiB.
func WithReadAhead(maxBytes int64) Option { return func(o *options) { o.readAhead = maxBytes } }

// WithTransfersPerFile makes Read fetch a file from the store in n transfers at a
// time, in parts of 8 MiB, once 16 MiB have been read in sequence and have come
// more slowly than 64 MiB a second: many services limit the rate of each transfer.
// The parts are held in temporary files (see [WithSpoolDir]), at most n of a file
// and eight of all files together. The default is 1: nothing is fetched ahead. So
// it always is with a [backend.Director].
func WithTransfersPerFile(n int) Option { return func(o *options) { o.transfers = n } }

// WithLogger sets the logger of the file system. The default, and nil, discards
// all records.
func WithLogger(log *slog.Logger) Option {
	return func(o *options) {
		if log != nil {
			o.log = log
		}
	}
}

// WithClock sets the clock. The default is [time.Now].
func WithClock(now func() time.Time) Option { return func(o *options) { o.now = now } }
