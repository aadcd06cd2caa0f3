package hashivault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// mostUndone is how many logins may be left that could not be revoked.
const mostUndone = 1000

// withdrawSoon does not wait for it. The caller holds mu.
func (v *Vault) withdrawSoon(s *session) {
	v.undone[s] = true
	v.tasks.Go(func() { v.withdraw(s) })
}

// withdraw revokes a login, and with it its leases. Where that fails, Close takes it up.
func (v *Vault) withdraw(s *session) {
	v.mu.Lock()
	v.undone[s] = true
	v.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), revokeWithin)
	defer cancel()
	err := v.revokeSelf(ctx, s)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.undone[s] = false; err == nil {
		delete(v.undone, s)
	}
}

func (v *Vault) revokeSelf(ctx context.Context, s *session) error {
	a, err := v.client.do(ctx, s.token, request{method: http.MethodPost, path: "auth/token/revoke-self", body: struct{}{}})
	if err != nil {
		return err
	}
	a.body.wipe()
	if err = a.side(); errors.Is(err, auth.ErrDenied) && !v.knows(ctx, s) {
		return nil // it is no login any more
	}
	return err
}

// room says whether there may be one more login: each may be left, and all that are left
// live on the server. Where there are too many, one has to be revoked first.
func (v *Vault) room() error {
	s, full := v.oneOfTooMany()
	if s != nil {
		v.withdraw(s)
		_, full = v.oneOfTooMany()
	}
	if full {
		return errUndone
	}
	return nil
}

// oneOfTooMany forgets the logins that are over, and is one of those that are left, where
// these are too many; nil: all are being revoked.
func (v *Vault) oneOfTooMany() (one *session, full bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for s, underWay := range v.undone {
		switch {
		case underWay:
		case s.over():
			delete(v.undone, s)
		default:
			one = s
		}
	}
	if len(v.undone) < mostUndone {
		return nil, false
	}
	return one, true
}

// over says that the server has ended it by now, also where it has renewed it once more
// and the answer was lost.
func (s *session) over() bool {
	now, end := time.Now(), s.end.Add(s.longest+callWithin)
	return s.life > 0 && now.After(end) && now.Round(0).After(end.Round(0))
}
