package hashivault_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

const (
	revokeSelf = "auth/token/revoke-self"
	lookupSelf = "auth/token/lookup-self"
)

// mistaken lets the server not know a login once, that it knows, as one that has not
// caught up.
func mistaken(t *testing.T, h *vaulttest.Hashi, v *hashivault.Vault) {
	t.Helper()
	h.Fail("secret/data/app", 1, vaulttest.Fault{Status: 403})
	h.Fail(lookupSelf, 1, vaulttest.Fault{Status: 403})
	must(t, read(t, v))
	synctest.Wait()
}

// TestSpentLoginIsRevoked: that it is not known was a mistake, and with it its leases live.
func TestSpentLoginIsRevoked(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		mistaken(t, h, v)
		counts(t, h, "replaced", 2, 0, 1)
		issued, err := v.Issue(t.Context(), "database/creds/ro")
		must(t, err)
		_, err = v.Issue(t.Context(), "database/creds/ro")
		must(t, err)
		mistaken(t, h, v)
		counts(t, h, "leases depend on it", 3, 0, 2)
		must(t, v.Revoke(t.Context(), issued.ID))
		counts(t, h, "one does", 3, 0, 2)
		must(t, v.Close(t.Context()))
		if h.Tokens() != 0 || h.Leases() != 0 {
			t.Errorf("%d tokens, %d leases", h.Tokens(), h.Leases())
		}
	})
}

// TestEndedLoginIsRevoked: by the server's clock it has not ended.
func TestEndedLoginIsRevoked(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		v.Age(2 * time.Hour)
		must(t, read(t, v))
		synctest.Wait()
		counts(t, h, "replaced", 2, 0, 1)
	})
}

// TestFailedWithdrawalIsTakenUp by Close.
func TestFailedWithdrawalIsTakenUp(t *testing.T) {
	for name, fault := range map[string]vaulttest.Fault{"503": {Status: 503}, "reset": {Reset: true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
				v := opened(t, open)
				v.Age(2 * time.Hour)
				h.Fail(revokeSelf, 1, fault)
				must(t, read(t, v))
				time.Sleep(time.Minute)
				counts(t, h, "it is left", 2, 0, 2)
				must(t, read(t, v))
				if n := h.Requests(revokeSelf); n != 1 {
					t.Errorf("tried %d times before Close", n)
				}
				h.Fail(revokeSelf, 2, vaulttest.Fault{Status: 503})
				if err := v.Close(t.Context()); !errors.Is(err, auth.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
				if err := v.Revoke(t.Context(), "database/creds/ro/x"); !errors.Is(err, auth.ErrUnavailable) {
					t.Errorf("nobody knows that it is gone: %v", err)
				}
				must(t, v.Close(t.Context()))
				counts(t, h, "closed", 2, 0, 0)
				must(t, v.Revoke(t.Context(), "database/creds/ro/x"))
			})
		})
	}
}

// TestUndoneAreBounded: where 1000 logins are left, one has to be revoked before there is
// another.
func TestUndoneAreBounded(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		taken := v.Leave(999)
		h.Fail(revokeSelf, 2, vaulttest.Fault{Status: 503})
		v.Age(2 * time.Hour)
		must(t, read(t, v))
		synctest.Wait()
		counts(t, h, "the last one", 2, 0, 2)
		v.Age(2 * time.Hour)
		for range 10 {
			if err := read(t, v); !errors.Is(err, auth.ErrUnavailable) {
				t.Fatalf("one more: %v", err)
			}
		}
		counts(t, h, "none more", 2, 0, 2)
		if n := h.Requests(revokeSelf); n != 2 {
			t.Errorf("%d revocations, want one more", n)
		}
		time.Sleep(time.Second) // one is tried again
		must(t, read(t, v))
		synctest.Wait()
		if n := v.Undone(); n != 999 {
			t.Errorf("%d are left", n)
		}
		taken()
		must(t, v.Close(t.Context()))
		counts(t, h, "closed", 3, 0, 0)
	})
}

// TestUndoneIsForgottenWhenOver, and not before: a renewal whose answer was lost may have
// given it another life.
func TestUndoneIsForgottenWhenOver(t *testing.T) {
	bubble(t, 5*time.Minute, 6*time.Minute, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		h.Fail(revokeSelf, 1, vaulttest.Fault{Status: 503})
		for i, want := range []int{1, 1, 0} {
			time.Sleep(5 * time.Minute) // the login has ended, and there is another
			must(t, read(t, v))
			synctest.Wait()
			if n := v.Undone(); n != want {
				t.Errorf("after %d lives: %d are left, want %d", i+1, n, want)
			}
		}
	})
}

// TestOverAfterTheLongestLife: a lost renewal may have given it that, also where the role gave
// less at first.
func TestOverAfterTheLongestLife(t *testing.T) {
	for _, tt := range []struct {
		life, longest, ago time.Duration
		want               bool
	}{
		{5 * time.Minute, time.Hour, 30 * time.Minute, false},
		{5 * time.Minute, time.Hour, 62 * time.Minute, true},
		{time.Hour, time.Hour, 30 * time.Minute, false},
		{0, 0, 1000 * time.Hour, false}, // it has no end
	} {
		if got := hashivault.Over(tt.life, tt.longest, tt.ago); got != tt.want {
			t.Errorf("%v, once %v, %v ago: over %t", tt.life, tt.longest, tt.ago, got)
		}
	}
}

// TestWithdrawalFailsWhileClosing: Close has waited for it, and takes it up itself.
func TestWithdrawalFailsWhileClosing(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		v.Age(2 * time.Hour)
		h.Fail(revokeSelf, 1, vaulttest.Fault{Delay: time.Hour})
		must(t, read(t, v))
		time.Sleep(time.Second)
		must(t, v.Close(t.Context()))
		if n := h.Requests(revokeSelf); n != 3 {
			t.Errorf("%d revocations: of both logins, and once more of the first", n)
		}
	})
}

// TestRefusedLoginIsTakenUp: it came too late, and could not be revoked at once.
func TestRefusedLoginIsTakenUp(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		h.RevokeTokens()
		h.Fail(login, 1, vaulttest.Fault{Delay: 15 * time.Second})
		h.Fail(revokeSelf, 1, vaulttest.Fault{Status: 503})
		if err := read(t, v); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Minute)
		counts(t, h, "late", 2, 0, 1)
		must(t, v.Close(t.Context()))
		counts(t, h, "closed", 2, 0, 0)
	})
}

// TestLoginMayNotRevokeItself: it is known, so it is not gone.
func TestLoginMayNotRevokeItself(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.Fail(revokeSelf, 1, vaulttest.Fault{Status: 403})
	if err := v.Close(t.Context()); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("got %v", err)
	}
	must(t, v.Close(t.Context()))
	if n := h.Tokens(); n != 0 {
		t.Errorf("%d tokens", n)
	}
	h, v = logged(t, hashivault.Options{})
	h.RevokeTokens()
	must(t, v.Close(t.Context())) // gone, and that is no error
}

// TestRevokeWhileClosing: as long as Close is under way, a lease may be there.
func TestRevokeWhileClosing(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		issued, err := v.Issue(t.Context(), "database/creds/ro")
		must(t, err)
		h.Fail(revokeSelf, 1, vaulttest.Fault{Delay: 5 * time.Second})
		done := make(chan error)
		go func() { done <- v.Close(t.Context()) }()
		time.Sleep(time.Second)
		if err := v.Revoke(t.Context(), issued.ID); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("Close is under way: %v", err)
		}
		must(t, <-done)
		must(t, v.Revoke(t.Context(), issued.ID))
	})
}

// TestEndedLeasesFreeTheirLogin: nobody gives them back.
func TestEndedLeasesFreeTheirLogin(t *testing.T) {
	bubble(t, 30*time.Second, 31*time.Second, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		h.DatabaseRole("short", 20*time.Second, 20*time.Second)
		_, err := v.Issue(t.Context(), "database/creds/short")
		must(t, err)
		time.Sleep(25 * time.Second)
		must(t, read(t, v))
		synctest.Wait()
		counts(t, h, "replaced", 2, 1, 1)
	})
}

// TestLostLeaseFreesItsLogin: a renewal finds that it is gone.
func TestLostLeaseFreesItsLogin(t *testing.T) {
	bubble(t, 30*time.Second, 31*time.Second, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		issued, err := v.Issue(t.Context(), "database/creds/ro")
		must(t, err)
		time.Sleep(25 * time.Second)
		must(t, read(t, v))
		must(t, v.Raw(t.Context(), http.MethodPost, "sys/leases/revoke", map[string]any{"lease_id": issued.ID}))
		counts(t, h, "replaced", 2, 1, 2)
		if _, err := v.Renew(t.Context(), issued.ID, time.Second); err != auth.ErrUndeclared {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		counts(t, h, "freed", 2, 1, 1)
	})
}

// leaving is a context that ends after a second, and whose second look at why takes long.
type leaving struct {
	context.Context
	looks atomic.Int32
}

func (c *leaving) Err() error {
	err := c.Context.Err()
	if err != nil && c.looks.Add(1) == 2 {
		time.Sleep(20 * time.Second)
	}
	return err
}

// TestNewLeavesAsTheLoginComes: it is installed after New has looked for it.
func TestNewLeavesAsTheLoginComes(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		h.Fail(login, 1, vaulttest.Fault{Delay: 5 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := open(&leaving{Context: ctx}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		counts(t, h, "left", 1, 0, 0)
	})
}

// TestThrottledLoginRests as long as the server says, but not for ever.
func TestThrottledLoginRests(t *testing.T) {
	for after, rest := range map[string]time.Duration{"60": time.Minute, "86400": 5 * time.Minute, "": time.Second} {
		t.Run(after, func(t *testing.T) {
			bubble(t, 30*time.Second, time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
				v := opened(t, open)
				time.Sleep(time.Minute)
				h.Fail(login, 1, vaulttest.Fault{Status: 429, Headers: http.Header{"Retry-After": {after}}})
				began := time.Now()
				for time.Since(began) < rest {
					if err := read(t, v); !errors.Is(err, auth.ErrThrottled) {
						t.Fatalf("after %v: %v", time.Since(began), err)
					}
					time.Sleep(rest / 4)
				}
				must(t, read(t, v))
				counts(t, h, "rested", 3, 0, 1)
			})
		})
	}
}
