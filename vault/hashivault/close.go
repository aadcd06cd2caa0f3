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
	err := v.end(ctx)
	idle := make(chan struct{})
	go func() {
		v.tasks.Wait()
		v.client.transport.CloseIdleConnections()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		err = errors.Join(err, silent(ctx))
	}
	return err
}

// end revokes the logins that are left.
func (v *Vault) end(ctx context.Context) error {
	var errs []error
	for {
		v.mu.Lock()
		var next *session
		for s := range v.old {
			next = s
			break
		}
		delete(v.old, next)
		v.mu.Unlock()
		if next == nil {
			break
		}
		if err := v.revokeSelf(ctx, next); err != nil {
			errs = append(errs, err)
			defer func() {
				v.mu.Lock()
				defer v.mu.Unlock()
				v.old[next] = true
			}()
		}
	}
	return errors.Join(errs...)
}

// ended says that all logins are revoked, and with them all leases.
func (v *Vault) ended() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.closed && v.current == nil && len(v.old) == 0
}
