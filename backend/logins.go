package backend

import "context"

// Logins let several gateways that have a copy of one login each renew it one at a
// time, and learn what it was renewed to: a service may give a new refresh token each
// time, and end the one before. A driver gets them by [Env].
//
// A login is whatever the driver knows it by: bytes that are the same at each copy, that
// others with every renewal, and that have a secret nobody can guess. What a login was
// renewed to can be read only by those who have that login. Logins are safe for
// concurrent use.
type Logins interface {
	// Next returns what others, or this gateway, have renewed a login to, and that in
	// turn; nil if nothing is known. It asks nobody.
	Next(login []byte) []byte
	// Ready is nil if the others can be asked now, and else why not: an ErrUnavailable,
	// which is at once that of Reserve, Tell and Release too.
	Ready() error
	// Attend registers a function that is called periodically while the other gateways
	// can be reached, for work that no request triggers. Calls of it do not overlap.
	Attend(func(context.Context) error)
	// Reserve returns when nobody renews a login, and nobody will until it is told or
	// released, or for a minute; or what another has renewed it to, and then it has
	// reserved nothing. If the others cannot be asked, or do not come to an end while
	// ctx lasts, it is ErrUnavailable: the login must not be renewed then. With wait
	// unset, it is also ErrUnavailable, at once, if another gateway is renewing the login.
	Reserve(ctx context.Context, login []byte, wait bool) (next []byte, err error)
	// Tell tells all gateways what a login was renewed to, and ends its reservation.
	// What is told must be on disk already, or else login must be. If it was told before,
	// that stays. It is fs.ErrInvalid if next cannot be told, ever.
	Tell(ctx context.Context, login, next []byte) error
	// Release ends a reservation of this gateway. The login was not renewed, and will not be.
	Release(ctx context.Context, login []byte) error
}
