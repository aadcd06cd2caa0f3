// Package strict reads JSON into Go values as encoding/json does, and refuses what that
// package lets pass.
//
//	ok := strict.Decode(raw, &contact)
//
// # Guarantees
//
// All of the data or nothing is read: members that the target does not have in exactly
// that case, or that occur twice or differ only in case, those that the key of a map reads
// as one, null where the target has no nil, arrays of another length, integers that a float
// would round, text that is not Unicode, and data after the end are refused; what stands in
// quotes for a field with the option string is read as what stands elsewhere.
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
	w := walk{raw: raw, fields: map[reflect.Type]map[string]member{}}
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
	fields map[reflect.Type]map[string]member
}

// member is what a member of an object is read into.
type member struct {
	t      reflect.Type
	quoted bool // by the option string: its text is the value
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
	seen, entries := map[string]bool{}, map[any]bool{}
	for w.open(); w.next() != '}'; w.open() {
		name, ok := w.text()
		fold := name // the names of a map are data
		if t == nil || t.Kind() != reflect.Map {
			fold = strings.Map(Folded, name)
		}
		if !ok || seen[fold] || !entry(t, name, entries) {
			return false
		}
		seen[fold] = true
		m, ok := w.member(t, name)
		w.next() // the colon
		w.at++
		if !ok || m.quoted && !w.quoted(m.t, depth) || !m.quoted && !w.value(m.t, depth) {
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

// quoted reads a value that stands in a string, as it would read it without.
func (w *walk) quoted(t reflect.Type, depth int) bool {
	if own, _ := target(t); own == nil || w.next() != '"' {
		return w.value(t, depth) // it has its own rules, or the decoder refuses it
	}
	text, ok := w.text()
	inner := walk{raw: []byte(text)}
	return ok && json.Valid(inner.raw) && inner.value(t, 0)
}

// member is what a member of t is read into.
func (w *walk) member(t reflect.Type, name string) (member, bool) {
	if t == nil {
		return member{}, true
	}
	switch t.Kind() {
	case reflect.Struct:
		if w.fields[t] == nil {
			w.fields[t] = members(t)
		}
		m, ok := w.fields[t][name]
		return m, ok
	case reflect.Map:
		return member{t: t.Elem()}, true
	default:
		return member{}, true // the decoder refuses the object
	}
}

// entry holds that two members of a map cannot be one entry: whatever the type of its keys
// makes of their names, it differs from those before.
func entry(t reflect.Type, name string, entries map[any]bool) bool {
	switch {
	case t == nil || t.Kind() != reflect.Map:
		return true
	case implements(t.Key(), textType):
		key := reflect.New(t.Key())
		reads, ok := key.Interface().(encoding.TextUnmarshaler)
		if !ok || reads.UnmarshalText([]byte(name)) != nil || !key.Elem().Comparable() || entries[key.Elem().Interface()] {
			return false
		}
		entries[key.Elem().Interface()] = true
		return true
	case t.Key().Kind() < reflect.Int || t.Key().Kind() > reflect.Uintptr:
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
	member
	depth  int
	tagged bool
}

// members are the members of a struct by their exact names, by the rules of
// encoding/json: the least nested, then the tagged one, and none where that is not one.
func members(t reflect.Type) map[string]member {
	candidates := map[string][]field{}
	collect(t, 0, nil, candidates)
	found := map[string]member{}
	for name, fields := range candidates {
		rank := func(f field) int {
			if f.tagged {
				return 2 * f.depth
			}
			return 2*f.depth + 1
		}
		slices.SortStableFunc(fields, func(a, b field) int { return rank(a) - rank(b) })
		if len(fields) == 1 || rank(fields[0]) != rank(fields[1]) {
			found[name] = fields[0].member
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
		name, options, _ := strings.Cut(tag, ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer && inner.Name() == "" {
			inner = inner.Elem()
		}
		own := member{f.Type, slices.Contains(strings.Split(options, ","), "string") && basic(inner.Kind())}
		switch {
		case tag == "-" || (!f.IsExported() && (!f.Anonymous || inner.Kind() != reflect.Struct)):
		case f.Anonymous && name == "" && inner.Kind() == reflect.Struct:
			collect(inner, depth+1, above, into)
		case name == "":
			into[f.Name] = append(into[f.Name], field{own, depth, false})
		default:
			into[name] = append(into[name], field{own, depth, true})
		}
	}
}

// basic says whether the option string means anything for a kind.
func basic(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}
