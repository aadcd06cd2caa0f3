package scan

import (
	"math"
	"slices"
	"strconv"
)

func digit(c byte) bool { return c-'0' <= 9 }

// integer reads an integer that is written as one.
func (w *walk) integer(n *Node, v *Value) bool {
	if !w.decimal(n, 0, v) {
		return false
	}
	v.Kind = Integer
	return n.Integers == nil || slices.Contains(n.Integers, v.N) || w.fail(NoChoice, n)
}

// number reads a decimal number without losing a digit.
func (w *walk) number(n *Node, v *Value) bool {
	v.Kind = Number
	return w.decimal(n, n.Scale, v)
}

// decimal reads a number in its range.
func (w *walk) decimal(n *Node, scale int, v *Value) bool {
	value, size, fits := decimal(w.source[w.at:], scale)
	if size == 0 {
		return w.fail(NotJSON, n)
	}
	v.N, v.Start, v.End = value, int32(w.at), int32(w.at+size)
	w.at += size
	return fits && value >= n.Min && value <= n.Max || w.fail(NoFit, n)
}

// decimal reads a JSON number at the beginning of text, which ends in a byte that is
// none of its own. The size is 0 where there is none. It fits if it is the int64 times
// ten to the minus scale, has no exponent, no more digits than the scale and is not -0.
func decimal(text []byte, scale int) (value int64, size int, fits bool) {
	at := 0
	negative := text[0] == '-'
	if negative {
		at++
	}
	first := at
	sum, whole := uint64(0), true
	for ; digit(text[at]); at++ {
		sum, whole = shift(sum, text[at]-'0', whole)
	}
	if at == first || text[first] == '0' && at > first+1 {
		return 0, 0, false
	}
	if text[at] == '.' {
		point := at
		for at++; digit(text[at]); at++ {
			sum, whole = shift(sum, text[at]-'0', whole)
			scale--
		}
		if at == point+1 {
			return 0, 0, false
		}
		if scale < 0 {
			whole = false
		}
	}
	if text[at]|0x20 == 'e' {
		return 0, at, false // the number does not fit, whatever follows
	}
	for ; scale > 0; scale-- {
		sum, whole = shift(sum, 0, whole)
	}
	switch {
	case negative && (sum == 0 || sum > 1<<63), !negative && sum > math.MaxInt64:
		whole = false
	case negative:
		return -int64(sum), at, whole
	}
	return int64(sum), at, whole
}

func shift(sum uint64, digit byte, whole bool) (uint64, bool) {
	if sum > (math.MaxUint64-9)/10 {
		return sum, false
	}
	return sum*10 + uint64(digit), whole
}

// Decimal reads a whole text as decimal does; false: it is none, or does not fit.
func Decimal(text string, scale int) (int64, bool) {
	source := append([]byte(text), 0)
	value, size, fits := decimal(source, scale)
	return value, fits && size == len(text)
}

// AppendDecimal writes a number with all digits of its scale.
func AppendDecimal(dst []byte, value int64, scale int) []byte {
	if scale == 0 {
		return strconv.AppendInt(dst, value, 10)
	}
	size := uint64(value)
	if value < 0 {
		dst, size = append(dst, '-'), -size
	}
	var buffer [20]byte
	text := strconv.AppendUint(buffer[:0], size, 10)
	split := len(text) - scale
	if split <= 0 {
		dst = append(dst, "0."...)
		for range -split {
			dst = append(dst, '0')
		}
		return append(dst, text...)
	}
	dst = append(append(dst, text[:split]...), '.')
	return append(dst, text[split:]...)
}
