package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The story itself is told where there is a PostgreSQL: examples/peers runs this program
// against one.

// TestRunNeedsAPostgres: what is wrong is said, and nothing of a password.
func TestRunNeedsAPostgres(t *testing.T) {
	for at, want := range map[string]string{
		"postgres://postgres:correct-horse@127.0.0.1:1/postgres":                 "cannot be prepared",
		"postgres://postgres:correct-horse@127.0.0.1:1/postgres?sslmode=perhaps": "is no URL",
		"postgres://postgres:correct-horse@[/postgres":                           "is no URL",
	} {
		err := run(t.Context(), new(bytes.Buffer), t.TempDir(), settings{postgres: at, role: "reader", ttl: 4 * time.Second})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "correct-horse") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestRunVerifiesTheServer: a password goes to nobody who did not show that he is meant.
func TestRunVerifiesTheServer(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	for at, want := range map[string]bool{
		"postgres://db.acme.example/erp":                     false,
		"postgres://db.acme.example/erp?sslmode=disable":     false,
		"postgres://db.acme.example/erp?sslmode=prefer":      false,
		"postgres://db.acme.example/erp?sslmode=require":     false,
		"postgres://db.acme.example/erp?sslmode=verify-ca":   false,
		"postgres://db.acme.example/erp?sslmode=verify-full": true,
		"postgres://127.0.0.1,db.acme.example/erp":           false,
		"postgres://127.0.0.1.acme.example/erp":              false,
		"postgres://127.0.0.1/erp":                           true,
		"postgres://[::1]/erp?sslmode=disable":               true,
		"postgres:///erp?host=/run/postgresql":               true,
	} {
		c, err := pgx.ParseConfig(at)
		if err != nil || verified(c) != want {
			t.Errorf("%s: %v, %v", at, !want, err)
		}
	}
	err := run(t.Context(), new(bytes.Buffer), t.TempDir(), settings{postgres: "postgres://db.acme.example/erp", role: "reader", env: true})
	if err == nil || !strings.Contains(err.Error(), "verify-full") {
		t.Error(err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(bytes.Buffer), t.TempDir(), settings{postgres: "postgres://postgres@127.0.0.1:1/postgres", role: "reader", ttl: 4 * time.Second}); err == nil {
		t.Error("no error")
	}
}

// TestRunNeedsItsVault: with -env, a Vault that nobody named.
func TestRunNeedsItsVault(t *testing.T) {
	t.Setenv("VAULT_ADDR", "")
	err := run(t.Context(), new(bytes.Buffer), t.TempDir(), settings{postgres: "postgres://127.0.0.1:1/postgres", role: "reader", env: true})
	if err == nil || !strings.Contains(err.Error(), "VAULT_ADDR") {
		t.Error(err)
	}
}
