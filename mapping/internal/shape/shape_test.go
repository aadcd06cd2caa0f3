package shape_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/shape"
)

// read is the node of a kind with keywords, and what was found.
func read(kind scan.Kind, k shape.Keywords) (*scan.Node, []string) {
	var found []string
	r := shape.Reader{
		Find: func(wrong bool, code, at, _ string) {
			if wrong {
				found = append(found, code+at)
			}
		},
		Unknown: func(code, at, _, _, _ string, _ iter.Seq[string]) { found = append(found, code+at) },
	}
	n := &scan.Node{Kind: kind, Slot: -1}
	r.Limits(n, k, "/x")
	return n, found
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

func TestKind(t *testing.T) {
	for in, want := range map[string]string{
		`"string"`: "string false", `["integer", "null"]`: "integer true", `"object"`: "object false",
		`"null"`: "nothing false", `["null", "string"]`: "nothing false", `["string", "integer"]`: "nothing false", `["string"]`: "nothing false", `"text"`: "nothing false", ``: "nothing false", `7`: "nothing false",
	} {
		unknown := 0
		r := shape.Reader{Unknown: func(string, string, string, string, string, iter.Seq[string]) { unknown++ }}
		kind, nullable := r.Kind(raw(in), "")
		if got := fmt.Sprint(kind, nullable); got != want || (unknown == 1) != (kind == scan.Absent) {
			t.Errorf("%s: %s, %d found", in, got, unknown)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		kind scan.Kind
		k    shape.Keywords
		want string // of the node
	}{
		"text":       {scan.String, shape.Keywords{MaxLength: new(9), MinLength: new(2)}, "2-9"},
		"choices":    {scan.String, shape.Keywords{Enum: raw(`["a", "ab€"]`)}, "0-3"},
		"of these":   {scan.String, shape.Keywords{Enum: raw(`["ab", "ab€"]`), MinLength: new(2), MaxLength: new(3), Pattern: new("^ab.?$")}, "2-3"},
		"format":     {scan.String, shape.Keywords{Format: new("date")}, "10-10"},
		"less of it": {scan.String, shape.Keywords{Format: new("email"), MaxLength: new(20)}, "3-20"},
		"pattern":    {scan.String, shape.Keywords{MaxLength: new(9), Pattern: new("^[a-z]+$")}, "0-9"},
		"integer":    {scan.Integer, shape.Keywords{Minimum: raw("-1"), Unit: new("km")}, fmt.Sprint("-1-", int64(math.MaxInt64), " km")},
		"of its own": {scan.Integer, shape.Keywords{Enum: raw("[3, 5, 4]")}, "3-5"},
		"amount":     {scan.Number, shape.Keywords{Scale: new(2), Maximum: raw("9.5"), Minimum: raw("0")}, "0-950"},
		"array":      {scan.Array, shape.Keywords{MaxItems: new(7), Items: true}, "7"},
		"object":     {scan.Object, shape.Keywords{Properties: true, Required: true, Closed: true}, ""},
		"boolean":    {scan.Bool, shape.Keywords{Release: true}, ""},
	} {
		n, found := read(tt.kind, tt.k)
		got := map[scan.Kind]string{
			scan.String: fmt.Sprintf("%d-%d", n.MinLength, n.MaxLength), scan.Integer: strings.TrimSpace(fmt.Sprintf("%d-%d %s", n.Min, n.Max, n.Unit)),
			scan.Number: fmt.Sprintf("%d-%d", n.Min, n.Max), scan.Array: fmt.Sprint(n.MaxItems),
		}[tt.kind]
		if got != tt.want || found != nil {
			t.Errorf("%s: %s, found %q", name, got, found)
		}
	}
}

func TestFindings(t *testing.T) {
	for name, tt := range map[string]struct {
		kind scan.Kind
		k    shape.Keywords
		want string
	}{
		"no longest":        {scan.String, shape.Keywords{}, "M110/x/maxLength"},
		"no range":          {scan.String, shape.Keywords{MaxLength: new(2), MinLength: new(3)}, "M111/x"},
		"below zero":        {scan.String, shape.Keywords{MaxLength: new(-1)}, "M111/x"},
		"above all":         {scan.String, shape.Keywords{MaxLength: new(1 << 30)}, "M111/x"},
		"no choices":        {scan.String, shape.Keywords{Enum: raw("[]")}, "M112/x/enum"},
		"twice":             {scan.String, shape.Keywords{Enum: raw(`["a", "a"]`)}, "M112/x/enum"},
		"choice too long":   {scan.String, shape.Keywords{MaxLength: new(3), Enum: raw(`["x", "toolong"]`)}, "M112/x/enum"},
		"choice too short":  {scan.String, shape.Keywords{MinLength: new(2), Enum: raw(`["x", "xy"]`)}, "M112/x/enum"},
		"choice no match":   {scan.String, shape.Keywords{Pattern: new("^[a-z]+$"), Enum: raw(`["x", "X"]`)}, "M112/x/enum"},
		"choice no date":    {scan.String, shape.Keywords{Format: new("date"), Enum: raw(`["2026-02-28", "2026-02-30"]`)}, "M112/x/enum"},
		"numbers":           {scan.String, shape.Keywords{Enum: raw(`[1]`)}, "M112/x/enum"},
		"pattern":           {scan.String, shape.Keywords{MaxLength: new(2), Pattern: new("a")}, "M113/x/pattern"},
		"format":            {scan.String, shape.Keywords{Format: new("dates")}, "M114/x/format"},
		"no scale":          {scan.Number, shape.Keywords{}, "M115/x/scale"},
		"scale":             {scan.Number, shape.Keywords{Scale: new(19)}, "M115/x/scale"},
		"too fine":          {scan.Number, shape.Keywords{Scale: new(1), Minimum: raw("0.25")}, "M111/x"},
		"minimum":           {scan.Integer, shape.Keywords{Minimum: raw(`"1"`)}, "M111/x"},
		"the other way":     {scan.Integer, shape.Keywords{Minimum: raw("2"), Maximum: raw("1")}, "M111/x"},
		"choice outside":    {scan.Integer, shape.Keywords{Maximum: raw("2"), Enum: raw("[1, 3]")}, "M112/x/enum"},
		"choice twice":      {scan.Integer, shape.Keywords{Enum: raw("[1, 1]")}, "M112/x/enum"},
		"unit":              {scan.Integer, shape.Keywords{Unit: new("km/h ")}, "M123/x/unit"},
		"unit of text":      {scan.String, shape.Keywords{MaxLength: new(2), Unit: new("km")}, "M103/x/unit"},
		"length of numbers": {scan.Integer, shape.Keywords{MaxLength: new(2)}, "M103/x/maxLength"},
		"release of all":    {scan.Object, shape.Keywords{Release: true}, "M103/x/release"},
		"no count":          {scan.Array, shape.Keywords{Items: true}, "M109/x/maxItems"},
	} {
		if _, found := read(tt.kind, tt.k); !slices.Equal(found, []string{tt.want}) {
			t.Errorf("%s: found %q", name, found)
		}
	}
}

// exported is what another validator is told of a value.
func exported(t *testing.T, kind scan.Kind, k shape.Keywords) map[string]any {
	t.Helper()
	n, found := read(kind, k)
	if found != nil {
		t.Fatalf("found %q", found)
	}
	var says map[string]any
	if err := json.Unmarshal(shape.Export("t", n), &says); err != nil {
		t.Fatal(err)
	}
	return says
}

// TestExportOfPatterns: a pattern leaves as it is where ECMA-262 reads it as RE2 does, and does
// not leave where it may not.
func TestExportOfPatterns(t *testing.T) {
	for _, pattern := range []string{
		"^$", "^[0-9]{3}-[0-9]{2}-[0-9]{4}$", "^[A-Z]{2}$", `^\d{1,3}(?:\.\d+)*$`, "^(a|bc)+[x-z]?$", "^a{2,}?b*?c+?$", `^\+\d\(\/\t\[\{$`, "^[-a-z_.+*?(){}|$]+$",
		`^[\w\-\]\[\^]{0,9}$`, "^[A-Za-zÄÖÜäöüß' -]+$", "^(|a)$", "^a-b$", "^[+-]?[!-,]$",
	} {
		if got := exported(t, scan.String, shape.Keywords{MaxLength: new(99), Pattern: &pattern}); got["pattern"] != pattern {
			t.Errorf("%s: %v", pattern, got["pattern"])
		}
	}
	for _, pattern := range []string{
		"^[[:alpha:]]+$", "^(?i)abc$", "^(?i:abc)$", `^\pL+$`, `^\p{Greek}$`, `^\s$`, `^\S$`, "^.$", "^[^a]$", `^\D$`, `^\W$`, `^[\s]$`, `^[\D]$`, `^[\pL]$`, `^\Q.*\E$`, `^\ba$`, `^\a$`, `^\x41$`, `^\x{41}$`, `^\101$`,
		"^(?P<n>a)$", "^(?<n>a)$", "^a{,3}$", "^a{01}$", "^a}$", "^a]$", "^[]a]$", "^[a[]$", `^[\d-x]$`, `^[a-c-e]$`, `^\-$`, `^\_$`, "^(^a|b$)$", "^😀$", "^[a-😀]$", `^a$$`, "^^a$", "^(?s)a$", "^(?:a(?U)b)$", "^a{$",
	} {
		if got := exported(t, scan.String, shape.Keywords{MaxLength: new(99), Pattern: &pattern}); got["pattern"] != nil || got["maxLength"] != 99.0 {
			t.Errorf("%s: %v", pattern, got)
		}
	}
}

// TestExportSaysNoMore than the check: no value that this takes is refused there.
func TestExportSaysNoMore(t *testing.T) {
	if got := exported(t, scan.Number, shape.Keywords{Scale: new(2), Minimum: raw("0"), Maximum: raw("100")}); len(got) != 5 || got["minimum"] != 0.0 || got["maximum"] != 100.0 {
		t.Errorf("a number: %v", got)
	}
	if got := exported(t, scan.String, shape.Keywords{Enum: raw(`["ab", "c"]`), MaxLength: new(2), Pattern: new("^[a-z]+$")}); len(got) != 4 || fmt.Sprint(got["enum"]) != "[ab c]" {
		t.Errorf("choices: %v", got)
	}
}
