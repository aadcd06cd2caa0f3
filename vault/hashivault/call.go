package hashivault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// call makes a call under the login. Where the server says 403 and does not know the login
// any more, it is made once more, under a new one. read gets what was done; what it keeps of
// it must be copies.
func (v *Vault) call(ctx context.Context, r request, read func(answer) error) error {
	if v.zero() {
		return auth.ErrUndeclared
	}
	for again := false; ; again = true {
		s, err := v.enter(ctx, r.want)
		if err != nil {
			return err
		}
		a, err := v.under(ctx, s, r, read)
		if !errors.Is(err, auth.ErrDenied) || a.status != http.StatusForbidden || again || v.knows(ctx, s) {
			v.leave(s)
			return err
		}
		v.mu.Lock()
		s.spent = true
		v.mu.Unlock()
		v.leave(s)
	}
}

// under makes one call under one login.
func (v *Vault) under(ctx context.Context, s *session, r request, read func(answer) error) (answer, error) {
	a, err := v.client.do(ctx, s.token, r)
	defer a.body.wipe()
	if err != nil {
		return a, err
	}
	if a.side() == nil && r.issues {
		v.lend(a, s)
	}
	if err := a.side(); err != nil && r.refused == nil {
		return a, err
	} else if err != nil {
		return a, r.refused(a)
	}
	if read == nil {
		return a, nil
	}
	return a, read(a)
}

// knows says whether the server knows the login, or has not said that it does not: a 403
// is then about what was asked for.
func (v *Vault) knows(ctx context.Context, s *session) bool {
	a, err := v.client.do(ctx, s.token, request{method: http.MethodGet, path: "auth/token/lookup-self"})
	a.body.wipe()
	return err != nil || a.status != http.StatusForbidden
}

// lend notes under which login a lease was issued.
func (v *Vault) lend(a answer, s *session) {
	e, _ := a.envelope()
	v.mu.Lock()
	defer v.mu.Unlock()
	if e.lost { // only its login can end it
		s.spent = true
		if v.current == s {
			v.old[s], v.current = true, nil
		}
	}
	if e.lease == "" {
		return
	}
	if len(v.lent) >= v.sweepAt {
		v.sweep()
		v.sweepAt = 2*len(v.lent) + 64
	}
	v.forget(e.lease)
	v.lent[e.lease] = loan{s, a.sent.Add(e.duration), e.fixed}
	s.leases++
}

// sweep drops the leases that have ended. The caller holds mu.
func (v *Vault) sweep() {
	v.swept = time.Now()
	for id, l := range v.lent {
		if until(l.end) <= 0 {
			v.forget(id)
		}
	}
}

// forget drops a lease. The caller holds mu.
func (v *Vault) forget(id string) {
	if l, ok := v.lent[id]; ok {
		delete(v.lent, id)
		l.under.leases--
	}
}

// parent is what is left of the login that a lease dies with; forever: nobody knows of one.
func (v *Vault) parent(id string) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l, ok := v.lent[id]; ok {
		return l.under.left()
	}
	return forever
}
