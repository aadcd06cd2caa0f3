package mapping

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/finder"
	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/shape"
	"github.com/carnet-go/carnet/mapping/internal/strict"
)

const (
	maxFields = 4096
	maxDeep   = 8 // each array and map in another is read once more
)

type (
	schemaFile = shape.File[Class]
	property   = shape.Property[Class]
	labels     = shape.Labels[Class]
)

// profile makes fields of a file, and finds what is wrong with it.
type profile struct {
	finder.Finder
	schema   *Schema
	defaults labels
	fields   int
	defs     map[string]*property
	used     map[string]bool
	within   []string // the definitions around what is read
}

// object reads the members of an object into f.
func (p *profile) object(f *field, at string, properties map[string]*property, required []string, closed *bool) {
	p.closed(closed, at)
	declared := p.Index.Names(at + "/properties")
	declared = slices.Compact(slices.DeleteFunc(declared, func(name string) bool { return properties[name] == nil }))
	p.Find(len(declared) == 0 || len(declared) > scan.MaxMembers, "M105", at+"/properties", "has no properties, or more than 256")
	if len(declared) > scan.MaxMembers {
		return
	}
	for i, name := range required {
		if properties[name] == nil {
			at := at + "/required/" + strconv.Itoa(i)
			p.Unknown("M108", at, at, "is required and no property", name, slices.Values(declared))
		}
	}
	f.node.Kind = scan.Object
	folded := map[string]bool{}
	for _, name := range declared {
		if !p.named(name, at, folded) {
			continue
		}
		member := &field{name: name, path: f.path + "/" + name, above: f, deep: f.deep, required: slices.Contains(required, name), in: InBody}
		p.property(member, properties[name], at+"/properties/"+name)
		f.members = append(f.members, member)
		f.node.Members = append(f.node.Members, scan.Member{Name: name, Required: member.required, Node: member.node})
	}
	f.node.Index()
}

func (p *profile) closed(said *bool, at string) {
	p.Find(said == nil || *said, "M104", at+"/additionalProperties", "additionalProperties is not false: it is false, and said")
}

// named says whether a property's name may stand in paths, reports and requests.
func (p *profile) named(name, at string, folded map[string]bool) bool {
	fold, before := strings.Map(strict.Folded, name), p.Found
	at, shown := at+"/properties/"+declare.Escape(name), at+"/properties"
	if !names.Property(name) {
		p.Add("M106", at, shown, "has a property whose name is not 1 to 128 bytes of printable characters without /, ~, quotes and backslashes", "")
	} else if folded[fold] {
		p.Add("M107", at, shown, "has a property whose name differs from another one only in case", "")
	}
	folded[fold] = true
	return p.Found == before
}

// property reads one property, or the items of an array.
func (p *profile) property(f *field, d *property, at string) {
	f.node = &scan.Node{Path: f.path, Slot: -1}
	if p.fields++; p.fields > maxFields {
		p.Find(p.fields == maxFields+1, "M105", at, "is one too many: 4096 properties, and items or values of such, in all")
		return
	}
	if f.item() {
		f.above.node.Items = f.node
	}
	if d.Ref != nil {
		p.refer(f, d, at)
		return
	}
	if f.node.Kind, f.node.Nullable = p.reader().Kind(d.Type, at); f.node.Kind == scan.Absent {
		return
	}
	p.reader().Limits(f.node, d.Keywords(), at)
	f.required = f.required || f.own()
	if !f.item() || f.own() {
		f.node.Slot = p.schema.slots
		p.schema.slots++
	}
	switch f.node.Kind {
	case scan.Object:
		p.object(f, at, d.Properties, d.Required, d.AdditionalProperties)
	case scan.Array:
		p.elements(f, d.Items, at+"/items")
	case scan.Map:
		p.entries(f, d, at)
	}
	p.label(f, d, at)
	if f.item() && !f.own() {
		p.Find(d.Release != nil || d.In != nil, "M103", at, "has items with a release or a place: they are the array's")
		return
	}
	f.in = p.reader().Place(d.In, shape.Field{Name: f.name, Node: f.node, Required: f.required, Within: f.above.above != nil}, at+"/in")
	p.releases(f, d, at)
}

// refer reads the definition that a property is, and nothing besides.
func (p *profile) refer(f *field, d *property, at string) {
	name, local := strings.CutPrefix(*d.Ref, "#/$defs/")
	is := p.defs[name]
	switch {
	case !d.OnlyRefers():
		p.Find(true, "M125", at+"/$ref", "stands beside other keywords: a definition says all of it")
	case !local || !names.Name.MatchString(name):
		p.Find(true, "M125", at+"/$ref", "is not #/$defs/NAME, with a name [a-z0-9][a-z0-9._-]{0,63}")
	case is == nil:
		p.Unknown("M125", at+"/$ref", at+"/$ref", "is no definition of this file", name, maps.Keys(p.defs))
	case slices.Contains(p.within, name):
		p.Find(true, "M125", at+"/$ref", "is a definition that holds itself")
	default:
		p.used[name], p.within = true, append(p.within, name)
		p.property(f, is, "/$defs/"+name)
		p.within = p.within[:len(p.within)-1]
	}
}

// entries reads a map: one pattern of names, and what each of them has.
func (p *profile) entries(f *field, d *property, at string) {
	p.closed(d.AdditionalProperties, at)
	p.Find(len(d.PatternProperties) != 1, "M126", at+"/patternProperties", "has no pattern of names, or several")
	for pattern, values := range d.PatternProperties {
		if p.reader().Named(f.node, pattern, at+"/patternProperties") {
			p.elements(f, values, at+"/patternProperties/"+declare.Escape(pattern))
			return
		}
	}
	p.elements(f, harmlessly, at)
}

// harmlessly stands where elements are not described, which was found.
var harmlessly = &property{Type: json.RawMessage(`"boolean"`)}

// elements reads what a collection or a list of scalars holds.
func (p *profile) elements(f *field, d *property, at string) {
	f.items = &field{path: f.path + "/*", above: f, deep: f.deep + 1, in: InBody}
	if d == nil {
		p.Find(true, "M109", at, "has no items")
		d = harmlessly
	}
	if f.items.deep > maxDeep {
		p.Find(true, "M127", at, "stands in more than 8 arrays and maps")
		d = harmlessly
	}
	f.node.First = p.schema.slots
	p.property(f.items, d, at)
	f.node.End = p.schema.slots
}

func (p *profile) reader() shape.Reader { return shape.Reader{Find: p.Find, Unknown: p.Unknown} }

// label is what the property says, or else the defaults. What neither says stays unlabelled.
func (p *profile) label(f *field, d *property, at string) {
	own := labels{Classification: d.Classification, Categories: d.Categories, Residency: d.Residency, Purposes: d.Purposes}
	shape.Words(p.reader(), own, at)
	if f.item() && !f.own() {
		named := own.Classification != Unlabelled || own.Categories != nil || own.Residency != nil || own.Purposes != nil
		p.Find(named, "M103", at, "has items with a label: it is the array's, or that of their properties")
		f.label = harmless()
		return
	}
	if own.Classification == Unlabelled {
		own.Classification = p.defaults.Classification
	}
	f.label = Label{
		Class:      own.Classification,
		Categories: names.Or(own.Categories, p.defaults.Categories),
		Residency:  names.Or(own.Residency, p.defaults.Residency),
		Purposes:   names.Or(own.Purposes, p.defaults.Purposes),
	}
}
