package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/failsafe/internal/core"
	"github.com/carnet-go/carnet/failsafe/internal/plan"
)

// catalogue is what plans here take: of crm.eu there is a twin, of erp there is none.
func catalogue() plan.Catalogue {
	crm := []auth.Operation{
		{Name: "crm.eu.note.put", Effect: auth.Once, Undo: "crm.eu.note.drop", Ask: "crm.eu.note.count"},
		{Name: "crm.eu.note.drop", Effect: auth.Idempotent}, {Name: "crm.eu.note.count", Effect: auth.ReadOnly},
		{Name: "crm.eu.mail.send", Effect: auth.Final, Privileged: true},
	}
	lab := slices.Clone(crm)
	for i := range lab {
		lab[i].Name = "lab" + lab[i].Name[len("crm.eu"):]
	}
	return plan.Declare([]auth.System{
		{Name: "self", Operations: []auth.Operation{{Name: "self.run.halt", Effect: auth.Idempotent}}},
		{Name: "lab", TwinOf: "crm.eu", Operations: lab}, {Name: "crm.eu", Operations: crm},
		{Name: "erp", Operations: []auth.Operation{{Name: "erp.entry.read", Effect: auth.ReadOnly}}},
	})
}

func outline(names ...string) plan.Outline {
	o := plan.Outline{Name: "note", Version: "1"}
	for _, name := range names {
		put := name == "crm.eu.note.put"
		o.Steps = append(o.Steps, plan.Part{Name: name, Operation: name, Do: true, Undo: put, Ask: put})
	}
	return o
}

func compiled(t *testing.T, o plan.Outline) *plan.Plan {
	t.Helper()
	p, findings := plan.Compile(o, catalogue(), func(string) bool { return false })
	if findings != nil {
		t.Fatal(findings)
	}
	p.Seal(o.Continues)
	return p
}

func TestOnlyRealSystemsAreTaken(t *testing.T) {
	for _, name := range []string{"self.run.halt", "lab.note.put", "crm.note.put"} {
		if _, findings := plan.Compile(outline(name), catalogue(), func(string) bool { return false }); len(findings) == 0 || findings[0].Code != "W106" {
			t.Errorf("%s: %v", name, findings)
		}
	}
	if got := compiled(t, outline("crm.eu.note.put")).Steps[0].Operation; got.System != "crm.eu" {
		t.Errorf("%+v is of a system that nobody declared", got)
	}
}

func TestTwin(t *testing.T) {
	p := compiled(t, outline("crm.eu.note.put", "crm.eu.mail.send"))
	twin, missing := p.Twin(catalogue())
	twin.Seal(nil)
	if missing != nil || twin.Hash == p.Hash || len(twin.Core) != 3 || len(p.Core) != 2 {
		t.Errorf("%v, %d steps of the core", missing, len(twin.Core))
	}
	put, send := twin.Steps[0], twin.Steps[1]
	if put.Operation.Name != "lab.note.put" || put.Undo.Name != "lab.note.drop" || put.Ask.Name != "lab.note.count" || put.Operation.System != "lab" || !send.Operation.Privileged {
		t.Errorf("%+v, %+v", put, send)
	}
	if twin.Crossings() != 4 {
		t.Errorf("%d crossings", twin.Crossings())
	}
	s := twin.Core.Start()
	if ahead := twin.Ahead(s); ahead != 3 {
		t.Errorf("%d are ahead at first", ahead)
	}
	for _, e := range []core.Event{{What: core.Began}, {What: core.Worked}} {
		s = twin.Core.Apply(s, e)
	}
	if ahead := twin.Ahead(s); ahead != 3 {
		t.Errorf("%d are ahead after the first step", ahead)
	}
	for _, e := range []core.Event{{What: core.Began}, {What: core.Worked}} {
		s = twin.Core.Apply(s, e)
	}
	if next := twin.Core.Next(s); next.Step != 2 || s.Mode != core.Forward {
		t.Errorf("%+v behind the last step", next)
	}
	s = twin.Core.Apply(s, core.Event{What: core.Halted})
	if next := twin.Core.Next(s); next.Phase != core.Undo || next.Step != 0 {
		t.Errorf("%+v on the way back: what nothing undoes is in it", next)
	}
	if _, missing := compiled(t, outline("erp.entry.read", "crm.eu.mail.send")).Twin(catalogue()); !slices.Equal(missing, []int{0}) {
		t.Errorf("missing %v", missing)
	}
}

// TestHash: a plan is another if anything of it is, and may finish what older versions of
// it have begun.
func TestHash(t *testing.T) {
	one := compiled(t, outline("erp.entry.read", "crm.eu.note.put"))
	seen := map[string]string{one.Hash: "itself"}
	for name, change := range map[string]func(o *plan.Outline){
		"name": func(o *plan.Outline) { o.Name = "x" }, "version": func(o *plan.Outline) { o.Version = "2" },
		"order": func(o *plan.Outline) { slices.Reverse(o.Steps) }, "step": func(o *plan.Outline) { o.Steps[0].Name = "x" },
		"fewer": func(o *plan.Outline) { o.Steps = o.Steps[1:] },
	} {
		o := outline("erp.entry.read", "crm.eu.note.put")
		change(&o)
		hash := compiled(t, o).Hash
		if other, ok := seen[hash]; ok {
			t.Errorf("%s has the hash of %s", name, other)
		}
		seen[hash] = name
	}
	two := outline("erp.entry.read", "crm.eu.note.put")
	two.Version, two.Continues = "2", []string{"1"}
	if p := compiled(t, two); !p.May(one.Hash) || !p.May(p.Hash) || one.May(p.Hash) {
		t.Error("versions")
	}
	limited := outline("erp.entry.read", "crm.eu.note.put")
	limited.Steps[0].Limits = plan.Limits{Attempts: 2, Attempt: time.Second}
	if p := compiled(t, limited); p.Hash != one.Hash || p.Core[0].Attempts != 2 || p.Steps[0].Limits.Total != time.Minute {
		t.Errorf("limits: %+v", p.Steps[0].Limits)
	}
}
