package scan_test

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

// person describes an object of four members, the last of which is nested.
func person() (*scan.Node, int) {
	leaf := func(slot int, kind scan.Kind, path string) *scan.Node {
		return &scan.Node{Kind: kind, Slot: slot, Path: path, Min: math.MinInt64, Max: math.MaxInt64, MaxLength: 20}
	}
	home := &scan.Node{Kind: scan.Object, Slot: 3, Path: "/flat", Nullable: true, Members: []scan.Member{{Name: "city", Required: true, Node: leaf(4, scan.String, "/flat/city")}}}
	price := leaf(2, scan.Number, "/price")
	price.Scale = 2
	tags := &scan.Node{Kind: scan.Array, Slot: 5, Path: "/tags", MaxItems: 3, Items: leaf(-1, scan.String, "/tags/*")}
	tags.Items.Nullable = true
	root := &scan.Node{Kind: scan.Object, Slot: -1, Members: []scan.Member{
		{Name: "name", Required: true, Node: leaf(0, scan.String, "/name")}, {Name: "vip", Node: leaf(1, scan.Bool, "/vip")}, {Name: "price", Node: price}, {Name: "home", Node: home}, {Name: "tags", Node: tags},
	}}
	home.Index()
	root.Index()
	return root, 6
}

func TestWalk(t *testing.T) {
	root, slots := person()
	source := scan.Source([]byte(` {"price": -1.5, "n\u0061me" : "Z\u006fë", "vip":true, "home":{"city":"<"}, "tags":["a" , null,"\n"]} `))
	values := make([]scan.Value, slots)
	if fault, ok := scan.Walk(root, source, values); !ok {
		t.Fatal(fault)
	}
	if v := values[0]; v.Kind != scan.String || !v.Escaped || v.Plain || string(scan.AppendText(nil, source, v)) != "Zoë" {
		t.Errorf("%+v", v)
	}
	if v := values[2]; v.Kind != scan.Number || v.N != -150 || string(source[v.Start:v.End]) != "-1.5" {
		t.Errorf("%+v", v)
	}
	if values[1].N != 1 || values[3].Kind != scan.Object || values[4].Plain || values[5].N != 3 {
		t.Errorf("%+v", values)
	}
	w := scan.Writer{Source: source}
	for i, n := range []*scan.Node{root.Members[0].Node, root.Members[1].Node, root.Members[2].Node, nil, root.Members[3].Node.Members[0].Node, root.Members[4].Node} {
		if n != nil {
			w.Out = append(w.Out, ' ')
			w.JSON(n, values[i])
		}
	}
	if string(w.Out) != ` "Zoë" true -1.5 "\u003c" ["a",null,"\n"]` && string(w.Out) != ` "Zoë" true -1.5 "\u003c" ["a",null,"\u000a"]` {
		t.Errorf("%s", w.Out)
	}
	if a, b, c := w.Text(values[0]), w.Text(values[1]), w.Text(values[2]); a != "Zoë" || b != "true" || c != "-1.5" {
		t.Error(a, b, c)
	}
	seen := 0
	scan.Each(root.Members[4].Node, source, values[5], func(scan.Value) bool { seen++; return false })
	if seen != 1 {
		t.Error("goes on after it was told to stop")
	}
}

func TestFaults(t *testing.T) {
	root, slots := person()
	root.Members[0].Node.Pattern = regexp.MustCompile(`\A[a-z]+\z`)
	root.Members[0].Node.MinLength = 2
	for raw, want := range map[string]string{
		`{"name":"ab"}`: "", `{"name":"ab","home":null}`: "", ``: "M301", `{"name":"ab"}x`: "M301", `{"name":"ab"`: "M301", `{"name":"ab",`: "M301", `{"name":"ab"]`: "M301", `{"name";"ab"}`: "M301", `{"name":"ab","vip":nul}`: "M301", `{"name":"ab","vip":falsy}`: "M301", `{"name":"ab","vip":?}`: "M301", `{x`: "M301",
		`{"name":"ab","tags":["a"`: "M301", "{\"name\":\"\xff\"}": "M303", `{"name":"\ud800"}`: "M303", `{"name":"\q"}`: "M301", `{"x\q":1}`: "M301", `{"nam":1}`: "M304", `{"name":"ab","name":1}`: "M305", `{}`: "M306", `{"name":"ab","home":{}}`: "M306", `{"name":1}`: "M307", `{"name":null}`: "M307", `[]`: "M307",
		`{"name":"ab","tags":{}}`: "M307", `{"name":"ab","price":1.234}`: "M308", `{"name":"ab","price":-}`: "M301", `{"name":"a"}`: "M309", `{"name":"` + strings.Repeat("a", 21) + `"}`: "M309", `{"name":"ab","tags":["","","",""]}`: "M310", `{"name":"AB"}`: "M312", strings.Repeat("x", scan.MaxSize+1): "M302", strings.Repeat("x", 2*scan.MaxSize): "M302", strings.Repeat(" ", scan.MaxSize+1): "M301",
	} {
		fault, ok := scan.Walk(root, scan.Source([]byte(raw)), make([]scan.Value, slots))
		if fault.Code != want || ok != (want == "") {
			t.Errorf("%.40s: %+v", raw, fault)
		}
	}
}

// TestTheEndOfTheSource: cut anywhere, a document is refused and nothing is read behind it.
func TestTheEndOfTheSource(t *testing.T) {
	root, slots := person()
	whole := `{"name":"\ud83d\ude00\n\u0041é","vip":false,"price":-12.50,"home":{"city":"x"},"tags":["a",null]}`
	for i := range whole {
		if _, ok := scan.Walk(root, scan.Source([]byte(whole[:i])), make([]scan.Value, slots)); ok {
			t.Errorf("%s", whole[:i])
		}
	}
}

func TestDecimals(t *testing.T) {
	for _, tt := range []struct {
		text  string
		scale int
		want  int64
		fits  bool
		again string
	}{
		{"0", 0, 0, true, "0"}, {"0", 2, 0, true, "0.00"}, {"7", 2, 700, true, "7.00"}, {"-0.5", 2, -50, true, "-0.50"}, {"-0.05", 2, -5, true, "-0.05"}, {"12.3", 1, 123, true, "12.3"}, {"0.001", 3, 1, true, "0.001"},
		{"9223372036854775807", 0, math.MaxInt64, true, "9223372036854775807"}, {"-9223372036854775808", 0, math.MinInt64, true, "-9223372036854775808"}, {"-9.223372036854775808", 18, math.MinInt64, true, "-9.223372036854775808"},
		{"9223372036854775808", 0, 0, false, ""}, {"-9223372036854775809", 0, 0, false, ""}, {"1", 19, 0, false, ""}, {"99999999999999999999", 0, 0, false, ""}, {"1.25", 1, 0, false, ""}, {"-0", 0, 0, false, ""}, {"1e1", 2, 0, false, ""}, {"01", 0, 0, false, ""}, {"1.", 1, 0, false, ""}, {"", 0, 0, false, ""}, {"1 ", 0, 0, false, ""}, {"1x", 0, 0, false, ""},
	} {
		got, fits := scan.Decimal(tt.text, tt.scale)
		if fits != tt.fits || fits && (got != tt.want || string(scan.AppendDecimal(nil, got, tt.scale)) != tt.again) {
			t.Errorf("%s: %d %v %s", tt.text, got, fits, scan.AppendDecimal(nil, got, tt.scale))
		}
	}
}

func TestAppendJSON(t *testing.T) {
	for _, text := range []string{"", "plain", `"\`, "\x00\x1f\n", "<>&", "a\u2028b\u2029c", "é\u20ac\u2030", "\u2028", "😀"} {
		got := scan.AppendJSON([]byte("x"), []byte(text))
		var back string
		if err := json.Unmarshal(got[1:], &back); err != nil || back != text || strings.ContainsAny(string(got), "<>&\u2028\u2029") {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestFormats(t *testing.T) {
	for format, text := range map[scan.Format]string{scan.Date: "2024-02-29", scan.DateTime: "2024-02-29T23:59:59.5+01:00", scan.Email: "a.b@c-d.e", scan.UUID: "123e4567-e89b-12d3-a456-42661417400f"} {
		if !format.Holds([]byte(text)) || len(text) > format.Length() || len(text) < format.Shortest() || format.String() == "" {
			t.Errorf("%v %s", format, text)
		}
		for i := range text {
			broken := []byte(text)
			broken[i] = ' '
			if format.Holds(broken) || format.Holds([]byte(text[:i])) && format != scan.Email {
				t.Errorf("%v %s", format, broken)
			}
		}
	}
	if scan.Format(0).Holds([]byte("x")) || scan.Format(0).String() != "" {
		t.Error("no format holds")
	}
	if at, ok := scan.ReadTime([]byte("2024-02-29T23:59:59.000000001-01:30")); !ok || !at.Equal(time.Date(2024, 3, 1, 1, 29, 59, 1, time.UTC)) {
		t.Error(at, ok)
	}
	for _, address := range []string{"a@-b", "a@b-", "a@b-.c", "a@b.-c", "a@b..c", "a@", "@b", "a", "a@b@c", "a..b@c"} {
		if _, ok := scan.Domain([]byte(address)); ok {
			t.Error(address)
		}
	}
	if scan.UUID.Holds([]byte("123e4567-e89b-12d3-a456-42661417400g")) {
		t.Error("g is no digit")
	}
}

func TestMisfit(t *testing.T) {
	text := func(least, most int) *scan.Node {
		return &scan.Node{Kind: scan.String, MinLength: least, MaxLength: most}
	}
	number := func(scale int, low, high int64) *scan.Node {
		return &scan.Node{Kind: scan.Number, Scale: scale, Min: low, Max: high}
	}
	integer := func(low, high int64, choices ...int64) *scan.Node {
		return &scan.Node{Kind: scan.Integer, Min: low, Max: high, Integers: choices}
	}
	array := func(most int, items *scan.Node) *scan.Node {
		return &scan.Node{Kind: scan.Array, MaxItems: most, Items: items}
	}
	choice := func(texts ...string) *scan.Node { return &scan.Node{Kind: scan.String, MaxLength: 9, Texts: texts} }
	formatted, pattern := text(10, 10), text(0, 9)
	formatted.Format, pattern.Pattern = scan.Date, regexp.MustCompile(`a`)
	nullable := &scan.Node{Kind: scan.Bool, Nullable: true}
	for _, tt := range []struct {
		from, to *scan.Node
		fits     bool
	}{
		{text(1, 9), text(0, 10), true}, {text(1, 9), text(2, 9), false}, {text(1, 9), text(1, 8), false}, {text(10, 10), formatted, false}, {formatted, formatted, true}, {formatted, text(0, 10), true}, {text(0, 9), pattern, false}, {pattern, pattern, true},
		{choice("a", "b"), choice("a", "b", "c"), true}, {choice("a", "d"), choice("a"), false}, {choice("a"), text(0, 1), true}, {text(0, 1), choice("a"), false}, {choice("a"), pattern, true}, {choice("b"), pattern, false},
		{integer(0, 9), integer(0, 9), true}, {integer(-1, 9), integer(0, 9), false}, {integer(0, 10), integer(0, 9), false}, {integer(0, 9), integer(0, 9, 1), false}, {integer(0, 9, 1), integer(0, 9, 1, 2), true}, {integer(0, 9, 3), integer(0, 9, 1, 2), false}, {integer(0, 9, 3), integer(0, 2), false},
		{number(1, 0, 10), number(2, 0, 100), true}, {number(1, 0, 10), number(2, 0, 99), false}, {number(1, -1, 10), number(2, 0, 100), false}, {number(2, 0, 1), number(1, 0, 9), false}, {number(0, 0, math.MaxInt64), number(18, 0, math.MaxInt64), false},
		{array(1, text(0, 1)), array(1, text(0, 1)), true}, {array(2, text(0, 1)), array(1, text(0, 1)), false}, {array(1, text(0, 2)), array(1, text(0, 1)), false}, {array(1, nullable), array(1, &scan.Node{Kind: scan.Bool}), false}, {array(1, nullable), array(1, nullable), true},
		{array(1, &scan.Node{Kind: scan.Object}), array(1, &scan.Node{Kind: scan.Object}), true}, {array(1, &scan.Node{Kind: scan.Object}), array(1, text(0, 1)), false}, {nullable, nullable, true}, {nullable, text(0, 1), false},
	} {
		if got := scan.Misfit(tt.from, tt.to); (got == "") != tt.fits {
			t.Errorf("%+v to %+v: %s", tt.from, tt.to, got)
		}
	}
}

// TestUnitsAreCompared, where one side alone has one too.
func TestUnitsAreCompared(t *testing.T) {
	in := func(unit string) *scan.Node { return &scan.Node{Kind: scan.Integer, Max: 9, Unit: unit} }
	for _, tt := range []struct{ from, to, want string }{
		{"", "", ""}, {"m", "m", ""}, {"km", "m", "is in km and not m"}, {"eur", "usd", "is in eur and not usd"}, {"", "m", "has no unit, and the destination's is m"}, {"m", "", "is in m, and the destination has no unit"},
	} {
		several := func(unit string) *scan.Node {
			return &scan.Node{Kind: scan.Array, MaxItems: 1, Items: in(unit)}
		}
		if one, each := scan.Misfit(in(tt.from), in(tt.to)), scan.Misfit(several(tt.from), several(tt.to)); one != tt.want || each != tt.want {
			t.Errorf("%q to %q: %q %q", tt.from, tt.to, one, each)
		}
	}
}

// TestPatternsMeanTheWholeText: whoever looks for a match anywhere finds the same texts.
func TestPatternsMeanTheWholeText(t *testing.T) {
	for _, right := range []string{"^$", "^a$", "^(?:a|b)$", "^(a|b)$", "^(?:a|bc|)$", "^[ab]*$", "^a(?:b|c)d$", `^\$$`, "^(?:^a|b$)$", "^.*$", `^(?:a{2,3}|\d)$`, "^(?i)a$", "^(?s).$"} {
		compiled, problem := scan.Pattern(right)
		if problem != "" {
			t.Errorf("%s %s", right, problem)
			continue
		}
		for _, text := range []string{"", "a", "b", "ab", "ba", "xa", "ax", "bc", "abd", "aa", "$", "A", "a\n", "\na", "7"} {
			if anywhere := regexp.MustCompile(right).MatchString(text); compiled.MatchString(text) != anywhere {
				t.Errorf("%s of %q: anywhere %v", right, text, anywhere)
			}
		}
	}
	for _, wrong := range []string{"", "^", "$", "a", "^a", "a$", "^a|b$", "^a$|^b$", "^a|^b$", "^|$", "^a||b$", `^a\$`, `^\Qa$`, "^*$", "^?a$", "^a$*$|$", "^(?m)a$", "(?m)^a$", `\Aa\z`, `^a\z`, "^(a|b$", "^a)|(b$", "^(?=a)$", "^(?:a$|b$)", "^[$"} {
		if compiled, problem := scan.Pattern(wrong); problem == "" || compiled != nil {
			t.Errorf("%s", wrong)
		}
	}
}

func TestConst(t *testing.T) {
	root, _ := person()
	v, source, ok := scan.Const(root.Members[0].Node, []byte(`"x"`))
	if !ok || v.Kind != scan.String || string(source[v.Start:v.End]) != "x" {
		t.Error(v, ok)
	}
	if _, _, ok := scan.Const(root.Members[0].Node, []byte(`1`)); ok {
		t.Error("a number is text")
	}
}

// TestWalkSpendsNoMemory of its own.
func TestWalkSpendsNoMemory(t *testing.T) {
	root, slots := person()
	source := scan.Source([]byte(`{"n\u0061me":"\u0041bc","vip":true,"price":1.5,"home":{"city":"x"},"tags":["a","b"]}`))
	values := make([]scan.Value, slots)
	if n := testing.AllocsPerRun(100, func() { scan.Walk(root, source, values) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func Example() {
	root := &scan.Node{Kind: scan.Object, Slot: -1, Members: []scan.Member{
		{Name: "age", Required: true, Node: &scan.Node{Kind: scan.Integer, Slot: 0, Path: "/age", Min: 0, Max: 150}},
	}}
	root.Index()
	for _, raw := range []string{`{"age": 41}`, `{"age": 151}`, `{"Age": 41}`} {
		values := make([]scan.Value, 1)
		fault, ok := scan.Walk(root, scan.Source([]byte(raw)), values)
		if !ok {
			fmt.Println(fault)
			continue
		}
		fmt.Println(values[0].N)
	}
	// Output:
	// 41
	// {M308 /age}
	// {M304 }
}
