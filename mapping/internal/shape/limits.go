package shape

import (
	"encoding/json"
	"math"
	"slices"
	"unicode/utf8"

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
