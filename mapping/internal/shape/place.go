package shape

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// The places, as schemas write them.
const (
	inBody      = "body"
	inPath      = "path"
	inQuery     = "query"
	inHeader    = "header"
	inDN        = "dn"
	inFilter    = "filter"
	inAttribute = "attribute"
)

// Places are all of them.
func Places() []string {
	return []string{inBody, inPath, inQuery, inHeader, inDN, inFilter, inAttribute}
}

// Field is what a place depends on.
type Field struct {
	Name     string
	Node     *scan.Node
	Required bool
	Within   bool // another object
}

// Place reads where a destination's field goes, as at says it.
func (r Reader) Place(in *string, f Field, at string) string {
	if in == nil || *in == inBody {
		return inBody
	}
	if !slices.Contains(Places(), *in) {
		r.Unknown("M120", at, at, "is no place", *in, slices.Values(Places()))
		return inBody
	}
	several := f.Node.Kind == scan.Map || f.Node.Kind == scan.Array && (*in != inAttribute || f.Node.Collects() || f.Node.Items.Nullable)
	r.Find(f.Within || f.Node.Kind == scan.Object || several, "M120", at, "is the place of a single value, which stands in no other object; an attribute may have several")
	r.Find(f.Node.Nullable, "M122", at, "is no place for null")
	inside := *in == inPath || *in == inDN || *in == inFilter
	r.Find(inside && !f.Required, "M122", at, "is a place that is always filled: the field is required")
	forms := map[string]*regexp.Regexp{inPath: names.Place, inDN: names.Place, inFilter: names.Place, inQuery: names.Query, inAttribute: names.Entry}
	form := forms[*in]
	r.Find(*in == inHeader && !names.Header(f.Name) || form != nil && !form.MatchString(f.Name), "M121", at, "is a place in which the property's name cannot stand")
	return *in
}

// Bars says whether text cannot stand in a place: in none but an attribute does it hold control
// characters; nothing and dots would make another path of one, and nothing another name of one.
func Bars(in, text string) bool {
	inside := in == inPath || in == inDN || in == inFilter
	return in != inAttribute && strings.ContainsFunc(text, unicode.IsControl) ||
		inside && text == "" || in == inPath && (text == "." || text == "..")
}
