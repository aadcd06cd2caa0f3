package program

import (
	"context"
	"slices"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// Apart is a program in two halves: what one makes, the other reads as a document of the
// destination.
type Apart struct {
	Flat Program // makes one object of all fields, also of those outside the body
	Back Program // reads it; constants are its own
}

// NewApart cuts a program whose fields that destination describes.
func NewApart(p *Program, destination *scan.Node) *Apart {
	nodes := map[string]*scan.Node{}
	destination.Each(func(n *scan.Node) { nodes[n.Path] = n })
	a := &Apart{Flat: Program{Bodied: true, Arrays: p.Arrays, Keys: p.Keys}, Back: Program{Bodied: p.Bodied, Arrays: p.Arrays}}
	for _, rule := range p.Outside {
		node := nodes[rule.Into]
		a.Flat.Body = append(a.Flat.Body, Output{Key: append(scan.AppendJSON(nil, []byte(rule.Into[1:])), ':'), Rule: rule, Aside: node})
		a.Back.Outside = append(a.Back.Outside, again(rule, node))
	}
	a.Flat.Body = append(a.Flat.Body, p.Body...)
	a.Back.Body = reading(p.Body, nodes)
	return a
}

// reading are the members with the rules that read what theirs have made.
func reading(members []Output, nodes map[string]*scan.Node) []Output {
	members = slices.Clone(members)
	for i := range members {
		if rule := members[i].Rule; rule != nil {
			members[i].Rule = again(rule, nodes[rule.Into])
		}
		members[i].Members = reading(members[i].Members, nodes)
		members[i].Elements = reading(members[i].Elements, nodes)
		if element := members[i].Element; element != nil {
			members[i].Element = &reading([]Output{*element}, nodes)[0]
		}
	}
	return members
}

// again is the rule that reads what a rule has made.
func again(rule *Rule, node *scan.Node) *Rule {
	if rule.From == nil {
		return rule
	}
	again := &Rule{Number: rule.Number, Into: rule.Into, From: node, Bars: rule.Bars}
	for _, step := range rule.Steps {
		if step.Key != "" {
			again.Took++
		}
	}
	return again
}

// flat writes a field that goes elsewhere into the body, once it has stood the test of its place.
func (r *Run) flat(ctx context.Context, o *Output) (bool, error) {
	fields, absent := len(r.Fields), len(r.Absent)
	if err := r.outside(ctx, o.Rule); err != nil || len(r.Absent) > absent {
		return false, err
	}
	r.leaves++
	made := r.Fields[fields:]
	if o.Aside.Kind != scan.Array {
		r.Out = appendText(r.Out, o.Aside, made[0].Text)
		return true, r.bounded(o.Rule)
	}
	r.Out = append(r.Out, '[')
	for i, element := range made {
		if i > 0 {
			r.Out = append(r.Out, ',')
		}
		r.Out = appendText(r.Out, o.Aside.Items, element.Text)
	}
	r.Out = append(r.Out, ']')
	return true, r.bounded(o.Rule)
}

// appendText appends the JSON of what stands elsewhere as text.
func appendText(dst []byte, n *scan.Node, text string) []byte {
	if n.Kind == scan.String {
		return scan.AppendJSON(dst, []byte(text))
	}
	return append(dst, text...)
}
