package vfs

import (
	"fmt"
	"log/slog"
	"time"
)

// An Option changes how an [FS] works.
type Option func(*options)

type options struct {
	stateDir   string
	waiting    int64 // bytes that may wait to be stored; 0: none
	cacheDir   string
	cacheBytes int64
	ttl        time.Duration
	entries    int
	poll       time.Duration
	spoolDir   string
	readAhead  int64
	log        *slog.Logger
	now        func() time.Time
}

func newOptions(opts []Option) (*options, error) {
	o := &options{
		ttl:       time.Minute,
		entries:   100_000,
		poll:      5 * time.Second,
		readAhead: 8 << 20,
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
	case o.readAhead <= 0:
		return nil, fmt.Errorf("read-ahead must be above 0, not %d", o.readAhead)
	}
	return o, nil
}

// WithStateDir keeps the journal of unfinished operations in dir, which is
// made if it is not there, so that they are settled after a crash. Without it
// they are settled only while the program runs. Two file systems must not
// share one.
func WithStateDir(dir string) Option { return func(o *options) { o.stateDir = dir } }

// WithWriteBack has Put and Close answer when the content is on the disk of
// this machine, in the folder of [WithStateDir], where at most maxBytes may
// wait to be stored in the background. What finds no room there is stored at
// once. [ReadQueue] tells what waits. It needs a store that is a
// [backend.Versioner].
func WithWriteBack(maxBytes int64) Option { return func(o *options) { o.waiting = maxBytes } }

// WithCacheDir keeps content that was read in dir, at most maxBytes of it. It
// may be deleted at any time. Without it content is not kept.
func WithCacheDir(dir string, maxBytes int64) Option {
	return func(o *options) { o.cacheDir, o.cacheBytes = dir, maxBytes }
}

// WithDirCache sets how long a listing is believed where the store has no
// revision to tell whether it still holds, and how many entries of listings
// are kept. The default is a minute and 100,000; a ttl of 0 keeps none.
func WithDirCache(ttl time.Duration, entries int) Option {
	return func(o *options) { o.ttl, o.entries = ttl, entries }
}

// WithPollInterval sets how often a store in use is asked for its revision,
// and so for how long a change made elsewhere may stay unseen. The default is
// five seconds; with 0 it is not asked, and the time of WithDirCache rules.
func WithPollInterval(d time.Duration) Option { return func(o *options) { o.poll = d } }

// WithSpoolDir is where content on its way to the store is kept once it is
// too much for memory. The default is the system's folder for temporary files.
func WithSpoolDir(dir string) Option { return func(o *options) { o.spoolDir = dir } }

// WithReadAhead sets how many bytes ReadAt may ask of the store ahead of what
// is read, once reading has proved to be sequential. The default is 8 MiB.
func WithReadAhead(maxBytes int64) Option { return func(o *options) { o.readAhead = maxBytes } }

// WithLogger receives what the file system has to say about itself. nil
// discards.
func WithLogger(log *slog.Logger) Option {
	return func(o *options) {
		if log != nil {
			o.log = log
		}
	}
}

// WithClock takes the time from now instead of from the system.
func WithClock(now func() time.Time) Option { return func(o *options) { o.now = now } }
