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
	"github.com/davdisk/davdisk/backend/yandex/internal/oauth"
	"github.com/davdisk/davdisk/internal/durable"
)

// TokenStore keeps one login in the state folder and refreshes it: it is the
// TokenSource of a long-running program. Several processes may share a
// login; the one that refreshes locks the others out meanwhile, so that no two
// spend the same refresh token.
type TokenStore struct {
	path  string // empty if there is no state folder
	oauth OAuth

	mu       sync.Mutex // guards all below, and is held while refreshing
	tokens   Tokens
	rejected string    // the token that the service rejected
	unsaved  bool      // the tokens are newer than the file
	notUntil time.Time // time of the next allowed refresh
}

// tokenFile is the form on disk.
type tokenFile struct {
	Version int `json:"version"`
	Tokens
}

const (
	tokenVersion = 1
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
	if s.path == "" {
		return Tokens{}, &backend.Error{Kind: backend.ErrUnauthorized, Message: loginHint}
	}
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Tokens{}, &backend.Error{Kind: backend.ErrUnauthorized, Message: loginHint}
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("read the login: %w", err)
	}
	var file tokenFile
	if err := json.Unmarshal(data, &file); err != nil || file.Access == "" {
		return Tokens{}, &backend.Error{Kind: backend.ErrUnauthorized, Message: fmt.Sprintf("%s is damaged: run davdisk login", s.path)}
	}
	if file.Version > tokenVersion {
		return Tokens{}, fmt.Errorf("%s was written by a newer davdisk: use that one, or run davdisk login", s.path)
	}
	return file.Tokens, nil
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
	return s.save(tokens)
}

// save is Save for a caller that holds both locks.
func (s *TokenStore) save(tokens Tokens) error {
	data, err := json.MarshalIndent(tokenFile{tokenVersion, tokens}, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(s.path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("store the login: %w", err)
	}
	s.tokens, s.unsaved, s.rejected = tokens, false, ""
	return nil
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
	s.tokens = Tokens{}
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
		tokens, err := s.Load()
		if err != nil {
			return "", err
		}
		s.tokens = tokens
	}
	now := s.oauth.Now()
	if !s.stale(now) || now.Before(s.notUntil) && !s.expired(now) {
		return s.tokens.Access, nil
	}
	s.notUntil = now.Add(refreshPause)
	err := s.renew(ctx)
	if err == nil {
		return s.tokens.Access, nil
	}
	if refused := new(oauth.Error); errors.Is(err, ErrDead) || errors.As(err, &refused) {
		err = &backend.Error{Kind: backend.ErrUnauthorized, Message: err.Error()}
	}
	if s.expired(now) {
		return "", err
	}
	return s.tokens.Access, nil
}

// Rejected notes that the service rejected a token.
func (s *TokenStore) Rejected(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected = token
}

// stale reports whether the tokens should be renewed.
func (s *TokenStore) stale(now time.Time) bool {
	if s.unsaved || s.rejected == s.tokens.Access {
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
	if s.unsaved {
		return s.save(s.tokens)
	}
	stored, err := s.Load()
	if err != nil {
		return err
	}
	changed := stored.Access != s.tokens.Access || stored.Refresh != s.tokens.Refresh
	s.tokens = stored
	if changed && !s.stale(s.oauth.Now()) {
		return nil
	}
	if stored.Refresh == "" {
		return ErrDead
	}
	// A full disk must be noticed before the refresh token is used, not after.
	if err := s.save(stored); err != nil {
		return err
	}
	client := s.oauth
	client.ClientID, client.ClientSecret, client.DeviceID = stored.ClientID, stored.ClientSecret, stored.DeviceID
	if stored.OAuthURL != "" && (client.URL == "" || client.URL == DefaultOAuthURL) {
		client.URL = stored.OAuthURL
	}
	fresh, err := client.Refresh(context.WithoutCancel(ctx), stored.Refresh)
	if err != nil {
		return err
	}
	if fresh.Refresh == "" {
		fresh.Refresh = stored.Refresh
	}
	fresh.OAuthURL, fresh.APIURL = stored.OAuthURL, stored.APIURL
	s.tokens, s.unsaved = fresh, true
	return s.save(fresh)
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
