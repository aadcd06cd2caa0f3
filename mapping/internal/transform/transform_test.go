package transform_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/transform"
	"pgregory.net/rapid"
)

// fields are of each kind that a transform may meet.
func fields() map[string]*scan.Node {
	dated := &scan.Node{Kind: scan.String, MinLength: 10, MaxLength: 10, Format: scan.Date}
	timed := &scan.Node{Kind: scan.String, MinLength: 20, MaxLength: 35, Format: scan.DateTime}
	return map[string]*scan.Node{
		"text": {Kind: scan.String, MaxLength: 100}, "choices": {Kind: scan.String, MaxLength: 9, Texts: []string{"a", "b"}}, "integer": {Kind: scan.Integer, Min: math.MinInt64, Max: math.MaxInt64},
		"few": {Kind: scan.Integer, Min: 1, Max: 2, Integers: []int64{1, 2}}, "number": {Kind: scan.Number, Scale: 2, Min: -100, Max: 99999}, "boolean": {Kind: scan.Bool}, "date": dated, "time": timed,
	}
}

var steps = []struct{ name, args string }{
	{"int.to_string", ""}, {"string.to_int", `{"minimum":-5,"maximum":1000}`}, {"string.to_int", `{}`}, {"number.to_string", ""}, {"string.to_number", `{"scale":2}`}, {"time.date", ""}, {"time.to_unix", ""}, {"unix.to_time", ""}, {"date.year", ""},
	{"date.format", `{"layout":"2006-01"}`}, {"date.format", `{"layout":"2006-01-02"}`}, {"date.format", `{"layout":"20060102150405Z"}`}, {"enum", `{"map":{"a":"x"},"else":"yy"}`}, {"enum", `{"map":{"a":1,"b":-2}}`}, {"enum", `{"map":{"1":1},"else":7}`}, {"enum", `{"map":{"true":"t","false":"f"}}`},
	{"mask.keep_last", `{"n":3}`}, {"mask.email", `{"domains":["b.example","a.example"]}`}, {"redact", ""}, {"token.hmac", `{"key":"k"}`},
}

// value draws one that the field's description lets pass.
func value(t *rapid.T, n *scan.Node) transform.Value {
	text := func(s string) transform.Value { return transform.Value{Kind: scan.String, Text: []byte(s)} }
	switch {
	case n.Format == scan.Date:
		return text(rapid.SampledFrom([]string{"2024-02-29", "0001-01-01", "9999-12-31"}).Draw(t, "date"))
	case n.Format == scan.DateTime:
		return text(rapid.SampledFrom([]string{"2024-02-29T23:59:59.999999999+23:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-00:00"}).Draw(t, "time"))
	case n.Texts != nil:
		return text(rapid.SampledFrom(n.Texts).Draw(t, "choice"))
	case n.Kind == scan.String:
		some := rapid.OneOf(rapid.StringN(0, 40, -1), rapid.StringMatching(`-?[0-9]{0,20}(\.[0-9]{0,3})?`), rapid.StringMatching(`[a-z]{0,9}@[ab]\.example`))
		return text(strings.ReplaceAll(some.Draw(t, "text"), "\x00", "")) // which no text holds
	case n.Integers != nil:
		return transform.Value{Kind: n.Kind, N: rapid.SampledFrom(n.Integers).Draw(t, "of few")}
	case n.Kind == scan.Bool:
		return transform.Value{Kind: n.Kind, N: rapid.Int64Range(0, 1).Draw(t, "boolean")}
	default:
		return transform.Value{Kind: n.Kind, N: rapid.Int64Range(n.Min, n.Max).Draw(t, "number")}
	}
}

// TestStepsKeepTheirWord: whatever passes the field's description, a step yields what its
// own describes, or nothing where it says so; twice the same, and it leaves its input alone.
func TestStepsKeepTheirWord(t *testing.T) {
	made := map[string]bool{}
	for name, node := range fields() {
		for _, s := range steps {
			step, problem := transform.New(s.name, json.RawMessage(s.args)[:len(s.args):len(s.args)], transform.Field{Node: node, Schema: "s", Path: "/p"})
			if s.args == "" {
				step, problem = transform.New(s.name, nil, transform.Field{Node: node, Schema: "s", Path: "/p"})
			}
			if problem.Kind != 0 {
				continue
			}
			made[s.name] = true
			rapid.Check(t, func(t *rapid.T) {
				v := value(t, node)
				before := string(v.Text)
				call := transform.Call{Macs: map[string]*transform.Mac{"k": transform.NewMac("v1", make([]byte, 32))}}
				out, ok := step.Apply(&call, v)
				again, okAgain := step.Apply(&call, v)
				switch {
				case ok != okAgain || string(out.Text) != string(again.Text) || out.N != again.N || string(v.Text) != before:
					t.Fatalf("%s of %s: not the same twice", s.name, name)
				case !ok && !step.Fallible:
					t.Fatalf("%s of %s %q fails", s.name, name, before)
				case ok && !described(step.Out, out):
					t.Fatalf("%s of %s: %+v is not %+v", s.name, name, out, step.Out)
				}
			})
		}
	}
	for _, s := range steps {
		if !made[s.name] {
			t.Errorf("%s was never tried", s.name)
		}
	}
}

// described reads a value under its description, as JSON.
func described(n *scan.Node, v transform.Value) bool {
	raw := scan.AppendDecimal(nil, v.N, n.Scale)
	if v.Kind == scan.String {
		raw = scan.AppendJSON(nil, v.Text)
		if v.Plain && string(raw) != `"`+string(v.Text)+`"` || !utf8.Valid(v.Text) {
			return false
		}
	}
	_, _, ok := scan.Const(n, raw)
	return ok && v.Kind == n.Kind
}

func TestMacs(t *testing.T) {
	for _, tt := range []struct {
		version string
		size    int
		made    bool
	}{{"1", 16, true}, {"1", 15, false}, {"1", 0, false}, {"", 16, false}, {"1.2", 16, false}, {"a b", 16, false}, {"A_b-9", 64, true}} {
		if got := transform.NewMac(tt.version, make([]byte, tt.size)) != nil; got != tt.made {
			t.Errorf("%+v", tt)
		}
	}
	step, _ := transform.New("token.hmac", json.RawMessage(`{"key":"k"}`), transform.Field{Node: fields()["text"]})
	if _, ok := step.Apply(&transform.Call{}, transform.Value{Kind: scan.String, Text: []byte("x")}); ok {
		t.Error("a token without a key")
	}
}

func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		name, args, field string
		want              int
		nearest           string
	}{
		{"mask.keeplast", `{}`, "text", transform.UnknownName, "mask.keep_last"}, {"sha256", `{}`, "text", transform.UnknownName, ""},
		{"redact", `[]`, "text", transform.BadArguments, ""}, {"redact", `{"n":1}`, "text", transform.BadArguments, ""}, {"mask.keep_last", `{"m":1}`, "text", transform.BadArguments, "n"}, {"mask.keep_last", `{"n":"1"}`, "text", transform.BadArguments, ""}, {"mask.keep_last", `{"n":0}`, "text", transform.BadArguments, ""},
		{"mask.email", `{"domains":["-"]}`, "text", transform.BadArguments, ""}, {"date.format", `{"layout":"x"}`, "date", transform.BadArguments, ""}, {"string.to_int", `{"minimum":1.5}`, "text", transform.BadArguments, ""}, {"string.to_int", `{"minimum":2,"maximum":1}`, "text", transform.BadArguments, ""}, {"string.to_number", `{"scale":19}`, "text", transform.BadArguments, ""},
		{"enum", `{}`, "text", transform.BadArguments, ""}, {"enum", `{"map":{"a":"x"}}`, "text", transform.BadArguments, ""}, {"enum", `{"map":{"a":"x"}}`, "choices", transform.BadArguments, ""}, {"enum", `{"map":{"c":"x"},"else":"y"}`, "choices", transform.BadArguments, ""}, {"enum", `{"map":{"1":1,"2":"x"}}`, "few", transform.BadArguments, ""}, {"enum", `{"map":{"a":1.5}}`, "text", transform.BadArguments, ""},
		{"token.hmac", `{}`, "text", transform.BadArguments, ""}, {"token.hmac", `{"key":"k"}`, "few", transform.WrongType, ""}, {"token.hmac", `{"key":"k"}`, "choices", transform.WrongType, ""}, {"token.hmac", `{"key":"k"}`, "boolean", transform.WrongType, ""},
		{"int.to_string", ``, "text", transform.WrongType, ""}, {"number.to_string", ``, "text", transform.WrongType, ""}, {"string.to_int", ``, "integer", transform.WrongType, ""}, {"unix.to_time", ``, "text", transform.WrongType, ""}, {"time.date", ``, "date", transform.WrongType, ""}, {"date.year", ``, "integer", transform.WrongType, ""}, {"date.year", ``, "text", transform.WrongType, ""},
		{"mask.keep_last", `{"n":1}`, "boolean", transform.WrongType, ""}, {"mask.email", ``, "integer", transform.WrongType, ""}, {"enum", `{"map":{"1":"x"},"else":"y"}`, "number", transform.WrongType, ""},
	} {
		raw := json.RawMessage(tt.args)
		if tt.args == "" {
			raw = nil
		}
		_, got := transform.New(tt.name, raw, transform.Field{Node: fields()[tt.field]})
		if got.Kind != tt.want || got.Nearest != tt.nearest || got.Text == "" {
			t.Errorf("%s %s of %s: %+v", tt.name, tt.args, tt.field, got)
		}
	}
	if _, got := transform.New("redact", nil, transform.Field{Node: &scan.Node{Kind: scan.Array}}); got.Kind != transform.WrongType {
		t.Errorf("%+v", got)
	}
}

func TestArgumentsAreCanonical(t *testing.T) {
	args := func(name, raw string) string {
		step, problem := transform.New(name, json.RawMessage(raw), transform.Field{Node: fields()["text"]})
		if problem.Kind != 0 {
			t.Fatal(problem)
		}
		return step.Args
	}
	if a, b := args("mask.email", `{"domains":["b.example","a.example"]}`), args("mask.email", `{ "domains" : ["a.example","\u0062.example"] }`); a != b {
		t.Error(a, b)
	}
	if a, b := args("enum", `{"map":{"a":"1","b":"2"},"else":"3"}`), args("enum", `{"else":"3","map":{"b":"2","a":"1"}}`); a != b || a != `{"map":{"a":"1","b":"2"},"else":"3"}` {
		t.Error(a, b)
	}
	if args("mask.keep_last", `{"n":4}`) == args("mask.keep_last", `{"n":5}`) {
		t.Error("different arguments are equal")
	}
}

func Example() {
	phone := &scan.Node{Kind: scan.String, MaxLength: 30}
	step, problem := transform.New("mask.keep_last", []byte(`{"n": 4}`), transform.Field{Node: phone})
	fmt.Println(step.Name, step.Args, step.Out.MaxLength, problem.Kind)
	out, ok := step.Apply(&transform.Call{}, transform.Value{Kind: scan.String, Text: []byte("+46 8 1234 5678")})
	fmt.Println(string(out.Text), ok)
	// Output:
	// mask.keep_last {"n":4} 8 0
	// ****5678 true
}
