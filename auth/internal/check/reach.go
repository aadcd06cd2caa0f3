package check

import (
	"fmt"
	"slices"

	"github.com/carnet-go/carnet/internal/netguard"
)

// Narrower are, for each operation of an API, the paths of operations of the same method
// at the same origin that its own path reaches by a value in one of its {places}. Such a
// value would make another call than the one that was granted.
func Narrower(systems []System) map[string][]string {
	narrower := map[string][]string{}
	overlaps(systems, func(a, b placed, aWider, bWider bool) {
		if aWider && !bWider {
			narrower[a.op.Name] = append(narrower[a.op.Name], b.op.Path)
		}
	})
	return narrower
}

// placed is an operation, and where it is declared.
type placed struct {
	op   *Operation
	path string
}

// overlaps visits all ordered pairs of operations that one request could be.
func overlaps(systems []System, visit func(a, b placed, aWider, bWider bool)) {
	type call struct {
		origin netguard.Origin
		method string
	}
	calls := map[call][]placed{}
	for i := range systems {
		origin, err := OriginOf(systems[i].kind(), systems[i].Origin)
		if err != nil || systems[i].kind() != KindAPI {
			continue
		}
		for j := range systems[i].Operations {
			op := &systems[i].Operations[j]
			at := call{origin, op.Method}
			calls[at] = append(calls[at], placed{op, fmt.Sprintf("/systems/%d/operations/%d", i, j)})
		}
	}
	for _, all := range calls {
		for i, a := range all {
			for j, b := range all {
				if overlap, aWider, bWider := netguard.Overlap(a.op.Path, b.op.Path); i != j && overlap {
					visit(a, b, aWider, bWider)
				}
			}
		}
	}
}

// ambiguous finds pairs of which nobody can say which one a request is, and hosts that
// are in two places.
func (c *check) ambiguous(systems []System) {
	var found []string
	overlaps(systems, func(a, _ placed, aWider, bWider bool) {
		if aWider && bWider && !slices.Contains(found, a.path) {
			found = append(found, a.path)
		}
	})
	slices.Sort(found)
	for _, path := range found {
		c.find(true, "B136", path+"/path", "and another operation's could both be one request: each has a {place} where the other has none")
	}
	first := map[netguard.Origin]*System{}
	for i := range systems {
		s := &systems[i]
		origin, err := OriginOf(s.kind(), s.Origin)
		if err != nil || s.Name == Self {
			continue
		}
		if first[origin] == nil {
			first[origin] = s
		}
		c.find(!equal(first[origin].Jurisdictions, s.Jurisdictions), "B137", fmt.Sprintf("/systems/%d/jurisdictions", i), "are not those of the system before at the same origin")
	}
}
