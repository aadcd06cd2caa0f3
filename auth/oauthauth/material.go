package oauthauth

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/internal/lifetime"
)

// invalidToken is in the challenge of who does not take a token any more (RFC 6750,
// section 3.1).
var invalidToken = regexp.MustCompile(`(?i)(^|,\s*)bearer\s(.*[\s,])?error\s*=\s*("invalid_token"|invalid_token([\s,]|$))`)

// material is a token, and the lease of the client that it was issued to.
type material struct {
	lease *auth.Lease
	token auth.Secret
	end   lifetime.End
}

// newMaterial ends with the first of ends.
func newMaterial(lease *auth.Lease, token string, ends []time.Time) (*material, error) {
	now := time.Now()
	m := &material{lease, auth.NewSecret([]byte(token)), lifetime.Until(lifetime.Earliest(ends...), now)}
	if m.end.Over(now) {
		return nil, auth.ErrExpired
	}
	return m, nil
}

// Expires implements auth.Material.
func (m *material) Expires() time.Time { return m.end.Wall }

// Credential implements auth.Material: the client's.
func (m *material) Credential() string { return m.lease.ID() }

// Close gives the client's lease back.
func (m *material) Close(ctx context.Context) error { return m.lease.Close(ctx) }

// Apply implements auth.Applier. A token ends with the lease that it was made from.
func (m *material) Apply(r *http.Request) error {
	if m.end.Over(time.Now()) {
		return auth.ErrExpired
	}
	if _, err := m.lease.Secret("id"); err != nil {
		return err
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	// net/http sends each key of the map, and servers fold them into one name.
	for name := range r.Header {
		if strings.EqualFold(name, "Authorization") {
			delete(r.Header, name)
		}
	}
	return m.token.Use(func(b []byte) error {
		r.Header.Set("Authorization", "Bearer "+string(b))
		return nil
	})
}

// Refused says whether a challenge calls the token invalid. That a scope is missing is
// an answer to the call.
func (m *material) Refused(r *http.Response) bool {
	if r.StatusCode < 400 {
		return false
	}
	for _, challenge := range r.Header.Values("WWW-Authenticate") {
		if invalidToken.MatchString(challenge) {
			return true
		}
	}
	return false
}
