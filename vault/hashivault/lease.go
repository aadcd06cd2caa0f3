package hashivault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// Renew implements vault.Renewer. What it says a lease lasts is no longer than the login
// that the lease was issued under, which it renews too where that helps. Of a lease that
// cannot be renewed it says what is left, and calls nobody.
func (v *Vault) Renew(ctx context.Context, id string, by time.Duration) (ttl time.Duration, err error) {
	if v.zero() {
		return 0, auth.ErrUndeclared
	}
	if by < 0 || by > maxSeconds*time.Second || !isLease(id) {
		return 0, auth.ErrInvalid
	}
	if left, fixed := v.fixed(id); fixed && left > 0 {
		return left, nil
	} else if fixed {
		v.drop(id)
		return 0, auth.ErrUndeclared
	}
	body := map[string]any{"lease_id": id}
	if by > 0 {
		body["increment"] = int64((by + time.Second - 1) / time.Second)
	}
	var renewed loan
	err = v.call(ctx, request{method: http.MethodPost, path: "sys/leases/renew", body: body, want: by, refused: noLease}, func(a answer) error {
		e, err := a.envelope()
		if err != nil {
			return err
		}
		if e.lease != id || e.duration == 0 {
			return auth.ErrInvalid
		}
		renewed.end, renewed.fixed = a.sent.Add(e.duration), e.fixed
		ttl = e.duration
		return nil
	})
	if err == auth.ErrUndeclared {
		v.drop(id)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if l, known := v.lent[id]; err == nil && known {
		renewed.under = l.under
		v.lent[id] = renewed
		return min(ttl, max(l.under.left(), time.Nanosecond)), nil
	}
	return ttl, err
}

// fixed says whether a lease cannot be renewed, and what is left of it.
func (v *Vault) fixed(id string) (left time.Duration, fixed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	l, known := v.lent[id]
	if !known || !l.fixed || v.closed {
		return 0, false
	}
	return min(until(l.end), l.under.left()), true
}

// drop forgets a lease that is no more, and revokes the login that waited for that.
func (v *Vault) drop(id string) {
	v.mu.Lock()
	v.forget(id)
	v.mu.Unlock()
	v.retire()
}

// Revoke implements vault.Backend. It returns when the server has done it.
func (v *Vault) Revoke(ctx context.Context, id string) error {
	if v.zero() {
		return auth.ErrUndeclared
	}
	if id == "" || v.ended() {
		return nil
	}
	if !isLease(id) {
		return auth.ErrInvalid
	}
	body := map[string]any{"lease_id": id, "sync": true}
	err := v.call(ctx, request{method: http.MethodPost, path: "sys/leases/revoke", body: body, refused: notDone}, nil)
	if refusal, ok := errors.AsType[*auth.FailedError](err); ok && refusal.Status == http.StatusBadRequest && v.gone(ctx, id) {
		err = nil
	}
	if err != nil {
		return err
	}
	v.drop(id)
	return nil
}

// gone says whether the server says that there is no such lease.
func (v *Vault) gone(ctx context.Context, id string) bool {
	refused := func(a answer) error {
		if a.says("invalid lease") {
			return auth.ErrUndeclared
		}
		return notDone(a)
	}
	body := map[string]any{"lease_id": id}
	return v.call(ctx, request{method: http.MethodPost, path: "sys/leases/lookup", body: body, refused: refused}, nil) == auth.ErrUndeclared
}

// notDone is a refusal of what was to be done to a lease. A lease that does not exist is
// revoked with 204; 400 is what the backend says that could not do it.
func notDone(a answer) error {
	if a.status == http.StatusBadRequest || a.status == http.StatusNotFound {
		return failed(auth.ErrUnavailable, a)
	}
	return a.side()
}

// noLease is how a server says of a renewal that the lease is gone.
func noLease(a answer) error {
	switch {
	case a.says("lease not found"):
		return auth.ErrUndeclared
	case a.status == http.StatusBadRequest:
		return failed(auth.ErrUnavailable, a)
	}
	return a.side()
}

func isLease(id string) bool { return id != "" && len(id) <= 1024 && printable(id) }
