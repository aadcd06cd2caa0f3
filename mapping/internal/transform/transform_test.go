package transform_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carnet-go/carnet/mapping/internal/keyed"
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
		"name": {Kind: scan.String, MinLength: 1, MaxLength: 40}, "code": {Kind: scan.String, MinLength: 8, MaxLength: 12}, "email": {Kind: scan.String, MinLength: 3, MaxLength: 254, Format: scan.Email}, "codes": {Kind: scan.String, MinLength: 5, MaxLength: 5, Texts: []string{"11428", "21428"}}, "accents": {Kind: scan.String, MinLength: 1, MaxLength: 4, Texts: []string{"e\u0301", "\u00e9", "abc", "\ufb2c"}},
		"low": {Kind: scan.Integer, Min: math.MinInt64, Max: math.MinInt64 + 9}, "age": {Kind: scan.Integer, Max: 149}, "metres": {Kind: scan.Integer, Min: -5, Max: 5_000_000, Unit: "m"}, "seconds": {Kind: scan.Integer, Min: math.MinInt64, Max: math.MaxInt64, Unit: "s"}, "cents": {Kind: scan.Integer, Min: -1, Max: math.MaxInt64, Unit: "eur.e-2"},
		"money": {Kind: scan.Number, Scale: 2, Min: math.MinInt64, Max: math.MaxInt64, Unit: "eur"}, "longest": {Kind: scan.Number, Scale: 18, Min: math.MinInt64, Max: math.MaxInt64}, "weight": {Kind: scan.Number, Scale: 3, Min: -1, Max: 999_999, Unit: "kg"},
	}
}

var steps = []struct{ name, args string }{
	{"int.to_string", ""}, {"string.to_int", `{"minimum":-5,"maximum":1000}`}, {"string.to_int", `{}`}, {"number.to_string", ""}, {"string.to_number", `{"scale":2}`}, {"time.date", ""}, {"time.to_unix", ""}, {"unix.to_time", ""}, {"date.year", ""},
	{"date.format", `{"layout":"2006-01"}`}, {"date.format", `{"layout":"2006-01-02"}`}, {"date.format", `{"layout":"20060102150405Z"}`}, {"enum", `{"map":{"a":"x"},"else":"yy"}`}, {"enum", `{"map":{"a":1,"b":-2}}`}, {"enum", `{"map":{"1":1},"else":7}`}, {"enum", `{"map":{"true":"t","false":"f"}}`},
	{"mask.keep_last", `{"n":3}`}, {"mask.email", `{"domains":["b.example","a.example"]}`}, {"redact", ""}, {"token.hmac", `{"key":"k"}`}, {"token.aes_siv", `{"key":"k"}`},
	{"text.truncate", `{"n":1}`}, {"text.truncate", `{"n":2}`}, {"text.truncate", `{"n":30}`}, {"text.prefix", `{"n":5}`}, {"text.prefix", `{"n":1}`}, {"text.nfc", ""}, {"int.bucket", `{"width":2}`}, {"int.bucket", `{"width":10}`}, {"int.bucket", `{"width":9223372036854775807}`}, {"number.bucket", `{"width":10}`},
	{"number.scale", `{"scale":0}`}, {"number.scale", `{"scale":1}`}, {"number.scale", `{"scale":4}`}, {"number.scale", `{"scale":18}`}, {"number.scale", `{"scale":0,"round":"down"}`}, {"number.scale", `{"scale":1,"round":"half_even"}`}, {"number.to_minor", ""}, {"minor.to_number", `{"scale":0}`}, {"minor.to_number", `{"scale":2}`},
	{"unit.convert", `{"to":"km"}`}, {"unit.convert", `{"to":"mm"}`}, {"unit.convert", `{"to":"d"}`}, {"unit.convert", `{"to":"ms","scale":2}`}, {"unit.convert", `{"to":"mg","scale":0}`}, {"unit.convert", `{"to":"t","scale":6}`},
}

// signs are letters, marks and what goes together in other ways: a Hangul syllable in three,
// letters that composing leaves as they are, and such that it takes apart.
var signs = []rune("aeq1 -<\"\\\u0301\u0301\u0301\u0323\u0306\u0345\u0488\u034f\u1112\u1161\u11ab\u00e9\u1ea1\u03b1\u1f82\ufb2c\u0344\u212b\u226e\U0001d160\u200d\U0001f469\ufe0f\u2028")

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
	case n.Format == scan.Email:
		return text(rapid.StringMatching(`[a-z0-9]{1,9}(\.[a-z]{1,3})?@[ab]\.example`).Draw(t, "address"))
	case n.Kind == scan.String:
		some := rapid.OneOf(rapid.StringOfN(rapid.SampledFrom(signs), 0, 40, -1), rapid.StringN(0, 40, -1), rapid.StringMatching(`-?[0-9]{0,20}(\.[0-9]{0,3})?`), rapid.StringMatching(`[a-z]{0,9}@[ab]\.example`))
		drawn := []rune(strings.ReplaceAll(some.Draw(t, "text"), "\x00", "") + strings.Repeat("\u0301", n.MinLength)) // no text holds NUL
		return text(string(drawn[:min(max(n.MinLength, len(drawn)-n.MinLength), n.MaxLength)]))
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
				call := transform.Call{Keys: map[string]*keyed.Key{"k": keyed.New("v1", make([]byte, 32))}}
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

func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		version string
		size    int
		made    bool
	}{{"1", 16, true}, {"1", 15, false}, {"1", 0, false}, {"", 16, false}, {"1.2", 16, false}, {"a b", 16, false}, {"A_b-9", 64, true}} {
		if got := keyed.New(tt.version, make([]byte, tt.size)) != nil; got != tt.made {
			t.Errorf("%+v", tt)
		}
	}
	for _, name := range []string{"token.hmac", "token.aes_siv"} {
		step, _ := transform.New(name, json.RawMessage(`{"key":"k"}`), transform.Field{Node: fields()["text"]})
		if _, ok := step.Apply(&transform.Call{}, transform.Value{Kind: scan.String, Text: []byte("x")}); ok {
			t.Errorf("%s without a key", name)
		}
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
		{"token.aes_siv", `{}`, "text", transform.BadArguments, ""}, {"token.aes_siv", `{"key":"k"}`, "few", transform.WrongType, ""}, {"token.aes_siv", `{"key":"k"}`, "choices", transform.WrongType, ""}, {"token.aes_siv", `{"key":"k"}`, "boolean", transform.WrongType, ""},
		{"int.to_string", ``, "text", transform.WrongType, ""}, {"number.to_string", ``, "text", transform.WrongType, ""}, {"string.to_int", ``, "integer", transform.WrongType, ""}, {"unix.to_time", ``, "text", transform.WrongType, ""}, {"time.date", ``, "date", transform.WrongType, ""}, {"date.year", ``, "integer", transform.WrongType, ""}, {"date.year", ``, "text", transform.WrongType, ""},
		{"mask.keep_last", `{"n":1}`, "boolean", transform.WrongType, ""}, {"mask.email", ``, "integer", transform.WrongType, ""}, {"enum", `{"map":{"1":"x"},"else":"y"}`, "number", transform.WrongType, ""},
		{"text.truncate", `{"n":0}`, "text", transform.BadArguments, ""}, {"text.truncate", `{"n":4194305}`, "text", transform.BadArguments, ""}, {"text.truncate", `{"n":1}`, "integer", transform.WrongType, ""}, {"text.nfc", `{"n":1}`, "text", transform.BadArguments, ""}, {"text.nfc", `{}`, "boolean", transform.WrongType, ""},
		{"text.prefix", `{"n":0}`, "code", transform.BadArguments, ""}, {"text.prefix", `{"n":17}`, "code", transform.BadArguments, ""}, {"text.prefix", `{"n":6}`, "code", transform.WrongType, ""}, {"text.prefix", `{"n":1}`, "text", transform.WrongType, ""}, {"text.prefix", `{"n":1}`, "choices", transform.WrongType, ""}, {"text.prefix", `{"n":1}`, "codes", transform.WrongType, ""}, {"text.prefix", `{"n":1}`, "integer", transform.WrongType, ""}, {"text.prefix", `{"n":"1"}`, "code", transform.BadArguments, ""},
		{"int.bucket", `{}`, "age", transform.BadArguments, ""}, {"int.bucket", `{"width":1}`, "age", transform.BadArguments, ""}, {"int.bucket", `{"width":-2}`, "age", transform.BadArguments, ""}, {"int.bucket", `{"width":2.5}`, "age", transform.BadArguments, ""}, {"int.bucket", `{"width":1e3}`, "age", transform.BadArguments, ""}, {"int.bucket", `{"width":9223372036854775808}`, "age", transform.BadArguments, ""},
		{"int.bucket", `{"width":2}`, "number", transform.WrongType, ""}, {"number.bucket", `{"width":2}`, "age", transform.WrongType, ""}, {"number.bucket", `{"width":0.01}`, "number", transform.BadArguments, ""}, {"number.bucket", `{"width":0.025}`, "number", transform.BadArguments, ""}, {"int.bucket", `{"width":1000}`, "low", transform.BadArguments, ""},
		{"number.scale", `{}`, "number", transform.BadArguments, ""}, {"number.scale", `{"scale":-1}`, "number", transform.BadArguments, ""}, {"number.scale", `{"scale":19}`, "number", transform.BadArguments, ""}, {"number.scale", `{"scale":1,"round":"up"}`, "number", transform.BadArguments, ""}, {"number.scale", `{"scale":2,"round":"down"}`, "number", transform.BadArguments, ""}, {"number.scale", `{"scale":2}`, "text", transform.WrongType, ""},
		{"number.to_minor", `{"scale":2}`, "number", transform.BadArguments, ""}, {"number.to_minor", ``, "integer", transform.WrongType, ""}, {"minor.to_number", ``, "integer", transform.BadArguments, ""}, {"minor.to_number", `{"scale":2}`, "number", transform.WrongType, ""}, {"unit.convert", `{"to":"m"}`, "text", transform.WrongType, ""}, {"unit.convert", `{"unit":"m"}`, "metres", transform.BadArguments, ""},
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
