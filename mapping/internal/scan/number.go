package scan

import (
	"math"
	"slices"
	"strconv"
)

func digit(c byte) bool { return c-'0' <= 9 }

// number reads a number in its range, without losing a digit. An integer is written as one.
func (w *walk) number(n *Node, v *Value, at int) int {
	scale := 0
	if n.Kind == Number {
		scale = n.Scale
	}
	value, size, fits := decimal(w.source[at:], scale)
	v.Kind, v.N, v.Start, v.End = n.Kind, value, int32(at), int32(at+size)
	switch {
	case size == 0:
		return w.fail(NotJSON, n)
	case !fits || value < n.Min || value > n.Max:
		return w.fail(NoFit, n)
	case n.Kind == Integer && n.Integers != nil && !slices.Contains(n.Integers, value):
		return w.fail(NoChoice, n)
	}
	return at + size
}

// natural reads an integer without a sign.
func (w *walk) natural(n *Node, v *Value, at int) int {
	end := at
	for digit(w.source[end]) {
		end++
	}
	_, size, _ := decimal(w.source[at:], 0)
	value, err := strconv.ParseUint(string(w.source[at:end]), 10, 64)
	v.Kind, v.N, v.Start, v.End = Natural, int64(value), int32(at), int32(end)
	switch {
	case size == 0:
		return w.fail(NotJSON, n)
	case err != nil || size != end-at || w.source[end]|0x20 == 'e' || value < uint64(n.Min) || value > uint64(n.Max):
		return w.fail(NoFit, n)
	}
	return end
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
	first, sum := at, uint64(0)
	for ; digit(text[at]); at++ {
		sum = 10*sum + uint64(text[at]-'0')
	}
	digits := at - first
	switch {
	case digits == 0 || text[first] == '0' && digits > 1:
		return 0, 0, false
	case text[first] == '0':
		digits = 0
	}
	if text[at] == '.' {
		point := at
		for at++; digit(text[at]); at++ {
			sum = 10*sum + uint64(text[at]-'0')
		}
		if at == point+1 {
			return 0, 0, false
		}
		digits += at - point - 1
		scale -= at - point - 1
	}
	if text[at]|0x20 == 'e' {
		return 0, at, false // the number does not fit, whatever follows
	}
	for range scale {
		sum *= 10
		digits++
	}
	switch {
	case scale < 0 || digits > maxDigits:
		return 0, at, false
	case negative:
		return -int64(sum), at, sum > 0 && sum <= 1<<63
	}
	return int64(sum), at, sum <= math.MaxInt64
}

// maxDigits is how many digits an uint64 takes, whichever they are. A number of more is no
// int64 either.
const maxDigits = 19

// Decimal reads a whole text as decimal does; false: it is none, or does not fit.
func Decimal(text string, scale int) (int64, bool) {
	source := append([]byte(text), 0)
	value, size, fits := decimal(source, scale)
	return value, fits && size == len(text)
}

// Digits writes a number as n describes it.
func (n *Node) Digits(dst []byte, value int64) []byte {
	if n.Kind == Natural {
		return strconv.AppendUint(dst, uint64(value), 10)
	}
	return AppendDecimal(dst, value, n.Scale)
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
