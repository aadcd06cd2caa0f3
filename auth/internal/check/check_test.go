package check_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/carnet-go/carnet/auth/internal/check"
	"github.com/carnet-go/carnet/mapping"
)

func system() check.System {
	return check.System{Name: "crm", Origin: "https://crm.example", Operations: []check.Operation{
		{Name: "crm.contact.read", Method: "GET", Path: "/contacts", Effect: 1},
	}}
}

func codes(f mapping.Findings) (all []string) {
	for _, finding := range f {
		all = append(all, finding.Code+" "+finding.Path)
	}
	return all
}

// TestCatalogueFindsAllAtOnce, in the order of the declaration; the codes one by one are
// tested where they are listed, in package auth.
func TestCatalogueFindsAllAtOnce(t *testing.T) {
	if found := check.Catalogue("acme", []check.System{system(), {Name: check.Self, Kind: check.KindStore}}); found != nil {
		t.Errorf("sound, and found %v", found)
	}
	bad := system()
	bad.Name, bad.Operations[0].Effect, bad.Delegation = "CRM", 0, "maybe"
	twice := system()
	want := []string{
		"B101 /tenant", "B102 /systems/0/name", "B109 /systems/0/delegation", "B120 /systems/0/operations/0/name", "B128 /systems/0/operations/0/effect",
		"B111 /systems/2/name", "B112 /systems/2/operations/0/name",
	}
	if got := codes(check.Catalogue("", []check.System{bad, twice, twice})); len(got) < len(want) || !slices.Equal(remaining(got, want), want) {
		t.Errorf("found %q, want %q", got, want)
	}
	var many []check.System
	for i := range 2000 {
		many = append(many, check.System{Name: fmt.Sprintf("s%d", i), Kind: "x"})
	}
	if n := len(check.Catalogue("acme", many)); n > 1000 {
		t.Errorf("%d findings", n)
	}
}

// remaining are those of all that stand in some, in their order.
func remaining(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !slices.Contains(some, s) })
}

func TestBoundaryWithoutParts(t *testing.T) {
	s := system()
	s.Operations[0].Input, s.Operations[0].Output = "a", "b"
	var none *mapping.Mapper
	found := check.Boundary([]check.System{s}, nil, map[string]*mapping.Mapper{"a": none, "ab": none})
	if got, want := codes(found), []string{"B140 /systems/0/operations/0/input", "B144 /systems/0/operations/0/output"}; !slices.Equal(got, want) {
		t.Errorf("found %q", got)
	}
}

type complete struct{ err error }

func (c complete) Check() error { return c.err }

type carrier struct{}

func (carrier) Carries() bool { return true }

func TestBroker(t *testing.T) {
	b := check.Broker{Translators: map[string]any{"crm": complete{}, "erp": complete{errors.New("x")}, "hub": complete{}, "crn": complete{}, "net": complete{}, "sts": carrier{}}}
	b.System("crm", check.AuditOnly, nil, false)
	b.System("erp", "", nil, false)
	b.System("hub", "", errors.New("x"), true)
	b.System("dir", check.Carry, nil, false)
	b.System("net", check.Carry, mapping.Findings{{Code: "X1", Path: "/operations/0/base", Problem: "is bad"}}, false)
	b.System("sts", check.Carry, nil, false)
	found := b.Findings()
	if got, want := codes(found), []string{
		"B203 erp", "B203 hub", "B204 hub", "B201 dir", "X1 net/operations/0/base", "B205 net", "B202 translators",
	}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if near := found[6].Nearest; near != "crm" {
		t.Errorf("nearest to crn is %q", near)
	}
}

func TestKindsAndOrigins(t *testing.T) {
	for _, c := range []struct{ name, kind, want string }{{"crm", "", "api"}, {"crm", "directory", "directory"}, {"self", "", "store"}, {"crm", "x", "x"}} {
		if got := check.KindOf(c.name, c.kind); got != c.want {
			t.Errorf("%v: %s", c, got)
		}
	}
	for kind, origins := range map[string][2]string{"api": {"https://a.example", "ldaps://a.example"}, "directory": {"ldap://a.example", "https://a.example"}} {
		_, good := check.OriginOf(kind, origins[0])
		_, bad := check.OriginOf(kind, origins[1])
		if good != nil || bad == nil {
			t.Errorf("%s: %v, %v", kind, good, bad)
		}
	}
	if check.Takes("") != check.None || check.Takes("a") != "a" {
		t.Error("nothing is something")
	}
}
