package yandex

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/davdisk/davdisk/backend"
)

const (
	// agreeTime is how long the gateways that share a login may take to agree.
	agreeTime = 10 * time.Second
	// maxReplaced is how many renewals are kept to be told.
	maxReplaced = 8
	// sharedDead is told of a login that is shared and was refused.
	sharedDead = "the login is no longer valid: it was revoked, or the password was changed, or a gateway that is away has renewed it and could not tell; start that one again, or run davdisk login and copy the login to all gateways"
	// unknownLogin is told of what was renewed to something that cannot be read.
	unknownLogin = "what another gateway has told of the login is of another version of davdisk: run davdisk login"
)

// A loginCopy is what gateways that share a login know it by, and are told of it: the same
// at each, and another with every renewal.
type loginCopy struct {
	Access  string    `json:"access_token"`
	Refresh string    `json:"refresh_token"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

func copyOf(t Tokens) loginCopy {
	return loginCopy{t.Access, t.Refresh, t.Issued.UTC(), t.Expires.UTC()}
}

// bytes returns it for backend.Logins.
func (c loginCopy) bytes() []byte {
	data, _ := json.Marshal(c) // of strings and times, which can be written
	return data
}

// ShareWith makes the login one of which other gateways have copies, and which they
// renew in turn. It is called before any other method.
func (s *TokenStore) ShareWith(others backend.Logins) { s.others = others }

// isBehind reports whether the others have renewed the login.
func (s *TokenStore) isBehind() bool {
	return s.others != nil && s.others.Next(copyOf(s.tokens).bytes()) != nil
}

// isUntold reports whether there is something that the others, or other processes that
// use the login of this machine, must know.
func (s *TokenStore) isUntold() bool {
	return s.others != nil && (!s.shared || len(s.replaced) > 0)
}

// catchUp does what others need to know, and takes over what they have renewed. The
// caller holds both locks, and has read the file.
func (s *TokenStore) catchUp(ctx context.Context) error {
	if s.others == nil {
		return nil
	}
	if !s.shared {
		s.shared = true
		if err := s.save(s.tokens); err != nil {
			s.shared = false
			return err
		}
	}
	if next := s.others.Next(copyOf(s.tokens).bytes()); next != nil {
		return s.adopt(next)
	}
	return s.tell(ctx)
}

// adopt stores and uses what another gateway has renewed the login to.
func (s *TokenStore) adopt(next []byte) error {
	var c loginCopy
	if err := json.Unmarshal(next, &c); err != nil || c.Access == "" {
		return &backend.Error{Kind: backend.ErrUnauthorized, Message: unknownLogin}
	}
	fresh := s.tokens
	fresh.Access, fresh.Refresh, fresh.Issued, fresh.Expires = c.Access, c.Refresh, c.Issued, c.Expires
	return s.use(fresh)
}

// tell tells the others what is on disk.
func (s *TokenStore) tell(ctx context.Context) error {
	if s.others == nil || len(s.replaced) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), agreeTime)
	defer cancel()
	for _, old := range s.replaced {
		if err := s.others.Tell(ctx, old.bytes(), copyOf(s.tokens).bytes()); err != nil {
			return err
		}
	}
	s.replaced = nil
	return s.save(s.tokens)
}

// replace notes that the login is being replaced, for a gateway to tell the others: this
// process may be another one.
func (s *TokenStore) replace(old Tokens) {
	if s.shared {
		s.replaced = append(s.replaced[max(0, len(s.replaced)-maxReplaced+1):], copyOf(old))
	}
}

// reserve returns when no other gateway renews the login, or reports that one has: what
// that became is in use then.
func (s *TokenStore) reserve(ctx context.Context) (renewed bool, err error) {
	if s.others == nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, agreeTime)
	defer cancel()
	next, err := s.others.Reserve(ctx, copyOf(s.tokens).bytes())
	if err != nil || next == nil {
		return false, err
	}
	return true, s.adopt(next)
}

// giveUp ends a reservation, since the login was not renewed, and returns why.
func (s *TokenStore) giveUp(ctx context.Context, why error) error {
	if s.others == nil {
		return why
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), agreeTime)
	defer cancel()
	// If this fails the others need not wait for ever.
	_ = s.others.Release(ctx, copyOf(s.tokens).bytes())
	if errors.Is(why, ErrDead) {
		return &backend.Error{Kind: backend.ErrUnauthorized, Message: sharedDead}
	}
	return why
}
