package vault_test

import (
	"context"
	"errors"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/vault"
)

// TestReveal: what becomes a string stands in the log with its reason, before it is one.
func TestReveal(t *testing.T) {
	g := gate(t)
	v := open(t, g.Log(), &backend{}, nil)
	lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := v.Reveal(t.Context(), lease, "key", "pgx.password")
	if err != nil || text != canary {
		t.Errorf("%v", err)
	}
	foreign := auth.NewLease("l-other", fields("key", canary), nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		vault         *vault.Vault
		ctx           context.Context
		lease         *auth.Lease
		field, reason string
		want          error
	}{
		"no reason":               {v, t.Context(), lease, "key", "", auth.ErrInvalid},
		"a reason with the value": {v, t.Context(), lease, "key", "Because it is " + canary, auth.ErrInvalid},
		"no such field":           {v, t.Context(), lease, "password", "x", auth.ErrUndeclared},
		"of nobody":               {v, t.Context(), foreign, "key", "x", auth.ErrForeign},
		"of another vault":        {open(t, g.Log(), &backend{}, nil), t.Context(), lease, "key", "x", auth.ErrForeign},
		"no lease":                {v, t.Context(), nil, "key", "x", auth.ErrExpired},
		"no vault":                {nil, t.Context(), lease, "key", "x", auth.ErrUndeclared},
		"the caller has left":     {v, gone, lease, "key", "x", auth.ErrUnavailable},
	} {
		if text, err := tt.vault.Reveal(tt.ctx, tt.lease, tt.field, tt.reason); !errors.Is(err, tt.want) || text != "" {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if err := lease.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text, err := v.Reveal(t.Context(), lease, "key", "x"); err != auth.ErrExpired || text != "" {
		t.Errorf("ended: %v", err)
	}
	revealed := 0
	for _, e := range events(t, g.Log()) {
		if e.Action != "vault.reveal" {
			continue
		}
		revealed++
		if e.Lease != lease.ID() || e.Reason != "pgx.password" || e.Outcome != audit.OutcomeSuccess || e.System != "crm" || e.Grant == "" {
			t.Errorf("%+v", e)
		}
	}
	if revealed != 1 {
		t.Errorf("%d events", revealed)
	}
}

// TestRevealWithoutLog: what nobody can know of does not become a string.
func TestRevealWithoutLog(t *testing.T) {
	g := gate(t)
	v := open(t, g.Log(), &backend{}, nil)
	lease, err := v.Lease(t.Context(), authtest.Grant(t, g, read), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Log().Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text, err := v.Reveal(t.Context(), lease, "key", "x"); err != auth.ErrUnavailable || text != "" {
		t.Errorf("got %v", err)
	}
}
