package yandex

import "github.com/davdisk/davdisk/backend/yandex/internal/oauth"

// OAuth asks the OAuth server of Yandex for tokens, by the device flow
// (DeviceCode, then Poll) or the code flow (AuthorizeURL, then Exchange).
type OAuth = oauth.Client

// DeviceCode is what a person has to confirm in the device flow.
type DeviceCode = oauth.DeviceCode

// Tokens are a login.
type Tokens = oauth.Tokens

// The errors of the OAuth server. Each is a sentence for the user; test with
// [errors.Is].
var (
	ErrPending     = oauth.ErrPending
	ErrSlowDown    = oauth.ErrSlowDown
	ErrCodeExpired = oauth.ErrCodeExpired
	ErrBadCode     = oauth.ErrBadCode
	ErrDenied      = oauth.ErrDenied
	ErrWrongClient = oauth.ErrWrongClient
	ErrNotAllowed  = oauth.ErrNotAllowed
	ErrBadScope    = oauth.ErrBadScope
	ErrDead        = oauth.ErrDead
	ErrNoRevoke    = oauth.ErrNoRevoke
)
