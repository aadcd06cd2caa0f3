package transform

import (
	"encoding/json"
	"math"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// intBucket is the lower end of the bucket that an integer is in: the largest multiple of
// the width that is not above it. It fails below the lowest multiple in 64 bits, if the
// field reaches there. The unit stays, and is the width's.
//
// A release may name it where each bucket that the field reaches holds two of its values or
// more, at the ends of its range too: a bucket of one tells which it is. So the width is 2
// or more; how much wider is for who approves.
func intBucket(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	return bucket(args, f, scan.Integer)
}

// numberBucket does the same for a number, whose scale the width has.
func numberBucket(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	return bucket(args, f, scan.Number)
}

func bucket(args map[string]json.RawMessage, f Field, kind scan.Kind) (Step, any, Problem) {
	var a struct {
		Width json.Number `json:"width"`
	}
	p := read(args, map[string]any{"width": &a.Width})
	if wrong := takes(f, kind); wrong.Kind != 0 {
		p = wrong
	}
	n := f.Node
	size, ok := scan.Decimal(string(a.Width), n.Scale)
	if p.Kind == 0 && (!ok || size < 2) {
		p = arguments("its width is not two of the field's last digit, or more")
	}
	if p.Kind != 0 {
		return Step{}, nil, p
	}
	a.Width = json.Number(scan.AppendDecimal(nil, size, n.Scale))
	w := width(size)
	out := &scan.Node{Kind: kind, Slot: -1, Scale: n.Scale, Unit: n.Unit}
	var low, high bool
	out.Min, low = w.start(n.Min)
	out.Max, high = w.start(n.Max)
	if !low {
		out.Min = n.Min + (int64(w) - w.above(n.Min)) // where the next one begins
	}
	none, fallible := !high, !low
	if n.Integers != nil {
		none, fallible = choose(n.Integers, w.start, out)
	}
	if none {
		return Step{}, nil, arguments("has a bucket for no value of the field")
	}
	return Step{Out: out, Fallible: fallible, Hides: w.hides(n), apply: func(_ *Call, v Value) (Value, bool) {
		start, ok := w.start(v.N)
		return Value{Kind: kind, N: start}, ok
	}}, a, Problem{}
}

// width is that of a bucket, 2 or more.
type width int64

// above is how far a value stands above the start of its bucket.
func (w width) above(n int64) int64 {
	rest := n % int64(w)
	if rest < 0 {
		rest += int64(w)
	}
	return rest
}

// start is where the bucket of a value begins; false: below 64 bits.
func (w width) start(n int64) (int64, bool) {
	rest := w.above(n)
	return n - rest, n >= math.MinInt64+rest
}

// hides says whether each bucket that has a value of the field has two.
func (w width) hides(n *scan.Node) bool {
	if n.Integers == nil {
		return n.Min < n.Max && w.above(n.Min) < int64(w)-1 && w.above(n.Max) > 0
	}
	seen := map[int64]int{}
	for _, v := range n.Integers {
		seen[floor(v, int64(w))]++
	}
	for _, many := range seen {
		if many < 2 {
			return false
		}
	}
	return true
}
