package crypt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"os"
	"path"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Options configure a store. All but a password may be left out.
type Options struct {
	Password           string // as a person types it
	Password2          string // the salt, "" if there is none
	FilenameEncryption string // "standard", the default, or "off"
	FilenameEncoding   string // "base32", the default, "base64" or "base32768"
	PlainFolders       bool   // names of folders are not encrypted, as never with FilenameEncryption off

	Log    *slog.Logger // nil: discard
	Random io.Reader    // of nonces; nil: crypto/rand
}

// Driver registers the store as "crypt". The option "remote" is the address of
// the folder that holds what is encrypted.
func Driver() backend.Driver {
	return backend.Driver{
		Name: "crypt",
		Options: []backend.Option{
			{Name: "remote", Help: "address of the folder that holds what is encrypted: yandex:secret"},
			{Name: "password", Help: "the password", Secret: true},
			{Name: "password2", Help: "the second password, if there is one", Secret: true},
			{Name: "obscured", Help: "the passwords are as rclone obscures them in its configuration", Bool: true},
			{Name: "filename-encryption", Help: "how names are encrypted: standard or off", Default: "standard"},
			{Name: "filename-encoding", Help: "how encrypted names are written: base32, base64 or base32768", Default: "base32"},
			{Name: "directory-name-encryption", Help: "encrypt the names of folders too", Default: "true", Bool: true},
		},
		Open: open,
	}
}

func open(ctx context.Context, root string, opts map[string]string, env backend.Env) (backend.Backend, error) {
	remote := opts["remote"]
	if remote == "" || env.Open == nil {
		return nil, errors.New("crypt: name the folder that holds what is encrypted with the option remote, as yandex:secret")
	}
	o := Options{
		FilenameEncryption: opts["filename-encryption"], FilenameEncoding: opts["filename-encoding"],
		PlainFolders: opts["directory-name-encryption"] == "false", Log: env.Log,
	}
	var err error
	if o.Password, err = password(opts, "password"); err != nil {
		return nil, err
	}
	if o.Password == "" {
		return nil, errors.New("crypt: there is no password; it comes from the configuration, from a file or from the environment")
	}
	if o.Password2, err = password(opts, "password2"); err != nil {
		return nil, err
	}
	k, err := deriveKeys(o.Password, o.Password2)
	if err != nil {
		return nil, fmt.Errorf("crypt: %w", err)
	}
	inner, err := env.Open(ctx, remote)
	if err != nil {
		return nil, err
	}
	s, err := newStore(ctx, inner, k, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("crypt: %s: %w", remote, err), closeInner(inner))
	}
	root = path.Clean("/" + root)[1:]
	if root == "" {
		return s.withAbilities(), nil
	}
	// A folder in it is opened as a store of its own, so that no link of the
	// store below leads out of it.
	folder, err := s.names.folder("open", root)
	if err = errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(remote, ":") {
		folder = "/" + folder
	}
	if inner, err = env.Open(ctx, remote+folder); err != nil {
		return nil, renamed(err, "open", root)
	}
	s.inner = inner
	return s.withAbilities(), nil
}

// password is one of the options, readable.
func password(opts map[string]string, name string) (string, error) {
	if opts["obscured"] != "true" {
		return opts[name], nil
	}
	plain, err := Reveal(opts[name])
	if err != nil {
		return "", fmt.Errorf("crypt: %s: %w", name, err)
	}
	return plain, nil
}

// nonceCount bounds how many files' nonces are remembered.
const nonceCount = 4096

// store is an encrypted store in another one.
type store struct {
	inner  backend.Backend
	keys   keys
	names  *names
	holds  backend.Names
	log    *slog.Logger
	random io.Reader
	nonces *lru.Cache[string, nonce] // by version
	warned *lru.Cache[string, bool]  // folders, by their name in the store
	locks  pathlock.Table            // of names that mean two things in the store
}

// New opens the encrypted store in inner, which is closed with it. If there is
// anything in it, the password must be the one that it is encrypted with.
func New(ctx context.Context, inner backend.Backend, opts Options) (backend.Backend, error) {
	k, err := deriveKeys(opts.Password, opts.Password2)
	if err != nil {
		return nil, err
	}
	s, err := newStore(ctx, inner, k, opts)
	if err != nil {
		return nil, err
	}
	return s.withAbilities(), nil
}

func newStore(ctx context.Context, inner backend.Backend, k keys, opts Options) (*store, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	s := &store{inner: inner, keys: k, log: opts.Log, random: opts.Random}
	var err error
	if s.names, err = newNames(k, opts); err != nil {
		return nil, err
	}
	s.holds = s.Capabilities().Names
	if s.nonces, err = lru.New[string, nonce](nonceCount); err != nil {
		return nil, err
	}
	if s.warned, err = lru.New[string, bool](nonceCount); err != nil {
		return nil, err
	}
	return s, s.checkPassword(ctx)
}

// Close closes the store below.
func (s *store) Close() error { return closeInner(s.inner) }

func closeInner(b backend.Backend) error {
	if c, ok := b.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// A place is what a name becomes in the store below.
type place struct{ file, folder string }

// split reports whether that depends on what the name is of.
func (p place) split() bool { return p.file != p.folder }

// enter checks a name and translates it, and the folders that the caller is
// confined to.
func (s *store) enter(ctx context.Context, op, name string) (context.Context, place, error) {
	if err := backend.CheckName(op, name); err != nil {
		return ctx, place{}, err
	}
	if confined := backend.Confinement(ctx); len(confined) > 0 {
		dirs := make([]string, len(confined))
		for i, dir := range confined {
			var err error
			if dirs[i], err = s.names.folder(op, dir); err != nil {
				return ctx, place{}, err
			}
		}
		ctx = backend.WithConfinement(ctx, dirs)
	}
	if name == "." {
		return ctx, place{".", "."}, nil
	}
	var p place
	var err error
	if p.file, err = s.names.file(op, name); err == nil {
		p.folder, err = s.names.folder(op, name)
	}
	return ctx, p, err
}

// enterNew is enter for a name that may be created.
func (s *store) enterNew(ctx context.Context, op, name string) (context.Context, place, error) {
	ctx, p, err := s.enter(ctx, op, name)
	if err == nil {
		err = s.holds.Check(op, name)
	}
	return ctx, p, err
}

// find describes what has a name, and tells its name in the store below. Of a
// file and a folder, which only another program can make, it is the file.
func (s *store) find(ctx context.Context, op, name string, p place) (info backend.Info, at string, err error) {
	info, err = s.inner.Stat(ctx, p.file)
	if !p.split() {
		return s.info(name, info), p.file, renamed(err, op, name)
	}
	if err == nil && !info.Dir {
		return s.info(name, info), p.file, nil
	}
	if err != nil && !isMissing(err) {
		return info, "", renamed(err, op, name)
	}
	info, err = s.inner.Stat(ctx, p.folder)
	if err == nil && !info.Dir {
		err = missing(op, name)
	}
	return s.info(name, info), p.folder, renamed(err, op, name)
}

// isMissing reports whether a store has said that a name is not there, or that
// it cannot be.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid)
}

func missing(op, name string) error { return backend.PathError(op, name, fs.ErrNotExist, "") }

// info is what the store below says of name, for the caller.
func (s *store) info(name string, sealed backend.Info) backend.Info {
	info := backend.Info{
		Name: path.Base(name), Dir: sealed.Dir, ModTime: sealed.ModTime, Created: sealed.Created,
		ID: sealed.ID, Version: sealed.Version, Err: renamed(sealed.Err, "stat", name),
	}
	if info.Dir || info.Err != nil {
		return info
	}
	info.ContentType = mime.TypeByExtension(path.Ext(info.Name))
	var ok bool
	if info.Size, ok = plainSize(sealed.Size); !ok {
		info.Err = damaged("stat", name, fmt.Sprintf("no encrypted file has %d bytes", sealed.Size))
	}
	return info
}

// renamed makes an error of the store below speak of the name that the caller
// knows.
func renamed(err error, op, name string) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *fs.PathError:
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	case *os.LinkError:
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Stat implements backend.Backend.
func (s *store) Stat(ctx context.Context, name string) (backend.Info, error) {
	ctx, p, err := s.enter(ctx, "stat", name)
	if err != nil {
		return backend.Info{}, err
	}
	info, _, err := s.find(ctx, "stat", name, p)
	if err == nil {
		err = info.Err
	}
	return info, err
}

// Open implements backend.Backend.
func (s *store) Open(ctx context.Context, name, version string) (backend.Content, error) {
	ctx, p, err := s.enter(ctx, "open", name)
	if err != nil {
		return nil, err
	}
	inner, err := s.inner.Open(ctx, p.file, version)
	if err != nil && p.split() && (isMissing(err) || errors.Is(err, backend.ErrIsDir)) {
		info, _, found := s.find(ctx, "open", name, p)
		if err = found; err == nil && info.Dir {
			err = backend.PathError("open", name, backend.ErrIsDir, "")
		} else if err == nil {
			err = backend.PathError("open", name, backend.ErrChanged, "")
		}
	}
	if err != nil {
		return nil, renamed(err, "open", name)
	}
	info := s.info(name, inner.Info())
	if info.Err != nil {
		return nil, errors.Join(info.Err, inner.Close())
	}
	return &content{store: s, inner: inner, info: info, name: name}, nil
}

// Put implements backend.Backend.
func (s *store) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	ctx, p, err := s.enterNew(ctx, "put", name)
	if err != nil {
		return backend.Info{}, err
	}
	if p.split() {
		unlock, err := s.claim(ctx, "put", name)
		if err != nil {
			return backend.Info{}, err
		}
		defer unlock()
		if err := s.isFree(ctx, "put", name, p.folder, true); err != nil {
			return backend.Info{}, err
		}
	}
	var first nonce
	if _, err := io.ReadFull(s.random, first[:]); err != nil {
		return backend.Info{}, renamed(err, "put", name)
	}
	sealed, size, err := newSealer(&s.keys.content, first, body, opts.Size)
	if err != nil {
		return backend.Info{}, renamed(err, "put", name)
	}
	opts.Size = size
	info, err := s.inner.Put(ctx, p.file, sealed, opts)
	if err != nil && p.split() && errors.Is(err, backend.ErrIsDir) {
		err = backend.PathError("put", name, fs.ErrInvalid, "another folder has the name that this file would have in the store")
	}
	if err != nil {
		return backend.Info{}, renamed(err, "put", name)
	}
	s.nonces.Add(info.Version, first)
	return s.info(name, info), nil
}
