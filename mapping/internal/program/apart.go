package program

import (
	"slices"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// Apart is a program in two halves: what one makes, the other reads as a document of the
// destination.
type Apart struct {
	Flat Program // makes one object of all fields, also of those outside the body
	Back Program // reads it; constants are its own

	tokens []*scan.Node // fields of tokens
}

// NewApart cuts a program whose fields that destination describes.
func NewApart(p *Program, destination *scan.Node) *Apart {
	nodes := map[string]*scan.Node{}
	destination.Each(func(n *scan.Node) { nodes[n.Path] = n })
	a := &Apart{Flat: Program{Outside: p.Outside, Bodied: true, Keys: p.Keys}, Back: Program{Bodied: p.Bodied}}
	for _, rule := range p.Outside {
		node := nodes[rule.Into]
		again := *rule
		again.JSON = constant(node, rule.Texts)
		a.Flat.Body = append(a.Flat.Body, Output{Key: append(scan.AppendJSON(nil, []byte(rule.Into[1:])), ':'), Rule: &again})
		a.Back.Outside = append(a.Back.Outside, a.again(rule, node))
	}
	a.Flat.Body = append(a.Flat.Body, p.Body...)
	a.Back.Body = a.reading(p.Body, nodes)
	return a
}

// reading are the members with the rules that read what theirs have made.
func (a *Apart) reading(members []Output, nodes map[string]*scan.Node) []Output {
	members = slices.Clone(members)
	for i := range members {
		if rule := members[i].Rule; rule != nil {
			members[i].Rule = a.again(rule, nodes[rule.Into])
		}
		members[i].Members = a.reading(members[i].Members, nodes)
	}
	return members
}

// again is the rule that reads what a rule has made.
func (a *Apart) again(rule *Rule, node *scan.Node) *Rule {
	if rule.From == nil {
		return rule
	}
	if slices.ContainsFunc(rule.Steps, func(s transform.Step) bool { return s.Key != "" }) {
		a.tokens = append(a.tokens, node)
	}
	return &Rule{Number: rule.Number, Into: rule.Into, From: node, Bars: rule.Bars}
}

// constant is the JSON of a constant outside the body.
func constant(n *scan.Node, texts []string) []byte {
	one := func(n *scan.Node, text string) []byte {
		if n.Kind == scan.String {
			return scan.AppendJSON(nil, []byte(text))
		}
		return []byte(text)
	}
	if n.Kind != scan.Array {
		if len(texts) == 0 {
			return nil
		}
		return one(n, texts[0])
	}
	out := []byte{'['}
	for i, text := range texts {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, one(n.Items, text)...)
	}
	return append(out, ']')
}

// Tokens is how many there are in what Back reads.
func (a *Apart) Tokens(source []byte, values []scan.Value) (n int) {
	count := func(v scan.Value) bool {
		if v.Kind != scan.Absent && v.Kind != scan.Null {
			n++
		}
		return true
	}
	for _, node := range a.tokens {
		if v := values[node.Slot]; v.Kind == scan.Array {
			scan.Each(node, source, v, count)
		} else {
			count(v)
		}
	}
	return n
}
