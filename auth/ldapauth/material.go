package ldapauth

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/carnet-go/carnet/auth"
)

const (
	mostSessions  = 4
	idleFor       = 30 * time.Second
	connectWithin = 10 * time.Second // from the dial to the bind
)

// material is up to four sessions of one login, made under one grant.
type material struct {
	bind     *Bind
	grant    auth.Grant
	lease    *auth.Lease
	expires  time.Time
	system   string
	startTLS bool
	tls      *tls.Config
	dial     func(context.Context) (net.Conn, error)
	slots    chan struct{} // one for each that is in use

	mu    sync.Mutex
	ended bool
	idle  []*session
	busy  map[*session]bool
}

func newMaterial(b *Bind, n auth.Need, lease *auth.Lease) *material {
	s := n.Grant.System()
	m := &material{
		bind: b, grant: n.Grant, lease: lease, expires: lease.Expires(), system: s.Name,
		startTLS: !strings.HasPrefix(strings.ToLower(s.Origin), "ldaps://"), tls: n.TLS, dial: n.Dial,
		slots: make(chan struct{}, mostSessions), busy: map[*session]bool{},
	}
	if end := n.Grant.NotAfter(); m.expires.IsZero() || end.Before(m.expires) {
		m.expires = end
	}
	return m
}

// Expires implements auth.Material: with the lease or the grant, whichever is first.
func (m *material) Expires() time.Time { return m.expires }

// Credential implements auth.Material.
func (m *material) Credential() string { return m.lease.ID() }

// Close ends all sessions, also those in use, and gives the lease back.
func (m *material) Close(ctx context.Context) error {
	for _, s := range m.end() {
		s.leave(ctx)
	}
	return m.lease.Close(ctx)
}

// end lets nothing begin any more, and cuts what is under way. It returns the sessions
// that nobody uses.
func (m *material) end() []*session {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	for s := range m.busy {
		s.cut()
	}
	idle := m.idle
	m.idle = nil
	for _, s := range idle {
		s.drop.Stop()
	}
	return idle
}

// live says whether the material may still be used. A session stays bound in the
// directory when its password is withdrawn: the lease says when that is.
func (m *material) live() error {
	if err := m.grant.Live(); err != nil {
		return err
	}
	if _, err := m.lease.Secret("password"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return auth.ErrExpired
	}
	return nil
}

// warm makes the first session, so that a wrong password is known at once.
func (m *material) warm(ctx context.Context) error {
	s, _, err := m.take(ctx)
	if err != nil {
		return err
	}
	m.put(s)
	return nil
}

// take is a session that nobody uses: one that is there, or a fresh one.
func (m *material) take(ctx context.Context) (s *session, fresh bool, err error) {
	if err := m.live(); err != nil {
		return nil, false, err
	}
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, false, unavailable(ctx)
	}
	if s := m.pop(); s != nil {
		return s, false, nil
	}
	if s, err = m.connect(ctx); err == nil && !m.keep(s) {
		s.close()
		s, err = nil, auth.ErrExpired
	}
	if err != nil {
		<-m.slots
		return nil, false, err
	}
	return s, true, nil
}

// pop is the idle session that was used last; nil: there is none.
func (m *material) pop() *session {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := len(m.idle) - 1
	if last < 0 {
		return nil
	}
	s := m.idle[last]
	m.idle = m.idle[:last]
	s.drop.Stop()
	m.busy[s] = true
	return s
}

func (m *material) keep(s *session) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended {
		m.busy[s] = true
	}
	return !m.ended
}

// put gives a session back. One that was cut, or that outlives the material, is closed.
func (m *material) put(s *session) {
	defer func() { <-m.slots }()
	m.mu.Lock()
	delete(m.busy, s)
	reuse := !s.spoil && !m.ended
	if reuse {
		m.idle = append(m.idle, s)
		s.drop = time.AfterFunc(idleFor, func() { m.retire(s) })
	}
	m.mu.Unlock()
	if !reuse {
		s.close()
	}
}

// retire closes a session that was idle for long.
func (m *material) retire(s *session) {
	m.mu.Lock()
	found := false
	for i, kept := range m.idle {
		if kept == s {
			m.idle = append(m.idle[:i], m.idle[i+1:]...)
			found = true
			break
		}
	}
	m.mu.Unlock()
	if found {
		ctx, cancel := context.WithTimeout(context.Background(), giveBackWithin)
		defer cancel()
		s.leave(ctx)
	}
}

// connect is a new session that is bound as the login of the lease.
func (m *material) connect(ctx context.Context) (*session, error) {
	l, err := read(m.lease)
	if err != nil {
		return nil, err
	}
	if m.bind.refused.refused(l) {
		return nil, m.failed(auth.ErrDenied, 0)
	}
	soon, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	raw, err := m.dial(soon)
	if err != nil {
		return nil, known(ctx, err)
	}
	under, err := secure(soon, raw, m.startTLS, m.tls)
	if err != nil {
		_ = raw.Close()
		return nil, m.say(ctx, err)
	}
	s := newSession(raw, under)
	if err := m.bind.bind(soon, m.live, s, l); err != nil {
		s.close()
		if m.bind.refused.refused(l) {
			m.lease.Refuse()
		}
		return nil, m.say(ctx, err)
	}
	return s, nil
}

// say puts system and lease into a failure that has a result, and whether the caller
// has left into one that has not.
func (m *material) say(ctx context.Context, err error) error {
	if failed, ok := errors.AsType[*auth.FailedError](err); ok {
		return m.failed(failed.Side, failed.Status)
	}
	return known(ctx, err)
}

func (m *material) failed(side error, status int) error {
	return &auth.FailedError{Side: side, System: m.system, Credential: m.lease.ID(), Status: status}
}
