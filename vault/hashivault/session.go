package hashivault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/flight"
)

const (
	loginWithin  = 10 * time.Second
	lateWithin   = 10 * time.Second // so long an answer that comes too late is waited for, to be revoked
	revokeWithin = 10 * time.Second
	refusedFor   = 30 * time.Second // so long a refused login is not repeated
	failedFor    = time.Second      // and one that was not answered, unless the server says longer
	longestRest  = 5 * time.Minute  // whatever the server says
	sweepEach    = time.Second
)

// session is a login. All but the token is guarded by the Vault's mu.
type session struct {
	token     auth.Secret
	life      time.Duration // as it was made; zero: no end
	longest   time.Duration // that it was ever given at a time
	end       time.Time
	renewable bool
	spent     bool // the server does not know it any more
	calls     int  // under way
	leases    int  // that die with it
}

// loan is a lease that was issued and not revoked.
type loan struct {
	under *session
	end   time.Time
	fixed bool // it cannot be renewed
}

func newSession(a answer) (*session, error) {
	e, err := a.envelope()
	token := e.auth.get("client_token") // also where err is set
	if token.kind != text || len(token.text) == 0 || !printable(string(token.text)) {
		return nil, auth.ErrInvalid
	}
	s := &session{token: auth.NewSecret(bytes.Clone(token.text))}
	life, ok := seconds(e.auth.get("lease_duration"))
	renewable := e.auth.get("renewable")
	if err != nil || !ok || renewable.kind != boolean && !renewable.absent() {
		return s, auth.ErrInvalid // with the token, so that it can be revoked
	}
	s.life, s.longest, s.renewable = life, life, string(renewable.text) == "true"
	if life > 0 {
		s.end = a.sent.Add(life)
	}
	return s, nil
}

// left is what is left of it, by whichever of the two clocks says less; forever: no end.
func (s *session) left() time.Duration {
	if s.life == 0 {
		return forever
	}
	return until(s.end)
}

const forever = time.Duration(1<<63 - 1)

func until(end time.Time) time.Duration {
	now := time.Now()
	return min(end.Sub(now), end.Round(0).Sub(now.Round(0)))
}

// tired says whether it should be renewed or replaced, by whoever wants it for so long.
func (s *session) tired(want time.Duration) bool {
	left := s.left()
	return left < s.life/3 || left < want && left < 2*(s.life/3)
}

func (s *session) alive() bool { return s != nil && !s.spent && s.left() > 0 }

// enter is the login to make a call under. The caller leaves it.
func (v *Vault) enter(ctx context.Context, want time.Duration) (*session, error) {
	if ctx.Err() != nil {
		return nil, silent(ctx)
	}
	if s, err := v.ready(want, false); s != nil || err != nil {
		return s, err
	}
	_, err := v.flights.Do(ctx, struct{}{}, loginWithin, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, v.refresh(ctx)
	})
	if s, _ := v.ready(0, true); s != nil {
		return s, nil
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, silent(ctx)
	case errors.Is(err, flight.ErrAborted):
		return nil, auth.ErrUnknown
	case err == nil, errors.Is(err, context.DeadlineExceeded):
		return nil, auth.ErrUnavailable
	}
	return nil, err
}

// ready is the login where nothing has to be done for it, or, lastly, where it is alive.
func (v *Vault) ready(want time.Duration, last bool) (*session, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, errClosed
	}
	resting := v.failure != nil && time.Now().Before(v.until)
	s := v.current
	switch {
	case s.alive() && (last || resting || !s.tired(want)):
		s.calls++
		return s, nil
	case resting && !last:
		return nil, v.failure
	}
	return nil, nil
}

// leave ends a call.
func (v *Vault) leave(s *session) {
	v.mu.Lock()
	s.calls--
	v.mu.Unlock()
	v.retire()
}

// begin counts a task that whoever asked for it may leave. It ends with tasks.Done.
func (v *Vault) begin() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.tasks.Add(1)
	return true
}

// refresh renews the login, or makes a new one.
func (v *Vault) refresh(ctx context.Context) error {
	if !v.begin() {
		return errClosed
	}
	defer v.tasks.Done()
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), loginWithin+lateWithin)
	defer cancel()
	if v.renewed(ctx) {
		return nil
	}
	var fresh *session
	err := v.room()
	if err == nil {
		fresh, err = v.logIn(late)
	}
	if err == nil {
		err = v.install(ctx, fresh)
	}
	if err != nil && fresh != nil {
		v.withdraw(fresh)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if ctx.Err() != nil && err != nil {
		err = auth.ErrUnavailable // the context is nobody's who asks later
	}
	if errors.Is(err, auth.ErrUndeclared) { // no such method, or no token: it says nothing of what is asked for
		err = errNoLogin
	}
	if v.failure = nil; err != nil {
		v.failure, v.until = err, time.Now().Add(rest(err))
	}
	return err
}

// rest is how long a login is not repeated.
func rest(err error) time.Duration {
	if errors.Is(err, auth.ErrDenied) {
		return refusedFor
	}
	if said, ok := errors.AsType[*auth.FailedError](err); ok {
		return min(max(said.RetryAfter, failedFor), longestRest)
	}
	return failedFor
}

// renewed says whether renewing the login was enough.
func (v *Vault) renewed(ctx context.Context) bool {
	v.mu.Lock()
	s := v.current
	can := s.alive() && s.renewable
	v.mu.Unlock()
	if !can {
		return false
	}
	a, err := v.client.do(ctx, s.token, request{method: http.MethodPost, path: "auth/token/renew-self", body: struct{}{}})
	if err != nil || a.side() != nil {
		return false
	}
	defer a.body.wipe()
	e, err := a.envelope()
	life, ok := seconds(e.auth.get("lease_duration"))
	if err != nil || !ok || life == 0 {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s.end, s.longest = a.sent.Add(life), max(s.longest, life)
	return !s.tired(0)
}

// install makes a login the current one, unless nobody waits for it any more.
func (v *Vault) install(ctx context.Context, fresh *session) error {
	v.mu.Lock()
	if v.closed || ctx.Err() != nil {
		v.mu.Unlock()
		return auth.ErrUnavailable
	}
	if v.current != nil {
		v.old[v.current] = true
	}
	v.current = fresh
	v.mu.Unlock()
	v.retire()
	return nil
}

// retire revokes the replaced logins that nothing depends on any more. That one has ended
// by our clock, or was once not known to the server, is no reason not to.
func (v *Vault) retire() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.old) == 0 || v.closed {
		return
	}
	if time.Since(v.swept) >= sweepEach {
		v.sweep()
	}
	for s := range v.old {
		if s.calls == 0 && s.leases == 0 {
			delete(v.old, s)
			v.withdrawSoon(s)
		}
	}
}

// side is the sentinel that an error of somebody else's is, and nothing else of it.
func side(err error) error {
	for _, known := range []error{auth.ErrDenied, auth.ErrUndeclared, auth.ErrInvalid, auth.ErrExpired, auth.ErrThrottled, auth.ErrUnavailable} {
		if errors.Is(err, known) {
			return fmt.Errorf("%w: the source of the token", known)
		}
	}
	return auth.ErrUnknown
}
