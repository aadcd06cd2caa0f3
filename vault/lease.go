package vault

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

// How long it may take to undo, and to record, what has happened already: neither
// waits for whoever asked for it, who may have left.
const (
	revokeWithin = 10 * time.Second
	recordWithin = 10 * time.Second
)

// What the vault records.
const (
	actionLease  = "vault.lease"
	actionOwn    = "vault.own"
	actionReturn = "vault.return" // of what cannot be revoked
	actionRevoke = "vault.revoke"
)

// Who the service itself is, before any grant.
var self = audit.Actor{Issuer: "local", Subject: "self"}

// lent is a lease that has not ended.
type lent struct {
	number   uint64
	lease    *auth.Lease
	fields   map[string]auth.Secret
	timer    *time.Timer // ends it
	renewal  *time.Timer // nil: it is not renewed
	path     string
	version  string // of what is stored; empty: not known
	id       string // at the backend
	ttl      time.Duration
	ends     time.Time       // at the backend; zero: never
	end      time.Time       // here, if the backend's lives so long
	failures int             // of renewals, in a row
	unsure   bool            // a renewal may have been made that nobody answered
	under    context.Context // what Follow gave when it was asked for; nil: nothing
	event    audit.Event     // of the lease
}

// Lease lends the secret at path, if the grant's system declares it. It ends with
// the backend's lease, MaxTTL or the grant, whichever is first; where the backend's is
// renewed, Expires is when it ends at the latest. Its Close gives it back, whether or not
// the log is there and the caller waits.
func (v *Vault) Lease(ctx context.Context, g auth.Grant, path string) (*auth.Lease, error) {
	if v == nil || v.backend == nil {
		return nil, auth.ErrUndeclared
	}
	err := g.Opens(v.log, path)
	if err == auth.ErrForeign {
		return nil, err
	}
	event := g.Event(actionLease)
	if err != nil {
		return nil, v.refuse(ctx, event, err)
	}
	return v.lend(ctx, path, event, g.NotAfter())
}

// Source leases the secret at path, under the grant it is given.
func (v *Vault) Source(path string) auth.Source { return source{v, path} }

type source struct {
	v    *Vault
	path string
}

func (s source) Lease(ctx context.Context, g auth.Grant) (*auth.Lease, error) {
	return s.v.Lease(ctx, g, s.path)
}

// Own leases the secret at path for the service itself, under no grant: whatever
// grant it is given is ignored. The path must be one of Options.Own.
func (v *Vault) Own(path string) auth.Source { return own{v, path} }

type own source

func (o own) Lease(ctx context.Context, _ auth.Grant) (*auth.Lease, error) {
	if o.v == nil || o.v.backend == nil {
		return nil, auth.ErrUndeclared
	}
	event := audit.Event{Action: actionOwn, Actor: self}
	if !slices.Contains(o.v.own, o.path) {
		return nil, o.v.refuse(ctx, event, auth.ErrUndeclared)
	}
	return o.v.lend(ctx, o.path, event, time.Time{})
}

// refuse records that somebody known did not get a lease.
func (v *Vault) refuse(ctx context.Context, event audit.Event, err error) error {
	event.Outcome, event.Reason = audit.OutcomeFailure, reason(err)
	_ = v.aside(ctx, func() error { v.record(event); return nil })
	return err
}

// lend asks the backend, records, and only then hands out.
func (v *Vault) lend(ctx context.Context, path string, event audit.Event, notAfter time.Time) (_ *auth.Lease, err error) {
	under, ok := v.enter()
	if !ok {
		return nil, v.refuse(ctx, event, auth.ErrUnavailable)
	}
	defer v.leave()
	began := time.Now() // a TTL runs from when the backend said it, at the earliest
	if ctx.Err() != nil {
		return nil, v.refuse(ctx, event, left(ctx))
	}
	issued, err := v.ask(ctx, path, event)
	if err != nil {
		return nil, v.refuse(ctx, event, err)
	}
	defer func() {
		if err != nil {
			wipe(issued.Fields)
		}
	}()
	if err := v.current(ctx, issued); err != nil {
		_ = v.aside(ctx, func() error { return v.withdraw(event, issued.ID) })
		return nil, v.refuse(ctx, event, err)
	}
	l := v.describe(issued, event, began, notAfter)
	l.path, l.version, l.under, l.fields = path, issued.Version, under, issued.Fields
	secrets := canonical(issued.Fields)
	l.event.Material = v.log.Fingerprint(secrets)
	clear(secrets)
	if err = v.usable(l, issued); err != nil {
		_ = v.aside(ctx, func() error { return v.withdraw(l.event, l.id) })
		return nil, v.refuse(ctx, event, err)
	}
	l.event.Outcome, l.event.Duration = audit.OutcomeSuccess, time.Since(began)
	if _, err := v.log.Append(ctx, l.event); err != nil {
		_ = v.aside(ctx, func() error { return v.withdraw(l.event, l.id) })
		if ctx.Err() != nil {
			return nil, left(ctx)
		}
		return nil, auth.ErrUnavailable
	}
	return v.hand(ctx, l, issued)
}

func (v *Vault) describe(issued Issued, event audit.Event, began, notAfter time.Time) *lent {
	l := &lent{id: issued.ID, ttl: issued.TTL, end: began.Add(v.maxTTL), event: event}
	for _, ttl := range []time.Duration{issued.TTL, issued.ParentTTL} { // a lease dies with the login that it was made by
		if ttl > 0 && (l.ends.IsZero() || began.Add(ttl).Before(l.ends)) {
			l.ends = began.Add(ttl)
		}
	}
	if !notAfter.IsZero() {
		l.end = earlier(l.end, notAfter)
	}
	if !l.ends.IsZero() && !v.renewable(l) {
		l.end = earlier(l.end, l.ends)
	}
	l.event.Lease, l.event.NotAfter = "l-"+strings.ToLower(rand.Text()), l.end
	if !l.ends.IsZero() {
		l.event.NotAfter = earlier(l.ends, l.end)
	}
	return l
}

func (v *Vault) usable(l *lent, issued Issued) error {
	if len(issued.Fields) == 0 || issued.TTL < 0 || issued.ParentTTL < 0 {
		return auth.ErrInvalid
	}
	for _, s := range issued.Fields {
		if s.Use(func([]byte) error { return nil }) == auth.ErrExpired { // was issued before, and wiped
			return auth.ErrInvalid
		}
	}
	if now := time.Now(); !now.Before(l.end) || !l.ends.IsZero() && !now.Before(l.ends) {
		return auth.ErrExpired
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refusal(l)
}

// hand gives a recorded lease out, unless the vault was closed meanwhile, or what is lent
// was refused.
func (v *Vault) hand(ctx context.Context, l *lent, issued Issued) (*auth.Lease, error) {
	l.lease = auth.NewLease(l.event.Lease, issued.Fields, &auth.LeaseOptions{
		Expires: l.end, Until: v.until(l), Version: issued.Version, Refuse: func() { v.spoil(l) },
		Release: func(ctx context.Context) error { return v.release(ctx, l) },
	})
	v.mu.Lock()
	err := v.refusal(l)
	if v.sealed() || l.under != nil && l.under.Err() != nil { // also if that is over again
		err = auth.ErrUnavailable
	}
	v.last++
	l.number = v.last
	v.lent[l.lease] = l
	v.plan(l)
	v.mu.Unlock()
	if err != nil {
		_ = l.lease.Close(ctx)
		return nil, err
	}
	return l.lease, nil
}

// wipe overwrites what nobody is to have any more.
func wipe(fields map[string]auth.Secret) {
	for _, s := range fields {
		s.Wipe()
	}
}

// release gives a lease back, once. What the backend ends by itself at the same
// time needs nobody's help.
func (v *Vault) release(ctx context.Context, l *lent) error {
	v.mu.Lock()
	delete(v.lent, l.lease)
	l.timer.Stop()
	if l.renewal != nil {
		l.renewal.Stop()
	}
	ends, unsure := l.ends, l.unsure
	v.mu.Unlock()
	wipe(l.fields)
	now := time.Now()
	if l.id != "" && (unsure || ends.IsZero() || now.Before(ends)) {
		return v.aside(ctx, func() error { return v.withdraw(l.event, l.id) })
	}
	if !now.Before(l.end) {
		return nil
	}
	event := l.event
	event.Action, event.Duration = actionReturn, 0
	return v.aside(ctx, func() error { v.record(event); return nil })
}

// aside does what has to be done whether or not the caller waits for it.
func (v *Vault) aside(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	v.more()
	go func() {
		defer v.leave()
		done <- do()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return left(ctx)
	}
}

// record is for what has happened already.
func (v *Vault) record(event audit.Event) {
	ctx, cancel := context.WithTimeout(context.Background(), recordWithin)
	defer cancel()
	_, _ = v.log.Append(ctx, event)
}

// canonical is names and values, sorted and each with its length, so that equal
// secrets and no others have equal fingerprints.
func canonical(fields map[string]auth.Secret) []byte {
	size := 0
	for name, s := range fields {
		size += len(name) + 2*binary.MaxVarintLen64
		_ = s.Use(func(b []byte) error { size += len(b); return nil })
	}
	b := make([]byte, 0, size) // once: what it would grow out of stays in memory
	add := func(part []byte) error {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		_ = add([]byte(name))
		if fields[name].Use(add) != nil {
			_ = add(nil) // an empty secret
		}
	}
	return b
}
