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
	element    bool     // of an array, or within one
	members    []*field // of an object
	items      *field   // of an array
}

// release lowers the label of what one transform makes of a field.
type release struct {
	via      transform.Step
	anyKey   bool // whatever key the mapping names
	to       Label
	approved string
	until    time.Time // the end of its last day
}

// each walks the fields in their order. The elements of an array are none, but what these hold is.
func (f *field) each(visit func(*field)) {
	visit(f)
	if f.records() {
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

// objects says whether it is an array of what is no scalar.
func (f *field) objects() bool { return f.items != nil && !scalar(f.items.node) }

// records says whether it is an array of objects.
func (f *field) records() bool { return f.items != nil && f.items.node.Kind == scan.Object }

// item says whether it is the element of an array.
func (f *field) item() bool { return f.element && f.above.items == f }

// array is the innermost array that the field stands in; nil: none.
func (f *field) array() *field {
	for o := f; o != nil && o.element; o = o.above {
		if o.item() {
			return o.above
		}
	}
	return nil
}

func scalar(n *scan.Node) bool { return n.Kind != scan.Object && n.Kind != scan.Array }

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

// value is the description of the field's values: of an array, of its elements.
func (f *field) value() *scan.Node {
	if f.node.Kind == scan.Array {
		return f.node.Items
	}
	return f.node
}

// held are the objects around the field, from the inside, that may not be there; within the
// element that it stands in, where it stands in one.
func (f *field) held() []*field {
	var all []*field
	for o := f.above; o != nil && o.above != nil && !o.item(); o = o.above {
		if !o.required || o.node.Nullable {
			all = append(all, o)
		}
	}
	return all
}

// around are held, and the arrays around it with what is held around these: their length tells
// how often it is there.
func (f *field) around() []*field {
	all := f.held()
	if array := f.array(); array != nil {
		all = append(append(all, array), array.around()...)
	}
	return all
}

// bars says whether text cannot stand in the field's place.
func (f *field) bars(text string) bool { return shape.Bars(f.in, text) }
