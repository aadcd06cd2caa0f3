package auth_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
)

func TestWaysBackFindings(t *testing.T) {
	op := func(change func(all []auth.Operation)) []auth.Operation {
		all := []auth.Operation{
			{Name: "crm.contact.push", Method: "PUT", Path: "/c", Effect: auth.Idempotent, Undo: "crm.contact.drop", Ask: "crm.contact.seen", Keyed: true},
			{Name: "crm.contact.drop", Method: "DELETE", Path: "/c", Effect: auth.Idempotent},
			{Name: "crm.contact.seen", Method: "GET", Path: "/c", Effect: auth.ReadOnly},
		}
		change(all)
		return all
	}
	for name, c := range map[string]struct {
		change func([]auth.Operation)
		want   string
	}{
		"sound":                 {func([]auth.Operation) {}, ""},
		"undo of nothing":       {func(o []auth.Operation) { o[0].Undo = "crm.contact.dorp" }, "B138 /systems/0/operations/0/undo"},
		"undo of self":          {func(o []auth.Operation) { o[0].Undo = "self.run.halt" }, "B138 /systems/0/operations/0/undo"},
		"its own undo":          {func(o []auth.Operation) { o[0].Undo = o[0].Name }, "B138 /systems/0/operations/0/undo"},
		"undo that only reads":  {func(o []auth.Operation) { o[0].Undo = "crm.contact.seen" }, "B138 /systems/0/operations/0/undo"},
		"undo of what is final": {func(o []auth.Operation) { o[0].Effect = auth.Final }, "B138 /systems/0/operations/0/undo"},
		"undo of a look":        {func(o []auth.Operation) { o[2].Undo = "crm.contact.drop" }, "B138 /systems/0/operations/2/undo"},
		"ask of nothing":        {func(o []auth.Operation) { o[0].Ask = "crm.contact.is" }, "B138 /systems/0/operations/0/ask"},
		"ask that changes":      {func(o []auth.Operation) { o[0].Ask = "crm.contact.drop" }, "B138 /systems/0/operations/0/ask"},
		"keyed look":            {func(o []auth.Operation) { o[2].Keyed = true }, "B138 /systems/0/operations/2/keyed"},
	} {
		self := auth.System{Name: auth.Self, Operations: []auth.Operation{{Name: "self.run.halt", Effect: auth.Idempotent}}}
		_, err := auth.NewCatalogue("acme", auth.System{Name: "crm", Origin: "https://crm.example", Operations: op(c.change)}, self)
		findings, _ := errors.AsType[mapping.Findings](err)
		if c.want == "" && err != nil || c.want != "" && !has(findings, c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestSelfIsCalledByNobody: what may be done to the service is granted, and there is
// nobody to call.
func TestSelfIsCalledByNobody(t *testing.T) {
	f := farSide(t, ok)
	self := processor()
	self.Operations = []auth.Operation{{Name: "self.run.halt", Effect: auth.Idempotent, Privileged: true}}
	g := gate(t, decider(allow), self, f.system)
	b, err := auth.NewBroker(g, auth.Translators{"crm": &key{}}, &auth.BrokerOptions{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	defer closes(t, b)
	grant := authorize(t, g, "self.run.halt")
	if grant.ID() == "" || grant.System().Name != auth.Self {
		t.Error("not granted")
	}
	if _, err := b.Do(t.Context(), grant, mapping.Document{}); !errors.Is(err, auth.ErrUndeclared) {
		t.Error(err)
	}
	for name, change := range map[string]func(*auth.Operation){
		"method": func(o *auth.Operation) { o.Method = "GET" }, "path": func(o *auth.Operation) { o.Path = "/" },
		"input": func(o *auth.Operation) { o.Input = auth.Opaque }, "undo": func(o *auth.Operation) { o.Undo = "crm.contact.touch" },
	} {
		bad := processor()
		bad.Operations = []auth.Operation{{Name: "self.run.halt", Effect: auth.Idempotent}}
		change(&bad.Operations[0])
		if _, err := auth.NewCatalogue("acme", bad); err == nil {
			t.Errorf("self with a %s", name)
		}
	}
}

// TestIdempotencyKey goes along where the far side takes it, and is one key for all
// attempts; where the first call with it is under way, the second waits.
func TestIdempotencyKey(t *testing.T) {
	status := http.StatusOK
	f := farSide(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	f.system.Operations = append(f.system.Operations,
		auth.Operation{Name: "crm.order.make", Method: "POST", Path: "/orders", Effect: auth.Once, Keyed: true},
		auth.Operation{Name: "crm.order.note", Method: "POST", Path: "/notes", Effect: auth.Once},
	)
	g, b := broker(t, f, &key{})
	do := func(operation string, on auth.Errand) error {
		grant, err := g.Authorize(t.Context(), admit(t, g).On(on), operation)
		if err != nil {
			return err
		}
		_, err = b.Do(t.Context(), grant, mapping.Document{})
		return err
	}
	keyed := auth.Errand{Run: "r1", Step: "order", Phase: audit.PhaseDo, Attempt: 1, Key: "k-1"}
	for _, c := range []struct {
		operation string
		on        auth.Errand
		want      string
	}{{"crm.order.make", keyed, `"k-1"`}, {"crm.order.note", keyed, ""}, {"crm.order.make", auth.Errand{}, ""}} {
		if err := do(c.operation, c.on); err != nil {
			t.Fatal(err)
		}
		all := f.arrivals()
		if got := all[len(all)-1].Header.Get("Idempotency-Key"); got != c.want {
			t.Errorf("%s: %s, want %s", c.operation, got, c.want)
		}
	}
	if err := do("crm.order.make", auth.Errand{Key: `k"1`}); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("a key that ends the text: %v", err)
	}
	status = http.StatusConflict
	if err := do("crm.order.make", keyed); !errors.Is(err, auth.ErrThrottled) {
		t.Error(err)
	}
	if err := do("crm.order.note", keyed); !errors.Is(err, auth.ErrInvalid) {
		t.Error(err)
	}
	status = http.StatusUnprocessableEntity
	if err := do("crm.order.make", keyed); !errors.Is(err, auth.ErrInvalid) {
		t.Error(err)
	}
}
