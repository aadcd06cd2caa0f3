package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
)

// tenRules all apply, and all hold.
func tenRules() policy.Declaration {
	d := declaration()
	for i := range 10 {
		r := policy.Rule{Name: fmt.Sprintf("rule-%d", i)}
		switch i % 4 {
		case 0:
			r.Level = 2
		case 1:
			r.MaxAge = time.Duration(i) * time.Hour
		case 2:
			r.Scopes = []string{"orders.read", "contacts.read"}
		case 3:
			r.Transport = auth.TransportTLS
		}
		d.Rules = append(d.Rules, r)
	}
	return d
}

func BenchmarkDecide(b *testing.B) {
	p, f, ctx := made(b, tenRules()), facts(), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if p.Decide(ctx, f).Verdict != auth.Allowed {
			b.Fatal("denied")
		}
	}
}

func TestAllowedDecisionsDoNotAllocate(t *testing.T) {
	p, f, ctx := made(t, tenRules()), facts(), t.Context()
	if n := testing.AllocsPerRun(100, func() { p.Decide(ctx, f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
