package declare

import (
	"bytes"
	"encoding"
	"reflect"
	"strconv"
	"unicode/utf16"

	"github.com/tailscale/hujson"
)

// literal is the text of a scalar of one kind: of a string without quotes and escapes.
func literal(value *hujson.Value, kind hujson.Kind) (string, bool) {
	text, ok := value.Value.(hujson.Literal)
	if !ok || text.Kind() != kind {
		return "", false
	}
	if kind == '"' && bytes.IndexByte(text, '\\') < 0 {
		return string(text[1 : len(text)-1]), true
	}
	return text.String(), true
}

// name is the name of a member.
func (r *reader) name(value *hujson.Value, path string) string {
	r.halves(value, path)
	name, _ := literal(value, '"')
	return name
}

// halves reports an escape that the standard library would replace in silence, so
// that two different texts would be read as one.
func (r *reader) halves(value *hujson.Value, path string) {
	text, _ := value.Value.(hujson.Literal)
	at := bytes.IndexByte(text, '\\')
	if at < 0 {
		return
	}
	for ; at < len(text); at++ {
		if text[at] != '\\' {
			continue
		}
		first, ok := escape(text[at:])
		if ok && utf16.IsSurrogate(first) {
			second, pair := escape(text[at+6:])
			if !pair || utf16.DecodeRune(first, second) == '\uFFFD' {
				r.add(surrogate, value.StartOffset, path, "")
				return
			}
			at += 10
		}
		at++
	}
}

// escape is the character of \uXXXX.
func escape(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	char, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(char), err == nil
}

func (r *reader) readScalar(value *hujson.Value, into reflect.Value, path string) {
	switch {
	case into.Kind() == reflect.String:
		text, ok := literal(value, '"')
		if !ok {
			r.add(wantString, value.StartOffset, path, "")
			return
		}
		r.halves(value, path)
		into.SetString(text)
	case into.Kind() == reflect.Bool:
		kind := value.Value.Kind()
		if kind != 't' && kind != 'f' {
			r.add(wantBool, value.StartOffset, path, "")
			return
		}
		into.SetBool(kind == 't')
	case into.CanInt(), into.CanUint(), into.CanFloat():
		r.readNumber(value, into, path)
	default:
		r.add(badTarget, value.StartOffset, path, "")
	}
}

// readNumber stores a number that fits exactly. An integer is written as one: 1.0
// and 1e3 do not fit.
func (r *reader) readNumber(value *hujson.Value, into reflect.Value, path string) {
	text, ok := literal(value, '0')
	if !ok {
		r.add(wantNumber, value.StartOffset, path, "")
		return
	}
	number, err := reflect.New(into.Type()).Elem(), error(nil)
	switch bits := into.Type().Bits(); {
	case into.CanInt():
		var n int64
		n, err = strconv.ParseInt(text, 10, bits)
		number.SetInt(n)
	case into.CanUint():
		var n uint64
		n, err = strconv.ParseUint(text, 10, bits)
		number.SetUint(n)
	default:
		var n float64
		n, err = strconv.ParseFloat(text, bits)
		number.SetFloat(n)
	}
	if err != nil {
		r.add(misfit, value.StartOffset, path, "")
		return
	}
	into.Set(number)
}

// names are the texts that an enumeration over small integers knows: those that it
// writes and reads again. A list beside the type could differ from it.
func names(t reflect.Type) []string {
	if t.Kind() != reflect.Uint8 {
		return nil
	}
	var all []string
	for n := range 256 {
		value := reflect.New(t)
		value.Elem().SetUint(uint64(n))
		writes, ok := value.Interface().(encoding.TextMarshaler)
		if !ok {
			return nil
		}
		text, err := writes.MarshalText()
		if reads := value.Interface().(encoding.TextUnmarshaler); err == nil && reads.UnmarshalText(text) == nil {
			all = append(all, string(text))
		}
	}
	return all
}
