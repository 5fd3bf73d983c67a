package yandex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/oauth"
)

const (
	// agreeTime is how long the gateways that share a login may take to agree.
	agreeTime = 10 * time.Second
	// maxReplaced is how many renewals are kept to be told.
	maxReplaced = 8
	// sharedDead is told of a login that is shared and was refused.
	sharedDead = "the login is no longer valid: it was revoked, or the password was changed, or a gateway that is away has renewed it and could not tell; start that one again, or run davdisk login, and copy the login to the gateways that had this one, if there are any"
	// reservedLate is told of a reservation that others may take already.
	reservedLate = "the gateways took too long to agree who renews the login"
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

// equal reports whether two are the same, by what is written of them.
func (c loginCopy) equal(other loginCopy) bool { return bytes.Equal(c.bytes(), other.bytes()) }

// ShareWith makes the login one of which other gateways have copies, and which they
// renew in turn. It is called before any other method.
func (s *TokenStore) ShareWith(others backend.Logins) {
	s.others = others
	others.Attend(s.follow)
}

// follow tells the others what they do not know, and takes over what they have renewed,
// though nobody asks for the token.
func (s *TokenStore) follow(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return s.current(ctx)
}

// isOnDisk reports whether the file has the login that is in use: nobody has logged in.
func (s *TokenStore) isOnDisk() bool {
	file, err := s.load()
	return err == nil && copyOf(file.Tokens).equal(copyOf(s.tokens))
}

// noteFailure notes how an attempt to renew ended. A login that is shared and cannot be
// renewed is not tried again with each request: each would ask, or wait for, the others.
func (s *TokenStore) noteFailure(now time.Time, err error) {
	s.failed, s.away = nil, false
	if err == nil {
		return
	}
	s.notUntil = now.Add(refreshPause)
	if s.others == nil {
		return
	}
	s.failed, s.away = err, s.others.Ready() != nil
	if s.expired(now) && errors.Is(err, backend.ErrUnavailable) {
		s.notUntil = now.Add(agreeTime / 2)
	}
}

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

// tell tells the others what the login has become, which is on disk, or will be.
func (s *TokenStore) tell(ctx context.Context) error {
	if s.others == nil || len(s.replaced) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, agreeTime)
	defer cancel()
	theirs, err := s.tellAll(ctx)
	if err != nil {
		return err
	}
	if theirs != nil {
		return s.settle(ctx, theirs)
	}
	s.replaced = nil
	return s.save(s.tokens)
}

// tellAll is tell without what follows for this gateway. It returns what another one has
// told in the same place, if that is something else.
func (s *TokenStore) tellAll(ctx context.Context) (theirs []byte, err error) {
	if s.others == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, agreeTime)
	defer cancel()
	ours := copyOf(s.tokens).bytes()
	for _, old := range s.replaced {
		if bytes.Equal(s.others.Next(old.bytes()), ours) {
			continue // they know it
		}
		if err := s.others.Tell(ctx, old.bytes(), ours); err != nil && !errors.Is(err, fs.ErrInvalid) {
			return nil, err
		}
		if next := s.others.Next(old.bytes()); next != nil && !bytes.Equal(next, ours) {
			theirs = next
		}
	}
	return theirs, nil
}

// settle decides between the login and what another gateway has told in its place: each
// has renewed the one before, and all go on with what was issued last.
func (s *TokenStore) settle(ctx context.Context, theirs []byte) error {
	var other loginCopy
	ours := copyOf(s.tokens)
	if json.Unmarshal(theirs, &other) != nil || s.others.Next(ours.bytes()) != nil || !other.Issued.Before(ours.Issued) {
		s.replaced = nil
		return s.adopt(theirs)
	}
	if err := s.others.Tell(ctx, theirs, ours.bytes()); err != nil {
		return err
	}
	s.replaced = nil
	return s.save(s.tokens)
}

// Untold reports whether the login on disk is one that gateways share, and was renewed
// without the others having been told yet: then no other copy of it is good.
func (s *TokenStore) Untold() bool {
	file, err := s.load()
	return err == nil && file.Shared && len(file.Replaced) > 0
}

// replace notes that the login is being replaced, for a gateway to tell the others: this
// process may be another one, and it may not be known yet that there are others.
func (s *TokenStore) replace(old Tokens) {
	s.replaced = append(s.replaced[max(0, len(s.replaced)-maxReplaced+1):], copyOf(old))
}

// reserve returns when no other gateway renews the login, or reports that one has: what
// that became is in use then.
func (s *TokenStore) reserve(ctx context.Context) (renewed bool, err error) {
	if s.others == nil {
		return false, nil
	}
	began := s.oauth.Now().Round(0)                             // on the wall: time in which the machine sleeps counts
	needed := s.expired(began) || s.rejected == s.tokens.Access // or else it can wait
	ctx, cancel := context.WithTimeout(ctx, agreeTime)
	defer cancel()
	next, err := s.others.Reserve(ctx, copyOf(s.tokens).bytes(), needed)
	if err != nil {
		return false, err
	}
	if next != nil {
		return true, s.adopt(next)
	}
	// The others count from when it was reserved, also while this machine sleeps.
	if took := s.oauth.Now().Sub(began); took < 0 || took > 2*agreeTime {
		return false, &backend.Error{Kind: backend.ErrUnavailable, Message: reservedLate}
	}
	return false, nil
}

// giveUp ends a reservation if the service has refused to renew the login, and returns
// why it was not renewed; nil if another gateway has done it. A refresh without an answer
// may be under way still: nobody may try again until the others have waited for it.
func (s *TokenStore) giveUp(ctx context.Context, why error) error {
	if s.others == nil || !isRefused(why) {
		return why
	}
	ctx, cancel := context.WithTimeout(ctx, agreeTime)
	defer cancel()
	login := copyOf(s.tokens).bytes()
	// If this fails the others need not wait for ever.
	_ = s.others.Release(ctx, login)
	if !errors.Is(why, ErrDead) {
		return why
	}
	if next := s.others.Next(login); next != nil {
		return s.adopt(next)
	}
	return &backend.Error{Kind: backend.ErrUnauthorized, Message: sharedDead}
}

// isRefused reports whether an error of a refresh is the answer of the service.
func isRefused(err error) bool {
	refused := new(oauth.Error)
	return errors.Is(err, ErrDead) || errors.As(err, &refused)
}
