package transform

import (
	"encoding/json"
	"maps"
	"math"
	"slices"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// choice is a text or an integer.
type choice struct {
	text   string
	number int64
	isText bool
}

func (c *choice) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		c.isText = true
		return json.Unmarshal(raw, &c.text)
	}
	return json.Unmarshal(raw, &c.number)
}

func (c choice) MarshalJSON() ([]byte, error) {
	if c.isText {
		return json.Marshal(c.text)
	}
	return json.Marshal(c.number)
}

func (c choice) value() Value {
	if c.isText {
		return Value{Kind: scan.String, Text: []byte(c.text)}
	}
	return Value{Kind: scan.Integer, N: c.number}
}

type table struct {
	Map  map[string]choice `json:"map"`
	Else *choice           `json:"else,omitempty"`
}

// enum puts another value in the place of each: of every choice of the field, or of all
// that are not listed. Nothing passes as it is. Integers and booleans are listed as text.
func enum(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var t table
	p := read(args, map[string]any{"map": &t.Map, "else": &t.Else})
	if wrong := takes(f, scan.String, scan.Integer, scan.Bool); wrong.Kind != 0 {
		p = wrong
	}
	if p.Kind == 0 {
		p = t.check(f.Node)
	}
	if p.Kind != 0 {
		return Step{}, nil, p
	}
	values := map[string]Value{}
	for from, to := range t.Map {
		values[from] = to.value()
	}
	var other Value
	if t.Else != nil {
		other = t.Else.value()
	}
	return Step{Out: t.out(), Hides: true, apply: func(c *Call, v Value) (Value, bool) {
		to, ok := values[string(c.text(v, 0))]
		if !ok {
			to = other
		}
		return to, to.Kind != scan.Absent
	}}, t, Problem{}
}

// check holds that the table is complete, has no row that is never used, and one type.
func (t table) check(n *scan.Node) Problem {
	rows := choices(n)
	for from := range t.Map {
		if rows != nil && !slices.Contains(rows, from) || !possible(n, from) {
			return arguments("lists what is no value of the field")
		}
	}
	texts := 0
	for _, to := range t.all() {
		if to.isText {
			texts++
		}
	}
	switch {
	case len(t.Map) == 0:
		return arguments("has an empty map")
	case texts > 0 && texts < len(t.all()):
		return arguments("yields text and integers")
	case t.Else == nil && (rows == nil || len(t.Map) < len(rows)):
		return arguments("does not list all choices of the field, and says no else")
	default:
		return Problem{}
	}
}

// possible says whether a field has the value that a row is for. A number is written in
// one way.
func possible(n *scan.Node, row string) bool {
	switch n.Kind {
	case scan.Integer:
		v, ok := scan.Decimal(row, 0)
		return ok && v >= n.Min && v <= n.Max
	case scan.String:
		_, _, ok := scan.Const(n, scan.AppendJSON(nil, []byte(row)))
		return ok
	default:
		return true // a boolean has its choices
	}
}

// all are the values that it yields.
func (t table) all() []choice {
	all := slices.Collect(maps.Values(t.Map))
	if t.Else != nil {
		all = append(all, *t.Else)
	}
	return all
}

// choices are all values of a field, as text; nil: they are not listed.
func choices(n *scan.Node) []string {
	if n.Kind == scan.Bool {
		return []string{"true", "false"}
	}
	if n.Integers == nil {
		return n.Texts
	}
	var all []string
	for _, v := range n.Integers {
		all = append(all, string(scan.AppendDecimal(nil, v, 0)))
	}
	return all
}

// out describes what it yields: each value once, however many rows have it.
func (t table) out() *scan.Node {
	all := t.all()
	if !all[0].isText {
		out := &scan.Node{Kind: scan.Integer, Slot: -1, Min: math.MaxInt64, Max: math.MinInt64}
		for _, c := range all {
			out.Integers = append(out.Integers, c.number)
			out.Min, out.Max = min(out.Min, c.number), max(out.Max, c.number)
		}
		slices.Sort(out.Integers)
		out.Integers = slices.Compact(out.Integers)
		return out
	}
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.text
	}
	return oneOf(texts)
}
