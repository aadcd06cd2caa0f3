package mapping_test

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/mapping"
)

// TestForAnotherDestination: a mapping is checked anew for each, as Compile would. What the
// owner has released for one is not released for another.
func TestForAnotherDestination(t *testing.T) {
	src := schema(t, `{"title": "src", "type": "object", "additionalProperties": false, "required": ["v"], "defaults": {"classification": "restricted"}, "properties": {"v": {"type": "string", "maxLength": 9,
		"release": [{"via": "redact", "to": "internal", "residency": ["us"], "purposes": ["crm"], "approved": "D-1", "until": "2000-02-29"}]}}}`)
	dst := schema(t, `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"v": {"type": "string", "maxLength": 20}}}`)
	text := []byte(`{"mapping": "m", "from": "src", "to": "dst", "set": {"/v": {"from": "/v", "do": [{"redact": {}}]}}}`)
	given := append([]byte(nil), text...)
	lab := func(change func(*mapping.Destination)) mapping.Destination {
		d := crm()
		d.System = "lab"
		change(&d)
		return d
	}
	synctest.Test(t, func(t *testing.T) { // begins at 2000-01-01
		m, err := mapping.Compile(src, dst, given, crm())
		if err != nil {
			t.Fatal(err)
		}
		clear(given) // a caller's
		hash := m.Hash()
		for name, c := range map[string]struct {
			to    mapping.Destination
			codes string // empty: it fits
		}{
			"the same":          {crm(), ""},
			"another":           {lab(func(*mapping.Destination) {}), ""},
			"another place":     {lab(func(d *mapping.Destination) { d.Jurisdictions = []string{"eu"} }), "M221"},
			"another purpose":   {lab(func(d *mapping.Destination) { d.Clearance.Purposes = []string{"tests"} }), "M222"},
			"a lower clearance": {lab(func(d *mapping.Destination) { d.Clearance.Class = mapping.Public }), "M219"},
			"nobody":            {mapping.Destination{}, "M225 M225 M219 M221 M222"},
		} {
			other, err := m.For(c.to)
			if c.codes != "" {
				if got := codes(err); got != c.codes || other != nil {
					t.Errorf("%s: %s, want %s", name, got, c.codes)
				}
				continue
			}
			compiled, wrong := mapping.Compile(src, dst, text, c.to)
			if err != nil || wrong != nil {
				t.Fatal(name, err, wrong)
			}
			if !reflect.DeepEqual(other.Destination(), c.to) || other.Hash() != compiled.Hash() || other.Report() != compiled.Report() {
				t.Errorf("%s: not what Compile makes:\n%s", name, other.Report())
			}
			if same := other.Hash() == hash; same != (name == "the same") {
				t.Errorf("%s: the same hash is %v", name, same)
			}
		}
		if m.Destination().System != "crm" || m.Hash() != hash {
			t.Error("a mapping was changed")
		}
		time.Sleep(time.Until(m.NotAfter()))
		if _, err := m.For(crm()); codes(err) != "M219 M221 M222 M224" {
			t.Errorf("after the release: %v", err)
		}
	})
	for _, none := range []*mapping.Mapper{nil, {}} {
		if m, err := none.For(crm()); codes(err) != "M201" || m != nil {
			t.Errorf("of nothing: %v", err)
		}
	}
}
