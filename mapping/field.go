package mapping

import (
	"time"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/shape"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// field is one of a schema: an object, an array or a scalar.
type field struct {
	name, path string
	node       *scan.Node
	required   bool
	in         string // where a destination's field goes
	label      Label  // of an object or array: that of its presence, or length, too
	releases   []release
	above      *field
	deep       int      // arrays and maps around it
	members    []*field // of an object
	items      *field   // of an array or a map
}

// release lowers the label of what one transform makes of a field.
type release struct {
	via      transform.Step
	anyKey   bool // whatever key the mapping names
	to       Label
	approved string
	until    time.Time // the end of its last day
}

// each walks the fields in their order. Elements that are objects are none, but what these hold is.
func (f *field) each(visit func(*field)) {
	visit(f)
	if f.collects() {
		if f.items.own() {
			f.items.each(visit)
		}
		for _, member := range f.items.members {
			member.each(visit)
		}
	}
	for _, member := range f.members {
		member.each(visit)
	}
}

// leaf says whether a mapping takes the field: whole objects it does not.
func (f *field) leaf() bool { return f.node.Kind != scan.Object }

// collects says whether it is a map, or an array of what is no scalar: a mapping sets what its
// elements hold, or are, one by one.
func (f *field) collects() bool { return f.node.Collects() }

// item says whether it is the element of an array or a map.
func (f *field) item() bool { return f.deep > 0 && f.above.items == f }

// own says whether it is an element that is a field of its own.
func (f *field) own() bool { return f.item() && f.leaf() && f.above.collects() }

// collection is the innermost one that the field stands in; nil: none.
func (f *field) collection() *field {
	for o := f; o != nil && o.deep > 0; o = o.above {
		if o.item() {
			return o.above
		}
	}
	return nil
}

// everything joins the labels of the field and of all that it holds.
func (f *field) everything() Label {
	label := f.label
	if f.items != nil {
		label = label.Join(f.items.everything())
	}
	for _, member := range f.members {
		label = label.Join(member.everything())
	}
	return label
}

// value is the description of what transforms take: of an array its elements, of a map its names.
func (f *field) value() *scan.Node {
	switch f.node.Kind {
	case scan.Array:
		return f.node.Items
	case scan.Map:
		return f.node.Keys
	}
	return f.node
}

// held are the objects around the field, from the inside, that may not be there; within the
// element that it stands in, where it stands in one.
func (f *field) held() []*field {
	var all []*field
	for o := f.holder(); o != nil; o = o.holder() {
		if !o.required || o.node.Nullable {
			all = append(all, o)
		}
	}
	return all
}

// holder is the object that the field stands in, within the same element; nil: the root, or the
// element.
func (f *field) holder() *field {
	if f.item() || f.above == nil || f.above.above == nil || f.above.item() {
		return nil
	}
	return f.above
}

// bars says whether text cannot stand in the field's place.
func (f *field) bars(text string) bool { return shape.Bars(f.in, text) }
