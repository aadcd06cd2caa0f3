package hashivault

import (
	"context"
	"errors"
)

// Close revokes the login, which revokes all that was issued under it, and waits for what
// is under way. What ctx leaves no time for, another Close takes up; with nothing left,
// that does nothing.
func (v *Vault) Close(ctx context.Context) error {
	if v.zero() {
		return nil
	}
	v.mu.Lock()
	v.closed = true
	if v.current != nil {
		v.old[v.current] = true
		v.current = nil
	}
	v.mu.Unlock()
	tried := map[*session]bool{}
	err := v.end(ctx, tried)
	idle := make(chan struct{})
	go func() {
		v.tasks.Wait()
		v.client.transport.CloseIdleConnections()
		close(idle)
	}()
	select {
	case <-idle:
		err = errors.Join(err, v.end(ctx, tried)) // what has failed meanwhile
		v.client.transport.CloseIdleConnections()
	case <-ctx.Done():
		err = errors.Join(err, silent(ctx))
	}
	return err
}

// end revokes the logins that are left, but those that were tried. What fails stays.
func (v *Vault) end(ctx context.Context, tried map[*session]bool) error {
	var errs []error
	for _, s := range v.left(tried) {
		tried[s] = true
		if err := v.revokeSelf(ctx, s); err != nil {
			errs = append(errs, err)
			continue
		}
		v.mu.Lock()
		delete(v.old, s)
		delete(v.undone, s)
		v.mu.Unlock()
	}
	return errors.Join(errs...)
}

func (v *Vault) left(but map[*session]bool) (all []*session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for s := range v.old {
		if !but[s] {
			all = append(all, s)
		}
	}
	for s, underWay := range v.undone {
		if !underWay && !but[s] {
			all = append(all, s)
		}
	}
	return all
}

// abandon closes a Vault that nobody gets: a login that has just come is revoked, and one
// that comes now is when it comes.
func (v *Vault) abandon() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	if v.current != nil {
		v.withdrawSoon(v.current)
		v.current = nil
	}
}

// ended says that all logins are revoked, and with them all leases.
func (v *Vault) ended() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.closed && v.current == nil && len(v.old)+len(v.undone) == 0
}
