package auth

import (
	"cmp"
	"context"
	"maps"
	"time"

	"github.com/carnet-go/carnet/auth/internal/lifetime"
)

// Lease is secrets that belong together, with an id and an end. A nil or zero
// Lease has no secrets and has ended. Safe for concurrent use.
type Lease struct {
	id      string
	version string
	fields  map[string]Secret
	term    lifetime.Term
	refuse  func()
}

// LeaseOptions of NewLease. Nil means the documented defaults.
type LeaseOptions struct {
	Expires time.Time                   // zero: never on its own; who leased it ends with the grant
	Until   func() time.Time            // when it ends as things stand, before Expires; nil: then
	Release func(context.Context) error // called once, by the first Close; nil: nothing to release
	Refuse  func()                      // called by each Refuse; nil: nobody wants to know
	Version string                      // of a stored secret; empty: made for this lease, or not known
}

// NewLease is for those who implement Source.
func NewLease(id string, fields map[string]Secret, o *LeaseOptions) *Lease {
	o = cmp.Or(o, &LeaseOptions{})
	return &Lease{
		id: id, fields: maps.Clone(fields), refuse: o.Refuse, version: o.Version,
		term: lifetime.Term{Closer: lifetime.NewCloser(o.Release), End: lifetime.Until(o.Expires, time.Now()), Until: o.Until},
	}
}

// ID names it in the log.
func (l *Lease) ID() string { return some(l).id }

// Version is that of the stored secret; empty: none is known.
func (l *Lease) Version() string { return some(l).version }

// Secret is one field, which a vault wipes when the lease ends. A missing one is ErrUndeclared,
// and a lease that has ended or was closed is ErrExpired.
func (l *Lease) Secret(field string) (Secret, error) {
	if !some(l).term.Live() {
		return Secret{}, ErrExpired
	}
	s, ok := l.fields[field]
	if !ok {
		return Secret{}, ErrUndeclared
	}
	return s, nil
}

// Expires is when it ends, as things stand; zero: never on its own, or it is no lease.
func (l *Lease) Expires() time.Time { return some(l).term.Expires() }

// Done is closed when it is closed or refused, not when it expires. Nil: it is no lease.
func (l *Lease) Done() <-chan struct{} { return some(l).term.Done() }

// Close gives it back. A second Close does nothing, and returns what the first did
// when that is known, or the end of ctx.
func (l *Lease) Close(ctx context.Context) error { return some(l).term.Close(ctx) }

// Refuse is for whoever has presented it: the far side does not accept it. A Source that
// knows versions lends this one no more.
func (l *Lease) Refuse() {
	if some(l).term.Spend() && l.refuse != nil {
		l.refuse()
	}
}

// Source leases secrets under a grant. It is safe for concurrent use, and its
// errors are of this package: ErrDenied is final, ErrUnavailable is not.
type Source interface {
	Lease(ctx context.Context, g Grant) (*Lease, error)
}

// Constant is a Source whose secrets never change, for tests and for services
// without a vault. It leases under live grants only.
func Constant(fields map[string]Secret) Source { return constant(maps.Clone(fields)) }

type constant map[string]Secret

func (c constant) Lease(_ context.Context, g Grant) (*Lease, error) {
	if err := g.underWay(); err != nil {
		return nil, err
	}
	return NewLease("constant", c, &LeaseOptions{Expires: g.NotAfter()}), nil
}
