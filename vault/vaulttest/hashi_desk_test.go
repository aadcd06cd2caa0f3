package vaulttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/vault/vaulttest"
)

// rows is a database in memory: the ends of its logins, by their names.
type rows struct {
	mu      sync.Mutex
	until   map[string]time.Time
	role    string // of the newest
	refuses error  // of each call; nil: none
	slow    chan struct{}
	calls   int
}

func (r *rows) change(ctx context.Context, do func()) error {
	r.mu.Lock()
	slow := r.slow
	r.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.refuses != nil {
		return r.refuses
	}
	do()
	return nil
}

func (r *rows) Create(ctx context.Context, role, username, password string, expires time.Time) error {
	if len(username) > 63 || len(password) < 20 || strings.ContainsAny(password, "+/='") {
		return errors.New("no name or password for PostgreSQL")
	}
	return r.change(ctx, func() { r.role, r.until[username] = role, expires })
}

func (r *rows) Extend(ctx context.Context, username string, expires time.Time) error {
	if r.left(username) <= 0 {
		return errors.New("there is no such login")
	}
	return r.change(ctx, func() { r.until[username] = expires })
}

func (r *rows) Drop(ctx context.Context, username string) error {
	return r.change(ctx, func() { delete(r.until, username) })
}

func (r *rows) refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuses = err
}

// stand lets each call wait for the channel; nil: for nothing.
func (r *rows) stand(slow chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slow = slow
}

func (r *rows) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.until)
}

func (r *rows) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// left is what is left of a login.
func (r *rows) left(username string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Until(r.until[username])
}

// desk is a fake without its network, in time that passes when everybody waits.
type desk struct {
	*testing.T
	*vaulttest.Hashi
	rows  *rows
	token string // of calls
}

// answered is what the fake says.
type answered struct {
	Status   int
	Errors   []string
	LeaseID  string         `json:"lease_id"`
	Duration int            `json:"lease_duration"`
	Data     map[string]any `json:"data"`
	Auth     map[string]any `json:"auth"`
	WrapInfo map[string]any `json:"wrap_info"`
}

func (a answered) username() string { name, _ := a.Data["username"].(string); return name }

// says is whether it was refused so.
func (a answered) says(status int, text string) bool {
	return a.Status == status && len(a.Errors) == 1 && strings.Contains(a.Errors[0], text)
}

func (d *desk) call(method, path, body string, headers ...string) answered {
	d.Helper()
	r := httptest.NewRequestWithContext(d.Context(), method, "/v1/"+path, strings.NewReader(body))
	r.Header.Set("X-Vault-Token", d.token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	a := answered{Status: w.Code}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			d.Fatal(err)
		}
	}
	return a
}

func (d *desk) post(path, body string) answered {
	d.Helper()
	return d.call(http.MethodPost, path, body)
}

// want is how many logins and leases there are when nobody is busy any more.
func (d *desk) want(what string, logins, leases int) {
	d.Helper()
	synctest.Wait()
	if n, m := d.rows.len(), d.Leases(); n != logins || m != leases {
		d.Errorf("%s: %d logins, %d leases; want %d, %d", what, n, m, logins, leases)
	}
}

// login is one by AppRole, under which further calls are made.
func (d *desk) login(role, id string) {
	d.Helper()
	a := d.post("auth/approle/login", `{"role_id":"`+id+`","secret_id":"`+d.SecretID(role)+`"}`)
	if a.Status != http.StatusOK {
		d.Fatalf("login: %d %q", a.Status, a.Errors)
	}
	d.token = a.Auth["client_token"].(string)
}

func lease(a answered) string  { return `{"lease_id":"` + a.LeaseID + `"}` }
func atOnce(a answered) string { return `{"sync":true,"lease_id":"` + a.LeaseID + `"}` }

// inTime runs a fake whose logins are rows: of 4 seconds, renewed of 8, under a token of a
// minute.
func inTime(t *testing.T, run func(d *desk)) {
	t.Helper()
	h := vaulttest.NewHashi(t)
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, Hashi: h, rows: &rows{until: map[string]time.Time{}}}
		h.DatabaseRole("ro", 4*time.Second, 8*time.Second)
		h.Database(d.rows)
		d.login("app", h.AppRole("app", time.Minute, time.Hour, "database/creds/ro"))
		run(d)
		h.Close()
		if n := d.rows.len(); n != 0 {
			t.Errorf("%d logins are left", n)
		}
	})
}
