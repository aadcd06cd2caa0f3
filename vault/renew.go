package vault

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

const (
	actionRenew  = "vault.renew"
	renewWithin  = 10 * time.Second
	mostRenewals = 8           // in a row that fail
	shortestGap  = time.Second // between two of them
)

// renewable says whether the backend lets a lease live on.
func (v *Vault) renewable(l *lent) bool {
	return v.renewer != nil && l.id != "" && l.ttl > 0
}

// until is when a lease ends as things stand, where that may change; nil: it may not.
func (v *Vault) until(l *lent) func() time.Time {
	if !v.renewable(l) {
		return nil
	}
	return func() time.Time {
		v.mu.Lock()
		defer v.mu.Unlock()
		return earlier(l.ends, l.end)
	}
}

// plan arms what ends a lease with the backend's, and what keeps that from ending while the
// lease may live on: at two thirds of what is left, a little earlier or later, so that
// those who began together do not come back together. The caller has the lock.
func (v *Vault) plan(l *lent) {
	end := l.end
	if !l.ends.IsZero() && l.ends.Before(end) {
		end = l.ends
	}
	l.timer = time.AfterFunc(time.Until(end), func() { _ = l.lease.Close(context.Background()) })
	if v.renewable(l) && l.ends.Before(l.end) {
		left := time.Until(l.ends)
		v.again(l, left*6/10+some(left*13/100+1))
	}
}

// some is a random part of a time.
func some(d time.Duration) time.Duration {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return time.Duration(binary.NativeEndian.Uint64(b[:]) % uint64(max(d, 1)))
}

// again renews after a while. The caller has the lock.
func (v *Vault) again(l *lent, wait time.Duration) {
	l.renewal = time.AfterFunc(wait, func() { v.renew(l) })
}

// renew asks the backend once.
func (v *Vault) renew(l *lent) {
	v.mu.Lock()
	if v.closed || v.lent[l.lease] != l {
		v.mu.Unlock()
		return
	}
	l.unsure = true
	v.busy++
	ends := l.ends
	v.mu.Unlock()
	defer v.leave()
	began := time.Now()
	ctx, cancel := context.WithDeadline(context.Background(), earlier(ends, began.Add(renewWithin)))
	defer cancel()
	var ttl time.Duration
	err := guarded(func() (err error) {
		ttl, err = v.renewer.Renew(ctx, l.id, l.ttl)
		return err
	})
	if err == nil && ttl <= 0 {
		err = auth.ErrInvalid
	}
	if err != nil {
		v.unrenewed(l, err)
		return
	}
	v.renewed(l, began.Add(ttl), time.Since(began))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// renewed notes how long a lease lives now. What the backend gives no more of is not asked
// for again: it ends, and whoever needs it leases anew.
func (v *Vault) renewed(l *lent, ends time.Time, took time.Duration) {
	event := l.event
	event.Action, event.Outcome, event.Duration, event.NotAfter = actionRenew, audit.OutcomeSuccess, took, earlier(ends, l.end)
	v.mu.Lock()
	if v.lent[l.lease] == l { // otherwise it was revoked meanwhile: nobody was sure of it
		more := ends.Sub(l.ends)
		l.failures, l.ends, l.unsure = 0, ends, false
		l.timer.Stop()
		v.plan(l)
		if more < shortestGap && l.renewal != nil {
			l.renewal.Stop()
		}
	}
	v.mu.Unlock()
	v.record(event)
}

// unrenewed decides whether the backend is asked again: never about what is gone or denied,
// and otherwise up to a number of times, with waits that leave room for the rest of them.
func (v *Vault) unrenewed(l *lent, err error) {
	gone := errors.Is(err, auth.ErrUndeclared) || errors.Is(err, auth.ErrInvalid) || errors.Is(err, auth.ErrExpired)
	final := gone || errors.Is(err, auth.ErrDenied) || errors.Is(err, auth.ErrForeign)
	v.mu.Lock()
	l.failures++
	if gone {
		l.unsure = false
	}
	left := time.Until(l.ends)
	gap := max(left/time.Duration(mostRenewals), shortestGap)
	wait := gap + some(gap)
	if said, ok := errors.AsType[*auth.FailedError](err); ok {
		wait = max(wait, said.RetryAfter)
	}
	final = final || l.failures >= mostRenewals || wait >= left || v.lent[l.lease] != l
	if !final {
		v.again(l, wait)
	}
	v.mu.Unlock()
	if !final {
		return
	}
	if gone {
		_ = l.lease.Close(context.Background())
	}
	event := l.event
	event.Action, event.Outcome, event.Reason, event.Duration, event.Count = actionRenew, audit.OutcomeFailure, reason(err), 0, l.failures
	v.record(event)
}
