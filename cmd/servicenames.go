package cmd

import (
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend/yandex"
)

// serviceNamesFlag is for programs that were written for the answers of the
// service itself.
func serviceNamesFlag() cli.Flag {
	return switchFlag("service-names", "print JSON with the names that the service uses: device_code, access_token, …")
}

// serviceCode is a device code as the service writes it
// (https://yandex.ru/dev/id/doc/ru/codes/screen-code-oauth).
type serviceCode struct {
	UserCode        string `json:"user_code"`
	DeviceCode      string `json:"device_code"`
	VerificationURL string `json:"verification_url"`
	Interval        int    `json:"interval"`
	ExpiresIn       int    `json:"expires_in"`
}

// serviceTokens are tokens as the service writes them.
type serviceTokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	Scope        string `json:"scope,omitempty"`
}

func newServiceTokens(t yandex.Tokens) serviceTokens {
	return serviceTokens{t.Access, t.Refresh, "bearer", secondsUntil(t.Expires), t.Scope}
}

func secondsUntil(t time.Time) int {
	if t.IsZero() {
		return 0
	}
	return max(0, int(time.Until(t).Round(time.Second).Seconds()))
}

// tokenStatuses are the answers to an exchange that are not tokens: davdisk's
// word for each, and that of the service.
var tokenStatuses = []struct {
	err           error
	word, service string
}{
	{yandex.ErrPending, "pending", "authorization_pending"},
	{yandex.ErrSlowDown, "pending", "slow_down"},
	{yandex.ErrCodeExpired, "expired", "invalid_grant"},
	{yandex.ErrDenied, "denied", "access_denied"},
}

// tokenStatus is davdisk's word for such an answer; empty for another error.
func tokenStatus(err error) string {
	for _, s := range tokenStatuses {
		if errors.Is(err, s.err) {
			return s.word
		}
	}
	return ""
}

// printTokenStatus prints such an answer for scripts, and returns the error.
func (s *session) printTokenStatus(err error) error {
	for _, status := range tokenStatuses {
		if !errors.Is(err, status.err) {
			continue
		}
		switch {
		case s.c.Bool("service-names"):
			return errors.Join(err, writeJSON(s.out(), struct {
				Error string `json:"error"`
			}{status.service}))
		case s.c.Bool("json"):
			return errors.Join(err, writeJSON(s.out(), struct {
				Status string `json:"status"`
			}{status.word}))
		}
		break
	}
	return err
}
