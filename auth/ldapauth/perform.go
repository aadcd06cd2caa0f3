package ldapauth

import (
	"context"
	"errors"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
	"github.com/go-ldap/ldap/v3"
)

// Perform implements auth.Performer.
func (m *material) Perform(ctx context.Context, g auth.Grant, r mapping.Record) ([]byte, error) {
	if err := g.Live(); err != nil {
		return nil, err
	}
	if !m.covers(g) {
		return nil, auth.ErrForeign
	}
	if r.Body().Len() > 0 {
		return nil, auth.ErrInvalid
	}
	c, err := newCall(g.Operation(), g.System().Operations, r.Fields())
	if err != nil {
		return nil, err
	}
	for {
		s, fresh, err := m.take(ctx)
		if err != nil {
			return nil, m.untaken(err)
		}
		answer, err := m.exchange(ctx, g, r.NotAfter(), s, c)
		if err != errUnsent {
			return answer, err
		}
		if fresh || ctx.Err() != nil {
			return nil, unavailable(ctx)
		}
	}
}

// errUnsent means that a session had died before anything was sent in it.
var errUnsent = errors.New("ldapauth: unsent")

// covers says whether the grant is one that the material was made for: the same
// operation and principal.
func (m *material) covers(g auth.Grant) bool {
	made, now := m.grant.Identity(), g.Identity()
	return m.grant.Operation().Name == g.Operation().Name && m.system == g.System().Name &&
		made.Tenant == now.Tenant && made.Issuer == now.Issuer && made.Subject == now.Subject
}

// untaken is why there is no session. A password that was good and is refused now ends
// the material: the next has another, and this one is not tried again.
func (m *material) untaken(err error) error {
	if !errors.Is(err, auth.ErrDenied) {
		return err
	}
	for _, s := range m.end() {
		s.close()
	}
	status := 0
	if failed, ok := errors.AsType[*auth.FailedError](err); ok {
		status = failed.Status
	}
	return m.failed(auth.ErrExpired, status)
}

// exchange makes the call in a session, and gives the session back.
func (m *material) exchange(ctx context.Context, g auth.Grant, end time.Time, s *session, c *call) (answer []byte, err error) {
	defer m.put(s)
	if err := errors.Join(g.Live(), m.live()); err != nil {
		return nil, known(ctx, err)
	}
	if !end.IsZero() && !time.Now().Before(end) {
		return nil, auth.ErrExpired
	}
	err = s.run(ctx, func(conn *ldap.Conn) (err error) {
		answer, err = c.send(conn)
		return err
	})
	if err != nil {
		return nil, m.outcome(ctx, s, c, err)
	}
	return answer, nil
}

// outcome says on which side a failed call is.
func (m *material) outcome(ctx context.Context, s *session, c *call, err error) error {
	if code, ok := result(err); ok {
		return m.failed(sideOf(code, c.effect), int(code))
	}
	switch {
	case !s.line.sent.Load():
		return errUnsent
	case c.method != methodSearch:
		return lost(ctx, auth.ErrUnknown)
	case errors.Is(err, auth.ErrUndeclared):
		return auth.ErrUndeclared
	case errors.Is(err, auth.ErrInvalid) || errors.Is(err, ldap.ErrSizeLimitExceeded) || s.line.left.Load() < 0:
		return auth.ErrInvalid
	default:
		return unavailable(ctx)
	}
}
