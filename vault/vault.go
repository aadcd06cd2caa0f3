// Package vault lends credentials for a limited time.
//
//	v, err := vault.New(log, dirvault.Dir("/run/secrets"), nil)
//	lease, err := v.Lease(ctx, grant, "crm/api")
//	key, err := lease.Secret("key")
//	err = lease.Close(ctx)
//
// # Guarantees
//
// A lease needs a live [auth.Grant] that the vault's own log has witnessed, for a
// system that declares the path; the backend is not asked before. Its event is
// durable before a secret is handed out: a lease that could not be recorded is
// revoked at once. It ends with the backend's own lease, with the login that this dies
// with, with MaxTTL or with the grant, whichever is first. What the backend can revoke is
// revoked when the lease is closed, when it ends before the backend's own, when the caller
// left before it came, and when the vault is closed. Revoking waits neither for the log
// nor for a caller that has left. One that the backend does not take, because it is not
// there, is tried again up to seven times within some minutes, and once more by Close; each
// attempt has its event.
//
// Where a backend is a [Renewer] its lease is renewed at two thirds of its life, a little
// earlier or later, while the one that is lent may live on. A renewal that fails is tried
// again at most seven times, a second apart at least, and never after a denial or where the
// lease is gone: that ends at once, and any other when the backend's does, and the log says
// why. What the backend gives no more of is not asked for again.
//
// [Bind] keeps what was built from a lease, such as a pool of connections: it builds the
// next in time, lets users of the one before go on for a while, and asks once however many
// wait, also where that fails. A stored secret that nobody can confirm is used up to
// BindOptions.MaxAge, and then [ErrStale]; one that is denied or gone, not at all.
//
// A vault that follows a gate ([Vault.Follow]) gives back all that it has lent when the gate
// is frozen, whether or not the log is there, and lends again when that is lifted.
//
// A version of a stored secret that a system has refused, as its translator told the
// lease, is not lent again, to nobody, and what is lent of it ends: a program that tries a
// dead credential again locks the account. A new version ends that; where the backend
// tells no versions, another value; and [Vault.Accept], which policy permits.
//
// Where a backend tells the generation of its store, an older copy of that is noticed, by
// what the log has seen of it, and nothing of it is lent: [ErrRolledBack].
//
// However a lease ends, the bytes that were issued for it are overwritten
// ([auth.Secret.Wipe]), as soon as nobody uses them: who has kept a Secret gets
// [auth.ErrExpired], and the vault has made no copy of it. What becomes a string, which
// nobody can overwrite, can go through [Vault.Reveal], so that the log has when and why.
//
// What [Vault.Keys] lends is derived for one tenant and one path, and overwritten when
// its use returns; the stored key is not lent.
//
// A backend gets the deadline and the cancellation of a caller's context, and none
// of its values: a client trace in there would see the credentials of the vault.
//
// # Limits
//
// A stored secret, one that a backend has under no id, cannot be revoked: that its
// lease has ended is a promise among those who use leases. What a process copied out
// of a Secret, and what a crashed process has not revoked, lives until the backend
// ends it. Events name lease and fingerprint, not the path. A grant of another log is
// refused without an event: whom it belongs to, only the other log may know. What systems
// refused is known until the process ends. A vault lends up to 100,000 leases at a time.
//
// Overwriting is the best that can be done, and not enough against who reads the memory of
// the process, its core or its swap. It reaches the bytes that were issued, and nothing that
// was made of them: a string, a header, a parsed key, a pool of connections; nor what
// is below a backend, such as the buffers of net/http and crypto/tls, nor what HKDF keeps
// between its two steps. Nothing is locked in memory. A program that is built with
// GOEXPERIMENT=runtimesecret (linux, amd64 and arm64) has more: what is made of the bytes
// within [auth.Secret.Use], and dropped, is erased by the collector.
//
// # Errors
//
// All are of package auth. [auth.ErrForeign]: a grant of another log, or none.
// [auth.ErrUndeclared]: a path that the grant's system, or Options.Own, does not
// list, that has no secret, or a zero Vault. [auth.ErrDenied]: the backend does not give
// it, or a system has refused the version that is stored. [auth.ErrExpired]: the grant has
// ended, or the credential had before it came. [auth.ErrUnavailable]: the backend cannot
// be reached, the event cannot be recorded, the vault is closed, sealed or full, or, with
// the context's error, the caller left. [auth.ErrInvalid]: what the backend issued is no
// secret, or [ErrRolledBack]. [auth.ErrUnknown]: the backend said nothing that is known here.
//
// # Concurrency
//
// A Vault is safe for concurrent use. It starts one goroutine for each call of the
// backend, and two timers for each lease; a [Bound] has one goroutine, and one more for each
// generation that drains.
package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

const (
	defaultMaxTTL = time.Hour
	mostRevoking  = 16
	mostLent      = 100_000
	longestPath   = 255
)

var pathPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)

// Vault lends what its Backend issues. A zero Vault refuses. Safe for concurrent use.
type Vault struct {
	log     *audit.Log
	backend Backend
	renewer Renewer // nil: it is none
	own     []string
	maxTTL  time.Duration
	most    int // leases at a time

	revoking    chan struct{}   // full: as many are revoked at a time as may be
	raising     chan struct{}   // full: somebody has generations
	generations map[string]seen // by action: the newest that is known of a store

	mu        sync.Mutex
	closed    bool
	under     func() context.Context // what Follow was given; nil: nothing
	watched   context.Context        // what that returned last
	unwatched func() bool            // ends the watch
	last      uint64                 // of the numbers of what was lent
	lent      map[*auth.Lease]*lent  // what has not ended
	owed      map[*owed]*time.Timer  // revocations that are tried again
	refused   map[string][]refused   // by path, what systems refused, the newest last
	busy      int                    // calls under way
	idle      map[chan struct{}]bool // closed when nothing is under way
}

// Options of New. Nil means the documented defaults.
type Options struct {
	Own    []string      // paths that the service itself needs before any grant; nil: none
	MaxTTL time.Duration // longest lease; zero: 1 hour
}

// New takes a log, on which it knows the grants that it may serve, and a backend;
// it calls Check() error on those that have it.
func New(log *audit.Log, b Backend, o *Options) (*Vault, error) {
	if o == nil {
		o = &Options{}
	}
	if log.Key() == "" || b == nil {
		return nil, fmt.Errorf("%w: a vault needs an open log and a backend", auth.ErrInvalid)
	}
	if o.MaxTTL < 0 {
		return nil, fmt.Errorf("%w: MaxTTL is negative", auth.ErrInvalid)
	}
	for _, path := range o.Own {
		if !isPath(path) {
			return nil, fmt.Errorf("%w: Own: not a path: names separated by /", auth.ErrInvalid)
		}
	}
	if checker, ok := b.(interface{ Check() error }); ok {
		if err := guarded(checker.Check); err != nil {
			return nil, fmt.Errorf("%w: the backend is not ready", side(err))
		}
	}
	v := &Vault{log: log, backend: b, own: slices.Clone(o.Own), maxTTL: o.MaxTTL, most: mostLent}
	v.renewer, _ = b.(Renewer)
	v.revoking = make(chan struct{}, mostRevoking)
	v.raising, v.generations = make(chan struct{}, 1), map[string]seen{}
	if v.maxTTL == 0 {
		v.maxTTL = defaultMaxTTL
	}
	v.owed = map[*owed]*time.Timer{}
	v.lent, v.refused, v.idle = map[*auth.Lease]*lent{}, map[string][]refused{}, map[chan struct{}]bool{}
	return v, nil
}

// Close ends all that is lent, newest first, tries once more what could not be revoked, and
// refuses from then on. It joins the errors of revocations. What ctx leaves no time for, another Close takes up; with
// nothing left, that does nothing.
func (v *Vault) Close(ctx context.Context) error {
	if v == nil || v.backend == nil {
		return nil
	}
	v.mu.Lock()
	v.closed = true
	v.unwatch()
	v.mu.Unlock()
	// A lease that somebody else is closing right now answers in its own time.
	ended := make(chan error, 1)
	go func() { ended <- v.end(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return left(ctx)
	}
}

func (v *Vault) end(ctx context.Context) error {
	var errs []error
	for _, l := range v.newestFirst() {
		if ctx.Err() != nil {
			return errors.Join(append(errs, left(ctx))...)
		}
		if err := l.lease.Close(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	for _, o := range v.owing() {
		if ctx.Err() != nil {
			return errors.Join(append(errs, left(ctx))...)
		}
		if !v.take(o) {
			continue
		}
		if err := v.aside(ctx, func() error { defer v.leave(); return v.revoke(o) }); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, v.wait(ctx))...)
}

func (v *Vault) newestFirst() []*lent {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make([]*lent, 0, len(v.lent))
	for _, l := range v.lent {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *lent) int { return cmp.Compare(b.number, a.number) })
	return all
}

// enter counts a call that begins, where one may, and says under what.
func (v *Vault) enter() (under context.Context, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sealed() || len(v.lent) >= v.most {
		return nil, false
	}
	v.busy++
	return v.watched, true
}

// more counts a part of a call that may outlive it.
func (v *Vault) more() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.busy++
}

func (v *Vault) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.busy--
	if v.busy > 0 {
		return
	}
	for waiter := range v.idle {
		close(waiter)
	}
	clear(v.idle)
}

// wait returns when nothing is under way, or ctx has ended.
func (v *Vault) wait(ctx context.Context) error {
	v.mu.Lock()
	if v.busy == 0 {
		v.mu.Unlock()
		return nil
	}
	waiter := make(chan struct{})
	v.idle[waiter] = true
	v.mu.Unlock()
	select {
	case <-waiter:
		return nil
	case <-ctx.Done():
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.idle, waiter)
		return left(ctx)
	}
}

func isPath(s string) bool { return len(s) <= longestPath && pathPattern.MatchString(s) }
