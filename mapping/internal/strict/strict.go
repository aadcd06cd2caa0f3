// Package strict reads JSON into Go values as encoding/json does, and refuses what that
// package lets pass.
//
//	ok := strict.Decode(raw, &contact)
//
// # Guarantees
//
// All of the data or nothing is read: members that the target does not have in exactly
// that case, or that occur twice or differ only in case, null where the target has no nil,
// arrays of another length, integers that a float would round, text that is not Unicode,
// and data after the end are refused.
//
// # Limits
//
// There are at most 64 levels. A type with its own UnmarshalJSON reads its part by its own
// rules.
//
// # Errors
//
// There are none: those of encoding/json quote the data.
//
// # Concurrency
//
// Functions are safe for concurrent use, on targets that are not shared.
package strict

import (
	"bytes"
	"encoding"
	"encoding/json"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDepth  = 64
	maxDigits = 309 // of a float64
)

// Decode replaces what v points at by the data; false: it does not fit, and v is as it
// was. The decoder's errors go no further: their text quotes the data.
func Decode(raw []byte, v any) bool {
	to := reflect.ValueOf(v)
	if to.Kind() != reflect.Pointer || to.IsNil() || !utf8.Valid(raw) || !json.Valid(raw) {
		return false
	}
	w := walk{raw: raw, fields: map[reflect.Type]map[string]reflect.Type{}}
	if !w.value(to.Type().Elem(), maxDepth) {
		return false
	}
	fresh := reflect.New(to.Type().Elem())
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if decoder.Decode(fresh.Interface()) != nil {
		return false
	}
	to.Elem().Set(fresh.Elem())
	return true
}

// walk reads valid JSON beside the type that it is meant for; a nil type is any.
type walk struct {
	raw    []byte
	at     int
	fields map[reflect.Type]map[string]reflect.Type
}

func (w *walk) value(t reflect.Type, depth int) bool {
	t, nullable := target(t)
	switch w.next() {
	case '{':
		return depth > 0 && w.object(t, depth-1)
	case '[':
		return depth > 0 && w.array(t, depth-1)
	case '"':
		_, ok := w.text()
		return ok
	case 'n':
		w.literal()
		return nullable
	default:
		return fits(w.literal(), t)
	}
}

func (w *walk) object(t reflect.Type, depth int) bool {
	seen := map[string]bool{}
	for w.open(); w.next() != '}'; w.open() {
		name, ok := w.text()
		fold := strings.Map(Folded, name)
		if !ok || seen[fold] {
			return false
		}
		seen[fold] = true
		member, ok := w.member(t, name)
		w.next() // the colon
		w.at++
		if !ok || !w.value(member, depth) {
			return false
		}
		if w.next() == '}' {
			break
		}
	}
	w.at++
	return true
}

func (w *walk) array(t reflect.Type, depth int) bool {
	var elem reflect.Type
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		elem = t.Elem()
	}
	n := 0
	for w.open(); w.next() != ']'; w.open() {
		if !w.value(elem, depth) {
			return false
		}
		n++
		if w.next() == ']' {
			break
		}
	}
	w.at++
	return t == nil || t.Kind() != reflect.Array || t.Len() == n
}

// member is the type of a member of t.
func (w *walk) member(t reflect.Type, name string) (reflect.Type, bool) {
	if t == nil {
		return nil, true
	}
	switch t.Kind() {
	case reflect.Struct:
		if w.fields[t] == nil {
			w.fields[t] = members(t)
		}
		member, ok := w.fields[t][name]
		return member, ok
	case reflect.Map:
		return t.Elem(), canonicalKey(t.Key(), name)
	default:
		return nil, true // the decoder refuses the object
	}
}

// canonicalKey holds that two members of a map cannot be one entry.
func canonicalKey(t reflect.Type, name string) bool {
	if t.Kind() < reflect.Int || t.Kind() > reflect.Uintptr || implements(t, textType) {
		return true
	}
	digits := strings.TrimPrefix(name, "-")
	return digits != "" && digits[0] != '+' && (digits[0] != '0' || name == "0")
}

// next is the first byte of what comes next.
func (w *walk) next() byte {
	for strings.IndexByte(" \t\r\n", w.raw[w.at]) >= 0 {
		w.at++
	}
	return w.raw[w.at]
}

// open steps over the bracket or comma before a member or an element.
func (w *walk) open() { w.at++ }

// text reads a string, and refuses halves of characters: the decoder would put
// U+FFFD in their place.
func (w *walk) text() (string, bool) {
	w.next()
	start := w.at
	escaped, paired := false, true
	for w.at++; w.raw[w.at] != '"'; w.at++ {
		if w.raw[w.at] != '\\' {
			continue
		}
		escaped = true
		w.at++
		if w.raw[w.at] == 'u' {
			paired = w.surrogates() && paired
		}
	}
	w.at++
	quoted := w.raw[start:w.at]
	if !escaped {
		return string(quoted[1 : len(quoted)-1]), true
	}
	var s string
	return s, json.Unmarshal(quoted, &s) == nil && paired
}

// surrogates reads the four digits after \u, and those of the second half where
// they are the first of two.
func (w *walk) surrogates() bool {
	first := w.digits()
	switch {
	case first < 0xd800 || first > 0xdfff:
		return true
	case first > 0xdbff || !bytes.HasPrefix(w.raw[w.at+1:], []byte(`\u`)):
		return false
	}
	w.at += 2
	second := w.digits()
	return second >= 0xdc00 && second <= 0xdfff
}

func (w *walk) digits() uint64 {
	n, _ := strconv.ParseUint(string(w.raw[w.at+1:w.at+5]), 16, 16)
	w.at += 4
	return n
}

// literal reads a number, true, false or null.
func (w *walk) literal() string {
	start := w.at
	for w.at < len(w.raw) && strings.IndexByte(" \t\r\n,]}", w.raw[w.at]) < 0 {
		w.at++
	}
	return string(w.raw[start:w.at])
}

// fits says whether an integer survives in a float. That others are in range, the
// decoder checks.
func fits(literal string, t reflect.Type) bool {
	if t == nil || (t.Kind() != reflect.Float32 && t.Kind() != reflect.Float64) {
		return true
	}
	n, ok := new(big.Int).SetString(literal[:min(len(literal), maxDigits+2)], 10)
	if !ok {
		return true
	}
	f, err := strconv.ParseFloat(literal, t.Bits())
	if err != nil {
		return false
	}
	exact, _ := big.NewFloat(f).Int(nil)
	return exact.Cmp(n) == 0
}

var (
	jsonType = reflect.TypeFor[json.Unmarshaler]()
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func implements(t, what reflect.Type) bool {
	return t.Implements(what) || reflect.PointerTo(t).Implements(what)
}

// target is what t comes down to, nil for what has its own rules or none, and
// whether null is one of its values.
func target(t reflect.Type) (reflect.Type, bool) {
	nullable := false
	for t != nil {
		switch {
		case implements(t, jsonType):
			return nil, true
		case implements(t, textType):
			return nil, nullable
		}
		switch t.Kind() {
		case reflect.Pointer:
			t, nullable = t.Elem(), true
			continue
		case reflect.Interface:
			return nil, true
		case reflect.Map, reflect.Slice:
			return t, true
		default:
			return t, nullable
		}
	}
	return nil, true
}

// Folded is the least of the characters that encoding/json takes for r.
func Folded(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// field is one that a struct or one that it embeds has under a name.
type field struct {
	t      reflect.Type
	depth  int
	tagged bool
}

// members are the members of a struct by their exact names, by the rules of
// encoding/json: the least nested, then the tagged one, and none where that is not one.
func members(t reflect.Type) map[string]reflect.Type {
	candidates := map[string][]field{}
	collect(t, 0, nil, candidates)
	found := map[string]reflect.Type{}
	for name, fields := range candidates {
		rank := func(f field) int {
			if f.tagged {
				return 2 * f.depth
			}
			return 2*f.depth + 1
		}
		slices.SortStableFunc(fields, func(a, b field) int { return rank(a) - rank(b) })
		if len(fields) == 1 || rank(fields[0]) != rank(fields[1]) {
			found[name] = fields[0].t
		}
	}
	return found
}

func collect(t reflect.Type, depth int, above []reflect.Type, into map[string][]field) {
	if slices.Contains(above, t) {
		return
	}
	above = append(slices.Clone(above), t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer && inner.Name() == "" {
			inner = inner.Elem()
		}
		switch {
		case tag == "-" || (!f.IsExported() && (!f.Anonymous || inner.Kind() != reflect.Struct)):
		case f.Anonymous && name == "" && inner.Kind() == reflect.Struct:
			collect(inner, depth+1, above, into)
		case name == "":
			into[f.Name] = append(into[f.Name], field{f.Type, depth, false})
		default:
			into[name] = append(into[name], field{f.Type, depth, true})
		}
	}
}
