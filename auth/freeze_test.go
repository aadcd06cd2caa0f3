package auth_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
)

// TestFreezeOutlivesItsProcess, until somebody lifts it whom policy permits; what was
// frozen again while it was lifted stays so too.
func TestFreezeOutlivesItsProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	if err := audit.Create(t.Context(), dir, "acme.example/test/a", nil); err != nil {
		t.Fatal(err)
	}
	self := processor()
	self.Operations = []auth.Operation{{Name: "self.gate.thaw", Effect: auth.Idempotent}}
	var meanwhile func()
	process := func(frozen bool, then func(g *auth.Gate)) {
		t.Helper()
		l, err := audit.Open(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := l.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}()
		b := bounded(t, decider(func(ctx context.Context, f auth.Facts) auth.Decision {
			if f.Who != nil && meanwhile != nil {
				meanwhile()
			}
			return allow(ctx, f)
		}), self, crm())
		g, err := auth.NewGate(t.Context(), l, b, auth.Verifiers{auth.SchemeBearer: authtest.As(alice)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Authorize(t.Context(), admit(t, g), "crm.contact.read"); g.Frozen() != frozen || frozen != errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("frozen %t, want %t: %v", g.Frozen(), frozen, err)
		}
		if d := g.Plan(t.Context(), "crm.contact.read"); d.Verdict == auth.Denied {
			t.Error("what starts with a frozen gate cannot be checked")
		}
		then(g)
	}
	freeze := func(g *auth.Gate) {
		if err := g.Freeze(t.Context()); err != nil {
			t.Error(err)
		}
	}
	thaw := func(g *auth.Gate) {
		if err := g.Thaw(t.Context(), admit(t, g)); err != nil {
			t.Error(err)
		}
	}
	process(false, freeze)
	process(true, func(*auth.Gate) {})
	process(true, thaw)
	process(false, func(g *auth.Gate) { freeze(g); thaw(g); freeze(g) })
	process(true, func(g *auth.Gate) {
		freeze(g) // which changes nothing
		meanwhile = func() { meanwhile = nil; freeze(g) }
		if err := g.Thaw(t.Context(), admit(t, g)); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("frozen again: %v", err)
		}
	})
	process(true, thaw)
	process(false, func(*auth.Gate) {})
}
