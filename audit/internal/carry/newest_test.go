package carry_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/carnet-go/carnet/audit/internal/carry"
)

// TestActionsThatCallersChoose neither fill memory nor the lines that a segment begins with, and
// push out nothing that somebody's safety hangs on.
func TestActionsThatCallersChoose(t *testing.T) {
	s := carry.New("o", "k")
	for i, action := range []string{"gate.freeze", "vault.generation", "vault.generation-a", "gate.thaw"} {
		s.Apply(int64(i), []carry.Fact{{Action: action}})
	}
	const many = 1_000_100
	for i := range int64(many) {
		s.Apply(10+i, []carry.Fact{{Action: fmt.Sprint("crm.", i)}, {Action: "crm.often"}})
		if i == 1000 {
			s = taken(t, s) // as if it had been opened again meanwhile
		}
	}
	if n := s.Held(); n <= carry.Actions+4 || n > 2*carry.Actions+4 {
		t.Errorf("%d actions in memory", n)
	}
	texts := s.Texts(carry.Times{})
	x, err := carry.Parse([]byte(`{"carnet":{"carried":` + texts[0] + `}}`))
	if err != nil || len(texts) != 1 || len(x.Newest) != carry.Actions+4 {
		t.Errorf("%v, %d actions in %d texts", err, len(x.Newest), len(texts))
	}
	newest := s.Newest()
	for i, action := range []string{"gate.freeze", "vault.generation", "vault.generation-a", "gate.thaw"} {
		if at, ok := newest[action]; !ok || at != int64(i) {
			t.Errorf("%s: line %d, %t", action, at, ok)
		}
	}
	for i := int64(many - carry.Actions + 1); i < many; i++ {
		if newest[fmt.Sprint("crm.", i)] != 10+i {
			t.Fatalf("action %d of %d is not kept", i, many)
		}
	}
	if newest["crm.often"] != 10+many || newest[fmt.Sprint("crm.", many-carry.Actions)] != 0 {
		t.Error("not those that came last")
	}
	if got := taken(t, s); !maps.Equal(got.Newest(), newest) {
		t.Error("read back, it is another state")
	}
}

// TestAPlaceForEachStore: what a vault knows of one is never given up, so there is an end of them.
func TestAPlaceForEachStore(t *testing.T) {
	s := carry.New("o", "k")
	s.Apply(0, []carry.Fact{{Action: "gate.freeze"}, {Action: "gate.thaw"}})
	for i := range carry.Stores {
		for range 2 { // the second time it is known
			if !s.Takes(fmt.Sprint(carry.Generations, "-", i)) {
				t.Fatalf("store %d", i)
			}
		}
	}
	if s.Takes(carry.Generations) || s.Takes(carry.Generations+"-x") {
		t.Error("one more")
	}
	for _, action := range []string{"gate.freeze", "crm.read", carry.Generations + "-7"} {
		if !s.Takes(action) {
			t.Errorf("%s is refused", action)
		}
	}
	s = carry.New("o", "k")
	for i := range int64(carry.Stores) {
		s.Apply(i, []carry.Fact{{Action: fmt.Sprint(carry.Generations, "-", i)}})
	}
	if s = taken(t, s); s.Takes(carry.Generations+"-x") || !s.Takes(carry.Generations+"-7") || len(s.Newest()) != carry.Stores {
		t.Error("read back, it takes one more")
	}
}
