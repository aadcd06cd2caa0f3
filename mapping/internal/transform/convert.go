package transform

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// intToString writes an integer in decimal digits.
func intToString(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	p := read(args, nil)
	if wrong := takes(f, scan.Integer, scan.Natural); wrong.Kind != 0 {
		p = wrong
	}
	return toString(f), struct{}{}, p
}

// numberToString writes a number with all digits of its scale.
func numberToString(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	p := read(args, nil)
	if wrong := takes(f, scan.Number); wrong.Kind != 0 {
		p = wrong
	}
	return toString(f), struct{}{}, p
}

func toString(f Field) Step {
	n := f.Node
	length := func(v int64) int { return len(n.Digits(nil, v)) }
	out := plainText(1, max(length(n.Min), length(n.Max)))
	if n.Scale > 0 {
		out.MinLength = n.Scale + 2
	}
	for _, choice := range n.Integers {
		out.Texts = append(out.Texts, string(scan.AppendDecimal(nil, choice, 0)))
	}
	return Step{Out: out, apply: func(c *Call, v Value) (Value, bool) {
		return Value{Kind: scan.String, Text: c.text(v, n.Scale), Plain: true}, true
	}}
}

type bounds struct {
	Scale   int         `json:"scale,omitempty"`
	Minimum json.Number `json:"minimum,omitempty"`
	Maximum json.Number `json:"maximum,omitempty"`
	Unit    string      `json:"unit,omitempty"`
}

// stringToInt reads an integer as JSON writes it. It fails for all other text, and outside
// of its minimum and maximum, which has 64 bits where that begins at 0 or above. What unit it is in, text does not say: the mapping does.
func stringToInt(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var b bounds
	p := read(args, map[string]any{"minimum": &b.Minimum, "maximum": &b.Maximum, "unit": &b.Unit})
	return fromString(b, p, f, scan.Integer)
}

// stringToNumber does the same for a number of so many digits after its point.
func stringToNumber(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var b bounds
	p := read(args, map[string]any{"scale": &b.Scale, "minimum": &b.Minimum, "maximum": &b.Maximum, "unit": &b.Unit})
	if p.Kind == 0 && (b.Scale < 0 || b.Scale > scan.MaxScale) {
		p = arguments("its scale is not 0 to 18")
	}
	return fromString(b, p, f, scan.Number)
}

func fromString(b bounds, p Problem, f Field, kind scan.Kind) (Step, any, Problem) {
	if wrong := takes(f, scan.String); wrong.Kind != 0 {
		p = wrong
	}
	if p.Kind != 0 {
		return Step{}, nil, p
	}
	if b.Unit != "" && !names.Name.MatchString(b.Unit) {
		return Step{}, nil, arguments("its unit is no name: [a-z0-9][a-z0-9._-]{0,63}")
	}
	if most, err := strconv.ParseUint(string(b.Maximum), 10, 64); kind == scan.Integer && err == nil && most > math.MaxInt64 {
		return natural(b, most)
	}
	out := &scan.Node{Kind: kind, Slot: -1, Scale: b.Scale, Unit: b.Unit, Min: math.MinInt64, Max: math.MaxInt64}
	ok1, ok2 := bound(b.Minimum, b.Scale, &out.Min), bound(b.Maximum, b.Scale, &out.Max)
	if !ok1 || !ok2 || out.Min > out.Max {
		return Step{}, nil, arguments("its minimum and maximum are no range")
	}
	return Step{Out: out, Fallible: true, apply: func(c *Call, v Value) (Value, bool) {
		n, ok := scan.Decimal(string(v.Text), out.Scale)
		return Value{Kind: kind, N: n}, ok && n >= out.Min && n <= out.Max
	}}, b, Problem{}
}

// natural reads text as an integer without a sign.
func natural(b bounds, most uint64) (Step, any, Problem) {
	least, err := strconv.ParseUint(string(b.Minimum), 10, 64)
	if err != nil || least > most {
		return Step{}, nil, arguments("its minimum and maximum are no range")
	}
	out := &scan.Node{Kind: scan.Natural, Slot: -1, Unit: b.Unit, Min: int64(least), Max: int64(most)}
	return Step{Out: out, Fallible: true, apply: func(c *Call, v Value) (Value, bool) {
		n, err := strconv.ParseUint(string(v.Text), 10, 64)
		once := len(v.Text) == 1 || len(v.Text) > 1 && v.Text[0] != '0' // in one way
		return Value{Kind: scan.Natural, N: int64(n)}, err == nil && once && n >= least && n <= most
	}}, b, Problem{}
}

func bound(text json.Number, scale int, into *int64) (ok bool) {
	if text == "" {
		return true
	}
	*into, ok = scan.Decimal(string(text), scale)
	return ok
}
