package transform_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// ofNumber is what a step makes of a number, with its unit.
func ofNumber(s transform.Step, n int64) string {
	out, ok := s.Apply(&transform.Call{}, transform.Value{Kind: scan.Number, N: n})
	if !ok || out.Kind != s.Out.Kind {
		return "no"
	}
	return string(scan.AppendDecimal(nil, out.N, s.Out.Scale)) + s.Out.Unit
}

func number(scale int, unit string) *scan.Node {
	return &scan.Node{Kind: scan.Number, Scale: scale, Min: math.MinInt64, Max: math.MaxInt64, Unit: unit}
}

func integer(low, high int64, unit string) *scan.Node {
	return &scan.Node{Kind: scan.Integer, Min: low, Max: high, Unit: unit}
}

func TestNumbers(t *testing.T) {
	const first, last = math.MinInt64, math.MaxInt64
	whole := integer(first, last, "")
	for _, tt := range []struct {
		node       *scan.Node
		name, args string
		want       map[int64]string
		fallible   bool
	}{
		{whole, "int.bucket", `{"width":10}`, map[int64]string{0: "0", 9: "0", 10: "10", -1: "-10", -10: "-10", -11: "-20", last: "9223372036854775800", first: "no", first + 7: "no", first + 8: "-9223372036854775800"}, true},
		{whole, "int.bucket", `{"width":2}`, map[int64]string{first: "-9223372036854775808", first + 1: "-9223372036854775808", last: "9223372036854775806", -1: "-2"}, false},
		{whole, "int.bucket", `{"width":9223372036854775807}`, map[int64]string{first: "no", first + 1: "-9223372036854775807", -1: "-9223372036854775807", 0: "0", last - 1: "0", last: "9223372036854775807"}, true},
		{integer(0, 149, "a"), "int.bucket", `{"width":10}`, map[int64]string{149: "140a", 42: "40a"}, false},
		{number(2, "eur"), "number.bucket", `{"width":0.05}`, map[int64]string{9: "0.05eur", -1: "-0.05eur", 1000: "10.00eur"}, true},
		{number(2, ""), "number.bucket", `{"width":2.56}`, map[int64]string{first: "-92233720368547758.08", 255: "0.00"}, false},

		{number(2, "eur"), "number.scale", `{"scale":2}`, map[int64]string{first: "-92233720368547758.08eur"}, false},
		{number(2, "eur"), "number.scale", `{"scale":4}`, map[int64]string{1250: "12.5000eur", last: "no", first: "no", last / 100: "922337203685477.5800eur"}, true},
		{number(2, ""), "number.scale", `{"scale":1}`, map[int64]string{1250: "12.5", 1251: "no", -10: "-0.1", 0: "0.0", 1: "no"}, true},
		{number(18, ""), "number.scale", `{"scale":0}`, map[int64]string{1e18: "1", last: "no", -9e18: "-9"}, true},
		{integer(-9, 9, "m"), "number.scale", `{"scale":18}`, map[int64]string{9: "9.000000000000000000m"}, false},
		{number(2, ""), "number.scale", `{"scale":1,"round":"down"}`, map[int64]string{1259: "12.5", -1259: "-12.5", -9: "0.0", 9: "0.0", last: "92233720368547758.0"}, false},
		{number(2, ""), "number.scale", `{"scale":1,"round":"half_even"}`, map[int64]string{1255: "12.6", 1245: "12.4", 1246: "12.5", 1244: "12.4", -1255: "-12.6", -1245: "-12.4", -1246: "-12.5", 5: "0.0", -5: "0.0", 6: "0.1", -6: "-0.1", 15: "0.2", -15: "-0.2", first: "-92233720368547758.1", last: "92233720368547758.1"}, false},
		{number(18, ""), "number.scale", `{"scale":0,"round":"half_even"}`, map[int64]string{first: "-9", last: "9", 5e17: "0", 15e17: "2", 5e17 + 1: "1"}, false},

		{number(2, "eur"), "number.to_minor", `{}`, map[int64]string{1250: "1250eur.e-2", first: "-9223372036854775808eur.e-2"}, false},
		{number(0, "jpy"), "number.to_minor", `{}`, map[int64]string{1250: "1250jpy"}, false},
		{number(3, ""), "number.to_minor", `{}`, map[int64]string{1250: "1250"}, false},
		{number(2, "eur.e-2"), "number.to_minor", `{}`, map[int64]string{1250: "1250eur.e-4"}, false},
		{integer(first, last, "eur.e-2"), "minor.to_number", `{"scale":2}`, map[int64]string{1250: "12.50eur", -1: "-0.01eur"}, false},
		{integer(first, last, "eur.e-3"), "minor.to_number", `{"scale":2}`, map[int64]string{1250: "12.50eur.e-1"}, false},
		{number(2, "x.e-0"), "number.to_minor", `{}`, map[int64]string{1: "1x.e-0.e-2"}, false}, {number(2, ".e-1"), "number.to_minor", `{}`, map[int64]string{1: "1.e-1.e-2"}, false}, {number(2, "x.e-n"), "number.to_minor", `{}`, map[int64]string{1: "1x.e-n.e-2"}, false},
		{integer(first, last, "jpy"), "minor.to_number", `{"scale":0}`, map[int64]string{1250: "1250jpy"}, false},
		{whole, "minor.to_number", `{"scale":18}`, map[int64]string{first: "-9.223372036854775808"}, false},

		{integer(0, 5_000_000, "m"), "unit.convert", `{"to":"km"}`, map[int64]string{0: "0km", 2000: "2km", 1999: "no"}, true},
		{integer(0, 5_000_000, "m"), "unit.convert", `{"to":"km","scale":3}`, map[int64]string{1999: "1.999km"}, false},
		{integer(first, last, "km"), "unit.convert", `{"to":"mm"}`, map[int64]string{1: "1000000mm", last: "no", last / 1_000_000: "9223372036854000000mm", first/1_000_000 - 1: "no"}, true},
		{integer(first, 0, "km"), "unit.convert", `{"to":"m"}`, map[int64]string{first: "no", 0: "0m"}, true}, {integer(0, last, "km"), "unit.convert", `{"to":"m"}`, map[int64]string{last: "no", 0: "0m"}, true}, {integer(first/1000, last/1000, "km"), "unit.convert", `{"to":"m"}`, map[int64]string{first / 1000: "-9223372036854775000m"}, false},
		{number(2, "h"), "unit.convert", `{"to":"min"}`, map[int64]string{150: "90.00min", last: "no"}, true},
		{number(2, "min"), "unit.convert", `{"to":"h"}`, map[int64]string{90_00: "1.50h", 90_01: "no"}, true},
		{integer(-7, 7, "d"), "unit.convert", `{"to":"ms"}`, map[int64]string{-7: "-604800000ms"}, false},
		{integer(0, 9, "gib"), "unit.convert", `{"to":"byte"}`, map[int64]string{9: "9663676416byte"}, false},
		{number(3, "kg"), "unit.convert", `{"to":"g","scale":0}`, map[int64]string{1250: "1250g", last: "9223372036854775807g"}, false},
		{number(3, "s"), "unit.convert", `{"to":"s"}`, map[int64]string{first: "-9223372036854775.808s"}, false},
	} {
		s := step(t, tt.node, tt.name, tt.args)
		for n, want := range tt.want {
			if got := ofNumber(s, n); got != want {
				t.Errorf("%s %s of %d: %s, want %s", tt.name, tt.args, n, got, want)
			}
		}
		if s.Fallible != tt.fallible {
			t.Errorf("%s %s can fail: %v", tt.name, tt.args, s.Fallible)
		}
	}
}

// TestUnitsAreNotMixed: what is in one unit is not taken for another, and nothing converts
// without an exact ratio.
func TestUnitsAreNotMixed(t *testing.T) {
	money, metres := number(2, "eur"), integer(0, 1000, "m")
	for _, tt := range []struct {
		node       *scan.Node
		name, args string
		want       int
		problem    string
	}{
		{money, "unit.convert", `{"to":"usd"}`, transform.WrongType, "is for units with an exact ratio, which eur has to none"},
		{money, "unit.convert", `{"to":"eur"}`, transform.WrongType, "is for units with an exact ratio, which eur has to none"},
		{number(2, ""), "unit.convert", `{"to":"m"}`, transform.WrongType, "is for what has a unit"},
		{metres, "unit.convert", `{"to":"kg"}`, transform.BadArguments, "m converts to cm, km, m, mm"},
		{metres, "unit.convert", `{}`, transform.BadArguments, "m converts to cm, km, m, mm"},
		{metres, "unit.convert", `{"to":"kmm"}`, transform.BadArguments, "m converts to cm, km, m, mm"},
		{metres, "unit.convert", `{"to":"km","scale":19}`, transform.BadArguments, "its scale is not 0 to 18"},
		{integer(0, 9, "d"), "unit.convert", `{"to":"ms","scale":18}`, transform.BadArguments, "its scale makes every number too long"},
		{integer(1, 9, "m"), "unit.convert", `{"to":"km"}`, transform.BadArguments, "has a result for no value of the field"},
		{integer(0, 9, "eur"), "minor.to_number", `{"scale":2}`, transform.WrongType, "is for an integer in eur.e-2 and not in eur"},
		{integer(0, 9, "eur.e-1"), "minor.to_number", `{"scale":2}`, transform.WrongType, "is for an integer in eur.e-2 and not in eur.e-1"},
		{integer(0, 9, "ms"), "unix.to_time", `{}`, transform.WrongType, "takes seconds and is in ms"},
		{integer(0, 9, "s"), "unix.to_time", `{}`, 0, ""},
		{fields()["text"], "string.to_int", `{"unit":"KM"}`, transform.BadArguments, "its unit is no name: [a-z0-9][a-z0-9._-]{0,63}"},
	} {
		_, got := transform.New(tt.name, json.RawMessage(tt.args), transform.Field{Node: tt.node})
		if got.Kind != tt.want || got.Text != tt.problem {
			t.Errorf("%s %s of %s: %+v", tt.name, tt.args, tt.node.Unit, got)
		}
	}
	if _, got := transform.New("unit.convert", json.RawMessage(`{"to":"kmm"}`), transform.Field{Node: metres}); got.Nearest != "km" {
		t.Errorf("nearest to kmm is %q", got.Nearest)
	}
	for name, args := range map[string]string{"int.to_string": `{}`, "mask.keep_last": `{"n":1}`, "redact": `{}`, "token.hmac": `{"key":"k"}`, "enum": `{"map":{"1":1},"else":2}`} {
		if s := step(t, integer(0, math.MaxInt64, "m"), name, args); s.Out.Unit != "" {
			t.Errorf("%s keeps the unit", name)
		}
	}
	if s := step(t, fields()["text"], "string.to_number", `{"scale":2,"unit":"km"}`); s.Out.Unit != "km" || s.Args != `{"scale":2,"unit":"km"}` {
		t.Errorf("%+v", s)
	}
}

// TestConversionsAreThoseOfTheirDefinition, and there and back again is the same.
func TestConversionsAreThoseOfTheirDefinition(t *testing.T) {
	for _, many := range []struct {
		n        int64
		of, make string
	}{
		{10, "mm", "cm"}, {1000, "mm", "m"}, {100, "cm", "m"}, {1000, "m", "km"}, {1000, "mg", "g"}, {1000, "g", "kg"}, {1000, "kg", "t"},
		{1000, "ms", "s"}, {60, "s", "min"}, {60, "min", "h"}, {3600, "s", "h"}, {24, "h", "d"}, {86400, "s", "d"}, {1024, "byte", "kib"}, {1024, "kib", "mib"}, {1024, "mib", "gib"},
	} {
		there, back := step(t, integer(0, 1e9, many.of), "unit.convert", `{"to":"`+many.make+`"}`), step(t, integer(0, 1e9, many.make), "unit.convert", `{"to":"`+many.of+`"}`)
		for n := range int64(10) {
			if a, b := ofNumber(there, n*many.n), ofNumber(back, n); a != fmt.Sprint(n)+many.make || b != fmt.Sprint(n*many.n)+many.of {
				t.Errorf("%d: %s %s", n, a, b)
			}
		}
	}
}

// small draws a description of few numbers, near an end or the middle of 64 bits, or of
// choices.
var small = rapid.Custom(func(t *rapid.T) *scan.Node {
	n := &scan.Node{Kind: rapid.SampledFrom([]scan.Kind{scan.Integer, scan.Number}).Draw(t, "kind"), Unit: rapid.SampledFrom([]string{"", "m", "km", "s", "h", "eur.e-3"}).Draw(t, "unit")}
	if n.Kind == scan.Number {
		n.Scale = rapid.IntRange(0, 18).Draw(t, "scale")
	}
	size := rapid.Int64Range(0, 150).Draw(t, "size")
	n.Min = rapid.OneOf(rapid.Int64Range(math.MinInt64, math.MinInt64+50), rapid.Int64Range(-200, 50), rapid.Int64Range(-922337203685477600, -922337203685477500), rapid.Int64Range(math.MaxInt64-200, math.MaxInt64-150), rapid.Int64Range(math.MinInt64, math.MaxInt64-150)).Draw(t, "min")
	n.Max = n.Min + size
	if n.Kind == scan.Integer && rapid.Bool().Draw(t, "choices") {
		n.Integers = rapid.SliceOfNDistinct(rapid.Int64Range(n.Min, n.Max), 1, int(min(size+1, 6)), rapid.ID[int64]).Draw(t, "choices")
		n.Min, n.Max = slices.Min(n.Integers), slices.Max(n.Integers)
	}
	return n
})

// all are the values of a small description.
func all(n *scan.Node) []int64 {
	if n.Integers != nil {
		return n.Integers
	}
	var values []int64
	for i := range n.Max - n.Min + 1 {
		values = append(values, n.Min+i)
	}
	return values
}

// TestRangesAreExact: what Out says is reached, whether a step can fail is so, and one that
// has a result for no value is refused; each result is what arbitrary precision says.
func TestRangesAreExact(t *testing.T) {
	drawn := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		n := small.Draw(t, "node")
		scale := rapid.IntRange(0, 18).Draw(t, "to scale")
		width := rapid.OneOf(rapid.Int64Range(2, 60), rapid.Int64Range(2, math.MaxInt64)).Draw(t, "width")
		for name, args := range map[string]string{
			"int.bucket": fmt.Sprintf(`{"width":%d}`, width), "number.bucket": fmt.Sprintf(`{"width":%s}`, scan.AppendDecimal(nil, width, n.Scale)), "number.scale": fmt.Sprintf(`{"scale":%d}`, scale), "number.to_minor": `{}`, "minor.to_number": fmt.Sprintf(`{"scale":%d}`, scale),
			"unit.convert": fmt.Sprintf(`{"to":%q,"scale":%d}`, rapid.SampledFrom([]string{"m", "km", "s", "h"}).Draw(t, "to"), scale),
			"rounded":      fmt.Sprintf(`{"scale":%d,"round":%q}`, scale, rapid.SampledFrom([]string{"down", "half_even"}).Draw(t, "round")),
		} {
			made := name
			if name == "rounded" {
				made = "number.scale"
			}
			s, problem := transform.New(made, json.RawMessage(args), transform.Field{Node: n})
			if problem.Kind == transform.WrongType || problem.Text != "" && problem.Text != "has a result for no value of the field" && problem.Text != "has a bucket for no value of the field" {
				continue
			}
			drawn[name]++
			var results []int64
			for _, v := range all(n) {
				want, exact := reference(made, args, n, s.Out, v)
				if problem.Kind != 0 {
					if exact {
						t.Fatalf("%s %s of %+v: %+v, and %d has %d", name, args, n, problem, v, want)
					}
					continue
				}
				got, ok := s.Apply(&transform.Call{}, transform.Value{Kind: n.Kind, N: v})
				if ok != exact || ok && (got.N != want || got.Kind != s.Out.Kind) {
					t.Fatalf("%s %s of %d: %d %v, want %d %v", name, args, v, got.N, ok, want, exact)
				}
				if ok {
					results = append(results, got.N)
				}
			}
			if problem.Kind != 0 {
				continue
			}
			if len(results) == 0 || s.Out.Min != slices.Min(results) || s.Out.Max != slices.Max(results) || s.Fallible != (len(results) < len(all(n))) {
				t.Fatalf("%s %s of %+v: %+v %v", name, args, n, s.Out, s.Fallible)
			}
			slices.Sort(results)
			if s.Out.Integers != nil && !slices.Equal(s.Out.Integers, slices.Compact(results)) {
				t.Fatalf("%s %s of %+v: choices %v", name, args, n, s.Out.Integers)
			}
			if made == "int.bucket" || made == "number.bucket" {
				hides(t, s, n)
			} else if s.Hides {
				t.Fatal(name)
			}
		}
	})
	if len(drawn) != 7 {
		t.Errorf("not all: %v", drawn)
	}
}

// hides holds that a bucket may be released where none that is reached has a single value.
func hides(t *rapid.T, s transform.Step, n *scan.Node) {
	t.Helper()
	groups, low := map[int64]int{}, 0
	for _, v := range all(n) {
		if got, ok := s.Apply(&transform.Call{}, transform.Value{Kind: n.Kind, N: v}); ok {
			groups[got.N]++
		} else {
			low++ // have no result together
		}
	}
	hidden := low != 1
	for _, many := range groups {
		hidden = hidden && many > 1
	}
	if hidden != s.Hides {
		t.Fatalf("%s of %+v: hides %v, %v", s.Args, n, s.Hides, groups)
	}
}

// reference is the same arithmetic without limits, times ten to the result's scale. The
// result of what has none is described by no node.
func reference(name, args string, n, out *scan.Node, v int64) (int64, bool) {
	var a struct {
		Scale *int
		Round string
		To    string
		Width json.Number
	}
	_ = json.Unmarshal([]byte(args), &a)
	tens := func(n int) *big.Rat {
		return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
	}
	value := new(big.Rat).Quo(new(big.Rat).SetInt64(v), tens(n.Scale))
	scale := n.Scale
	switch name {
	case "int.bucket", "number.bucket":
		width, _ := new(big.Rat).SetString(a.Width.String())
		many := new(big.Rat).Quo(value, width)
		floor := new(big.Int).Div(many.Num(), many.Denom()) // Euclidean: downwards
		value.Mul(new(big.Rat).SetInt(floor), width)
	case "number.to_minor":
		value.Mul(value, tens(n.Scale))
		scale = 0
	case "minor.to_number":
		value.Quo(value, tens(*a.Scale))
		scale = *a.Scale
	case "unit.convert":
		base := map[string]int64{"m": 1, "km": 1000, "s": 1, "h": 3600}
		value.Mul(value, big.NewRat(base[n.Unit], base[a.To]))
		scale = *a.Scale
	case "number.scale":
		scale = *a.Scale
	}
	value.Mul(value, tens(scale))
	if a.Round != "" {
		whole := new(big.Int).Quo(value.Num(), value.Denom())
		rest := new(big.Rat).Sub(value, new(big.Rat).SetInt(whole))
		half := rest.Abs(rest).Cmp(big.NewRat(1, 2))
		if a.Round == "half_even" && (half > 0 || half == 0 && whole.Bit(0) == 1) {
			whole.Add(whole, big.NewInt(int64(value.Sign())))
		}
		value.SetInt(whole)
	}
	return value.Num().Int64(), value.IsInt() && value.Num().IsInt64()
}

// TestBucketsThatHide have two values of the field each.
func TestBucketsThatHide(t *testing.T) {
	for _, tt := range []struct {
		node *scan.Node
		args string
		want bool
	}{
		{integer(0, 149, ""), `{"width":10}`, true}, {integer(0, 150, ""), `{"width":10}`, false}, {integer(0, 151, ""), `{"width":10}`, true}, {integer(9, 149, ""), `{"width":10}`, false}, {integer(8, 149, ""), `{"width":10}`, true},
		{integer(5, 5, ""), `{"width":10}`, false}, {integer(5, 6, ""), `{"width":10}`, true}, {integer(0, 3, ""), `{"width":2}`, true}, {integer(1, 4, ""), `{"width":2}`, false}, {integer(math.MinInt64, math.MaxInt64, ""), `{"width":10}`, true},
		{&scan.Node{Kind: scan.Integer, Min: 1, Max: 12, Integers: []int64{1, 2, 12}}, `{"width":10}`, false}, {&scan.Node{Kind: scan.Integer, Min: 1, Max: 12, Integers: []int64{1, 2, 11, 12}}, `{"width":10}`, true},
	} {
		if s := step(t, tt.node, "int.bucket", tt.args); s.Hides != tt.want {
			t.Errorf("%s of %+v: %v", tt.args, tt.node, s.Hides)
		}
	}
	if a, b := step(t, number(2, ""), "number.bucket", `{"width":10}`), step(t, number(2, ""), "number.bucket", `{"width":10.0}`); a.Args != b.Args || a.Args != `{"width":10.00}` {
		t.Error(a.Args, b.Args)
	}
}
