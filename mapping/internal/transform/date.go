package transform

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// Dates and times are text in a declared format, so reading one back cannot fail. What
// asks for a day of an instant gets that of UTC.

func dated(args map[string]json.RawMessage, f Field, formats ...scan.Format) Problem {
	p := read(args, nil)
	if wrong := takes(f, scan.String); wrong.Kind != 0 {
		return wrong
	}
	if !slices.Contains(formats, f.Node.Format) {
		names := make([]string, len(formats))
		for i, format := range formats {
			names[i] = format.String()
		}
		return Problem{Kind: WrongType, Text: "takes text in the format " + strings.Join(names, " or ")}
	}
	return p
}

// instant reads text that its format was asserted of.
func instant(f Field, text []byte) time.Time {
	if f.Node.Format == scan.Date {
		t, _ := scan.ReadDate(text)
		return t
	}
	t, _ := scan.ReadTime(text)
	return t
}

func formatted(f Field, layout string, out *scan.Node) Step {
	return Step{Out: out, apply: func(c *Call, v Value) (Value, bool) {
		text := c.put(func(dst []byte) []byte { return instant(f, v.Text).AppendFormat(dst, layout) })
		return Value{Kind: scan.String, Text: text, Plain: true}, true
	}}
}

func described(format scan.Format, length int) *scan.Node {
	out := plainText(length, length)
	out.Format = format
	return out
}

// timeDate is the day of an instant, in UTC.
func timeDate(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	return formatted(f, time.DateOnly, described(scan.Date, 10)), struct{}{}, dated(args, f, scan.DateTime)
}

// dateYear is the year of a date, or of an instant in UTC.
func dateYear(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	out := &scan.Node{Kind: scan.Integer, Slot: -1, Min: 1, Max: 9999}
	return Step{Out: out, Hides: true, apply: func(_ *Call, v Value) (Value, bool) {
		return Value{Kind: scan.Integer, N: int64(instant(f, v.Text).Year())}, true
	}}, struct{}{}, dated(args, f, scan.Date, scan.DateTime)
}

// Month is the one layout that hides something: the day.
const month = "2006-01"

func layouts() []string {
	return []string{time.DateOnly, "02.01.2006", "01/02/2006", "02/01/2006", "20060102", "20060102150405Z", month}
}

// dateFormat writes a date, or an instant in UTC, in one of few layouts.
func dateFormat(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var a struct {
		Layout string `json:"layout"`
	}
	p := dated(nil, f, scan.Date, scan.DateTime)
	if p.Kind == 0 {
		p = read(args, map[string]any{"layout": &a.Layout})
	}
	if p.Kind == 0 && !slices.Contains(layouts(), a.Layout) {
		p = arguments("its layout is none of " + strings.Join(layouts(), ", "))
	}
	out := described(0, len(a.Layout))
	if a.Layout == time.DateOnly {
		out.Format = scan.Date
	}
	step := formatted(f, a.Layout, out)
	step.Hides = a.Layout == month
	return step, a, p
}

// The instants of the years 1 to 9999.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
)

// timeToUnix is the number of seconds since 1970; parts of a second are cut off downwards.
func timeToUnix(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	out := &scan.Node{Kind: scan.Integer, Slot: -1, Min: firstSecond, Max: lastSecond}
	return Step{Out: out, apply: func(_ *Call, v Value) (Value, bool) {
		return Value{Kind: scan.Integer, N: instant(f, v.Text).Unix()}, true
	}}, struct{}{}, dated(args, f, scan.DateTime)
}

// unixToTime is the reverse, in UTC. It fails outside of the years 1 to 9999, if the
// field reaches beyond. An integer in another unit than s is refused.
func unixToTime(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	p := read(args, nil)
	if wrong := takes(f, scan.Integer); wrong.Kind != 0 {
		p = wrong
	} else if unit := f.Node.Unit; unit != "" && unit != "s" {
		p = Problem{Kind: WrongType, Text: "takes seconds and is in " + unit}
	}
	return Step{Out: described(scan.DateTime, 20), Fallible: f.Node.Min < firstSecond || f.Node.Max > lastSecond, apply: func(c *Call, v Value) (Value, bool) {
		if v.N < firstSecond || v.N > lastSecond {
			return Value{}, false
		}
		text := c.put(func(dst []byte) []byte { return time.Unix(v.N, 0).UTC().AppendFormat(dst, time.RFC3339) })
		return Value{Kind: scan.String, Text: text, Plain: true}, true
	}}, struct{}{}, p
}
