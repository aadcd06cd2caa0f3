package declare_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
	"pgregory.net/rapid"
)

type colour uint8

var errColour = errors.New("no such colour")

func (c *colour) UnmarshalText(text []byte) error {
	switch string(text) {
	case "crimson":
		*c = 1
	case "emerald":
		*c = 2
	default:
		return errColour
	}
	return nil
}

func (c colour) MarshalText() ([]byte, error) {
	switch c {
	case 1:
		return []byte("crimson"), nil
	case 2:
		return []byte("emerald"), nil
	}
	return nil, errColour
}

// word has a text form and is no enumeration.
type word string

func (w *word) UnmarshalText(text []byte) error {
	if strings.Contains(string(text), " ") {
		return errColour
	}
	*w = word(text)
	return nil
}

type inner struct {
	Name  string
	Level uint8
}

type target struct {
	Tenant  string
	MaxAge  time.Duration
	Until   time.Time
	Colour  colour
	Word    word
	On      bool
	Count   int16
	Ratio   float32
	SPIFFE  string
	Scopes  []string
	Levels  map[string]uint8
	Inner   inner
	Pointer *inner
	List    []inner
	At      string          `json:"-"`
	Camel   string          `json:"camelCase"`
	Raw     json.RawMessage `json:"raw"`
	//lint:ignore U1000 a declaration must not reach it
	hidden string
	Bad    chan int
	BadMap map[int]string
}

var _ encoding.TextUnmarshaler = new(colour)

func TestReadFillsTheTarget(t *testing.T) {
	const file = `// comment
{
  /* another */ "tenant": "ac\u006de\ud83d\ude00\\", "max_age": "15m", "until": "2027-06-30T00:00:00Z",
  "colour": "emerald", "word": "any", "on": true, "count": -7, "ratio": 0.5, "spiffe": "s", "scopes": [],
  "levels": {"https://issuer.example mfa": 2,},
  "inner": {"name": "n", "level": 3}, "pointer": {"level": 4}, "list": [{"name": "a"}, {"name": "b"},],
  "camelCase": "c", "raw": {"b": [1.50, "x\u0041", {},], /* no */ "a": true,},
} // the end`
	var got target
	_, problems := declare.Read("f.jsonc", []byte(file), &got)
	if problems != nil {
		t.Fatal(problems)
	}
	want := target{
		Tenant: "acme😀\\", MaxAge: 15 * time.Minute, Until: time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC),
		Colour: 2, Word: "any", On: true, Count: -7, Ratio: 0.5, SPIFFE: "s", Scopes: []string{},
		Levels: map[string]uint8{"https://issuer.example mfa": 2},
		Inner:  inner{"n", 3}, Pointer: &inner{Level: 4}, List: []inner{{Name: "a"}, {Name: "b"}},
		Camel: "c", Raw: json.RawMessage(`{"b":[1.50,"x\u0041",{}],"a":true}`),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestProblems(t *testing.T) {
	deep := `{"list": ` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`
	for _, test := range []struct {
		name, file string
		want       []string // line:column code path nearest
	}{
		{"unknown member", "{\n  \"secretive\": 1}", []string{`2:3 D105  `}},
		{"unknown member near a right one", `{"tenent": "x"}`, []string{`1:2 D105  tenant`}},
		{"unknown member in a list", `{"list": [{}, {"nmae": "x"}]}`, []string{`1:16 D105 /list/1 name`}},
		{"a tag's name in snake case", `{"camel_case": "x"}`, []string{`1:2 D105  camelCase`}},
		{"field's name instead of its tag's", `{"camel": "x"}`, []string{`1:2 D105  `}},
		{"raw null", `{"raw": null}`, []string{`1:9 D109 /raw `}},
		{"raw, with null inside", `{"raw": [1, {"a": null}]}`, []string{`1:19 D109 /raw `}},
		{"raw, twice inside", `{"raw": {"a": 1, "b": [{"x": 1, "\u0078": 2}]}}`, []string{`1:33 D106 /raw `}},
		{"raw, half a character", `{"raw": ["\ud83d", {"\ude00": 1}]}`, []string{`1:10 D114 /raw `, `1:21 D114 /raw `}},
		{"go name", `{"MaxAge": "1m"}`, []string{`1:2 D105  max_age`}},
		{"duplicate", `{"tenant": "a", "tenant": "b"}`, []string{`1:17 D106 /tenant `}},
		{"escaped duplicate", `{"tenant": "a", "te\u006eant": "b"}`, []string{`1:17 D106 /tenant `}},
		{"case variant", `{"tenant": "a", "Tenant": "b"}`, []string{`1:17 D107  tenant`}},
		{"case variant by folding", "{\"\u017fpiffe\": \"a\"}", []string{`1:2 D107  spiffe`}},
		{"tag", `{"at": "x"}`, []string{`1:2 D105  `}},
		{"unexported", `{"hidden": "x"}`, []string{`1:2 D105  `}},
		{"wrong types", `{"tenant": 1, "on": "x", "count": "x", "inner": [], "list": {}, "levels": 1, "colour": 1, "max_age": 1, "until": 1}`, []string{
			`1:12 D108 /tenant `, `1:21 D108 /on `, `1:35 D108 /count `, `1:49 D108 /inner `, `1:61 D108 /list `,
			`1:75 D108 /levels `, `1:88 D108 /colour `, `1:102 D108 /max_age `, `1:114 D108 /until `,
		}},
		{"top level", `[1]`, []string{`1:1 D108  `}},
		{"null", `{"tenant": null, "list": [null]}`, []string{`1:12 D109 /tenant `, `1:27 D109 /list/0 `}},
		{"integers", `{"count": 32768, "inner": {"level": -1}}`, []string{`1:11 D110 /count `, `1:37 D110 /inner/level `}},
		{"integer spelt otherwise", `{"count": 1.0, "inner": {"level": 1e1}}`, []string{`1:11 D110 /count `, `1:35 D110 /inner/level `}},
		{"float", `{"ratio": 1e39}`, []string{`1:11 D110 /ratio `}},
		{"map value", "{\"levels\": {\"a\": 1,\n\"b\": 256}}", []string{`2:6 D110 /levels `}},
		{"map duplicate", `{"levels": {"a": 1, "a": 2}}`, []string{`1:21 D106 /levels `}},
		{"duration", `{"max_age": "15"}`, []string{`1:13 D111 /max_age `}},
		{"zero duration", `{"max_age": "0s"}`, []string{`1:13 D111 /max_age `}},
		{"time", `{"until": "2027-06-30"}`, []string{`1:11 D112 /until `}},
		{"zero time", `{"until": "0001-01-01T00:00:00Z"}`, []string{`1:11 D112 /until `}},
		{"unknown name", `{"colour": "emrald"}`, []string{`1:12 D113 /colour emerald`}},
		{"unknown name without a list", `{"word": "two words"}`, []string{`1:10 D113 /word `}},
		{"half a surrogate pair", `{"tenant": "\ud800", "scopes": ["\ud800\ud800"]}`, []string{`1:12 D114 /tenant `, `1:33 D114 /scopes/0 `}},
		{"half a surrogate pair in a name", `{"te\udc00": 1}`, []string{`1:2 D114  `, `1:2 D105  `}},
		{"no surrogate pair at all", `{"tenant": "\\ud800"}`, nil},
		{"target", `{"bad": 1, "bad_map": {}}`, []string{`1:9 D116 /bad `, `1:23 D116 /bad_map `}},
		{"UTF-8", "{\"tenant\":\n\"\xff\"}", []string{`2:2 D101  `}},
		{"UTF-8 in a comment", "{} // \xff", []string{`1:7 D101  `}},
		{"too deep", deep, []string{`1:41 D103  `}},
		{"too large", "{}" + strings.Repeat(" ", declare.MaxSize-1), []string{`1:1 D104  `}},
		{"syntax", "{\n\"tenant\": \"a\" \"max_age\": 1}", []string{`2:15 D102  `}},
		{"syntax of a literal", "{\n\"tenant\":\n  nil}", []string{`3:3 D102  `}},
		{"byte order mark", "\ufeff{}", []string{`1:1 D102  `}},
		{"data after the end", `{} {}`, []string{`1:4 D102  `}},
		{"empty", ``, []string{`1:1 D102  `}},
		{"open string", `{"tenant": "a`, []string{`1:14 D102  `}},
		{"open comment", `{} /* a`, []string{`1:4 D102  `}},
		{"several", "{\"tenent\": 1,\n\"count\": 99999}", []string{`1:2 D105  tenant`, `2:10 D110 /count `}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, problems := declare.Read("f.jsonc", []byte(test.file), new(target))
			var got []string
			for _, p := range problems {
				if p.File != "f.jsonc" || p.Problem == "" {
					t.Errorf("problem without file or words: %+v", p)
				}
				got = append(got, fmt.Sprintf("%d:%d %s %s %s", p.Line, p.Column, p.Code, p.Path, p.Nearest))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestLimitsAreWhatTheySay(t *testing.T) {
	brackets := `"[[[[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[" // [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[` + "\n/* {{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{ */"
	for name, file := range map[string]string{
		"brackets that do not count": `{"tenant": ` + brackets + `}`,
		"largest":                    "{}" + strings.Repeat(" ", declare.MaxSize-2),
	} {
		if _, problems := declare.Read("f", []byte(file), new(target)); problems != nil {
			t.Errorf("%s: %v", name, problems)
		}
	}
	_, problems := declare.Read("f", []byte(`{"list": `+strings.Repeat("[", 31)+strings.Repeat("]", 31)+`}`), new(target))
	if len(problems) != 1 || problems[0].Code != "D108" {
		t.Errorf("32 levels: %v", problems)
	}
	_, problems = declare.Read("f", []byte(`{"list": `+strings.Repeat("[", 32)+strings.Repeat("]", 32)+`}`), new(target))
	if len(problems) != 1 || problems[0].Code != "D103" {
		t.Errorf("33 levels: %v", problems)
	}
	if _, problems = declare.Read("f", []byte(strings.Repeat("[", declare.MaxSize)), new(target)); len(problems) != 1 || problems[0].Code != "D103" {
		t.Errorf("a million levels: %v", problems)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	file := "{" + strings.Repeat(`"x": 1,`, 2000) + "}"
	_, problems := declare.Read("f", []byte(file), new(target))
	if len(problems) != 1001 {
		t.Fatalf("%d problems", len(problems))
	}
	if last := problems[1000]; last.Code != "D115" || last.Path != "" {
		t.Errorf("last is %+v", last)
	}
}

func TestAValueThatDoesNotFitIsNotStored(t *testing.T) {
	var got target
	declare.Read("f", []byte(`{"count": 32768, "max_age": "0s", "until": "0001-01-01T00:00:00Z", "colour": "x", "ratio": 1e39}`), &got)
	if !reflect.DeepEqual(got, target{}) {
		t.Errorf("got %+v", got)
	}
}

func TestBadTargets(t *testing.T) {
	for _, v := range []any{nil, target{}, (*target)(nil), "x"} {
		if index, problems := declare.Read("f", []byte("{}"), v); index == nil || len(problems) != 1 || problems[0].Code != "D116" {
			t.Errorf("%T: %v", v, problems)
		}
	}
}

// The conversion compiles only while the fields are the same.
func TestProblemIsAFinding(t *testing.T) {
	_, problems := declare.Read("f.jsonc", []byte(`{"tenent": 1}`), new(target))
	got := mapping.Finding(problems[0]).String()
	if want := `f.jsonc:1:2: D105 unknown member; did you mean "tenant"?`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProblemsHoldNoContent(t *testing.T) {
	raw, err := os.ReadFile("testdata/canary.jsonc")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), "canary"); n < 12 {
		t.Fatalf("only %d canaries", n)
	}
	for end := range len(raw) {
		_, problems := declare.Read("f", raw[:end+1], new(target))
		for _, p := range problems {
			if text := strings.ToLower(fmt.Sprintf("%+v", p)); strings.Contains(text, "canary") {
				t.Fatalf("cut at %d: %s", end, text)
			}
		}
	}
}

func TestIndex(t *testing.T) {
	const file = "{\n\"tenant\": \"a\",\n\"list\": [\n  {\"name\": \"x\"},\n  {\"level\": 1}],\n\"levels\": {\n  \"a/b~c\": 1}\n}"
	index, problems := declare.Read("f.jsonc", []byte(file), new(target))
	if problems != nil {
		t.Fatal(problems)
	}
	for pointer, want := range map[string]string{
		"":                                   "1:1 f.jsonc:1",
		"/tenant":                            "2:11 f.jsonc:2",
		"/list/0/name":                       "4:12 f.jsonc:4",
		"/list/1":                            "5:3 f.jsonc:5",
		"/list/1/name":                       "5:3 f.jsonc:5", // missing: where it is missing
		"/list/2":                            "3:9 f.jsonc:3",
		"/list/x":                            "3:9 f.jsonc:3",
		"/levels/" + declare.Escape("a/b~c"): "7:12 f.jsonc:7",
		"/nowhere/at/all":                    "1:1 f.jsonc:1",
	} {
		line, column := index.At(pointer)
		if got := fmt.Sprintf("%d:%d %s", line, column, index.Place(pointer)); got != want {
			t.Errorf("%q: got %s, want %s", pointer, got, want)
		}
	}
	for pointer, want := range map[string]bool{"": true, "/list/1": true, "/list/2": false, "/list/1/name": false, "/levels/a~1b~0c": true, "/tenant/x": false} {
		if got := index.Has(pointer); got != want {
			t.Errorf("Has(%q) = %v", pointer, got)
		}
	}
	for name, index := range map[string]*declare.Index{"nil": nil, "zero": {}} {
		if line, column := index.At("/a"); line != 0 || column != 0 || index.Place("/a") != "" || index.Has("") {
			t.Errorf("%s index knows a place", name)
		}
	}
	index, _ = declare.Read("f", []byte("{"), new(target))
	if index.Place("") != "" {
		t.Error("a file without syntax has places")
	}
}

func TestNearest(t *testing.T) {
	among := []string{"transport", "max_age", "level", "name", "on", "crm.contact.push", "crm.contact.pull", "", strings.Repeat("x", 200)}
	for name, want := range map[string]string{
		"transprot": "transport", "maxAge": "max_age", "max-age": "max_age", "MAX_AGE": "max_age", "lvel": "level",
		"nmae": "name", "no": "on", "id": "", "elephant": "", "crm.contact.puxx": "crm.contact.pull",
		"crm.contact.psuh": "crm.contact.push", "": "", strings.Repeat("x", 199): "",
	} {
		if got := declare.Nearest(name, among); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	slices.Reverse(among)
	if got := declare.Nearest("crm.contact.puxx", among); got != "crm.contact.pull" {
		t.Errorf("order of the candidates changes the answer: %q", got)
	}
}

// Some letters take more bytes in lower case.
func TestNearestOfLettersThatGrow(t *testing.T) {
	grows := strings.Repeat("\u023a", 64)
	for _, name := range []string{grows, "x" + grows[:80], grows[:80]} {
		if got := declare.Nearest(name, []string{grows, grows[2:], "name"}); got != "" {
			t.Errorf("got %q", got)
		}
	}
}

// The short way that Nearest takes through long names changes no answer.
func TestNearestOfLongNames(t *testing.T) {
	long := strings.Repeat("payroll-", 12)
	for name, want := range map[string]bool{
		"x" + long: true, long + "x": true, "xy" + long: true, "xyz" + long: false, "x" + long + "y": true, long[1:]: true, long[2:]: true, long[3:]: false,
		"ap" + long[2:]: true, long[:40] + "xx" + long[42:]: true, long[:40] + "xxx" + long[43:]: false, long[:40] + long[42:]: true,
		"x" + long[1:40] + "x" + long[41:] + "x": false, "ap" + long[2:len(long)-2] + "-l": true, long[1:] + long[:1]: true,
	} {
		if got := declare.Nearest(name, []string{long}); (got == long) != want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// TestNearestLeavesNothingOut: what is compared along the diagonal only, is compared with
// the whole table here.
func TestNearestLeavesNothingOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[ab]{8,12}`).Draw(t, "name")
		other := name
		for range rapid.IntRange(0, 4).Draw(t, "edits") {
			at := rapid.IntRange(0, len(other)-2).Draw(t, "at")
			other = rapid.SampledFrom([]string{
				other[:at] + "a" + other[at:], other[:at] + other[at+1:], other[:at] + "b" + other[at+1:], other[:at] + other[at+1:at+2] + other[at:at+1] + other[at+2:],
			}).Draw(t, "edited")
		}
		if got := declare.Nearest(name, []string{other}); (got == other) != (edits(name, other) <= 2) {
			t.Errorf("%q is near %q: %q, and there are %d edits", name, other, got, edits(name, other))
		}
	})
}

// edits is the optimal string alignment, as the books have it.
func edits(a, b string) int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		for j := range table[i] {
			switch {
			case i == 0 || j == 0:
				table[i][j] = i + j
				continue
			case a[i-1] == b[j-1]:
				table[i][j] = table[i-1][j-1]
			default:
				table[i][j] = 1 + min(table[i-1][j-1], table[i-1][j], table[i][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				table[i][j] = min(table[i][j], table[i-2][j-2]+1)
			}
		}
	}
	return table[len(a)][len(b)]
}

func TestNames(t *testing.T) {
	var into target
	index, _ := declare.Read("f.jsonc", []byte(`{"levels": {"z": 1, /* */ "a\u0062": 2, "a": 3,}, "list": [{}]}`), &into)
	for pointer, want := range map[string][]string{
		"/levels": {"z", "ab", "a"}, "": {"levels", "list"}, "/list": nil, "/list/0": {}, "/nothing": nil, "/levels/z": nil,
	} {
		if got := index.Names(pointer); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q", pointer, got)
		}
	}
	var none *declare.Index
	if none.Names("") != nil {
		t.Error("nothing has names")
	}
}
