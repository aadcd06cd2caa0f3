package mapping

import (
	"slices"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// rule sets one field of a destination: from a source field, from a constant, or not.
type rule struct {
	into, from *field
	steps      []transform.Step
	onError    string
	constant   scan.Value
	source     []byte   // of the constant
	absent     string   // the reason why it is not set
	broken     bool     // has a finding of its own
	needs      []*field // its conditions

	before, label  Label
	release, ended *release

	number int
	json   []byte   // the constant in a body
	texts  []string // the constant elsewhere
}

// dropping is a source field that goes nowhere.
type dropping struct {
	from   *field
	reason string
}

// empty says whether it never sets anything.
func (r *rule) empty() bool { return r == nil || r.from == nil && r.constant.Kind == scan.Absent }

// conditions are the fields without which it sets nothing; the destination's own where a
// failed transform drops it.
func (r *rule) conditions() []*field {
	if r.from == nil {
		return nil
	}
	all := r.from.held()
	if !r.from.required {
		all = append(all, r.from)
	}
	if r.onError == drop {
		all = append(all, r.into)
	}
	return all
}

func (r *rule) reversible() bool {
	return slices.ContainsFunc(r.steps, func(s transform.Step) bool { return s.Reversible })
}

// certain says whether it sets something wherever all these fields are there.
func (r *rule) certain(given []*field) bool {
	return !r.empty() && !slices.ContainsFunc(r.needs, func(f *field) bool { return !slices.Contains(given, f) })
}
