package mapping

import (
	"slices"
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/names"
)

// Destination is the far side as data sees it. The zero Destination accepts nothing.
type Destination struct {
	System        string    // its name in the catalogue
	Kind          string    // api, directory, database, store, event, log or metric; log and metric accept at most Internal
	Jurisdictions []string  // where it processes, stores and supports; nil: nowhere, so no residency is satisfied
	Clearance     Clearance // what it accepts
}

// kinds are all. Nothing writes into them.
var kinds = []string{"api", "database", "directory", "event", "log", "metric", "store"}

// refusal is one reason why a flow is none, as a finding.
type refusal struct{ code, problem string }

// refusals are all reasons.
func (d Destination) refusals(l Label) []refusal {
	var all []refusal
	refuse := func(wrong bool, code string, problem ...string) {
		if wrong {
			all = append(all, refusal{code, strings.Join(problem, "")})
		}
	}
	if l.Class == Unlabelled || l.Class >= Sealed {
		refuse(l.Class == Unlabelled, "M218", "is unlabelled: it crosses nothing")
		refuse(l.Class != Unlabelled, "M218", "is sealed: it crosses nothing")
		return all
	}
	lasting := d.Kind == "log" || d.Kind == "metric"
	refuse(d.System == "" || !slices.Contains(kinds, d.Kind), "M225", "goes to a destination that nobody declared")
	refuse(l.Class > d.Clearance.Class, "M219", "is ", l.Class.String(), ", above what the destination accepts")
	refuse(lasting && l.Class > Internal && l.Class <= d.Clearance.Class, "M223", "is ", l.Class.String(), ", above internal: too high for a log or metric")
	for _, category := range l.Categories {
		refuse(!slices.Contains(d.Clearance.Categories, category), "M220", "is ", category, ", which the destination does not accept")
	}
	refuse(!names.Within(d.Jurisdictions, l.Residency), "M221", "may be in ", names.Listed(l.Residency), ", and the destination is in ", names.Listed(d.Jurisdictions))
	refuse(!names.Within(d.Clearance.Purposes, l.Purposes), "M222", "may be used for ", names.Listed(l.Purposes), ", and the destination serves ", names.Listed(d.Clearance.Purposes))
	return all
}
