package vaulttest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/vault/vaulttest"
)

// TestBrokenBackend: what cannot be revoked stays, and a lease that does not exist is
// revoked with 204 all the same.
func TestBrokenBackend(t *testing.T) {
	h := vaulttest.NewHashi(t)
	h.DatabaseRole("ro", time.Hour, time.Hour)
	call := func(method, path, body string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), method, "/v1/"+path, strings.NewReader(body))
		r.Header.Set("X-Vault-Token", "root")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	_, text := call(http.MethodGet, "database/creds/ro", "")
	var lent struct {
		ID string `json:"lease_id"`
	}
	if err := json.Unmarshal([]byte(text), &lent); err != nil {
		t.Fatal(err)
	}
	h.Break()
	for id, want := range map[string]int{lent.ID: http.StatusBadRequest, "database/creds/ro/never": http.StatusNoContent} {
		if status, text := call(http.MethodPost, "sys/leases/revoke", `{"lease_id":"`+id+`","sync":true}`); status != want || h.Leases() != 1 {
			t.Errorf("%d %s, want %d; %d leases", status, text, want, h.Leases())
		}
	}
	h.Mend()
	if status, _ := call(http.MethodPost, "sys/leases/revoke", `{"lease_id":"`+lent.ID+`","sync":true}`); status != http.StatusNoContent || h.Leases() != 0 {
		t.Errorf("mended: %d, %d leases", status, h.Leases())
	}
}
