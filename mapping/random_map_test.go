package mapping_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
	"github.com/carnet-go/carnet/mapping/internal/apart"
)

// flows are the rules by which a destination has what it knows of a source, under the same names.
type flows struct {
	set, drop map[string]any
	shows     []string // the rules of what crm() may not have
	released  int      // that show as redacted
}

// flow is from all of a source to all of a destination.
func flow(source, into *form) *flows {
	f := &flows{set: map[string]any{}, drop: map[string]any{}}
	f.add("", source, into, false)
	return f
}

// add takes the value at a path. It is hidden where what it stands in is, up to its collection.
func (f *flows) add(at string, from, into *form, hidden bool) {
	if into == nil {
		f.drop[at] = "no"
		return
	}
	hidden = hidden || from.hides()
	if from.kind == "object" {
		for _, m := range from.members {
			f.add(at+"/"+m.name, m, into.member(m.name), hidden)
		}
		return
	}
	if hidden {
		f.shows = append(f.shows, "/set/"+strings.ReplaceAll(at, "/", "~1")+"/from")
	}
	rule := map[string]any{"from": at}
	if from.redacted {
		rule["do"] = []any{map[string]any{"redact": map[string]any{}}}
		f.released++
	}
	f.set[at] = rule
	if from.collects() {
		f.add(at+"/*", from.each, into.each, from.hides())
	}
}

// text is the mapping.
func (f *flows) text(t testing.TB) []byte {
	return []byte(asJSON(t, map[string]any{"mapping": "m", "from": "a", "to": "b", "set": f.set, "drop": f.drop}))
}

// ways are those in which a mapper makes a record.
type ways struct {
	*mapping.Mapper
	memory mapping.Record
}

// record maps in each way: they make one record, or fail with one error.
func (w *ways) record(t *testing.T, raw string) (mapping.Record, error) {
	t.Helper()
	d := w.Source().Document([]byte(raw))
	r, err := w.Map(t.Context(), d, testKeys("1"))
	want := shown(r, err)
	if err := w.MapInto(t.Context(), first(t, w.Source(), raw), testKeys("1"), &w.memory); shown(w.memory, err) != want {
		t.Errorf("into memory: %s\nand alone:   %s", shown(w.memory, err), want)
	}
	halves := w.Apart(apart.Permitted())
	flat, tokens, err2 := halves.Flat(t.Context(), d, testKeys("1"), nil)
	var back mapping.Record
	if err2 == nil {
		back, err2 = halves.Back(t.Context(), flat, tokens)
	}
	if shown(back, err2) != want {
		t.Errorf("in halves: %s\nand whole: %s", shown(back, err2), want)
	}
	return r, err
}

// shown is all that a record tells.
func shown(r mapping.Record, err error) string {
	return fmt.Sprintln(string(r.AppendBody(nil)), r.Len(), r.Tokens(), r.Label(), err)
}

// TestRandomMappings holds that what compiles makes of each document one of the destination, which
// has what is in both and nothing else, whatever the schemas are.
func TestRandomMappings(t *testing.T) {
	seeds(t, 1500, tally{"compiled": 800, "refused": 300, "mapped": 8000}, func(c chance, n tally) {
		source := c.root(c.between(1, 4))
		into, changes := source.clone(), c.IntN(4)
		for range changes {
			c.alter(into)
		}
		src, dst, rules := asJSON(t, source.file("a", openLabel)), asJSON(t, into.file("b", openLabel)), flow(source, into).text(t)
		destination := schema(t, dst)
		m, err := mapping.Compile(schema(t, src), destination, rules, anywhereAPI())
		switch {
		case err != nil && changes == 0 && !source.nulls():
			t.Fatalf("to the same schema: %v\n%s", err, src)
		case err != nil:
			n["refused"]++
			return
		}
		n["compiled"]++
		w := ways{Mapper: m}
		for range 10 {
			document := c.spelled(c.document(source))
			r, err := w.record(t, document)
			made, given := string(r.AppendBody(nil)), decoded(t, document)
			n["mapped"]++
			right := err == nil && r.Len() == into.fields(given, true) && reflect.DeepEqual(into.of(decoded(t, made)), into.of(given))
			if !right || destination.Document([]byte(made)).Check() != nil || t.Failed() {
				t.Fatalf("%s\nis %s, %v\nof %s\nto %s\nby %s", document, made, err, src, dst, rules)
			}
		}
	})
}

// kept is what a destination has of a source: all that its label lets cross, what redact makes of
// what is released, and now and then what may not go there; nil: nothing.
func (c chance) kept(f *form) *form {
	if f.hides() && !c.one(8) || c.one(10) {
		return nil
	}
	into := *f
	into.label, into.redacted, into.members = nil, false, nil
	for _, m := range f.members {
		if m := c.kept(m); m != nil {
			into.members = append(into.members, m)
		}
	}
	if f.redacted && f.scalar() {
		return &form{name: f.name, required: f.required, nullable: f.nullable, kind: "string", most: 10}
	}
	if f.each != nil {
		if into.each = c.kept(f.each); into.each == nil {
			return nil
		}
	}
	if f.kind == "object" && into.members == nil {
		return nil
	}
	return &into
}

// barred are the rules of what has a label that the destination does not accept.
func barred(err error) (paths []string) {
	findings, _ := errors.AsType[mapping.Findings](err)
	for _, f := range findings {
		if slices.Contains([]string{"M218", "M219", "M220", "M221", "M222"}, f.Code) {
			paths = append(paths, f.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// TestNonInterference holds that a mapping compiles exactly where nothing that may not cross shows,
// and that of two documents which differ only there one record is made.
func TestNonInterference(t *testing.T) {
	seeds(t, 3000, tally{"compiled": 1500, "refused": 120, "released": 400, "differ": 2000}, func(c chance, n tally) {
		source, defaults := c.root(c.between(1, 3)), c.anyLabel(10)
		if c.one(20) {
			defaults.class = ""
		}
		c.labels(source, defaults)
		into := c.kept(source)
		if into == nil {
			return
		}
		src, dst, rules := asJSON(t, source.file("a", defaults)), asJSON(t, into.file("b", label{})), flow(source, into)
		m, err := mapping.Compile(schema(t, src), schema(t, dst), rules.text(t), crm())
		if barred := barred(err); !slices.Equal(barred, slices.Sorted(slices.Values(rules.shows))) {
			t.Fatalf("what may not cross is %v, and what is found %v\n%s\nto %s\nby %s", rules.shows, barred, src, dst, rules.text(t))
		}
		if err != nil {
			n["refused"]++
			return
		}
		n["compiled"]++
		n["released"] += rules.released
		w := ways{Mapper: m}
		for range 5 {
			seed := c.Uint64()
			one, other := author{seeded(seed), seeded(c.Uint64())}.value(source), author{seeded(seed), seeded(c.Uint64())}.value(source)
			if reflect.DeepEqual(one, other) {
				continue
			}
			n["differ"]++
			want, err := w.record(t, asJSON(t, one))
			got, err2 := w.record(t, asJSON(t, other))
			if err != nil || shown(got, err2) != shown(want, nil) || t.Failed() {
				t.Fatalf("%s\n%s\nare %s%s of %s\nby %s", asJSON(t, one), asJSON(t, other), shown(want, err), shown(got, err2), src, rules.text(t))
			}
		}
	})
}

// transforms are what can be done to a value of each kind, or to the names of a map.
var transforms = map[string][]string{
	"name":    {``, ``, `{"token.hmac":{"key":"k"}}`, `{"token.aes_siv":{"key":"k"}}`, `{"text.nfc":{}}`, `{"text.truncate":{"n":2}}`, `{"enum":{"map":{"a":"x"},"else":"y"}}`, `{"custom.own":{"version":"1"}}`, `{"redact":{}}`, `{"mask.keep_last":{"n":2}}`, `{"text.nfc":{}},{"custom.own":{"version":"1"}}`},
	"string":  {``, `{"token.hmac":{"key":"k"}}`, `{"token.aes_siv":{"key":"k"}}`, `{"text.nfc":{}},{"text.truncate":{"n":1}}`, `{"text.truncate":{"n":2}}`, `{"enum":{"map":{"a":"x"},"else":"y"}}`, `{"custom.own":{"version":"1"}}`, `{"mask.keep_last":{"n":2}}`, `{"string.to_int":{"minimum":0,"maximum":18446744073709551615}}`, `{"string.to_number":{"scale":1,"minimum":-1,"maximum":2}}`, `{"date.year":{}}`, `{"date.format":{"layout":"2006-01"}}`},
	"integer": {``, `{"int.to_string":{}}`, `{"int.to_string":{}},{"text.truncate":{"n":1}}`, `{"int.bucket":{"width":2}}`, `{"number.scale":{"scale":2}}`, `{"token.hmac":{"key":"k"}}`, `{"token.aes_siv":{"key":"k"}}`, `{"minor.to_number":{"scale":1}}`},
	"natural": {`{"int.to_string":{}}`, `{"token.aes_siv":{"key":"k"}}`, ``, `{"token.hmac":{"key":"k"}}`, `{"token.aes_siv":{"key":"k"}}`, `{"mask.keep_last":{"n":4}}`},
	"number":  {``, `{"number.to_string":{}}`, `{"number.to_minor":{}}`, `{"number.scale":{"scale":0}}`, `{"number.scale":{"scale":1,"round":"half_even"}}`, `{"number.bucket":{"width":2}}`},
	"boolean": {``, `{"redact":{}}`},
}

// step is a rule's part that does one of them.
func (c chance) step(kind string) string {
	do := pick(c, transforms[kind]...)
	if do == "" {
		return ""
	}
	return `, "do": [` + do + `], "on_error": "fail"`
}

// taker draws what may come out of a transform of f.
func (c chance) taker(f *form) *form {
	into := f.clone()
	if c.one(3) {
		into = &form{kind: pick(c, "integer", "number"), least: pick(c, -9, 0), most: pick(c, 1, 3, 9, 9999), scale: c.IntN(4)}
	} else if c.one(2) {
		into = &form{kind: "string", least: c.IntN(2), most: pick(c, 4, 12, 170)}
	}
	into.nullable = f.nullable
	return into
}

// TestRandomTransforms holds that what transforms make of the names and the values of a map is of the
// destination, entry by entry, or nothing with a reason.
func TestRandomTransforms(t *testing.T) {
	own := mapping.Func{Name: "own", Version: "1", MaxLength: 4, Do: func(dst, text []byte) ([]byte, bool) {
		return append(append(dst, text...), "<<"...), len(text) < 4
	}}
	seeds(t, 3000, tally{"compiled": 200, "mapped": 1500, "failed": 300, "sealed": 8}, func(c chance, n tally) {
		source := &form{kind: "map", most: 3, each: c.form(0), names: &form{kind: "name"}}
		c.fill(source.names, 0)
		into := &form{kind: "map", most: 3, each: c.taker(source.each), names: &form{kind: "name", least: c.IntN(2), most: pick(c, 2, 4, 12, 170), pattern: pick(c, anyName, anyName, source.names.pattern)}}
		wrapped := func(title string, f *form) string {
			f.name = "x"
			return asJSON(t, (&form{kind: "object", members: []*form{f}}).file(title, openLabel))
		}
		src, dst := wrapped("a", source), wrapped("b", into)
		rules := fmt.Appendf(nil, `{"mapping": "m", "from": "a", "to": "b", "set": {"/x": {"from": "/x"%s}, "/x/*": {"from": "/x/*"%s}}}`, c.step("name"), c.step(source.each.kind))
		destination := schema(t, dst)
		m, err := mapping.Compile(schema(t, src), destination, rules, anywhereAPI(), own)
		if err != nil {
			n["refused"]++
			return
		}
		n["compiled"]++
		if strings.Contains(m.Report(), "token.aes_siv") {
			n["sealed"]++
		}
		w := ways{Mapper: m}
		for range 10 {
			document := c.spelled(map[string]any{"x": c.document(source)})
			r, err := w.record(t, document)
			if data, ok := errors.AsType[*mapping.DataError](err); ok && data.Code == "M315" {
				n["failed"]++
				continue
			}
			n["mapped"]++
			made := string(r.AppendBody(nil))
			if err != nil || destination.Document([]byte(made)).Check() != nil || entriesOf(t, made) != entriesOf(t, document) || t.Failed() {
				t.Fatalf("%s\nis %s, %v\nof %s\nto %s\nby %s", document, made, err, src, dst, rules)
			}
		}
	})
}

// entriesOf is how many entries the map x has, and how many of these are null.
func entriesOf(t testing.TB, document string) (n [2]int) {
	t.Helper()
	for _, value := range decoded(t, document).(map[string]any)["x"].(map[string]any) {
		n[0]++
		if value == nil {
			n[1]++
		}
	}
	return n
}

// TestRandomHashes holds that schemas which say different things have different hashes, and one in
// another order and spelling has the same.
func TestRandomHashes(t *testing.T) {
	said := map[string]string{}
	seeds(t, 300, tally{"different": 600}, func(c chance, n tally) {
		root := c.root(2)
		c.labels(root, openLabel)
		for range 4 {
			says := root.file("a", openLabel)
			text := asJSON(t, says)
			hash := schema(t, text).Hash()
			if other := schema(t, c.spelled(decoded(t, text))).Hash(); other != hash {
				t.Fatalf("another hash in another order\n%s", text)
			}
			if before, known := said[hash]; known && before != text {
				t.Fatalf("one hash\n%s\n%s", before, text)
			} else if !known {
				n["different"]++
			}
			said[hash] = text
			c.alter(root)
		}
	})
}
