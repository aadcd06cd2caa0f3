package vault_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault"
)

// TestRollbackIsNoticed by what the log knows of a store, in this process and in the next;
// other stores have generations of their own.
func TestRollbackIsNoticed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	if err := audit.Create(t.Context(), dir, "acme.example/test/a", nil); err != nil {
		t.Fatal(err)
	}
	for _, process := range [][]struct {
		store      string
		generation uint64
		want       error
	}{
		{{"a", 1, nil}, {"a", 1, nil}, {"a", 3, nil}, {"a", 2, vault.ErrRolledBack}, {"b", 1, nil}, {"", 0, nil}},
		{{"b", 7, nil}, {"a", 2, vault.ErrRolledBack}, {"a", 3, nil}, {"b", 6, vault.ErrRolledBack}, {"c", 1, nil}},
		{{"a", 2, vault.ErrRolledBack}, {"b", 6, vault.ErrRolledBack}, {"c", 1, nil}, {"a", 4, nil}},
		{{"", 5, auth.ErrInvalid}, {"a", math.MaxInt32 + 1, auth.ErrInvalid}, {"a", 4, nil}},
	} {
		log, err := audit.Open(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		var now vault.Issued
		v := open(t, log, &backend{issue: func(context.Context, string) (vault.Issued, error) { return now, nil }}, &vault.Options{Own: []string{"self/key"}})
		for i, issue := range process {
			now = vault.Issued{Version: "1", Fields: fields("key", "x"), Store: issue.store, Generation: issue.generation}
			l, err := v.Own("self/key").Lease(t.Context(), auth.Grant{})
			if !errors.Is(err, issue.want) || (l == nil) != (issue.want != nil) {
				t.Errorf("%d: store %q, generation %d: %v, want %v", i, issue.store, issue.generation, err, issue.want)
			}
		}
		other := open(t, log, &backend{issue: func(context.Context, string) (vault.Issued, error) { return now, nil }}, &vault.Options{Own: []string{"self/key"}})
		now = vault.Issued{Version: "1", Fields: fields("key", "x"), Store: "a", Generation: 1}
		if _, err := other.Own("self/key").Lease(t.Context(), auth.Grant{}); !errors.Is(err, vault.ErrRolledBack) {
			t.Errorf("what another vault on this log has seen: %v", err)
		}
		if err := errors.Join(v.Close(t.Context()), other.Close(t.Context()), log.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		now = vault.Issued{Version: "1", Fields: fields("key", "x"), Store: "a", Generation: 99}
	}
	if !errors.Is(vault.ErrRolledBack, auth.ErrInvalid) {
		t.Error("an older copy is not invalid")
	}
}

// TestGenerationIsKnownFirst: what the log could not take is not lent.
func TestGenerationIsKnownFirst(t *testing.T) {
	g := gate(t)
	v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) {
		_ = g.Log().Close(context.Background())
		return vault.Issued{ID: "id", Fields: fields("key", "x"), Store: "a", Generation: 1}, nil
	}}, &vault.Options{Own: []string{"self/key"}})
	if l, err := v.Own("self/key").Lease(t.Context(), auth.Grant{}); !errors.Is(err, auth.ErrUnavailable) || l != nil {
		t.Errorf("lent: %v", err)
	}
}

// TestNoOperationIsAGeneration: a boundary cannot declare a call of which the event would
// be taken for what is known of a store. Nor can it one that reads as the vault's own.
func TestNoOperationIsAGeneration(t *testing.T) {
	g := gate(t)
	issued := vault.Issued{Version: "1", Fields: fields("key", "x"), Store: "a", Generation: 1}
	v := open(t, g.Log(), &backend{issue: func(context.Context, string) (vault.Issued, error) { return issued, nil }}, &vault.Options{Own: []string{"self/key"}})
	if _, err := v.Own("self/key").Lease(t.Context(), auth.Grant{}); err != nil {
		t.Fatal(err)
	}
	own := 0
	for e, err := range g.Log().Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(e.Action, "vault.") {
			continue
		}
		own++
		operation := auth.Operation{Name: e.Action, Method: "GET", Path: "/", Effect: auth.ReadOnly}
		_, err := auth.NewCatalogue("acme", auth.System{Name: "vault", Origin: "https://vault.example", Operations: []auth.Operation{operation}})
		if err == nil || !strings.Contains(err.Error(), "B120") {
			t.Errorf("%s may be declared: %v", e.Action, err)
		}
	}
	if own != 2 {
		t.Errorf("%d events of the vault", own)
	}
}

// TestRollbackAfterRetention: a log gives up no line that says what a store was, until a newer one
// says it; and of stores that it never knew it needs none.
func TestRollbackAfterRetention(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	if err := audit.Create(t.Context(), dir, "acme.example/test/a", nil); err != nil {
		t.Fatal(err)
	}
	now := vault.Issued{Version: "1", Store: "a", Generation: 5}
	lend := func(log *audit.Log) error {
		v := open(t, log, &backend{issue: func(context.Context, string) (vault.Issued, error) {
			issued := now
			issued.Fields = fields("key", "x")
			return issued, nil
		}}, &vault.Options{Own: []string{"self/key"}})
		_, err := v.Own("self/key").Lease(t.Context(), auth.Grant{})
		return errors.Join(err, v.Close(t.Context()))
	}
	small := &audit.Options{SegmentBytes: 4096}
	log, err := audit.Open(t.Context(), dir, small)
	if err != nil {
		t.Fatal(err)
	}
	if err := lend(log); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log, err = audit.Open(t.Context(), dir, small); err != nil { // by somebody who does not ask for it
		t.Fatal(err)
	}
	var last audit.Receipt
	for range 60 {
		if last, err = log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Retain(t.Context(), last.Index); !errors.Is(err, audit.ErrNeeded) || log.Kept() != 0 {
		t.Errorf("what is known of a store: kept %d, %v", log.Kept(), err)
	}
	now.Generation = 6
	if err := lend(log); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		if _, err = log.Append(t.Context(), audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Retain(t.Context(), last.Index); err != nil || log.Kept() == 0 {
		t.Errorf("kept %d, %v", log.Kept(), err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log, err = audit.Open(t.Context(), dir, small); err != nil {
		t.Fatal(err)
	}
	now.Generation = 5
	if err := lend(log); !errors.Is(err, vault.ErrRolledBack) {
		t.Errorf("an older copy: %v", err)
	}
	now.Store = "b"
	if err := lend(log); err != nil {
		t.Errorf("a store that it never knew: %v", err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
