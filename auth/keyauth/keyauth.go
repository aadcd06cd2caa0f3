// Package keyauth adds an API key or a password to requests.
//
//	auth.Translators{"crm": keyauth.Header{Name: "X-Api-Key", Source: v.Source("crm/api")}}
//
// # Guarantees
//
// The secret is leased under the grant, stands in one header of one request, and is
// taken from the lease for each request: after the lease has ended there is none. A
// header of the same name that was there before, in whatever case, is replaced. A
// secret that is not one header value, byte for byte, is refused, and never trimmed
// or escaped. What the system answers with 401 is refused: a Source that knows versions
// lends that one no more.
//
// # Limits
//
// A header is plain text in the memory of this process, and whoever sees the request
// sees it: the transport below must give it to one origin only, and to nobody else.
// A key says nothing about on whose behalf it is used. A system that answers 401 where it
// means the call, and not the key, ends the key for everybody.
//
// # Errors
//
// [auth.ErrInvalid]: a translator that is not complete, or a secret that is no header
// value. [auth.ErrUndeclared]: the lease has not the field, or it is empty.
// [auth.ErrExpired]: the lease has ended. Others are the Source's.
//
// # Concurrency
//
// All values are immutable and safe for concurrent use.
package keyauth

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// material is a lease, and how its fields become a header. Secrets stay in the lease.
type material struct {
	lease   *auth.Lease
	expires time.Time
	header  string
	value   func(*auth.Lease) (string, error)
}

// lend leases, and looks whether the fields are there. A Source may be one that
// needs no grant; this package does.
func lend(ctx context.Context, s auth.Source, n auth.Need, header string, value func(*auth.Lease) (string, error)) (auth.Material, error) {
	if err := n.Grant.Live(); err != nil {
		return nil, err
	}
	lease, err := s.Lease(ctx, n.Grant)
	if err != nil {
		return nil, err
	}
	if _, err := value(lease); err != nil {
		_ = lease.Close(ctx)
		return nil, err
	}
	m := &material{lease, lease.Expires(), header, value}
	if end := n.Grant.NotAfter(); m.expires.IsZero() || (!end.IsZero() && end.Before(m.expires)) {
		m.expires = end
	}
	return m, nil
}

// Expires implements auth.Material: with the lease or the grant, whichever is first.
func (m *material) Expires() time.Time { return m.expires }

// Credential implements auth.Material.
func (m *material) Credential() string { return m.lease.ID() }

// Close gives the lease back.
func (m *material) Close(ctx context.Context) error { return m.lease.Close(ctx) }

// Refused says whether the key was not accepted, and tells the Source so.
func (m *material) Refused(r *http.Response) bool {
	if r.StatusCode != http.StatusUnauthorized {
		return false
	}
	m.lease.Refuse()
	return true
}

// Apply implements auth.Applier.
func (m *material) Apply(r *http.Request) error {
	value, err := m.value(m.lease)
	if err != nil {
		return err
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	// net/http sends each key of the map, and servers fold them into one name.
	for name := range r.Header {
		if strings.EqualFold(name, m.header) {
			delete(r.Header, name)
		}
	}
	r.Header[m.header] = []string{value}
	return nil
}

// use lends a field of the lease, if it is printable ASCII without space around it.
func use(l *auth.Lease, field string, fn func(b []byte) error) error {
	secret, err := l.Secret(field)
	if err != nil {
		return err
	}
	return secret.Use(func(b []byte) error {
		if b[0] == ' ' || b[len(b)-1] == ' ' || !printable(string(b)) {
			return auth.ErrInvalid
		}
		return fn(b)
	})
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
