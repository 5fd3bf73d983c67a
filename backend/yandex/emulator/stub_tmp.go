package emulator

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"time"
)

type authority struct{}

func (a *authority) make(time.Time) error { return nil }
func (a *authority) config() *tls.Config  { return nil }
func (e *Emulator) serveOAuth(w http.ResponseWriter, r *http.Request) {
	nginxError(w, http.StatusNotFound)
}
func oauthEndpoint(r *http.Request) Endpoint                           { return Unknown }
func (c *call) publicSettings() (map[string]json.RawMessage, *failure) { return nil, nil }
func (s *share) apply(map[string]json.RawMessage) *failure             { return nil }
