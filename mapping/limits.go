package mapping

import (
	"encoding/json"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

func (p *profile) array(f *field, d *property, at string) {
	p.find(d.MaxItems == nil || *d.MaxItems < 0 || *d.MaxItems > maxItems, "M109", at+"/maxItems", "has no maxItems between 0 and 2097152")
	if d.MaxItems != nil {
		f.node.MaxItems = *d.MaxItems
	}
	f.items = &field{path: f.path + "/*", above: f, element: true, in: InBody}
	f.items.node = &scan.Node{Path: f.items.path, Slot: -1}
	f.node.Items = f.items.node
	if d.Items == nil {
		p.find(true, "M109", at+"/items", "has no items")
		return
	}
	p.find(d.Items.Release != nil || d.Items.In != nil, "M103", at+"/items", "has items with a release or a place: they are the array's")
	items := *d.Items
	items.Release, items.In = nil, nil
	p.property(f.items, &items, at+"/items")
	f.node.Items = f.items.node
}

// text reads the limits of a string. One with choices or a format needs none.
func (p *profile) text(n *scan.Node, d *property, at string) {
	n.MaxLength = -1
	if d.Enum != nil {
		ok := json.Unmarshal(d.Enum, &n.Texts) == nil && len(n.Texts) > 0 && len(n.Texts) <= 1000 && len(n.Texts) == len(sorted(n.Texts))
		p.find(!ok, "M112", at+"/enum", "is not a list of 1 to 1000 different strings")
		for _, text := range n.Texts {
			n.MaxLength = max(n.MaxLength, utf8.RuneCountInString(text))
		}
	}
	if d.Format != nil {
		i := slices.Index(scan.Formats[1:], *d.Format)
		if i < 0 {
			p.unknown("M114", at+"/format", at+"/format", "is no format: date, date-time, email or uuid", *d.Format, slices.Values(scan.Formats[1:]))
		}
		n.Format = scan.Format(i + 1)
		n.MinLength, n.MaxLength = n.Format.Shortest(), n.Format.Length()
	}
	if d.MinLength != nil {
		n.MinLength = max(n.MinLength, *d.MinLength)
	}
	if d.MaxLength != nil && (n.MaxLength < 0 || *d.MaxLength < n.MaxLength) {
		n.MaxLength = *d.MaxLength
	}
	p.find(d.MaxLength == nil && d.Enum == nil && d.Format == nil, "M110", at+"/maxLength", "has no maxLength")
	given := d.MaxLength != nil || d.Enum != nil || d.Format != nil
	given = given && (d.Enum == nil || len(n.Texts) > 0)
	p.find(given && (n.MaxLength > maxText || n.MaxLength < n.MinLength) || d.MinLength != nil && *d.MinLength < 0 || d.MaxLength != nil && *d.MaxLength < 0, "M111", at, "has lengths that are no range below 4 MiB")
	if d.Pattern != nil {
		var problem string
		n.Pattern, problem = scan.Pattern(*d.Pattern)
		p.find(problem != "", "M113", at+"/pattern", problem)
	}
}

func (p *profile) number(n *scan.Node, d *property, at string) {
	if n.Kind == scan.Number {
		p.find(d.Scale == nil || *d.Scale < 0 || *d.Scale > scan.MaxScale, "M115", at+"/scale", "has no scale, of 0 to 18 digits after the point")
	}
	if d.Scale != nil {
		n.Scale = min(max(*d.Scale, 0), scan.MaxScale)
	}
	n.Min, n.Max = math.MinInt64, math.MaxInt64
	ok := true
	for raw, into := range map[*json.RawMessage]*int64{&d.Minimum: &n.Min, &d.Maximum: &n.Max} {
		if *raw != nil {
			value, fits := scan.Decimal(string(*raw), n.Scale)
			*into, ok = value, ok && fits
		}
	}
	p.find(!ok || n.Min > n.Max, "M111", at, "has a minimum and maximum that are no range of 64 bits with its scale")
	if d.Enum != nil && n.Kind == scan.Integer {
		ok := json.Unmarshal(d.Enum, &n.Integers) == nil && len(n.Integers) > 0 && len(n.Integers) <= 1000
		for i, v := range n.Integers {
			ok = ok && v >= n.Min && v <= n.Max && !slices.Contains(n.Integers[:i], v)
		}
		p.find(!ok, "M112", at+"/enum", "is not a list of 1 to 1000 different integers of its range")
		if ok {
			n.Min, n.Max = slices.Min(n.Integers), slices.Max(n.Integers)
		}
	}
}
