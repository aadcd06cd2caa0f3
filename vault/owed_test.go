package vault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
)

// TestFailedRevocationIsTriedAgain, with growing waits and not for ever, where the backend
// may take it later, and not after it has said no.
func TestFailedRevocationIsTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fails []error // in turn; then none
		after time.Duration
		calls int
		story []string
	}{
		"denied":    {[]error{auth.ErrDenied}, time.Hour, 1, []string{"vault.revoke 2 denied"}},
		"invalid":   {[]error{auth.ErrInvalid}, time.Hour, 1, []string{"vault.revoke 2 invalid"}},
		"down":      {[]error{auth.ErrUnavailable, auth.ErrUnavailable}, time.Hour, 3, []string{"vault.revoke 2 unavailable", "vault.revoke 2 unavailable", "vault.revoke 1"}},
		"unknown":   {[]error{errQuotes}, 3 * time.Second, 2, []string{"vault.revoke 2 unknown", "vault.revoke 1"}},
		"too early": {[]error{auth.ErrUnavailable}, 999 * time.Millisecond, 1, []string{"vault.revoke 2 unavailable"}},
		"asks for time": {[]error{&auth.FailedError{Side: auth.ErrThrottled, RetryAfter: 20 * time.Second}}, 19 * time.Second, 1,
			[]string{"vault.revoke 2 throttled"}},
		"asks for a year": {[]error{&auth.FailedError{Side: auth.ErrThrottled, RetryAfter: 365 * 24 * time.Hour}}, time.Hour, 2,
			[]string{"vault.revoke 2 throttled", "vault.revoke 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := gate(t)
				b := &backend{}
				b.revoke = func(context.Context, string) error {
					if _, all := b.calls(); len(all) <= len(c.fails) {
						return fmt.Errorf("%w: %s", c.fails[len(all)-1], canary)
					}
					return nil
				}
				v := open(t, g.Log(), b, nil)
				lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
				if err != nil {
					t.Fatal(err)
				}
				if err := lease.Close(t.Context()); err == nil {
					t.Error("taken")
				}
				time.Sleep(c.after)
				synctest.Wait()
				if _, all := b.calls(); len(all) != c.calls {
					t.Errorf("revoked %q", all)
				}
				wantStory(t, g.Log(), append([]string{"vault.lease 1"}, c.story...)...)
			})
		})
	}
}

// TestRevocationIsGivenUp: a backend that stays away gets eight calls a lease, and Close has
// nothing left.
func TestRevocationIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		b := &backend{revoke: func(context.Context, string) error { return auth.ErrUnavailable }}
		v := open(t, g.Log(), b, nil)
		lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
		if err != nil {
			t.Fatal(err)
		}
		_ = lease.Close(t.Context())
		time.Sleep(time.Hour)
		if err := v.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, all := b.calls(); len(all) != 8 {
			t.Errorf("revoked %d times", len(all))
		}
	})
}

// TestCloseTriesOwed at once and once, within its context, and says what became of it.
func TestCloseTriesOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		down := true
		b := &backend{revoke: func(context.Context, string) error {
			if down {
				return auth.ErrUnavailable
			}
			return nil
		}}
		v := open(t, g.Log(), b, nil)
		grant := authtest.Grant(t, g, read)
		for range 2 {
			lease, err := v.Lease(t.Context(), grant, path)
			if err != nil {
				t.Fatal(err)
			}
			_ = lease.Close(t.Context())
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := v.Close(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("without time: %v", err)
		}
		synctest.Wait()
		if _, all := b.calls(); len(all) != 2 {
			t.Errorf("revoked %q without time", all)
		}
		down = false
		if err := v.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		time.Sleep(time.Hour)
		if _, all := b.calls(); len(all) != 4 {
			t.Errorf("revoked %q", all)
		}
	})
}

// TestFreezeWhileTheBackendIsDown: what is lent ends here at once, and there when it is back.
func TestFreezeWhileTheBackendIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t)
		back := time.Now().Add(2500 * time.Millisecond)
		b := &backend{revoke: func(context.Context, string) error {
			if time.Now().Before(back) {
				return auth.ErrUnavailable
			}
			return nil
		}}
		v := open(t, g.Log(), b, nil)
		under, freeze := context.WithCancel(t.Context())
		if err := v.Follow(func() context.Context { return under }); err != nil {
			t.Fatal(err)
		}
		lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
		if err != nil {
			t.Fatal(err)
		}
		freeze()
		synctest.Wait()
		if _, err := lease.Secret("key"); err != auth.ErrExpired {
			t.Errorf("frozen, and %v", err)
		}
		time.Sleep(time.Hour)
		wantStory(t, g.Log(), "vault.lease 1", "vault.revoke 2 unavailable", "vault.revoke 2 unavailable", "vault.revoke 1")
	})
}
