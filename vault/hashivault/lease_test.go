package hashivault_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/hashivault"
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
