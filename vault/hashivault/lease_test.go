package hashivault_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// TestFailedRevocation: the server says 400 where the backend could not do it, and the
// lease is still there.
func TestFailedRevocation(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.DatabaseRole("ro", time.Hour, time.Hour)
	issued, err := v.Issue(t.Context(), "database/creds/ro")
	must(t, err)
	h.Break()
	for range 2 {
		if err := v.Revoke(t.Context(), issued.ID); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		if h.Leases() != 1 || v.Lent() != 1 {
			t.Errorf("%d leases, %d are noted", h.Leases(), v.Lent())
		}
	}
	h.Mend()
	must(t, v.Revoke(t.Context(), issued.ID))
	if h.Leases() != 0 || v.Lent() != 0 {
		t.Errorf("%d leases, %d are noted", h.Leases(), v.Lent())
	}
}

// TestRefusedRevocationIsLookedUp: what is gone needs no revocation.
func TestRefusedRevocationIsLookedUp(t *testing.T) {
	for name, tt := range map[string]struct {
		revoke, lookup http.HandlerFunc
		want           error
	}{
		"gone":           {say(400, jsonType, ""), say(400, jsonType, `{"errors":["invalid lease"]}`), nil},
		"there":          {say(400, jsonType, ""), ok(envelope), auth.ErrUnavailable},
		"another reason": {say(400, jsonType, ""), say(400, jsonType, `{"errors":["invalid lease, perhaps"]}`), auth.ErrUnavailable},
		"no such path":   {say(400, jsonType, ""), say(404, jsonType, ""), auth.ErrUnavailable},
		"denied":         {say(400, jsonType, ""), say(403, jsonType, ""), auth.ErrUnavailable},
		"a proxy":        {say(404, "text/html", ""), say(400, jsonType, `{"errors":["invalid lease"]}`), auth.ErrUnavailable},
	} {
		v := stubbed(t, map[string]http.HandlerFunc{"/v1/sys/leases/revoke": tt.revoke, "/v1/sys/leases/lookup": tt.lookup})
		if err := v.Revoke(t.Context(), "x"); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestLeaseThatCannotBeRenewed: what is left of it is known without a call.
func TestLeaseThatCannotBeRenewed(t *testing.T) {
	var calls atomic.Int32
	count := func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		say(400, jsonType, `{"errors":["lease is not renewable"]}`)(w, r)
	}
	for life, most := range map[int]time.Duration{60: time.Minute, 7200: time.Hour} {
		v := stubbed(t, map[string]http.HandlerFunc{
			"/v1/database/creds/ro": ok(fmt.Sprintf(`{"lease_id":"x","renewable":false,"lease_duration":%d,"data":{"username":"u"}}`, life)),
			"/v1/sys/leases/renew":  count,
		})
		_, err := v.Issue(t.Context(), "database/creds/ro")
		must(t, err)
		if ttl, err := v.Renew(t.Context(), "x", time.Hour); err != nil || ttl > most || ttl < most-10*time.Second {
			t.Errorf("of %d s: %v, %v", life, ttl, err)
		}
		v.Age(2 * time.Hour) // the login
		if _, err := v.Renew(t.Context(), "x", time.Hour); err != auth.ErrUndeclared || v.Lent() != 0 {
			t.Errorf("ended: %v, %d are noted", err, v.Lent())
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestLeaseWithoutAnID can be ended by its login only.
func TestLeaseWithoutAnID(t *testing.T) {
	for _, id := range []string{`1`, `"a b"`, `"x\n"`, `{}`, `"` + strings.Repeat("x", 2000) + `"`} {
		var revoked atomic.Int32
		v := stubbed(t, map[string]http.HandlerFunc{
			"/v1/database/creds/ro": ok(`{"lease_id":` + id + `,"lease_duration":60,"data":{"username":"u"}}`),
			"/v1/auth/token/revoke-self": func(w http.ResponseWriter, r *http.Request) {
				revoked.Add(1)
				ok(envelope)(w, r)
			},
			kvPath: ok(kvAnswer),
		})
		if issued, err := v.Issue(t.Context(), "database/creds/ro"); err != auth.ErrInvalid || issued.Fields != nil {
			t.Errorf("%.9s: %v", id, err)
		}
		must(t, read(t, v))
		must(t, v.Close(t.Context()))
		if n := revoked.Load(); n != 2 {
			t.Errorf("%.9s: %d logins revoked", id, n)
		}
	}
}

// TestNoLoginIsNoLease: that there is none to log in with says nothing of a lease.
func TestNoLoginIsNoLease(t *testing.T) {
	h, v := logged(t, hashivault.Options{})
	h.DatabaseRole("ro", time.Hour, time.Hour)
	issued, err := v.Issue(t.Context(), "database/creds/ro")
	must(t, err)
	v.Age(2 * time.Hour)
	h.Fail(login, 9, vaulttest.Fault{Status: 404})
	_, err = v.Renew(t.Context(), issued.ID, time.Hour)
	for what, err := range map[string]error{"Renew": err, "Revoke": v.Revoke(t.Context(), issued.ID), "Issue": read(t, v)} {
		if !errors.Is(err, auth.ErrDenied) || errors.Is(err, auth.ErrUndeclared) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if v.Lent() != 1 {
		t.Error("it is forgotten")
	}
}
