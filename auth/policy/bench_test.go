package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/mapping"
)

// tenRules all apply, and all hold.
func tenRules() policy.Declaration {
	d := declaration()
	for i := range 10 {
		r := policy.Rule{Name: fmt.Sprintf("rule-%d", i)}
		switch i % 7 {
		case 0:
			r.Level = 2
		case 1:
			r.MaxAge = time.Duration(i) * time.Hour
		case 2:
			r.Scopes = []string{"orders.read", "contacts.read"}
		case 3:
			r.Transport = auth.TransportTLS
		case 4:
			r.Residency = []string{"eu", "us"}
		case 5:
			r.Class = mapping.Confidential
		case 6:
			r.Zones = map[string]string{"partners": "production", "production": "partners"}
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
