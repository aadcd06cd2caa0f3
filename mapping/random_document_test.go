package mapping_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// author draws documents: what hides from one chance, and all else from another.
type author struct{ open, hidden chance }

// document draws one of a schema.
func (c chance) document(f *form) any { return author{c, c}.value(f) }

// behind is the author of what is there, or not, under f's label.
func (a author) behind(f *form) author {
	if f.hides() {
		a.open = a.hidden
	}
	return a
}

func (a author) value(f *form) any {
	a = a.behind(f)
	if f.nullable && a.open.one(4) {
		return nil
	}
	switch f.kind {
	case "array":
		all := []any{}
		for range a.open.IntN(f.most + 1) {
			all = append(all, a.value(f.each))
		}
		return all
	case "map":
		found := map[string]any{}
		for range a.open.IntN(f.most + 1) {
			name := a.open.text(f.names)
			found[name] = a.value(f.each)
		}
		return found
	case "object":
		found := map[string]any{}
		for _, m := range f.members {
			if in := a.behind(m); m.required || in.open.one(2) {
				found[m.name] = in.value(m)
			}
		}
		return found
	}
	if f.redacted {
		return a.hidden.scalar(f)
	}
	return a.open.scalar(f)
}

func (c chance) scalar(f *form) any {
	switch f.kind {
	case "boolean":
		return c.one(2)
	case "integer":
		return json.Number(pick(c, append(f.choices, strconv.Itoa(c.between(f.least, f.most)))[:max(1, len(f.choices))]...))
	case "natural":
		return pick(c, json.Number(strconv.Itoa(f.least)), "9223372036854775808", f.highest())
	case "number":
		return c.decimal(f)
	default:
		return c.text(f)
	}
}

// decimal has as many digits after the point as it may, or fewer.
func (c chance) decimal(f *form) json.Number {
	digits, size := c.IntN(f.scale+1), 1
	for range digits {
		size *= 10
	}
	n, sign := c.between(f.least*size, f.most*size), ""
	if n < 0 {
		n, sign = -n, "-"
	}
	if digits == 0 {
		return json.Number(fmt.Sprintf("%s%d", sign, n))
	}
	return json.Number(fmt.Sprintf("%s%d.%0*d", sign, n/size, digits, n%size))
}

func (c chance) text(f *form) string {
	switch {
	case f.choices != nil:
		return pick(c, f.choices...)
	case f.format == "date":
		return pick(c, "2020-02-29", "0001-01-01")
	case f.format == "uuid":
		return pick(c, "123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000")
	}
	alphabet := []rune("abzA1<\"\\é\u0301e\u2028\U0001F600")
	switch f.pattern {
	case abOnly:
		alphabet = alphabet[:2]
	case aToZOnly:
		alphabet = alphabet[:3]
	}
	var b strings.Builder
	for range c.between(f.least, f.most) {
		b.WriteRune(pick(c, alphabet...))
	}
	return b.String()
}

// spelled is a value as JSON, in any order, with white space and escapes that mean nothing.
func (c chance) spelled(v any) string {
	switch v := v.(type) {
	case []any:
		var all []string
		for _, element := range v {
			all = append(all, c.spelled(element))
		}
		return c.spaced("[" + strings.Join(all, ",") + c.spaced("]"))
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		c.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for i, name := range names {
			names[i] = c.spaced(c.quoted(name)) + ":" + c.spelled(v[name])
		}
		return c.spaced("{" + strings.Join(names, ",") + c.spaced("}"))
	case string:
		return c.spaced(c.quoted(v))
	case nil:
		return c.spaced("null")
	default:
		return c.spaced(fmt.Sprint(v))
	}
}

func (c chance) spaced(text string) string {
	return pick(c, "", "", " ", "\n\t") + text + pick(c, "", "", " ", "\r")
}

func (c chance) quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, char := range text {
		switch special := char == '"' || char == '\\'; {
		case special && c.one(2):
			b.WriteByte('\\')
			b.WriteRune(char)
		case special || c.one(5):
			for _, unit := range utf16.Encode([]rune{char}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		default:
			b.WriteRune(char)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// decoded is JSON with its numbers as they are written.
func decoded(t testing.TB, raw string) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

// of is what a destination's f has of a value: what it knows, without objects that hold nothing, for
// these are there or not as the destination needs it.
func (f *form) of(v any) any {
	switch v := v.(type) {
	case []any:
		all := []any{}
		for _, element := range v {
			all = append(all, f.each.of(element))
		}
		return all
	case map[string]any:
		found := map[string]any{}
		for name, value := range v {
			if f.kind == "map" {
				found[name] = f.each.of(value)
			} else if m := f.member(name); m != nil {
				found[name] = m.of(value)
				if held, _ := found[name].(map[string]any); m.kind == "object" && len(held) == 0 {
					delete(found, name)
				}
			}
		}
		return found
	default:
		return v
	}
}

// fields counts the rules that set something of a value: where a collection is, all of its elements'.
func (f *form) fields(v any, there bool) (n int) {
	found, _ := v.(map[string]any)
	switch {
	case f.kind == "object":
		for _, m := range f.members {
			value, there := found[m.name]
			n += m.fields(value, there)
		}
		return n
	case !there:
		return 0
	case v != nil && f.collects():
		return 1 + f.each.rules()
	default:
		return 1
	}
}

// rules counts those by which a mapping makes f.
func (f *form) rules() (n int) {
	for _, m := range f.members {
		n += m.rules()
	}
	if f.collects() {
		n += f.each.rules()
	}
	if f.kind != "object" {
		n++
	}
	return n
}
