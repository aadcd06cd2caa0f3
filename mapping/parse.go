package mapping

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/shape"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// ParseSchema reads the closed profile of JSON Schema 2020-12, with comments.
//
//	{
//	  "title": "employee", "type": "object", "additionalProperties": false, "required": ["number"],
//	  "defaults": {"classification": "confidential", "residency": ["eu"], "purposes": ["hr"]},
//	  "properties": {
//	    "number": {"type": "integer", "minimum": 1, "classification": "internal"},
//	    "phone": {
//	      "type": ["string", "null"], "maxLength": 30, "categories": ["pii.contact"],
//	      "release": [{"via": "mask.keep_last", "args": {"n": 4}, "to": "internal", "approved": "DPO-114", "until": "2027-03-31"}],
//	    },
//	  },
//	}
//
// A type is one of boolean, integer, number, string, array and object, alone or as
// [TYPE, "null"]. By type:
//
//	object   properties, required; additionalProperties is false, and said
//	         or, for a map, one of patternProperties, with maxProperties and propertyNames: maxLength (required but with format), minLength, format; "^[\\s\\S]*$" is of all names
//	array    items, maxItems; both are required
//	string   minLength, maxLength (required unless there are choices or a format), enum, pattern (RE2, from ^ to $; choices in parentheses), format (date, date-time, email, uuid; asserted)
//	integer  minimum, maximum (nothing said: 64 bits with a sign; without one where the maximum is above these, and the minimum is said), enum, unit
//	number   scale (required: digits after the point), minimum, maximum, unit; times ten to the scale it fits 64 bits
//
// and for all of them
//
//	classification  public, internal, confidential, restricted or sealed
//	categories, residency, purposes
//	                lists; absent: those of the root's defaults; residency and purposes may be ["*"]
//	release         what lowers the label: via and args of a transform, to, approved, until (its last day, UTC); residency, purposes and categories, where they change
//	in              a destination's place: body, path, query, header, dn, filter or attribute; absent: body
//	description     text, as $schema and $id
//
// A property can be a definition of the root's $defs: {"$ref": "#/$defs/address"}, with nothing but a
// description beside it.
//
// Fields that tell more together than each alone stand in the root's combine, with what they are then. It
// counts a field that is sent, also where it is released, unless its release is by one of the transforms
// that unless names for it:
//
//	"combine": [{"fields": ["/born", "/address/code"], "classification": "restricted", "categories": ["pii.identity"], "unless": {"/born": ["date.year"]}}]
//
// A field whose class nobody says is unlabelled: it crosses nothing. The label of an object or an array
// is that of its presence or length, and that of a map of its names, too; its values have their
// own, the scalars of an array have none. Fields outside the body stand in no object and are never null; those in path, dn
// and filter are required. A header's name begins with X- and is one that only applications read.
//
// The error is Findings, up to 1000 of them. D101 to D116 are of the file's form (unknown keywords and
// classes, wrong types), and:
//
//	M101  no title
//	M102  no type
//	M103  keyword does not belong to the type
//	M104  additionalProperties is not false
//	M105  no properties, or too many
//	M106  name of a property
//	M107  names that differ only in case
//	M108  required, and no property
//	M109  no items, maxItems or maxProperties
//	M110  no maxLength
//	M111  limits are no range
//	M112  enum
//	M113  pattern
//	M114  format
//	M115  no scale
//	M116  category, jurisdiction or purpose is no name
//	M117  release without approval or last day
//	M118  release that is none: transform, arguments or class
//	M119  release of what nothing can release
//	M120  place
//	M121  name cannot stand in its place
//	M122  place that must be filled
//	M123  unit that is no name
//	M124  combination that is none
//	M125  definition that is none, that holds itself, or that nothing uses
//	M126  map without one pattern of names
//	M127  more than 8 arrays and maps in each other
func ParseSchema(doc []byte) (*Schema, error) {
	var file schemaFile
	p := profile{schema: &Schema{text: slices.Clone(doc)}}
	if p.Read(doc, &file) {
		p.defaults = file.Defaults
		p.root(&file)
	}
	if err := found(p.Sorted()); err != nil {
		return nil, err
	}
	return p.schema, nil
}

func (p *profile) root(file *schemaFile) {
	s := p.schema
	s.title, s.root = file.Title, &field{node: &scan.Node{Slot: -1}, label: harmless(), in: InBody}
	p.Find(!names.Name.MatchString(file.Title), "M101", "/title", "has no title that is a name: [a-z0-9][a-z0-9._-]{0,63}")
	shape.Words(p.reader(), file.Defaults, "/defaults")
	if kind, nullable := p.reader().Kind(file.Type, ""); kind != scan.Absent {
		p.Find(kind != scan.Object || nullable, "M102", "/type", "is not an object")
	}
	p.defs, p.used = file.Defs, map[string]bool{}
	p.object(s.root, "", file.Properties, file.Required, file.AdditionalProperties)
	s.fields = map[string]*field{}
	s.root.each(func(f *field) {
		if f != s.root {
			s.fields[f.path] = f
		}
		if f.leaf() {
			s.leaves = append(s.leaves, f)
		}
	})
	for name := range file.Defs {
		if !p.used[name] {
			p.Add("M125", "/$defs/"+declare.Escape(name), "/$defs", "has a definition that nothing uses", "")
		}
	}
	p.headers()
	p.combine(file.Combine)
	if p.Found == 0 {
		s.label = s.root.everything()
		for _, k := range s.combined {
			s.label = s.label.Join(k.label)
		}
		s.hash = shape.Hash(s.canonical())
	}
}

// headers finds two properties that are one header.
func (p *profile) headers() {
	seen := map[string]bool{}
	for _, f := range p.schema.leaves {
		name := strings.ToLower(f.in + " " + f.name)
		p.Find(f.in != InBody && seen[name], "M121", "/properties/"+f.name+"/in", "is a place that another property has")
		seen[name] = true
	}
}

func (p *profile) releases(f *field, d *property, at string) {
	for i := range d.Release {
		p.release(f, &d.Release[i], at+"/release/"+strconv.Itoa(i))
	}
}

func (p *profile) release(f *field, d *shape.Release[Class], at string) {
	before := p.Found
	p.Find(f.collects() && f.node.Kind == scan.Array, "M119", at, "is of an array of what has releases of its own")
	p.Find(f.label.Class == Unlabelled, "M119", at, "is of a field without a label")
	p.Find(f.label.Class == Sealed, "M119", at, "is of a sealed field: nothing lowers it")
	p.Find(d.To == Unlabelled || d.To > f.label.Class, "M118", at+"/to", "is no class, or above the field's")
	p.Find(!names.Line(d.Approved), "M117", at+"/approved", "does not say who approved it, in 1 to 200 printable characters")
	last, ok := scan.ReadDate([]byte(d.Until))
	p.Find(!ok, "M117", at+"/until", "does not say its last day, such as 2027-03-31")
	shape.Words(p.reader(), labels{Categories: d.Categories, Residency: d.Residency, Purposes: d.Purposes}, at)
	if f.value() == nil || p.Found > before {
		return
	}
	step, anyKey, problem := transform.Released(d.Via, d.Args, f.value())
	if problem.Kind != 0 {
		p.Add("M118", at+"/via", at+"/via", problem.Text, problem.Nearest)
	}
	to := Label{d.To, names.Or(d.Categories, f.label.Categories), names.Or(d.Residency, f.label.Residency), names.Or(d.Purposes, f.label.Purposes)}
	f.releases = append(f.releases, release{via: step, anyKey: anyKey, to: to, approved: d.Approved, until: last.AddDate(0, 0, 1)})
}

func (s *Schema) canonical() any {
	order := 0
	var combined []any
	for _, k := range s.combined {
		combined = append(combined, k.canonical())
	}
	return struct {
		Format, Title string
		Root          shape.Canonical
		Combined      []any `json:",omitempty"`
	}{"carnet mapping schema v1", s.title, s.root.canonical(&order), combined}
}

func (f *field) canonical(order *int) shape.Canonical {
	c := shape.Canon(f.node)
	c.Name, c.In, c.Required, c.Label = f.name, f.in, f.required, f.label
	if f.in != InBody {
		*order++
		c.Order = *order
	}
	for _, r := range f.releases {
		c.Releases = append(c.Releases, []any{r.via.Name, r.via.Args, r.anyKey, r.to, r.approved, r.until})
	}
	if f.items != nil {
		items := f.items.canonical(order)
		c.Items = &items
	}
	for _, member := range f.members {
		c.Members = append(c.Members, member.canonical(order))
	}
	slices.SortFunc(c.Members, func(a, b shape.Canonical) int { return cmp.Compare(a.Name, b.Name) })
	return c
}
