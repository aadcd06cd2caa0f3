package shape

import (
	"slices"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// Canonical is all of a field that means something, in an order that means nothing. What a label
// and a release is, others know.
type Canonical struct {
	Name, Kind, In       string
	Nullable, Required   bool
	Order                int // of fields outside the body
	MinLength, MaxLength int
	Pattern, Format      string
	Texts                []string
	Min, Max             int64
	Integers             []int64
	Scale, MaxItems      int
	Unit                 string `json:",omitempty"`
	Label                any
	Releases             []any
	Keys                 *Canonical `json:",omitempty"`
	Items                *Canonical
	Members              []Canonical
}

// Canon is what is canonical of a value.
func Canon(n *scan.Node) Canonical {
	c := Canonical{
		Kind: n.Kind.String(), Nullable: n.Nullable, MinLength: n.MinLength, MaxLength: n.MaxLength, Format: n.Format.String(),
		Texts: slices.Compact(slices.Sorted(slices.Values(n.Texts))), Min: n.Min, Max: n.Max, Integers: slices.Sorted(slices.Values(n.Integers)),
		Scale: n.Scale, MaxItems: n.MaxItems, Unit: n.Unit,
	}
	if n.Pattern != nil {
		c.Pattern = n.Pattern.String()
	}
	if n.Keys != nil {
		keys := Canon(n.Keys)
		c.Keys = &keys
	}
	return c
}
