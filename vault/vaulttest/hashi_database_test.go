package vaulttest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

var errRefused = errors.New("the database refuses")

func TestDatabaseLogin(t *testing.T) {
	inTime(t, func(d *desk) {
		made := d.call(http.MethodGet, "database/creds/ro", "")
		d.want("made", 1, 1)
		if name := made.username(); made.Status != http.StatusOK || d.rows.role != "ro" || d.rows.left(name) != 4*time.Second || !strings.HasPrefix(name, "v-approle-ro-") {
			t.Errorf("%d, role %q, %v of %q", made.Status, d.rows.role, d.rows.left(name), name)
		}
		time.Sleep(3 * time.Second)
		if a := d.post("sys/leases/renew", lease(made)); a.Status != http.StatusOK || a.Duration != 4 || d.rows.left(made.username()) != 4*time.Second {
			t.Errorf("renewed: %d %q, %d s, %v in the database", a.Status, a.Errors, a.Duration, d.rows.left(made.username()))
		}
		if a := d.post("sys/leases/revoke", atOnce(made)); a.Status != http.StatusNoContent {
			t.Errorf("revoked: %d %q", a.Status, a.Errors)
		}
		d.want("revoked", 0, 0)
	})
}

// TestDatabaseLoginEnds with its lease, or its token, whoever ends that. Nobody has to call.
func TestDatabaseLoginEnds(t *testing.T) {
	for name, end := range map[string]func(d *desk, made answered){
		"end of the lease":   func(*desk, answered) { time.Sleep(4 * time.Second) },
		"clock":              func(d *desk, _ answered) { d.Advance(4 * time.Second) },
		"revoke":             func(d *desk, made answered) { d.post("sys/leases/revoke", lease(made)) },
		"revoke-self":        func(d *desk, _ answered) { d.post("auth/token/revoke-self", "") },
		"revoked by another": func(d *desk, _ answered) { d.RevokeTokens() },
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(d *desk) {
				made := d.call(http.MethodGet, "database/creds/ro", "")
				d.want("made", 1, 1)
				end(d, made)
				d.want("ended", 0, 0)
			})
		})
	}
}

// TestDatabaseRefusesToCreate: there is no lease of what was not made.
func TestDatabaseRefusesToCreate(t *testing.T) {
	inTime(t, func(d *desk) {
		d.rows.refuse(errRefused)
		if a := d.call(http.MethodGet, "database/creds/ro", ""); !a.says(http.StatusInternalServerError, "1 error occurred:") || a.LeaseID != "" {
			t.Errorf("%d %q", a.Status, a.Errors)
		}
		d.want("refused", 0, 0)
	})
}

// TestDatabaseRefusesToExtend: the lease ends when it would have.
func TestDatabaseRefusesToExtend(t *testing.T) {
	inTime(t, func(d *desk) {
		made := d.call(http.MethodGet, "database/creds/ro", "")
		d.rows.refuse(errRefused)
		if a := d.post("sys/leases/renew", lease(made)); !a.says(http.StatusBadRequest, "failed to renew entry: ") {
			t.Errorf("%d %q", a.Status, a.Errors)
		}
		d.rows.refuse(nil)
		time.Sleep(4 * time.Second)
		d.want("ended", 0, 0)
	})
}

// TestDatabaseRefusesToDrop: the lease stays, and can be revoked later.
func TestDatabaseRefusesToDrop(t *testing.T) {
	inTime(t, func(d *desk) {
		made := d.call(http.MethodGet, "database/creds/ro", "")
		d.rows.refuse(errRefused)
		if a := d.post("sys/leases/revoke", atOnce(made)); !a.says(http.StatusBadRequest, "failed to revoke entry: ") {
			t.Errorf("%d %q", a.Status, a.Errors)
		}
		d.want("refused", 1, 1)
		if a := d.post("sys/leases/lookup", lease(made)); a.Status != http.StatusOK {
			t.Errorf("looked up: %d %q", a.Status, a.Errors)
		}
		d.rows.refuse(nil)
		d.post("sys/leases/revoke", atOnce(made))
		d.want("revoked", 0, 0)
	})
}

// TestDropIsTriedAgain, and until then the lease that has ended is not gone.
func TestDropIsTriedAgain(t *testing.T) {
	for name, how := range map[string]struct{ fail, mend func(d *desk) }{
		"refused": {func(d *desk) { d.rows.refuse(errRefused) }, func(d *desk) { d.rows.refuse(nil) }},
		"broken":  {func(d *desk) { d.Break() }, func(d *desk) { d.Mend() }},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(d *desk) {
				made := d.call(http.MethodGet, "database/creds/ro", "")
				how.fail(d)
				time.Sleep(5 * time.Second)
				d.want("not dropped", 1, 0)
				for call, want := range map[string]int{"lookup": http.StatusOK, "renew": http.StatusBadRequest, "revoke": http.StatusBadRequest} {
					if a := d.post("sys/leases/"+call, atOnce(made)); a.Status != want {
						t.Errorf("%s: %d %q, want %d", call, a.Status, a.Errors, want)
					}
				}
				how.mend(d)
				time.Sleep(3 * time.Second)
				d.want("dropped", 0, 0)
				if a := d.post("sys/leases/lookup", lease(made)); !a.says(http.StatusBadRequest, "invalid lease") {
					t.Errorf("looked up: %d %q", a.Status, a.Errors)
				}
			})
		})
	}
}

// TestDropIsGivenUp after some times, and taken up by who mends.
func TestDropIsGivenUp(t *testing.T) {
	for name, how := range map[string]struct{ end, mend func(d *desk) }{
		"broken": {func(d *desk) { d.Break() }, func(d *desk) { d.Mend() }},
		"sealed": {func(d *desk) { d.Seal() }, func(d *desk) { d.Unseal() }},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(d *desk) {
				d.call(http.MethodGet, "database/creds/ro", "")
				how.end(d)
				time.Sleep(time.Hour)
				d.want("given up", 1, 0)
				how.mend(d)
				d.want("taken up", 0, 0)
			})
		})
	}
}

// TestRefusedDropsAreBounded: a database that is gone for good is not asked for ever.
func TestRefusedDropsAreBounded(t *testing.T) {
	inTime(t, func(d *desk) {
		d.call(http.MethodGet, "database/creds/ro", "")
		d.rows.refuse(errRefused)
		time.Sleep(24 * time.Hour)
		if n := d.rows.asked(); n < 3 || n > 12 {
			t.Errorf("%d calls", n)
		}
		d.rows.refuse(nil)
	})
}

// TestTokenEndsWhileALoginIsMade: nothing of it is left, and nobody gets it.
func TestTokenEndsWhileALoginIsMade(t *testing.T) {
	inTime(t, func(d *desk) {
		slow := make(chan struct{})
		d.rows.stand(slow)
		got := make(chan answered)
		go func() { got <- d.call(http.MethodGet, "database/creds/ro", "") }()
		synctest.Wait()
		d.RevokeTokens()
		close(slow)
		if a := <-got; a.Status != http.StatusInternalServerError || a.LeaseID != "" {
			t.Errorf("%d %q", a.Status, a.Errors)
		}
		d.want("dropped", 0, 0)
	})
}

// answersLate has extended a login before it says so.
type answersLate struct {
	*rows
	gate chan struct{}
}

func (a answersLate) Extend(ctx context.Context, username string, expires time.Time) error {
	err := a.rows.Extend(ctx, username, expires)
	<-a.gate
	return err
}

// TestLeaseEndsWhileItIsRenewed: there is none any more, and no login.
func TestLeaseEndsWhileItIsRenewed(t *testing.T) {
	inTime(t, func(d *desk) {
		gate := make(chan struct{})
		d.Database(answersLate{d.rows, gate})
		made := d.call(http.MethodGet, "database/creds/ro", "")
		got := make(chan answered)
		go func() { got <- d.post("sys/leases/renew", lease(made)) }()
		synctest.Wait()
		d.Advance(time.Hour)
		close(gate)
		if a := <-got; !a.says(http.StatusBadRequest, "lease not found") {
			t.Errorf("%d %q", a.Status, a.Errors)
		}
		d.want("ended", 0, 0)
	})
}

// TestSlowDatabaseHoldsNobody else: whatever it is asked.
func TestSlowDatabaseHoldsNobody(t *testing.T) {
	inTime(t, func(d *desk) {
		made := d.call(http.MethodGet, "database/creds/ro", "")
		d.rows.stand(make(chan struct{}))
		done := make(chan answered)
		for _, busy := range []func() answered{
			func() answered { return d.call(http.MethodGet, "database/creds/ro", "") },
			func() answered { return d.post("sys/leases/renew", lease(made)) },
			func() answered { return d.post("sys/leases/revoke", atOnce(made)) },
		} {
			go func() { done <- busy() }()
			synctest.Wait()
			began := time.Now()
			if a := d.call(http.MethodGet, "auth/token/lookup-self", ""); a.Status != http.StatusOK || time.Since(began) != 0 {
				t.Errorf("after %v: %d %q", time.Since(began), a.Status, a.Errors)
			}
			if a := <-done; a.Status < 400 { // after 5 seconds
				t.Errorf("answered %d", a.Status)
			}
		}
		d.rows.stand(nil)
	})
}

// TestWrappedLogin: what was made is wrapped, not the asking.
func TestWrappedLogin(t *testing.T) {
	inTime(t, func(d *desk) {
		a := d.call(http.MethodGet, "database/creds/ro", "", "X-Vault-Wrap-TTL", "60s")
		wrap, _ := a.WrapInfo["token"].(string)
		if a.Status != http.StatusOK || wrap == "" || a.username() != "" {
			t.Fatalf("%d %q", a.Status, a.Errors)
		}
		d.want("wrapped", 1, 1)
		if a := d.post("sys/wrapping/unwrap", `{"token":"`+wrap+`"}`); d.rows.left(a.username()) != 4*time.Second {
			t.Errorf("unwrapped: %d %q", a.Status, a.Errors)
		}
	})
}

// TestCloseDropsWhatIsLeft, also what could not be dropped before, and once only.
func TestCloseDropsWhatIsLeft(t *testing.T) {
	inTime(t, func(d *desk) {
		ended := d.call(http.MethodGet, "database/creds/ro", "")
		d.call(http.MethodGet, "database/creds/ro", "")
		d.rows.refuse(errRefused)
		d.post("sys/leases/revoke", lease(ended))
		d.want("left", 2, 1)
		d.rows.refuse(nil)
		d.Close()
		calls := d.rows.asked()
		if d.Close(); d.rows.len() != 0 || d.rows.asked() != calls {
			t.Errorf("%d logins, %d calls by another Close", d.rows.len(), d.rows.asked()-calls)
		}
	})
}

// TestCloseWaitsForNoDatabase for longer than 5 seconds.
func TestCloseWaitsForNoDatabase(t *testing.T) {
	inTime(t, func(d *desk) {
		for range 3 {
			d.call(http.MethodGet, "database/creds/ro", "")
		}
		d.rows.stand(make(chan struct{}))
		d.RevokeTokens()
		began := time.Now()
		if d.Close(); time.Since(began) != 5*time.Second {
			t.Errorf("after %v", time.Since(began))
		}
		clear(d.rows.until)
	})
}

// TestDatabaseNames: whatever a role and a client are called, PostgreSQL cuts nothing off.
func TestDatabaseNames(t *testing.T) {
	inTime(t, func(d *desk) {
		d.JWTRole("jwt", "long", 0, 0, func(string) bool { return true }, "database/creds/*")
		login := d.post("auth/jwt/login", `{"role":"long","jwt":"`+jwt(strings.Repeat("€", 80))+`"}`)
		d.token, _ = login.Auth["client_token"].(string)
		for role, want := range map[string]string{"a": "v-jwt-€-a-", "payroll-reader": "v-jwt-€-payroll--", strings.Repeat("€", 80): "v-jwt-€-€€-"} {
			d.DatabaseRole(role, time.Minute, time.Hour)
			a := d.call(http.MethodGet, "database/creds/"+strings.ReplaceAll(role, "€", "%E2%82%AC"), "")
			if name := a.username(); a.Status != http.StatusOK || len(name) > 63 || !strings.HasPrefix(name, want) || !utf8.ValidString(name) {
				t.Errorf("%d %q: %q", a.Status, a.Errors, name)
			}
		}
	})
}
