package mappingtest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func employees(t *testing.T) *mapping.Mapper {
	t.Helper()
	src, err := mapping.ParseSchema(read(t, "employee.jsonc"))
	if err != nil {
		t.Fatal(err)
	}
	dst, err := mapping.ParseSchema(read(t, "contact.jsonc"))
	if err != nil {
		t.Fatal(err)
	}
	to := mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Categories: []string{"pii.contact"}, Purposes: []string{"crm"}}}
	m, err := mapping.Compile(src, dst, read(t, "employee-to-contact.jsonc"), to)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestNoLeak: the mapping of the other tests lets out what its report says, also of a document
// of theirs.
func TestNoLeak(t *testing.T) {
	NoLeak(t, employees(t), Keys{})
	NoLeak(t, employees(t), Keys{}, string(read(t, "employee.json")))
}

// listener hears what a test would be told.
type listener struct {
	testing.TB
	heard []string
}

func (l *listener) Helper() {}
func (l *listener) Errorf(format string, args ...any) {
	l.heard = append(l.heard, fmt.Sprintf(format, args...))
}
func (l *listener) Fatalf(format string, args ...any) { l.Errorf(format, args...) }

// TestNoLeakCatches: what comes out although nobody said so, and what an error would quote, is
// told by its field, and not by its value.
func TestNoLeakCatches(t *testing.T) {
	m := employees(t)
	made := newMaker()
	raw, err := made.document(m.Source().JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{TB: t}
	n := leak{t: l, mapper: m, keys: Keys{}} // as if its report had said nothing
	n.look(raw, made.values)
	all := strings.Join(l.heard, "\n")
	for _, path := range []string{"/name/given", "/name/family", "/address/city", "/skills"} {
		if !strings.Contains(all, "mappingtest: what stands at "+path+" is in the record") {
			t.Errorf("%s is not caught:\n%s", path, all)
		}
		for _, value := range made.values[path] {
			if strings.Contains(all, value.text) {
				t.Errorf("the value of %s is told", path)
			}
		}
	}
	for _, path := range []string{"/salary", "/national_id", "/phone", "/email"} {
		if strings.Contains(all, "at "+path+" ") {
			t.Errorf("%s did not come out:\n%s", path, all)
		}
	}
	for _, form := range forms("secret<text>") {
		l.heard = nil
		one := values{}
		one.text("/a", "secret<text>")
		n.absent(one, "an error", nil, "it says "+form+".")
		if len(l.heard) != 1 {
			t.Errorf("%q is not caught", form)
		}
	}
}

// TestNoLeakNeeds a mapping, and documents.
func TestNoLeakNeeds(t *testing.T) {
	for name, tt := range map[string]struct {
		m       *mapping.Mapper
		samples []string
		want    string
	}{
		"no mapping":     {nil, nil, "no mapping"},
		"no JSON":        {employees(t), []string{"{"}, "a sample is no JSON"},
		"another schema": {employees(t), []string{`{"a": "cAnArY"}`}, "a document is none of the schema"},
	} {
		l := &listener{TB: t}
		NoLeak(l, tt.m, Keys{}, tt.samples...)
		if all := strings.Join(l.heard, "\n"); !strings.Contains(all, tt.want) || strings.Contains(all, "cAnArY") {
			t.Errorf("%s: %s", name, all)
		}
	}
}

// TestNumbers: what is made for a number has as many digits as it may, and no more.
func TestNumbers(t *testing.T) {
	s, err := mapping.ParseSchema([]byte(`{"title": "n", "type": "object", "additionalProperties": false, "properties": {"n": {"type": "number", "scale": 3, "minimum": -0.5, "maximum": 0.125}}}`))
	if err != nil {
		t.Fatal(err)
	}
	made := map[int]int{} // by their digits
	for range 200 {
		raw, err := newMaker().document(s.JSONSchema())
		if err != nil || s.Document(raw).Check() != nil {
			t.Fatalf("%s, %v", raw, err)
		}
		_, fraction, _ := strings.Cut(strings.TrimRight(string(raw), "0}"), ".")
		made[len(fraction)]++
	}
	if made[3] < 100 {
		t.Errorf("%v", made)
	}
}

const accounts = `{"title": "accounts", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
	"required": ["iban", "age"], "properties": {
		"iban": {"type": "string", "maxLength": 34, RELEASED("custom.country", {"version": "1"})},
		"branch": {"type": "string", "enum": ["northern", "southern"], RELEASED("custom.country", {"version": "1"})},
		"level": {"type": "string", "enum": ["silver", "golden"], RELEASED("enum", {"map": {"silver": "not golden", "golden": "golden"}})},
		"salary": {"type": "integer", "minimum": 0, "maximum": 9999999, RELEASED("int.bucket", {"width": 10})},
		"code": {"type": "string", "maxLength": 12, "pattern": "^(?i)[a-z]{12}$"},
		"balance": {"type": "number", "scale": 2, "minimum": 1000000, "maximum": 9000000}, "big": {"type": "integer", "enum": [9007199254740993]},
		"age": {"type": "string", "maxLength": 8}, "memo": {"type": "string", "maxLength": 34}}}`

const statement = `{"title": "statement", "type": "object", "additionalProperties": false, "properties": {
	"country": {"type": "string", "maxLength": 40}, "branch": {"type": "string", "maxLength": 40}, "level": {"type": "string", "maxLength": 40}, "from": {"type": "integer"}, "balance": {"type": "number", "scale": 2},
	"age": {"type": "integer"}, "memo": {"type": "string", "maxLength": 63}, "text": {"type": "string", "maxLength": 300}}}`

// country is a function of somebody that was approved as one that shows two letters, and shows
// all of them.
func country(dst, text []byte) ([]byte, bool) { return append(dst, text...), true }

// leaky sets what the rules say and drops the rest; it goes by what is released.
func leaky(t *testing.T, src string, set ...string) *mapping.Mapper {
	t.Helper()
	src = regexp.MustCompile(`RELEASED\(("[^"]*"), (.*)\)\}`).ReplaceAllString(src, `"classification": "restricted", "release": [{"via": $1, "args": $2, "to": "internal", "approved": "DPO", "until": "2999-01-01"}]}`)
	from, err := mapping.ParseSchema([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	into, err := mapping.ParseSchema([]byte(statement))
	if err != nil {
		t.Fatal(err)
	}
	rules, dropped := strings.Join(set, ", "), []string{}
	for _, name := range []string{"country", "branch", "level", "from", "balance", "age", "memo", "text"} {
		if !strings.Contains(rules, `"/`+name+`": {`) {
			rules += `, "/` + name + `": {"absent": "nobody needs it"}`
		}
	}
	for _, name := range []string{"iban", "branch", "level", "salary", "code", "balance", "big", "age", "memo"} {
		if strings.Contains(src, `"`+name+`": {`) && !strings.Contains(rules, `{"from": "/`+name+`"`) {
			dropped = append(dropped, `"/`+name+`": "nobody needs it"`)
		}
	}
	text := `{"mapping": "m", "from": "accounts", "to": "statement", "set": {` + strings.TrimPrefix(rules, ", ") + `}, "drop": {` + strings.Join(dropped, ", ") + `}}`
	to := mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"crm"}}}
	m, err := mapping.Compile(from, into, []byte(text), to, mapping.Func{Name: "country", Version: "1", MaxLength: 40, Do: country})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

const (
	byCountry = `"/country": {"from": "/iban", "do": [{"custom.country": {"version": "1"}}], "on_error": "fail"}`
	byBranch  = `"/branch": {"from": "/branch", "do": [{"custom.country": {"version": "1"}}], "on_error": "fail"}`
	byLevel   = `"/level": {"from": "/level", "do": [{"enum": {"map": {"silver": "not golden", "golden": "golden"}}}]}`
	bySalary  = `"/from": {"from": "/salary", "do": [{"int.bucket": {"width": 10}}]}`
	ofAge     = `"/age": {"from": "/age", "do": [{"string.to_int": {}}], "on_error": "fail"}`
	ofMemo    = `"/memo": {"from": "/memo"}`
)

// withoutCode has a text for each pattern.
var withoutCode = regexp.MustCompile(`"code": .*\n`).ReplaceAllString(accounts, "")

// heard is what a test is told.
func heard(t *testing.T, m *mapping.Mapper, samples ...string) string {
	t.Helper()
	l := &listener{TB: t}
	NoLeak(l, m, Keys{}, samples...)
	return strings.Join(l.heard, "\n")
}

// TestNoLeakNeedsARecord: where a rule has no result for made texts, nothing was looked for, and
// a sample helps.
func TestNoLeakNeedsARecord(t *testing.T) {
	const leak, none = "mappingtest: what stands at /iban is in the record", "mappingtest: no document had a record, so nothing was looked for in one: give a sample that the mapping has a record of"
	if got := heard(t, leaky(t, withoutCode, byCountry)); !strings.Contains(got, leak) || strings.Contains(got, none) {
		t.Errorf("a leak: %s", got)
	}
	m := leaky(t, withoutCode, byCountry, ofAge)
	for name, tt := range map[string]struct {
		samples []string
		want    string
	}{
		"no sample":            {nil, none},
		"one without a record": {[]string{`{"iban": "DE89 3704 0044", "age": "old"}`}, none},
		"one with a record":    {[]string{`{"iban": "DE89 3704 0044", "age": "12"}`}, leak},
	} {
		if got := heard(t, m, tt.samples...); got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := heard(t, leaky(t, withoutCode, ofAge), `{"iban": "DE89 3704 0044", "age": "12"}`); got != "" {
		t.Errorf("no leak: %s", got)
	}
}

// TestNoLeakNeedsASample where the exported schema does not have the pattern of a text.
func TestNoLeakNeedsASample(t *testing.T) {
	m := leaky(t, accounts, ofMemo)
	if got := heard(t, m); !strings.Contains(got, "M312 data does not fit at /code: give a sample") {
		t.Error(got)
	}
	if got := heard(t, m, `{"iban": "DE89 3704 0044", "age": "12", "code": "ABCDEFabcdef", "memo": "hello world"}`); got != "" {
		t.Error(got)
	}
}

// TestNoLeakReadsWhatIsWritten: a value is found however JSON writes it, also a choice.
func TestNoLeakReadsWhatIsWritten(t *testing.T) {
	m := leaky(t, withoutCode, byCountry, ofAge)
	for _, iban := range []string{`DE89\n3704 0044`, `DE89\t\u0001\"\\n3704`, `DE89<>&\u2028`, `d\u00e9j\u00e0 vu`} {
		if got := heard(t, m, `{"iban": "`+iban+`", "age": "12"}`); got != "mappingtest: what stands at /iban is in the record" {
			t.Errorf("%s: %s", iban, got)
		}
	}
	if got := heard(t, leaky(t, withoutCode, byBranch)); !strings.Contains(got, "what stands at /branch is in the record") {
		t.Errorf("a choice: %s", got)
	}
	n := leak{t: &listener{TB: t}}
	all := values{}
	all.text("/iban", "DE89\n\\n3704")
	n.absent(all, "an error", nil, `it quotes DE89\u000a\\n3704`)
	if len(n.t.(*listener).heard) != 1 {
		t.Error("as a record is written it is not caught")
	}
}

// TestNoLeakFindsNumbers of a sample, as a text and as a number, and no others.
func TestNoLeakFindsNumbers(t *testing.T) {
	const sample = `{"iban": "IBAN", "age": "AGE", "balance": 1234567.5, "big": 9007199254740993}`
	m := leaky(t, withoutCode, byCountry, ofAge)
	for name, tt := range map[string]struct{ iban, age, at string }{
		"a number":        {"DE", "1234567", ""},
		"with zeros":      {"1234567.50", "1", "/balance"},
		"in a text":       {"id01234567.5.", "1", "/balance"},
		"another":         {"1234567.51", "1", ""},
		"longer":          {"11234567.5", "1", ""},
		"at its end":      {"1234567.5", "1", "/balance"},
		"that is rounded": {"9007199254740992", "1", ""},
		"with a fraction": {"9007199254740993.5", "1", ""},
	} {
		doc := strings.NewReplacer("IBAN", tt.iban, "AGE", tt.age).Replace(sample)
		got := heard(t, m, doc)
		for _, path := range []string{"/balance", "/big"} {
			if strings.Contains(got, "what stands at "+path+" is in the record") != (path == tt.at) {
				t.Errorf("%s, %s: %s", name, path, got)
			}
		}
	}
	m = leaky(t, withoutCode, `"/from": {"from": "/iban", "do": [{"custom.country": {"version": "1"}}, {"string.to_int": {}}], "on_error": "fail"}`)
	if got := heard(t, m, `{"iban": "9007199254740993", "age": "1", "big": 9007199254740993}`); !strings.Contains(got, "what stands at /big is in the record") {
		t.Errorf("as a number: %s", got)
	}
}

// TestNoLeakWithoutFalseAlarms: nothing is told of a value that the report lets out elsewhere, or
// that a bucket may begin with.
func TestNoLeakWithoutFalseAlarms(t *testing.T) {
	const constant = `"/text": {"const": "the golden northern 4000000"}, "/country": {"const": "none"}`
	for range 20 { // each tenth number is one that a bucket begins with
		if got := heard(t, leaky(t, withoutCode, byLevel, bySalary, constant)); got != "" {
			t.Fatal(got)
		}
	}
	for name, sample := range map[string]string{
		"copied elsewhere": `{"iban": "Johnson", "memo": "Johnson & Sons 1200000", "balance": 1200000, "age": "12"}`,
		"a constant":       `{"iban": "northern", "branch": "northern", "balance": 4000000.00, "age": "12"}`,
		"of a bucket":      `{"iban": "none", "salary": 1000000, "age": "12"}`,
		"a member's name":  `{"iban": "country", "age": "12"}`,
		"a field's name":   `{"iban": "balance", "memo": "\u0001", "age": "12"}`,
	} {
		if got := heard(t, leaky(t, withoutCode, byLevel, bySalary, constant, ofMemo), sample); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestNoLeakOfTokens: what a token hides is not found in it, also in one that can be opened.
func TestNoLeakOfTokens(t *testing.T) {
	const sealed, hashed = `"/text": {"from": "/iban", "do": [{"token.aes_siv": {"key": "k"}}], "on_error": "drop"}`, `"/memo": {"from": "/salary", "do": [{"token.hmac": {"key": "k"}}]}`
	from := strings.NewReplacer(`"maxLength": 34, RELEASED("custom.country", {"version": "1"})`, `"maxLength": 34, RELEASED("token.aes_siv", {"key": "k"})`, `RELEASED("int.bucket", {"width": 10})`, `RELEASED("token.hmac", {})`).Replace(withoutCode)
	number := strings.ReplaceAll(from, `"token.hmac", {}`, `"token.aes_siv", {"key": "k"}`)
	for name, m := range map[string]*mapping.Mapper{
		"that opens": leaky(t, from, sealed), "of a number that opens": leaky(t, number, strings.Replace(sealed, "/iban", "/salary", 1)), "of each kind": leaky(t, from, sealed, hashed),
	} {
		if got := heard(t, m); got != "" {
			t.Errorf("one %s: %s", name, got)
		}
	}
}

// TestMatching: what is made for a pattern is taken by it.
func TestMatching(t *testing.T) {
	for _, pattern := range []string{"^[0-9]{3}-[0-9]{2}-[0-9]{4}$", "^(a|bc)+[x-z]?$", "^[A-Z]{2}$", `^\d{1,3}(\.\d+)*$`, "^.{4}$", "^[^a-z]{3,}$", "^$"} {
		for range 20 {
			text, err := matching(pattern)
			if err != nil || !regexp.MustCompile(pattern).MatchString(text) {
				t.Errorf("%s: %q, %v", pattern, text, err)
			}
		}
	}
	if _, err := matching("["); err == nil {
		t.Error("of no pattern")
	}
}

// TestNoLeakInElements: what stands in arrays of objects is looked for, too.
func TestNoLeakInElements(t *testing.T) {
	schema := func(text string) *mapping.Schema {
		s, err := mapping.ParseSchema([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	src := schema(`{"title": "a", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
		"properties": {"in": {"type": "array", "maxItems": 9, "items": {"type": "object", "additionalProperties": false, "required": ["x", "z"], "properties": {"x": {"type": "string", "minLength": 20, "maxLength": 40}, "z": {"type": "string", "minLength": 20, "maxLength": 40}}}}}}`)
	dst := schema(`{"title": "b", "type": "object", "additionalProperties": false, "properties": {"out": {"type": "array", "maxItems": 9, "items": {"type": "object", "additionalProperties": false, "properties": {"y": {"type": "string", "maxLength": 40}}}}}}`)
	to := mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"crm"}}}
	m, err := mapping.Compile(src, dst, []byte(`{"mapping": "m", "from": "a", "to": "b", "set": {"/out": {"from": "/in"}, "/out/*/y": {"from": "/in/*/x"}}, "drop": {"/in/*/z": "not needed"}}`), to)
	if err != nil {
		t.Fatal(err)
	}
	NoLeak(t, m, Keys{})
	NoLeak(t, m, Keys{}, `{"in": [{"x": "what may be seen, 12345", "z": "nobody's business 1234"}]}`)
	made := newMaker()
	raw, err := made.document(m.Source().JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{TB: t}
	n := leak{t: l, mapper: m, keys: Keys{}}
	n.look(raw, made.values)
	all := strings.Join(l.heard, "\n")
	if !strings.Contains(all, "/in/*/x is in the record") || strings.Contains(all, "/z is in the record") {
		t.Errorf("heard %q", all)
	}
}

// TestNoLeakInMaps: the names of maps are looked for like what stands at them, and rows in rows.
func TestNoLeakInMaps(t *testing.T) {
	schema := func(text string) *mapping.Schema {
		s, err := mapping.ParseSchema([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const maps = `{"title": "%s", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {
		"closed": {"type": "object", "patternProperties": {"^[a-z]{20}$": {"type": "string", "minLength": 20, "maxLength": 40}}, "additionalProperties": false, "maxProperties": 9, "propertyNames": {"maxLength": 20}},
		"open": {"type": "object", "patternProperties": {"^[\\s\\S]*$": {"type": "string", "minLength": 20, "maxLength": 40}}, "additionalProperties": false, "maxProperties": 9, "propertyNames": {"format": "uuid"}},
		"rows": {"type": "array", "maxItems": 9, "items": {"type": "array", "maxItems": 9, "items": {"type": "string", "minLength": 20, "maxLength": 40}}}}}`
	to := mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"crm"}}}
	src, dst := schema(strings.Replace(maps, "%s", "a", 1)), schema(strings.Replace(maps, "%s", "b", 1))
	m, err := mapping.Compile(src, dst, []byte(`{"mapping": "m", "from": "a", "to": "b", "set": {"/closed": {"from": "/closed"}, "/closed/*": {"from": "/closed/*"}, "/open": {"from": "/open"}, "/open/*": {"from": "/open/*"}, "/rows": {"from": "/rows"}, "/rows/*": {"from": "/rows/*"}}}`), to)
	if err != nil {
		t.Fatal(err)
	}
	NoLeak(t, m, Keys{})
	const sample = `{"closed": {"abcdefghijklmnopqrst": "what may be seen, 12345"}, "open": {"123e4567-e89b-12d3-a456-426614174000": "that may be seen, 12345"}, "rows": [["a row that may be seen, 1"]]}`
	NoLeak(t, m, Keys{}, sample)
	for _, made := range []bool{true, false} {
		l := &listener{TB: t}
		n := leak{t: l, mapper: m, keys: Keys{}}
		if err := n.report(); err != nil {
			t.Fatal(err)
		}
		n.plain = nil // as if the report did not say that all of it leaves
		raw, values := []byte(sample), values{}
		if made {
			maker := newMaker()
			raw, err = maker.document(m.Source().JSONSchema())
			values = maker.values
		} else {
			var parsed any
			err = parse(raw, &parsed)
			values.of(&n.source, parsed, "")
		}
		if err != nil {
			t.Fatal(err)
		}
		n.look(raw, values)
		all := strings.Join(l.heard, "\n")
		for _, path := range []string{"/closed", "/closed/*", "/open", "/open/*", "/rows/*"} {
			if !strings.Contains(all, path+" is in the record") {
				t.Errorf("made %v: %s is not found: %q", made, path, all)
			}
		}
	}
}
