package hashivault_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

const (
	login = "auth/approle/login"
	renew = "auth/token/renew-self"
)

func opened(t *testing.T, open func(context.Context) (*hashivault.Vault, error)) *hashivault.Vault {
	t.Helper()
	v, err := open(t.Context())
	must(t, err)
	return v
}

func read(t *testing.T, v *hashivault.Vault) error {
	t.Helper()
	_, err := v.Issue(t.Context(), "secret/app")
	return err
}

func counts(t *testing.T, h *vaulttest.Hashi, what string, logins, renewals, tokens int) {
	t.Helper()
	if l, r, n := h.Requests(login), h.Requests(renew), h.Tokens(); l != logins || r != renewals || n != tokens {
		t.Errorf("%s: %d logins, %d renewals, %d tokens; want %d, %d, %d", what, l, r, n, logins, renewals, tokens)
	}
}

// TestRenewedBeforeItEnds: when less than a third is left, and replaced where that is not
// enough.
func TestRenewedBeforeItEnds(t *testing.T) {
	bubble(t, 30*time.Second, 70*time.Second, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		time.Sleep(19 * time.Second)
		must(t, read(t, v))
		counts(t, h, "two thirds are not over", 1, 0, 1)
		time.Sleep(2 * time.Second) // 21
		must(t, read(t, v))
		counts(t, h, "renewed", 1, 1, 1)
		time.Sleep(21 * time.Second) // 42, to 70: capped at 28
		must(t, read(t, v))
		counts(t, h, "renewed once more", 1, 2, 1)
		time.Sleep(20 * time.Second) // 62, and only 8 can be had
		must(t, read(t, v))
		synctest.Wait()
		counts(t, h, "replaced, and the old one revoked", 2, 3, 1)
	})
}

// TestDeadLoginIsReplaced: nobody called for longer than it lived.
func TestDeadLoginIsReplaced(t *testing.T) {
	bubble(t, 30*time.Second, 70*time.Second, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		time.Sleep(time.Hour)
		must(t, read(t, v))
		counts(t, h, "dead", 2, 0, 1)
	})
}

// TestLeasesKeepTheirLogin: a replaced login is revoked when its last lease has been given
// back, not before.
func TestLeasesKeepTheirLogin(t *testing.T) {
	bubble(t, 30*time.Second, 31*time.Second, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		issued, err := v.Issue(t.Context(), "database/creds/ro")
		must(t, err)
		if issued.ParentTTL != 30*time.Second || issued.TTL != time.Hour {
			t.Errorf("TTL %v, of the login %v", issued.TTL, issued.ParentTTL)
		}
		time.Sleep(25 * time.Second)
		must(t, read(t, v))
		synctest.Wait()
		counts(t, h, "replaced", 2, 1, 2)
		ttl, err := v.Renew(t.Context(), issued.ID, time.Hour)
		if err != nil || ttl != 6*time.Second {
			t.Errorf("renewed for %v under a login that has 6 s: %v", ttl, err)
		}
		must(t, v.Revoke(t.Context(), issued.ID))
		synctest.Wait()
		if h.Tokens() != 1 || h.Leases() != 0 {
			t.Errorf("%d tokens, %d leases", h.Tokens(), h.Leases())
		}
	})
}

// TestRenewRenewsTheLogin: a lease cannot outlive it.
func TestRenewRenewsTheLogin(t *testing.T) {
	bubble(t, time.Minute, time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		issued, err := v.Issue(t.Context(), "database/creds/ro")
		must(t, err)
		time.Sleep(25 * time.Second)
		if ttl, err := v.Renew(t.Context(), issued.ID, 50*time.Second); err != nil || ttl != 50*time.Second {
			t.Errorf("renewed for %v: %v", ttl, err)
		}
		counts(t, h, "with its login", 1, 1, 1)
		if ttl, err := v.Renew(t.Context(), issued.ID, 0); err != nil || ttl != time.Minute {
			t.Errorf("renewed for %v: %v", ttl, err)
		}
		time.Sleep(2 * time.Minute) // login and lease are dead
		if _, err := v.Renew(t.Context(), issued.ID, time.Minute); !errors.Is(err, auth.ErrUndeclared) {
			t.Errorf("a lease whose login has died: %v", err)
		}
	})
}

// TestServerIsDownAtRenewal: the login that is alive goes on being used.
func TestServerIsDownAtRenewal(t *testing.T) {
	bubble(t, 30*time.Second, time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		h.Fail(renew, 1, vaulttest.Fault{Status: 500})
		h.Fail(login, 1, vaulttest.Fault{Status: 500})
		time.Sleep(25 * time.Second)
		for range 10 {
			must(t, read(t, v))
		}
		counts(t, h, "one attempt", 2, 1, 1)
		time.Sleep(2 * time.Second)
		must(t, read(t, v))
		counts(t, h, "and one more, later", 2, 2, 1)
	})
}

// TestRefusedLoginIsNotRepeated, whoever comes next: it would lock the account.
func TestRefusedLoginIsNotRepeated(t *testing.T) {
	bubble(t, 30*time.Second, time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		time.Sleep(time.Minute)
		h.Fail(login, 1, vaulttest.Fault{Status: 400})
		for range 50 {
			if err := read(t, v); !errors.Is(err, auth.ErrDenied) {
				t.Fatalf("got %v", err)
			}
		}
		counts(t, h, "refused", 2, 0, 0)
		time.Sleep(31 * time.Second)
		must(t, read(t, v))
		counts(t, h, "half a minute later", 3, 0, 1)
	})
}

// TestLateLoginIsRevoked: it comes when everybody has been sent away, or has left.
func TestLateLoginIsRevoked(t *testing.T) {
	for name, within := range map[string]time.Duration{"sent away": time.Hour, "left": time.Second} {
		t.Run(name, func(t *testing.T) {
			bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
				v := opened(t, open)
				h.RevokeTokens()
				h.Fail(login, 1, vaulttest.Fault{Delay: 15 * time.Second})
				ctx, cancel := context.WithTimeout(t.Context(), within)
				defer cancel()
				if _, err := v.Issue(ctx, "secret/app"); !errors.Is(err, auth.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
				time.Sleep(time.Minute)
				if n := h.Tokens(); n != 0 {
					t.Errorf("%d tokens are left", n)
				}
				must(t, read(t, v))
			})
		})
	}
}

// TestLateLoginAfterClose: v was closed while it logged in.
func TestLateLoginAfterClose(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		h.RevokeTokens()
		h.Fail(login, 1, vaulttest.Fault{Delay: 5 * time.Second})
		done := make(chan error)
		go func() { done <- read(t, v) }()
		time.Sleep(time.Second)
		must(t, v.Close(t.Context()))
		if err := <-done; !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		if n := h.Tokens(); n != 0 {
			t.Errorf("%d tokens are left", n)
		}
		if err := read(t, v); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("closed: %v", err)
		}
	})
}

// TestNewThatNobodyWaitsFor leaves no login behind.
func TestNewThatNobodyWaitsFor(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		must(t, v.Close(t.Context()))
		h.Fail(login, 1, vaulttest.Fault{Delay: 5 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := open(ctx)
		if !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Minute)
		if n := h.Tokens(); n != 0 {
			t.Errorf("%d tokens are left", n)
		}
	})
}

// TestManyWaitForOneLogin, each as long as its own context lasts.
func TestManyWaitForOneLogin(t *testing.T) {
	bubble(t, time.Hour, 24*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		h.RevokeTokens()
		time.Sleep(2 * time.Hour)
		h.Fail(login, 1, vaulttest.Fault{Delay: 5 * time.Second})
		began := time.Now()
		first, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := v.Issue(first, "secret/app"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("the first, after %v: %v", time.Since(began), err)
			}
		})
		var good atomic.Int32
		for range 100 {
			wg.Go(func() {
				if read(t, v) == nil {
					good.Add(1)
				}
			})
		}
		wg.Wait()
		if good.Load() != 100 {
			t.Errorf("%d got it", good.Load())
		}
		counts(t, h, "of all", 2, 0, 1)
	})
}

// TestUnknownLoginIsMadeOnceMore: an operator has revoked it.
func TestUnknownLoginIsMadeOnceMore(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.RevokeTokens()
	must(t, read(t, v))
	counts(t, h, "revoked", 2, 0, 1)
	if n := h.Requests("secret/data/app"); n != 2 {
		t.Errorf("%d requests", n)
	}
	// A server that knows no login at all is asked twice, not for ever.
	h.Fail("secret/data/app", 9, vaulttest.Fault{Status: 403})
	h.Fail("auth/token/lookup-self", 9, vaulttest.Fault{Status: 403})
	if err := read(t, v); err != auth.ErrDenied {
		t.Errorf("got %v", err)
	}
	if l, n := h.Requests(login), h.Requests("secret/data/app"); l != 3 || n != 4 {
		t.Errorf("%d logins, %d requests", l, n)
	}
}

// TestDeniedIsFinal: the login is known, so the refusal is about the path.
func TestDeniedIsFinal(t *testing.T) {
	h := vaulttest.NewHashi(t)
	id := h.AppRole("app", 0, 0, "secret/app")
	h.Put("secret/other", map[string]string{"k": "v"})
	v := dial(t, h, hashivault.Login{RoleID: id, SecretID: secret(h.SecretID("app"))}, hashivault.Options{})
	for range 10 {
		if _, err := v.Issue(t.Context(), "secret/other"); err != auth.ErrDenied {
			t.Errorf("got %v", err)
		}
	}
	counts(t, h, "denied", 1, 0, 1)
	if n := h.Requests("secret/data/other"); n != 10 {
		t.Errorf("%d requests of 10 calls", n)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.DatabaseRole("ro", time.Hour, time.Hour)
	var ids []string
	for range 3 {
		issued, err := v.Issue(t.Context(), "database/creds/ro")
		must(t, err)
		ids = append(ids, issued.ID)
	}
	if h.Leases() != 3 {
		t.Fatalf("%d leases", h.Leases())
	}
	for range 2 {
		must(t, v.Close(t.Context()))
	}
	if h.Tokens() != 0 || h.Leases() != 0 {
		t.Errorf("%d tokens, %d leases", h.Tokens(), h.Leases())
	}
	must(t, v.Revoke(t.Context(), ids[0])) // it is gone, and that is no error
	_, err := v.Renew(t.Context(), ids[0], time.Hour)
	for name, err := range map[string]error{"Issue": read(t, v), "Check": v.Check(), "Renew": err, "dynamic": second(v.Issue(t.Context(), "database/creds/ro"))} {
		if !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestCloseIsTakenUp by another one, where the server was down.
func TestCloseIsTakenUp(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.Fail("auth/token/revoke-self", 1, vaulttest.Fault{Status: 500})
	if err := v.Close(t.Context()); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := v.Revoke(t.Context(), "database/creds/ro/x"); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("nobody knows that it is gone: %v", err)
	}
	must(t, v.Close(t.Context()))
	if n := h.Tokens(); n != 0 {
		t.Errorf("%d tokens", n)
	}
}

func TestCloseIsBounded(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.Fail("auth/token/revoke-self", 1, vaulttest.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := v.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

func TestCheck(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	must(t, v.Check())
	h.Seal()
	if err := v.Check(); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("sealed: %v", err)
	}
	if err := read(t, v); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("sealed: %v", err)
	}
	h.Unseal()
	must(t, v.Check())
	h.Fail("sys/health", 1, vaulttest.Fault{Reset: true})
	if err := v.Check(); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("reset: %v", err)
	}
}

// TestZeroRefuses, and nil too.
func TestZeroRefuses(t *testing.T) {
	for name, v := range map[string]*hashivault.Vault{"nil": nil, "zero": new(hashivault.Vault)} {
		ctx := t.Context()
		_, _, err := v.DataKey(ctx, "k")
		for call, err := range map[string]error{
			"Issue": second(v.Issue(ctx, "secret/app")), "Renew": second(v.Renew(ctx, "x", 1)), "Revoke": v.Revoke(ctx, "x"), "Check": v.Check(),
			"Signer": second(v.Signer(ctx, "k", 0)), "DataKey": err, "OpenDataKey": second(v.OpenDataKey(ctx, "k", "vault:v1:aaaa")),
			"Capabilities": second(v.Capabilities(ctx, []string{"secret/app"})),
		} {
			if err != auth.ErrUndeclared {
				t.Errorf("%s of %s: %v", call, name, err)
			}
		}
		must(t, v.Close(ctx))
	}
}

// TestPanickingSource is what nobody knows.
func TestPanickingSource(t *testing.T) {
	s, o := stub(t, map[string]http.HandlerFunc{"/v1/auth/jwt/login": ok(loggedIn)})
	_, err := hashivault.New(t.Context(), s.URL, hashivault.Login{JWT: panics{}, Role: "app"}, &o)
	if !errors.Is(err, auth.ErrUnknown) || strings.Contains(err.Error(), "c4n4ry") {
		t.Errorf("got %v", err)
	}
}

type panics struct{}

func (panics) Token(context.Context) (auth.Secret, error) { panic("c4n4ry") }

// TestLoginWithoutAnEnd is never renewed, and nothing dies with it.
func TestLoginWithoutAnEnd(t *testing.T) {
	v := stubbed(t, map[string]http.HandlerFunc{
		loginPath:               ok(`{"auth":{"client_token":"hvs.stub","lease_duration":0,"renewable":false}}`),
		"/v1/database/creds/ro": ok(`{"lease_id":"x","lease_duration":60,"data":{"username":"u"}}`),
		"/v1/sys/leases/renew":  ok(`{"lease_id":"x","lease_duration":60}`),
		"/v1/sys/leases/revoke": say(204, jsonType, ""),
	})
	issued, err := v.Issue(t.Context(), "database/creds/ro")
	if err != nil || issued.ParentTTL != 0 || issued.TTL != time.Minute {
		t.Errorf("%+v, %v", issued, err)
	}
	if ttl, err := v.Renew(t.Context(), "x", time.Hour); err != nil || ttl != time.Minute {
		t.Errorf("%v, %v", ttl, err)
	}
}

// TestEndedLeasesAreForgotten: nobody gives them back.
func TestEndedLeasesAreForgotten(t *testing.T) {
	bubble(t, 24*time.Hour, 48*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		for range 3 {
			for range 60 {
				if _, err := v.Issue(t.Context(), "database/creds/ro"); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(2 * time.Hour)
		}
		if n := v.Lent(); n > 130 {
			t.Errorf("%d leases are noted", n)
		}
	})
}

// TestHangingServer: who has no deadline is sent away, without a context's error.
func TestHangingServer(t *testing.T) {
	bubble(t, time.Hour, 48*time.Hour, func(t *testing.T, h *vaulttest.Hashi, open func(context.Context) (*hashivault.Vault, error)) {
		v := opened(t, open)
		h.Fail("*", 2, vaulttest.Fault{Delay: time.Hour})
		for _, path := range []string{"secret/app", "database/creds/ro"} {
			began := time.Now()
			if _, err := v.Issue(context.Background(), path); err != auth.ErrUnavailable || time.Since(began) > time.Minute {
				t.Errorf("%s, after %v: %v", path, time.Since(began), err)
			}
		}
		h.RevokeTokens()
		h.Fail(login, 2, vaulttest.Fault{Delay: time.Hour})
		for range 2 {
			if _, err := v.Issue(context.Background(), "secret/app"); err != auth.ErrUnavailable {
				t.Errorf("login: %v", err)
			}
		}
	})
}
