package check

import (
	"errors"
	"maps"
	"slices"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

// Broker checks that each system has what makes its calls.
type Broker struct {
	Translators map[string]any // by system
	Keys        bool           // there is somebody to lend them

	systems []string
	check
}

// System checks one: what its translator has against it, and whether it needs keys, the
// caller knows.
func (b *Broker) System(name, delegation string, unfit error, keys bool) {
	b.systems = append(b.systems, name)
	translator := b.Translators[name]
	b.find(translator == nil, "B201", name, "has no translator")
	said, _ := errors.AsType[mapping.Findings](unfit)
	for _, f := range said {
		b.find(true, f.Code, name+f.Path, f.Problem)
	}
	checker, ok := translator.(interface{ Check() error })
	b.find(unfit != nil && said == nil || ok && checker.Check() != nil, "B203", name, "has a translator that is not complete, or not for such a system")
	b.find(keys && !b.Keys, "B204", name, "makes tokens or pairwise ids, and there is nobody to lend keys")
	carrier, ok := translator.(interface{ Carries() bool })
	b.find(delegation == Carry && translator != nil && !(ok && carrier.Carries()), "B205", name, "carries delegations, and its translator cannot say on whose behalf a call is made")
}

// Findings are those of all systems, and of translators for none.
func (b *Broker) Findings() mapping.Findings {
	for _, name := range slices.Sorted(maps.Keys(b.Translators)) {
		if !slices.Contains(b.systems, name) {
			b.findings = append(b.findings, mapping.Finding{
				Code: "B202", Path: "translators", Problem: "name a system that nobody declared", Nearest: declare.Nearest(name, b.systems),
			})
		}
	}
	return b.findings
}
