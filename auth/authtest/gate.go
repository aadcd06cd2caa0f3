// Package authtest is for tests: a real gate on a log of its own, an identity
// provider, and the conformance of verifiers and translators.
//
//	gate := authtest.Gate(t, authtest.Boundary(t, crm), auth.Verifiers{auth.SchemeBearer: authtest.As(alice)})
//	grant := authtest.Grant(t, gate, "crm.contact.read")
//
// # Guarantees
//
// It mints nothing: grants come from a real [auth.Gate] that a fake Verifier serves,
// on a real log below t.TempDir.
//
// # Limits
//
// The boundary that Boundary makes allows everything to everybody. No program that
// is not a test has a use for it.
//
// # Errors
//
// What goes wrong fails the test.
//
// # Concurrency
//
// All functions may be called from the test's own goroutine; what they return is
// safe for concurrent use.
package authtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
)

// Tenant is whose systems Boundary declares.
const Tenant = "test"

// As is a Verifier that finds the same identity in everything that is presented. An
// identity without an end ends in an hour.
func As(id auth.Identity) auth.Verifier { return as{id} }

type as struct{ id auth.Identity }

// Verify implements auth.Verifier.
func (a as) Verify(ctx context.Context, p auth.Presented) (auth.Identity, error) {
	if err := ctx.Err(); err != nil {
		return auth.Identity{}, auth.ErrUnavailable
	}
	if p.Secret.Use(func([]byte) error { return nil }) != nil {
		return auth.Identity{}, auth.ErrInvalid
	}
	id := a.id
	if id.Expires.IsZero() {
		id.Expires = time.Now().Add(time.Hour)
	}
	id.Scopes, id.Actors = slices.Clone(id.Scopes), slices.Clone(id.Actors)
	return id, nil
}

// Boundary declares systems of Tenant, and a policy that allows everything.
func Boundary(t testing.TB, systems ...auth.System) *auth.Boundary {
	t.Helper()
	catalogue, err := auth.NewCatalogue(Tenant, systems...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := auth.NewBoundary(catalogue, everything{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type everything struct{}

// Decide implements auth.Decider.
func (everything) Decide(_ context.Context, f auth.Facts) auth.Decision {
	if f.Who == nil {
		return auth.Decision{Verdict: auth.Needs, Needs: []auth.Obligation{{Kind: auth.NeedIdentity}}}
	}
	return auth.Decision{Verdict: auth.Allowed, Rule: "everything"}
}

// Hash implements auth.Decider.
func (everything) Hash() string { return "everything" }

// Log is an open log below t.TempDir that is closed with the test.
func Log(t testing.TB) *audit.Log {
	t.Helper()
	dir := t.TempDir() + "/audit"
	if err := audit.Create(t.Context(), dir, "carnet.invalid/test", nil); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return log
}

// Gate is a real gate on a Log.
func Gate(t testing.TB, b *auth.Boundary, v auth.Verifiers) *auth.Gate {
	t.Helper()
	gate, err := auth.NewGate(t.Context(), Log(t), b, v, nil)
	if err != nil {
		t.Fatal(err)
	}
	return gate
}

// Grant admits the bearer of "test" and authorizes the operation.
func Grant(t testing.TB, g *auth.Gate, operation string) auth.Grant {
	t.Helper()
	principal, err := g.Admit(t.Context(), auth.Bearer("test"))
	if err != nil {
		t.Fatal(err)
	}
	grant, err := g.Authorize(t.Context(), principal, operation)
	if err != nil {
		t.Fatal(err)
	}
	return grant
}
