package hashivault_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/keyauth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/hashivault"
	"github.com/carnet-go/carnet/vault/vaulttest"
)

// What vault/MIGRATING.md has under After stands here, and a test compares them.

func bind(ctx context.Context, v *vault.Vault) (*vault.Bound[*sql.DB], error) {
	connect := func(_ context.Context, l *auth.Lease) (*sql.DB, error) {
		return sql.OpenDB(connector{l}), nil
	}
	return vault.Bind(ctx, v.Own("database/creds/payroll"), connect, &vault.BindOptions[*sql.DB]{
		Close: func(_ context.Context, db *sql.DB) error { return db.Close() },
	})
}

func use(ctx context.Context, payroll *vault.Bound[*sql.DB]) error {
	db, done, err := payroll.Get(ctx)
	if err != nil {
		return err
	}
	defer done()
	return db.PingContext(ctx)
}

func translators(v *vault.Vault) auth.Translators {
	return auth.Translators{"crm": keyauth.Header{Name: "X-Api-Key", Source: v.Source("secret/crm")}}
}

func contact(ctx context.Context, gate *auth.Gate, broker *auth.Broker) (auth.Reply, error) {
	self, err := gate.AdmitSelf(ctx)
	if err != nil {
		return auth.Reply{}, err
	}
	grant, err := gate.Authorize(ctx, self, "crm.contact.read")
	if err != nil {
		return auth.Reply{}, err
	}
	return broker.Do(ctx, grant, mapping.Document{})
}

// connector stands for that of a driver, such as stdlib.GetConnector of pgx.
type connector struct{ lease *auth.Lease }

func (c connector) Driver() driver.Driver { return nil }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	_, err := c.lease.Secret("username")
	_, missing := c.lease.Secret("password")
	return conn{}, errors.Join(err, missing)
}

type conn struct{}

func (conn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (conn) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }
func (conn) Close() error                        { return nil }

func journal(t *testing.T) *audit.Log {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	must(t, audit.Create(t.Context(), dir, "acme.example/hr/a", nil))
	log, err := audit.Open(t.Context(), dir, nil)
	must(t, err)
	t.Cleanup(func() { _ = log.Close(context.Background()) })
	return log
}

// migrated is a vault over a server with what the page speaks of.
func migrated(t *testing.T, log *audit.Log) (*vault.Vault, *vaulttest.Hashi) {
	t.Helper()
	server := vaulttest.StartHashi()
	t.Cleanup(server.Close)
	server.Put("secret/crm", map[string]string{"key": "k3y"})
	server.DatabaseRole("payroll", 4*time.Minute, time.Hour)
	id := server.AppRole("hr", 0, 0, "secret/crm", "database/creds/payroll")
	b, err := hashivault.New(t.Context(), server.URL, hashivault.Login{RoleID: id, SecretID: secret(server.SecretID("hr"))},
		&hashivault.Options{RootCAs: server.RootCAs()})
	must(t, err)
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	v, err := vault.New(log, b, &vault.Options{Own: []string{"database/creds/payroll"}})
	must(t, err)
	t.Cleanup(func() { _ = v.Close(context.Background()) })
	return v, server
}

// TestMigratedDatabase: the pool is used, and its login is given back.
func TestMigratedDatabase(t *testing.T) {
	v, server := migrated(t, journal(t))
	payroll, err := bind(t.Context(), v)
	must(t, err)
	must(t, use(t.Context(), payroll))
	if server.Leases() != 1 {
		t.Errorf("%d leases", server.Leases())
	}
	must(t, payroll.Close(t.Context()))
	if server.Leases() != 0 {
		t.Errorf("%d leases are left", server.Leases())
	}
}

// TestMigratedKey: the key reaches the system that declares it.
func TestMigratedKey(t *testing.T) {
	log := journal(t)
	v, _ := migrated(t, log)
	crm := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != "k3y" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"name": "Zoë"}`)
	}))
	t.Cleanup(crm.Close)
	catalogue, err := auth.NewCatalogue("acme", auth.System{
		Name: "crm", Origin: crm.URL, Private: []string{"127.0.0.1/32"}, Secrets: []string{"secret/crm"},
		Operations: []auth.Operation{{Name: "crm.contact.read", Method: "GET", Path: "/contacts/1", Effect: auth.ReadOnly}},
	})
	must(t, err)
	permits, err := policy.New(catalogue, policy.Declaration{Permits: []policy.Permit{{
		Name: "itself", Who: policy.Who{Issuer: "local", Subject: "self"}, Operations: []string{"crm.contact.read"},
	}}})
	must(t, err)
	boundary, err := auth.NewBoundary(catalogue, permits, nil)
	must(t, err)
	gate, err := auth.NewGate(t.Context(), log, boundary, nil, nil)
	must(t, err)
	roots := crm.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	broker, err := auth.NewBroker(gate, translators(v), &auth.BrokerOptions{RootCAs: roots})
	must(t, err)
	t.Cleanup(func() { _ = broker.Close(context.Background()) })
	reply, err := contact(t.Context(), gate, broker)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Status != http.StatusOK {
		t.Errorf("status %d", reply.Status)
	}
}
