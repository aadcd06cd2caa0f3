package vault_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
	"github.com/carnet-go/carnet/vault/dirvault"
)

// What a service needs before anybody has a grant: a vault alone, with a log.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "vault")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(filepath.Join(dir, "secrets/self/journal"), 0o700); err != nil {
		fmt.Println(err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets/self/journal/key"), []byte("k3y\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	if err := audit.Create(ctx, filepath.Join(dir, "audit"), "acme.example/hr/a", nil); err != nil {
		fmt.Println(err)
		return
	}
	log, err := audit.Open(ctx, filepath.Join(dir, "audit"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close(ctx)

	v, err := vault.New(log, dirvault.Dir(filepath.Join(dir, "secrets")), &vault.Options{Own: []string{"self/journal"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	lease, err := v.Own("self/journal").Lease(ctx, auth.Grant{})
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := lease.Secret("key")
	fmt.Println(key, err, key.Equal([]byte("k3y")))

	_, err = v.Lease(ctx, auth.Grant{}, "self/journal")
	fmt.Println(err)

	fmt.Println(v.Close(ctx))
	_, err = lease.Secret("key")
	fmt.Println(err)
	// Output:
	// [secret] <nil> true
	// auth: foreign
	// <nil>
	// auth: expired
}

// A pool that is built anew when its secret is another, or ends.
func ExampleBind() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "vault")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(filepath.Join(dir, "secrets/self/database"), 0o700); err != nil {
		fmt.Println(err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets/self/database/dsn"), []byte("postgres://localhost/hr"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	if err := audit.Create(ctx, filepath.Join(dir, "audit"), "acme.example/hr/a", nil); err != nil {
		fmt.Println(err)
		return
	}
	log, err := audit.Open(ctx, filepath.Join(dir, "audit"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close(ctx)
	v, err := vault.New(log, dirvault.Dir(filepath.Join(dir, "secrets")), &vault.Options{Own: []string{"self/database"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close(ctx)

	type pool struct{ lease string } // stands for a *sql.DB
	open := func(_ context.Context, l *auth.Lease) (*pool, error) {
		dsn, err := l.Secret("dsn")
		if err != nil {
			return nil, err
		}
		return &pool{lease: l.ID()}, dsn.Use(func(b []byte) error { return nil }) // sql.Open
	}
	bound, err := vault.Bind(ctx, v.Own("self/database"), open, &vault.BindOptions[*pool]{Every: time.Minute, MaxAge: 10 * time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	db, done, err := bound.Get(ctx) // before each use
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(db.lease != "", bound.Age() < time.Minute)
	done()
	fmt.Println(bound.Close(ctx))
	// Output:
	// true true
	// <nil>
}

// BenchmarkSecret is a secret read from a lease.
func BenchmarkSecret(b *testing.B) {
	lease := auth.NewLease("id", fields("key", canary), &auth.LeaseOptions{Expires: time.Now().Add(time.Hour)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := lease.Secret("key"); err != nil {
			b.Fatal(err)
		}
	}
}
