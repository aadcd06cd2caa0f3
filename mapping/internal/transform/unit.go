package transform

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// A unit is a name. Those of a quantity below have exact ratios; any other one, such as that
// of a currency, is only compared. UNIT.e-N is one of ten to the N parts of a UNIT: eur.e-2
// is a cent.

// units are those that convert into each other, with how many of the smallest one they
// are. A day has 24 hours. What is read in two ways is not here: a kb, a month, a pound.
func units() []map[string]int64 {
	return []map[string]int64{
		{"mm": 1, "cm": 10, "m": 1_000, "km": 1_000_000},
		{"mg": 1, "g": 1_000, "kg": 1_000_000, "t": 1_000_000_000},
		{"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000},
		{"byte": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30},
	}
}

// unitConvert makes a quantity in another unit of an integer or a number in one: exactly, so
// it fails where the result has more digits, unless it never has. With a scale the result
// is a number with so many digits after its point. What has no exact ratio does not convert:
// a currency least of all.
func unitConvert(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var a struct {
		To    string `json:"to"`
		Scale *int   `json:"scale,omitempty"`
	}
	p := read(args, map[string]any{"to": &a.To, "scale": &a.Scale})
	if wrong := takes(f, scan.Integer, scan.Number); wrong.Kind != 0 {
		p = wrong
	}
	if p.Kind != 0 {
		return Step{}, nil, p
	}
	out := &scan.Node{Kind: f.Node.Kind, Slot: -1, Scale: f.Node.Scale, Unit: a.To}
	if a.Scale != nil {
		p = (&scaled{Scale: a.Scale}).check(p)
		out.Kind, out.Scale = scan.Number, *a.Scale
	}
	from, to, wrong := conversion(f.Node.Unit, a.To)
	if wrong.Kind != 0 {
		p = wrong
	}
	if p.Kind != 0 {
		return Step{}, nil, p
	}
	r, ok := newRatio(from, to, out.Scale-f.Node.Scale)
	if !ok {
		return Step{}, nil, arguments("its scale makes every number too long")
	}
	step, p := exactly(f, r, out)
	return step, a, p
}

// conversion is how many of a third unit both are.
func conversion(from, to string) (int64, int64, Problem) {
	if from == "" {
		return 0, 0, Problem{Kind: WrongType, Text: "is for what has a unit"}
	}
	for _, all := range units() {
		if all[from] == 0 {
			continue
		}
		if all[to] == 0 {
			names := slices.Sorted(maps.Keys(all))
			return 0, 0, Problem{BadArguments, from + " converts to " + strings.Join(names, ", "), declare.Nearest(to, names)}
		}
		return all[from], all[to], Problem{}
	}
	return 0, 0, Problem{Kind: WrongType, Text: "is for units with an exact ratio, which " + from + " has to none"}
}

// toMinor makes a number of units an integer of its smallest parts: 12.50 with the scale 2
// is 1250. A unit with it: eur becomes eur.e-2.
func toMinor(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	p := read(args, nil)
	if wrong := takes(f, scan.Number); wrong.Kind != 0 {
		p = wrong
	}
	out := &scan.Node{Kind: scan.Integer, Slot: -1, Min: f.Node.Min, Max: f.Node.Max}
	base, digits := parts(f.Node.Unit)
	out.Unit = part(base, digits+f.Node.Scale)
	return as(out), struct{}{}, p
}

// minorTo is the reverse, of an integer of such parts. One in another unit, such as eur
// alone, is refused.
func minorTo(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var a scaled
	p := a.check(read(args, map[string]any{"scale": &a.Scale}))
	if wrong := takes(f, scan.Integer); wrong.Kind != 0 {
		p = wrong
	}
	if p.Kind != 0 {
		return Step{}, nil, p
	}
	base, digits := parts(f.Node.Unit)
	if base != "" && digits < *a.Scale {
		return Step{}, nil, Problem{Kind: WrongType, Text: "is for an integer in " + part(base, *a.Scale) + " and not in " + f.Node.Unit}
	}
	out := &scan.Node{Kind: scan.Number, Slot: -1, Scale: *a.Scale, Min: f.Node.Min, Max: f.Node.Max, Unit: part(base, digits-*a.Scale)}
	return as(out), a, Problem{}
}

// as is the step that moves the point, and no digit.
func as(out *scan.Node) Step {
	return Step{Out: out, apply: func(_ *Call, v Value) (Value, bool) { return Value{Kind: out.Kind, N: v.N}, true }}
}

const tenths = ".e-"

// parts are a unit and how many digits smaller its parts are.
func parts(unit string) (base string, digits int) {
	at := strings.LastIndex(unit, tenths)
	if at < 1 {
		return unit, 0
	}
	if n, err := strconv.ParseUint(unit[at+len(tenths):], 10, 16); err == nil && n > 0 {
		return unit[:at], int(n)
	}
	return unit, 0
}

func part(base string, digits int) string {
	if base == "" || digits == 0 {
		return base
	}
	return base + tenths + strconv.Itoa(digits)
}
