package mapping

import (
	"strings"
	"unicode"

	"github.com/carnet-go/carnet/mapping/internal/shape"
)

// place reads where a destination's field goes.
func (p *profile) place(f *field, d *property, at string) {
	f.in = p.reader().Place(d.In, shape.Field{Name: f.name, Node: f.node, Required: f.required, Within: f.above.above != nil}, at+"/in")
}

// bars says whether text cannot stand in the field's place: in none but an attribute does
// it hold control characters; nothing and dots would make another path of one, and nothing
// another name of one.
func (f *field) bars(text string) bool {
	inside := f.in == InPath || f.in == InDN || f.in == InFilter
	return f.in != InAttribute && strings.ContainsFunc(text, unicode.IsControl) ||
		inside && text == "" || f.in == InPath && (text == "." || text == "..")
}
