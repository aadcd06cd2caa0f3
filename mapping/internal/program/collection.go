package program

import (
	"context"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// field writes a collection, or what is none.
func (r *Run) field(ctx context.Context, o *Output) (bool, error) {
	if o.Elements == nil && o.Element == nil {
		return r.leaf(ctx, o.Rule)
	}
	v := r.values[o.Rule.From.Slot]
	if v.Kind != scan.Array && v.Kind != scan.Map {
		r.none(o)
		if v.Kind == scan.Absent {
			r.without(o.Rule)
			return false, nil
		}
		r.Out = append(r.Out, "null"...)
		return true, nil
	}
	brackets := "[]"
	if v.Kind == scan.Map {
		brackets = "{}"
	}
	r.Out = append(r.Out, brackets[0])
	err := r.collection(ctx, o, v)
	r.Out = append(r.Out, brackets[1])
	return true, err
}

// collection writes the elements, until something fails or ctx ends.
func (r *Run) collection(ctx context.Context, o *Output, v scan.Value) (err error) {
	first, names := len(r.Out), map[string]struct{}(nil)
	if v.Kind == scan.Map && len(o.Rule.Steps) > 0 {
		names = map[string]struct{}{}
	}
	r.deep++
	defer func() { r.deep-- }()
	scan.Elements(o.Rule.From, r.Source, v, r.values, func(name scan.Value, null bool) bool {
		if len(r.Out) > first {
			r.Out = append(r.Out, ',')
		}
		if err = r.goesOn(ctx); err == nil && v.Kind == scan.Map {
			err = r.name(o.Rule, name, names)
		}
		if err == nil {
			err = r.element(ctx, o, null)
		}
		return err == nil
	})
	return err
}

// name writes that of an entry. Names that were different stay different: no entry hides another.
func (r *Run) name(rule *Rule, name scan.Value, made map[string]struct{}) error {
	if made == nil {
		r.took(rule, name)
		r.JSON(rule.From.Keys, name)
		r.Out = append(r.Out, ':')
		return nil
	}
	value, ok := r.transform(rule, name)
	if _, known := made[string(value.Text)]; !ok || known {
		return r.fail(scan.Failed, rule.From.Path)
	}
	made[string(value.Text)] = struct{}{}
	r.made(rule.last(), value)
	r.Out = append(r.Out, ':')
	return nil
}

func (r *Run) element(ctx context.Context, o *Output, null bool) error {
	switch {
	case o.Element != nil:
		there, err := r.field(ctx, o.Element)
		if err == nil && !there { // the mapping was held to set it
			err = r.fail(scan.Failed, o.Element.Rule.Into)
		}
		if err != nil {
			return err
		}
	case null:
		r.Out = append(r.Out, "null"...)
	default:
		r.Out = append(r.Out, '{')
		if err := r.object(ctx, o.Elements); err != nil {
			return err
		}
		r.Out = append(r.Out, '}')
	}
	return r.bounded(o.Rule)
}

// none notes that no rule within a collection has set anything, as that is not there.
func (r *Run) none(o *Output) {
	if r.deep > 0 { // other elements may have one
		return
	}
	inside := append(o.Elements[:len(o.Elements):len(o.Elements)], o.Members...)
	if o.Element != nil {
		inside = append(inside, *o.Element)
	}
	for i := range inside {
		if inside[i].Rule != nil {
			r.without(inside[i].Rule)
		}
		r.none(&inside[i])
	}
}
