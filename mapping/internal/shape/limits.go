package shape

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// text reads the limits of a string. One with choices or a format needs none.
func (r Reader) text(n *scan.Node, s Keywords, at string) {
	n.MaxLength = -1
	if s.Enum != nil {
		r.texts(n, s.Enum, at)
	}
	if s.Format != nil {
		r.format(n, *s.Format, at)
	}
	if s.MinLength != nil {
		n.MinLength = max(n.MinLength, *s.MinLength)
	}
	if s.MaxLength != nil && (n.MaxLength < 0 || *s.MaxLength < n.MaxLength) {
		n.MaxLength = *s.MaxLength
	}
	given := s.MaxLength != nil || s.Enum != nil || s.Format != nil
	r.Find(!given, "M110", at+"/maxLength", "has no maxLength")
	given = given && (s.Enum == nil || len(n.Texts) > 0)
	below := s.MinLength != nil && *s.MinLength < 0 || s.MaxLength != nil && *s.MaxLength < 0
	r.Find(given && (n.MaxLength > maxText || n.MaxLength < n.MinLength) || below, "M111", at, "has lengths that are no range below 4 MiB")
	if s.Pattern != nil {
		var problem string
		n.Pattern, problem = scan.Pattern(*s.Pattern)
		r.Find(problem != "", "M113", at+"/pattern", problem)
	}
	r.Find(slices.ContainsFunc(n.Texts, func(text string) bool { return barred(n, text) }), "M112", at+"/enum", "has a choice that its own lengths, pattern or format bar")
}

// barred says whether no document can have a choice.
func barred(n *scan.Node, text string) bool {
	size := utf8.RuneCountInString(text)
	return size < n.MinLength || size > n.MaxLength || n.Pattern != nil && !n.Pattern.MatchString(text) || n.Format != 0 && !n.Format.Holds([]byte(text))
}

func (r Reader) texts(n *scan.Node, enum json.RawMessage, at string) {
	ok := json.Unmarshal(enum, &n.Texts) == nil && len(n.Texts) > 0 && len(n.Texts) <= 1000
	different := slices.Sorted(slices.Values(n.Texts))
	r.Find(!ok || len(slices.Compact(different)) < len(n.Texts), "M112", at+"/enum", "is not a list of 1 to 1000 different strings")
	for _, text := range n.Texts {
		n.MaxLength = max(n.MaxLength, utf8.RuneCountInString(text))
	}
}

func (r Reader) format(n *scan.Node, name, at string) {
	i := slices.Index(scan.Formats[1:], name)
	if i < 0 {
		r.Unknown("M114", at+"/format", at+"/format", "is no format: date, date-time, email or uuid", name, slices.Values(scan.Formats[1:]))
	}
	n.Format = scan.Format(i + 1)
	n.MinLength, n.MaxLength = n.Format.Shortest(), n.Format.Length()
}

func (r Reader) number(n *scan.Node, s Keywords, at string) {
	if n.Kind == scan.Number {
		r.Find(s.Scale == nil || *s.Scale < 0 || *s.Scale > scan.MaxScale, "M115", at+"/scale", "has no scale, of 0 to 18 digits after the point")
	}
	if s.Scale != nil {
		n.Scale = min(max(*s.Scale, 0), scan.MaxScale)
	}
	n.Unit = r.unit(s, at)
	n.Min, n.Max = math.MinInt64, math.MaxInt64
	ok := true
	for _, end := range []struct {
		raw  json.RawMessage
		into *int64
	}{{s.Minimum, &n.Min}, {s.Maximum, &n.Max}} {
		if end.raw != nil {
			value, fits := scan.Decimal(string(end.raw), n.Scale)
			*end.into, ok = value, ok && fits
		}
	}
	r.Find(!ok || n.Min > n.Max, "M111", at, "has a minimum and maximum that are no range of 64 bits with its scale")
	if s.Enum != nil && n.Kind == scan.Integer {
		r.integers(n, s.Enum, at)
	}
}

// unsigned says whether a maximum is beyond the integers with a sign.
func unsigned(maximum json.RawMessage) bool {
	most, err := strconv.ParseUint(string(maximum), 10, 64)
	return err == nil && most > math.MaxInt64
}

func (r Reader) natural(n *scan.Node, s Keywords, at string) {
	n.Unit = r.unit(s, at)
	most, _ := strconv.ParseUint(string(s.Maximum), 10, 64)
	least, err := strconv.ParseUint(string(s.Minimum), 10, 64)
	n.Min, n.Max = int64(least), int64(most)
	r.Find(err != nil || least > most, "M111", at, "has a maximum above 63 bits, and no minimum from 0 on")
}

// names reads what a map's may be. Their pattern is that of the values.
func (r Reader) names(n *scan.Node, s Keywords, at string) {
	r.Find(s.MaxProperties == nil || *s.MaxProperties < 0 || *s.MaxProperties > maxItems, "M109", at+"/maxProperties", "has no maxProperties between 0 and 2097152")
	if s.MaxProperties != nil {
		n.MaxItems = *s.MaxProperties
	}
	n.Keys = &scan.Node{Kind: scan.String, Slot: -1, Path: n.Path}
	if s.Names == nil {
		r.Find(true, "M110", at+"/propertyNames", "has no propertyNames with a maxLength")
		return
	}
	r.text(n.Keys, Keywords{MinLength: s.Names.MinLength, MaxLength: s.Names.MaxLength, Format: s.Names.Format}, at+"/propertyNames")
}

// anything is the pattern that every text has, in RE2 and in ECMA-262.
const anything = `^[\s\S]*$`

// Named holds a map's names to a pattern, which can stand in a path of a finding; false: it is none.
func (r Reader) Named(n *scan.Node, pattern, at string) bool {
	if pattern == anything {
		return true
	}
	problem := "is no line of 1 to 200 printable characters"
	if names.Line(pattern) {
		n.Keys.Pattern, problem = scan.Pattern(pattern)
	}
	r.Find(problem != "", "M113", at, problem)
	return problem == ""
}

func (r Reader) integers(n *scan.Node, enum json.RawMessage, at string) {
	ok := json.Unmarshal(enum, &n.Integers) == nil && len(n.Integers) > 0 && len(n.Integers) <= 1000
	for i, v := range n.Integers {
		ok = ok && v >= n.Min && v <= n.Max && !slices.Contains(n.Integers[:i], v)
	}
	r.Find(!ok, "M112", at+"/enum", "is not a list of 1 to 1000 different integers of its range")
	if ok {
		n.Min, n.Max = slices.Min(n.Integers), slices.Max(n.Integers)
	}
}
