package yandex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/durable"
)

// TokenStore keeps one login in the state folder and refreshes it: it is the
// TokenSource of a long-running program. Several processes may share a
// login; the one that refreshes locks the others out meanwhile, so that no two
// spend the same refresh token. So do the gateways that it is shared with, see
// [TokenStore.ShareWith].
type TokenStore struct {
	path  string // empty if there is no state folder
	oauth OAuth

	others backend.Logins // with copies of the login; nil: none

	mu       sync.Mutex // guards all below, and is held while refreshing
	tokens   Tokens
	shared   bool        // whoever renews it must note that
	replaced []loginCopy // what the others may have, and have not been told that it became these tokens
	rejected string      // the token that the service rejected
	unsaved  bool        // the tokens are newer than the file
	onDisk   loginCopy   // what the file had when it was last read or written
	notUntil time.Time   // time of the next allowed refresh
	failed   error       // why the others, or the service, had it not renewed; until notUntil
	away     bool        // that was because the others could not be asked
}

// tokenFile is the form on disk.
type tokenFile struct {
	Version int `json:"version"`
	Tokens
	Shared   bool        `json:"shared,omitempty"`
	Replaced []loginCopy `json:"replaced,omitempty"`
}

const (
	tokenVersion = 1
	// sharedVersion is that of a login which gateways share: a davdisk that does not
	// know of that would renew it for itself.
	sharedVersion = 2
	// refreshAge is the age at which tokens are refreshed: the documentation of
	// Yandex ID advises every three months.
	refreshAge = 90 * 24 * time.Hour
	// refreshPause is the time between two tries to refresh.
	refreshPause = time.Minute
)

// NewTokenStore keeps the login called account below the program's state
// folder, as yandex/ACCOUNT.json. Of client it needs URL, Transport and Now; the
// application that the tokens were given to is kept with them.
func NewTokenStore(stateDir, account string, client OAuth) *TokenStore {
	if client.Now == nil {
		client.Now = time.Now
	}
	s := &TokenStore{oauth: client}
	if stateDir != "" && usable(account) {
		s.path = filepath.Join(stateDir, "yandex", account+".json")
	}
	return s
}

// Load reads the login from disk; backend.ErrUnauthorized if there is none.
func (s *TokenStore) Load() (Tokens, error) {
	file, err := s.load()
	return file.Tokens, err
}

func (s *TokenStore) load() (tokenFile, error) {
	if s.path == "" {
		return tokenFile{}, &backend.Error{Kind: backend.ErrUnauthorized, Message: loginHint}
	}
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return tokenFile{}, &backend.Error{Kind: backend.ErrUnauthorized, Message: loginHint}
	}
	if err != nil {
		return tokenFile{}, fmt.Errorf("read the login: %w", err)
	}
	var file tokenFile
	if err := json.Unmarshal(data, &file); err != nil || file.Access == "" {
		return tokenFile{}, &backend.Error{Kind: backend.ErrUnauthorized, Message: fmt.Sprintf("%s is damaged: run davdisk login", s.path)}
	}
	if file.Version > sharedVersion {
		return tokenFile{}, fmt.Errorf("%s was written by a newer davdisk: use that one, or run davdisk login", s.path)
	}
	return file, nil
}

// Save replaces the login on disk. When it returns nil the login survives
// a crash.
func (s *TokenStore) Save(ctx context.Context, tokens Tokens) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	s.shared, s.replaced, s.rejected = false, nil, ""
	return s.save(tokens)
}

// save is Save for a caller that holds both locks, of what is known now.
func (s *TokenStore) save(tokens Tokens) error {
	version := tokenVersion
	if s.shared {
		version = sharedVersion
	}
	data, err := json.MarshalIndent(tokenFile{version, tokens, s.shared, s.replaced}, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(s.path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("store the login: %w", err)
	}
	s.tokens, s.unsaved, s.onDisk = tokens, false, copyOf(tokens)
	return nil
}

// use makes tokens those that are used, and stores them. If that fails they are stored
// later.
func (s *TokenStore) use(fresh Tokens) error {
	s.tokens, s.unsaved, s.rejected = fresh, true, ""
	return s.save(fresh)
}

// read reads the login from disk for a caller that holds mu.
func (s *TokenStore) read() error {
	file, err := s.load()
	if err == nil {
		s.tokens, s.shared, s.replaced = file.Tokens, file.Shared, file.Replaced
		s.unsaved, s.onDisk = false, copyOf(file.Tokens)
	}
	return err
}

// isReplaced reports whether another process has stored a login since this one has read or
// written the file, or has removed it: somebody has logged in, or out.
func (s *TokenStore) isReplaced() bool {
	if _, err := os.Lstat(s.path); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	file, err := s.load()
	return err == nil && !copyOf(file.Tokens).equal(s.onDisk)
}

// reread reads the login from disk, unless this process has a newer one that could not be
// stored. That is not any more where somebody has logged in or out meanwhile, but the others
// still need it in place of what it was renewed from.
func (s *TokenStore) reread(ctx context.Context) error {
	if s.unsaved {
		if !s.isReplaced() {
			return nil
		}
		if _, err := s.tellAll(ctx); err != nil && s.rejected != s.tokens.Access && !s.expired(s.oauth.Now()) {
			return err // it is good meanwhile
		}
	}
	return s.read()
}

// Delete removes the login from disk. It does not revoke it. No login is no error.
func (s *TokenStore) Delete(ctx context.Context) error {
	if s.path == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	s.tokens, s.unsaved = Tokens{}, false
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Token implements TokenSource. It refreshes a token that nears its end or
// that the service rejected. If that fails, the old one is used as long as
// it may be valid.
func (s *TokenStore) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens.Access == "" {
		if err := s.read(); err != nil {
			return "", err
		}
	}
	now := s.oauth.Now()
	if behind := s.isBehind(); !behind {
		waits := now.Before(s.notUntil) && !(s.away && s.others.Ready() == nil)
		switch {
		case !s.expired(now) && (waits || !s.unsaved && !s.isUntold() && !s.stale(now)):
			return s.tokens.Access, nil
		case waits && s.failed != nil && s.isOnDisk():
			return "", s.failed
		}
	}
	err := s.renew(ctx)
	if isRefused(err) {
		err = &backend.Error{Kind: backend.ErrUnauthorized, Message: err.Error()}
	}
	s.noteFailure(now, err)
	if err != nil && s.expired(now) {
		return "", err
	}
	return s.tokens.Access, nil
}

// Renew renews the login now, though it may be good yet, and returns why it could not.
func (s *TokenStore) Renew(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reread(ctx); err != nil {
		return err
	}
	s.rejected = s.tokens.Access
	return s.renew(ctx)
}

// Rejected notes that the service rejected a token.
func (s *TokenStore) Rejected(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected = token
}

// stale reports whether the tokens should be renewed.
func (s *TokenStore) stale(now time.Time) bool {
	if s.rejected == s.tokens.Access {
		return true
	}
	if s.tokens.Expires.IsZero() {
		return false
	}
	life := s.tokens.Expires.Sub(s.tokens.Issued)
	return now.After(s.tokens.Issued.Add(refreshAge)) || s.tokens.Expires.Sub(now) < life/10
}

// expired reports whether the access token is past use.
func (s *TokenStore) expired(now time.Time) bool {
	return !s.tokens.Expires.IsZero() && !now.Before(s.tokens.Expires)
}

// renew stores new tokens, then uses them. Another process may have done so
// already, or there may be a new login: the file is read again under the lock.
func (s *TokenStore) renew(ctx context.Context) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx) // others wait for what is begun
	if err := s.current(ctx); err != nil {
		return err
	}
	if !s.stale(s.oauth.Now()) {
		return nil
	}
	stored := s.tokens
	if stored.Refresh == "" {
		return ErrDead
	}
	if s.others != nil {
		if err := s.others.Ready(); err != nil {
			return err
		}
	}
	// A full disk must be noticed before the refresh token is used, not after.
	if err := s.save(stored); err != nil {
		return err
	}
	s.notUntil = s.oauth.Now().Add(refreshPause)
	if renewed, err := s.reserve(ctx); renewed || err != nil {
		return err
	}
	s.rejected = "" // which is to be said again before the next try
	client := s.oauth
	client.ClientID, client.ClientSecret, client.DeviceID = stored.ClientID, stored.ClientSecret, stored.DeviceID
	if stored.OAuthURL != "" && (client.URL == "" || client.URL == DefaultOAuthURL) {
		client.URL = stored.OAuthURL
	}
	fresh, err := client.Refresh(ctx, stored.Refresh)
	if err != nil {
		return s.giveUp(ctx, err)
	}
	if fresh.Refresh == "" {
		fresh.Refresh = stored.Refresh
	}
	fresh.OAuthURL, fresh.APIURL = stored.OAuthURL, stored.APIURL
	s.replace(stored)
	// If it could not be stored the others have it at least, and so has this machine
	// when it starts again: what is on disk is what it was renewed from.
	return errors.Join(s.use(fresh), s.tell(ctx))
}

// current makes the tokens the newest that are known. The caller holds both locks.
func (s *TokenStore) current(ctx context.Context) error {
	if err := s.reread(ctx); err != nil {
		return err
	}
	if s.unsaved {
		if err := s.save(s.tokens); err != nil {
			return errors.Join(err, s.tell(ctx))
		}
	}
	return s.catchUp(ctx)
}

// lock keeps other processes from the login until unlock is called.
func (s *TokenStore) lock(ctx context.Context) (unlock func(), err error) {
	if s.path == "" {
		return nil, errors.New("there is no state folder to keep the login in")
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, err
	}
	lock := flock.New(s.path+".lock", flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return nil, fmt.Errorf("another davdisk holds the login: %w", err)
	}
	return func() { lock.Close() }, nil
}
