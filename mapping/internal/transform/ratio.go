package transform

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// ratio is what all values of a field are multiplied by: num/den, in lowest terms, neither
// below 1.
type ratio struct{ num, den int64 }

// newRatio is num/den times ten as often as asked; false: it leaves 64 bits.
func newRatio(num, den int64, tens int) (ratio, bool) {
	r := big.NewRat(num, den)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(tens, -tens))), nil)
	if tens < 0 {
		r.Quo(r, new(big.Rat).SetInt(power))
	} else {
		r.Mul(r, new(big.Rat).SetInt(power))
	}
	return ratio{r.Num().Int64(), r.Denom().Int64()}, r.Num().IsInt64() && r.Denom().IsInt64()
}

// of is exact; false: the result is not whole, or leaves 64 bits.
func (r ratio) of(n int64) (int64, bool) {
	q := n / r.den
	if q*r.den != n || q > math.MaxInt64/r.num || q < math.MinInt64/r.num {
		return 0, false
	}
	return q * r.num, true
}

// exactly multiplies; out gets the range, and the choices. It fails for values that have no
// exact result, if there are any.
func exactly(f Field, r ratio, out *scan.Node) (Step, Problem) {
	n := f.Node
	first, last := ceil(n.Min, r.den), floor(n.Max, r.den)
	low, high := max(first, math.MinInt64/r.num), min(last, math.MaxInt64/r.num)
	out.Min, out.Max = low*r.num, high*r.num
	none, fallible := low > high, low > first || high < last || r.den > 1 && n.Min < n.Max
	if n.Integers != nil {
		none, fallible = choose(n.Integers, r.of, out)
	}
	if none {
		return Step{}, arguments("has a result for no value of the field")
	}
	return Step{Out: out, Fallible: fallible, apply: func(_ *Call, v Value) (Value, bool) {
		n, ok := r.of(v.N)
		return Value{Kind: out.Kind, N: n}, ok
	}}, Problem{}
}

// choose describes what becomes of choices, and says whether none or not all have a result.
func choose(from []int64, of func(int64) (int64, bool), out *scan.Node) (none, fallible bool) {
	var all []int64
	for _, v := range from {
		if made, ok := of(v); ok {
			all = append(all, made)
		}
	}
	if len(all) == 0 {
		return true, true
	}
	out.Min, out.Max = slices.Min(all), slices.Max(all)
	if out.Kind == scan.Integer {
		slices.Sort(all)
		out.Integers = slices.Compact(all)
	}
	return false, len(all) < len(from)
}

func floor(n, by int64) int64 {
	if n%by < 0 {
		return n/by - 1
	}
	return n / by
}

func ceil(n, by int64) int64 {
	if n%by > 0 {
		return n/by + 1
	}
	return n / by
}

// scaled says how many digits a number has after its point.
type scaled struct {
	Scale *int   `json:"scale"`
	Round string `json:"round,omitempty"`
}

func (s *scaled) check(p Problem) Problem {
	if p.Kind == 0 && (s.Scale == nil || *s.Scale < 0 || *s.Scale > scan.MaxScale) {
		p = arguments("its scale is not 0 to 18")
	}
	return p
}

// The ways to round what lies between two numbers.
const (
	halfEven = "half_even" // to the nearer one; from the middle, to the one whose last digit is even
	down     = "down"      // towards zero
)

// numberScale makes a number with another count of digits after its point, of a number or
// an integer. It does not lose any: it fails where digits that are cut off are not zero, and
// where a longer number leaves 64 bits, unless the field's range says that it does not.
// With round it cuts digits off, and does not fail. The unit stays.
func numberScale(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var a scaled
	p := a.check(read(args, map[string]any{"scale": &a.Scale, "round": &a.Round}))
	if wrong := takes(f, scan.Integer, scan.Number); wrong.Kind != 0 {
		p = wrong
	}
	switch {
	case p.Kind != 0:
	case !slices.Contains([]string{"", halfEven, down}, a.Round):
		p = arguments("its round is not half_even or down")
	case a.Round != "" && *a.Scale >= f.Node.Scale:
		p = arguments("has nothing to round: no digit is cut off")
	}
	if p.Kind != 0 {
		return Step{}, nil, p
	}
	out := &scan.Node{Kind: scan.Number, Slot: -1, Scale: *a.Scale, Unit: f.Node.Unit}
	r, _ := newRatio(1, 1, *a.Scale-f.Node.Scale) // of at most 18 digits
	if a.Round == "" {
		step, p := exactly(f, r, out)
		return step, a, p
	}
	out.Min, out.Max = round(f.Node.Min, r.den, a.Round), round(f.Node.Max, r.den, a.Round)
	return Step{Out: out, apply: func(_ *Call, v Value) (Value, bool) {
		return Value{Kind: scan.Number, N: round(v.N, r.den, a.Round)}, true
	}}, a, Problem{}
}

// round divides by ten or more of its powers, up to 18, so nothing overflows.
func round(n, by int64, how string) int64 {
	q, rest := n/by, n%by
	twice := 2 * max(rest, -rest)
	if how == down || twice < by || twice == by && q%2 == 0 {
		return q
	}
	if n < 0 {
		return q - 1
	}
	return q + 1
}
