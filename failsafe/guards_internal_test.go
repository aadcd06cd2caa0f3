package failsafe

import (
	"strings"
	"testing"

	"github.com/carnet-go/carnet/failsafe/guard"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
)

// TestGuardsAreNotShared: what is done wrong at one system, or without privilege, is not
// another's.
func TestGuardsAreNotShared(t *testing.T) {
	long := strings.Repeat("x", 64)
	r, seen := &Runner{guards: map[string]*guard.Guard{}}, map[*guard.Guard]plan.Operation{}
	for _, op := range []plan.Operation{
		{System: "crm"}, {System: "crm", Privileged: true}, {System: "crm-privileged"}, {System: "crm-privileged", Privileged: true},
		{System: long}, {System: long, Privileged: true},
	} {
		g, err := r.guard(op)
		if err != nil {
			t.Fatal(op, err)
		}
		if other, ok := seen[g]; ok {
			t.Errorf("%+v shares with %+v", op, other)
		}
		seen[g] = op
		if again, err := r.guard(op); err != nil || again != g {
			t.Errorf("%+v has two", op)
		}
	}
}
