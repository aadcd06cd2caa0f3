package mapping

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// place reads where a destination's field goes.
func (p *profile) place(f *field, d *property, at string) {
	if d.In == nil {
		return
	}
	at += "/in"
	places := []string{InBody, InPath, InQuery, InHeader, InDN, InFilter, InAttribute}
	if !slices.Contains(places, *d.In) {
		p.unknown("M120", at, at, "is no place", *d.In, slices.Values(places))
		return
	}
	f.in = *d.In
	if f.in == InBody {
		return
	}
	inArray := f.node.Kind == scan.Array && (f.in != InAttribute || f.objects() || f.node.Items.Nullable)
	p.find(f.above.above != nil || f.node.Kind == scan.Object || inArray, "M120", at, "is the place of a single value, which stands in no other object; an attribute may have several")
	p.find(f.node.Nullable, "M122", at, "is no place for null")
	inside := f.in == InPath || f.in == InDN || f.in == InFilter
	p.find(inside && !f.required, "M122", at, "is a place that is always filled: the field is required")
	forms := map[string]*regexp.Regexp{InPath: names.Place, InDN: names.Place, InFilter: names.Place, InQuery: names.Query, InAttribute: names.Entry}
	form := forms[f.in]
	p.find(f.in == InHeader && !names.Header(f.name) || form != nil && !form.MatchString(f.name), "M121", at, "is a place in which the property's name cannot stand")
}

// bars says whether text cannot stand in the field's place: in none but an attribute does
// it hold control characters; nothing and dots would make another path of one, and nothing
// another name of one.
func (f *field) bars(text string) bool {
	inside := f.in == InPath || f.in == InDN || f.in == InFilter
	return f.in != InAttribute && strings.ContainsFunc(text, unicode.IsControl) ||
		inside && text == "" || f.in == InPath && (text == "." || text == "..")
}
