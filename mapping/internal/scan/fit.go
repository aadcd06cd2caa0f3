package scan

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Misfit says in words why a value as from describes it may not be one as to describes
// it; empty: it always is. Whether it may be null is another question.
func Misfit(from, to *Node) string {
	if !Alike(from, to) {
		return "is " + from.Kind.String() + " and not " + to.Kind.String()
	}
	if problem := unitMisfit(from.Unit, to.Unit); problem != "" {
		return problem
	}
	if from.Kind == Natural || to.Kind == Natural {
		return naturalMisfit(from, to)
	}
	switch from.Kind {
	case String:
		return textMisfit(from, to)
	case Integer:
		return integerMisfit(from, to)

	case Number:
		return numberMisfit(from, to)
	case Array, Map:
		return collectionMisfit(from, to)
	default:
		return ""
	}
}

// unitMisfit says in words why a quantity in one unit is none in the other. Nobody says that
// what has no unit is in the same one.
func unitMisfit(from, to string) string {
	switch {
	case from == to:
		return ""
	case from == "":
		return "has no unit, and the destination's is " + to
	case to == "":
		return "is in " + from + ", and the destination has no unit"
	default:
		return "is in " + from + " and not " + to
	}
}

func textMisfit(from, to *Node) string {
	if from.Texts != nil {
		for _, text := range from.Texts {
			if source := Source(AppendJSON(nil, []byte(text))); !fits(to, source) {
				return "has a choice that the destination does not take"
			}
		}
		return ""
	}
	switch {
	case to.Texts != nil:
		return "is free text and not one of the destination's choices"
	case from.MaxLength > to.MaxLength:
		return "has up to " + strconv.Itoa(from.MaxLength) + " characters and not " + strconv.Itoa(to.MaxLength)
	case from.MinLength < to.MinLength:
		return "may have less than " + strconv.Itoa(to.MinLength) + " characters"
	case to.Format != 0 && from.Format != to.Format:
		return "is not in the format " + to.Format.String()
	case to.Pattern != nil && (from.Pattern == nil || from.Pattern.String() != to.Pattern.String()):
		return "is not held to the destination's pattern"
	default:
		return ""
	}
}

// fits says whether a whole source is a value of n.
func fits(n *Node, source []byte) bool {
	alone := *n
	alone.Slot = -1
	_, ok := Walk(&alone, source, nil)
	return ok
}

func integerMisfit(from, to *Node) string {
	if from.Integers == nil {
		switch {
		case to.Integers != nil:
			return "is any integer and not one of the destination's choices"
		case from.Min < to.Min || from.Max > to.Max:
			return "has a wider range than the destination"
		}
		return ""
	}
	for _, n := range from.Integers {
		if n < to.Min || n > to.Max || to.Integers != nil && !slices.Contains(to.Integers, n) {
			return "has a choice that the destination does not take"
		}
	}
	return ""
}

func numberMisfit(from, to *Node) string {
	low, ok1 := rescale(from.Min, to.Scale-from.Scale)
	high, ok2 := rescale(from.Max, to.Scale-from.Scale)
	switch {
	case from.Scale > to.Scale:
		return "has up to " + strconv.Itoa(from.Scale) + " digits after the point and not " + strconv.Itoa(to.Scale)
	case !ok1 || !ok2 || low < to.Min || high > to.Max:
		return "has a wider range than the destination"
	default:
		return ""
	}
}

// rescale multiplies by ten as often as asked; false: it does not fit.
func rescale(n int64, times int) (int64, bool) {
	if n == 0 {
		return 0, true
	}
	return Decimal(string(AppendDecimal(nil, n, 0))+strings.Repeat("0", max(times, 0)), 0)
}

// Alike says whether two are of one type, as schemas call it.
func Alike(a, b *Node) bool {
	integers := func(n *Node) bool { return n.Kind == Integer || n.Kind == Natural }
	return a.Kind == b.Kind || integers(a) && integers(b)
}

// naturalMisfit compares integers of which one at least has no sign.
func naturalMisfit(from, to *Node) string {
	low, high := from.ends()
	least, most := to.ends()
	switch {
	case to.Integers != nil:
		return "is any integer and not one of the destination's choices"
	case low.Cmp(least) < 0 || high.Cmp(most) > 0:
		return "has a wider range than the destination"
	default:
		return ""
	}
}

// ends are the least integer and the largest one.
func (n *Node) ends() (low, high *big.Int) {
	if n.Kind == Natural {
		return new(big.Int).SetUint64(uint64(n.Min)), new(big.Int).SetUint64(uint64(n.Max))
	}
	return big.NewInt(n.Min), big.NewInt(n.Max)
}

// collectionMisfit says nothing of elements that have rules of their own.
func collectionMisfit(from, to *Node) string {
	what := " elements"
	if from.Kind == Map {
		what = " entries"
		if problem := Misfit(from.Keys, to.Keys); problem != "" {
			return "has a name that " + problem
		}
	}
	objects := from.Items.Kind == Object && to.Items.Kind == Object
	own := from.Collects() && to.Collects()
	switch {
	case from.MaxItems > to.MaxItems:
		return "has up to " + strconv.Itoa(from.MaxItems) + what + " and not " + strconv.Itoa(to.MaxItems)
	case (objects || !own) && from.Items.Nullable && !to.Items.Nullable:
		return "may hold null"
	case own && (from.Items.Kind == Object) == (to.Items.Kind == Object):
		return ""
	default:
		return Misfit(from.Items, to.Items)
	}
}

// Const reads a declared value as n describes it.
func Const(n *Node, raw []byte) (Value, []byte, bool) {
	alone := *n
	alone.Slot = 0
	source, values := Source(raw), make([]Value, 1)
	_, ok := Walk(&alone, source, values)
	return values[0], source, ok
}
