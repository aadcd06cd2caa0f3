package mapping_test

import (
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

func TestTransformsOfTextAndNumbers(t *testing.T) {
	const money = `"type": "number", "scale": 2, "unit": "eur"`
	for _, tt := range []struct {
		name, from, into, do string
		want                 map[string]string
	}{
		{"truncate what is short", `"type": "string", "format": "date"`, `"type": "string", "format": "date"`, `{"text.truncate": {"n": 10}}`, map[string]string{`"2024-02-29"`: `"2024-02-29"`}},
		{"truncate choices", `"type": "string", "enum": ["north", "south"]`, `"type": "string", "enum": ["n", "s", "x"]`, `{"text.truncate": {"n": 1}}`, map[string]string{`"north"`: `"n"`, `"s"`: "M311"}},
		{"prefix", `"type": "string", "minLength": 5, "maxLength": 10`, `"type": "string", "maxLength": 3`, `{"text.prefix": {"n": 3}}`, map[string]string{
			`"11428"`: `"114"`, `"SW1A 2AA"`: `"SW1"`, `"114 2"`: `"11"`, `"\u0031\u00311  "`: `"1"`, `"1428"`: "M309", `"     "`: `""`, `"é\"é12"`: `"é\"é"`, `"ab\u0301\u0301cd"`: `"a"`,
		}},
		{"prefix each", `"type": "array", "maxItems": 3, "items": {"type": ["string", "null"], "minLength": 5, "maxLength": 10}`, `"type": "array", "maxItems": 3, "items": {"type": ["string", "null"], "maxLength": 2}`, `{"text.prefix": {"n": 2}}`, map[string]string{`["11428", null, "\u00e9aaaa"]`: `["11",null,"éa"]`}},
		{"nfc", `"type": "string", "maxLength": 9`, `"type": "string", "maxLength": 27`, `{"text.nfc": {}}`, map[string]string{`"e\u0301"`: `"é"`, "\"e\u0301\"": `"é"`, `"\u00e9"`: `"é"`, `"<\u0338"`: `"≮"`, `"\ufb2c<"`: "\"\u05e9\u05bc\u05c1\\u003c\"", `""`: `""`}},
		{"nfc, and no longer", `"type": "string", "maxLength": 9`, `"type": "string", "maxLength": 2`, `{"text.nfc": {}}, {"text.truncate": {"n": 2}}`, map[string]string{`"e\u0301e\u0301e\u0301"`: `"éé"`, `"\ufb2c"`: `""`}},
		{"bucket", `"type": "integer", "minimum": -9, "maximum": 149`, `"type": "integer", "minimum": -10, "maximum": 140`, `{"int.bucket": {"width": 10}}`, map[string]string{`0`: `0`, `149`: `140`, `-1`: `-10`, `9`: `0`}},
		{"bucket of few", `"type": "integer", "enum": [1, 2, 11]`, `"type": "integer", "enum": [0, 10]`, `{"int.bucket": {"width": 10}}`, map[string]string{`1`: `0`, `2`: `0`, `11`: `10`}},
		{"bucket of money", `"type": "number", "scale": 2, "unit": "eur", "minimum": -1, "maximum": 999.99`, `"type": "number", "scale": 0, "unit": "eur", "minimum": -100, "maximum": 900`, `{"number.bucket": {"width": 100}}, {"number.scale": {"scale": 0, "round": "down"}}`, map[string]string{`99.99`: `0`, `100`: `100`, `-0.01`: `-100`}},
		{"rounded", money, `"type": "number", "scale": 1, "unit": "eur"`, `{"number.scale": {"scale": 1, "round": "half_even"}}`, map[string]string{`0.05`: `0.0`, `0.15`: `0.2`, `-0.25`: `-0.2`, `92233720368547758.07`: `92233720368547758.1`}},
		{"an integer as a number", `"type": "integer", "minimum": -5, "maximum": 5`, `"type": "number", "scale": 3, "minimum": -5, "maximum": 5`, `{"number.scale": {"scale": 3}}`, map[string]string{`-5`: `-5.000`}},
		{"cents", money, `"type": "integer", "unit": "eur.e-2"`, `{"number.to_minor": {}}`, map[string]string{`12.5`: `1250`, `-92233720368547758.08`: `-9223372036854775808`, `0.01`: `1`}},
		{"cents and back", `"type": "integer", "unit": "eur.e-2"`, money, `{"minor.to_number": {"scale": 2}}`, map[string]string{`1250`: `12.50`, `-1`: `-0.01`}},
		{"kilometres", `"type": "integer", "unit": "m", "minimum": 0, "maximum": 40000000`, `"type": "number", "scale": 3, "unit": "km", "minimum": 0, "maximum": 40000`, `{"unit.convert": {"to": "km", "scale": 3}}`, map[string]string{`0`: `0.000`, `1999`: `1.999`, `40000000`: `40000.000`}},
		{"rounded kilometres", `"type": "integer", "unit": "m", "minimum": 0, "maximum": 40000000`, `"type": "string", "maxLength": 5`, `{"unit.convert": {"to": "km", "scale": 3}}, {"number.scale": {"scale": 0, "round": "half_even"}}, {"number.to_minor": {}}, {"int.to_string": {}}`, map[string]string{`1499`: `"1"`, `1500`: `"2"`, `2500`: `"2"`}},
	} {
		m := one(t, tt.from, tt.into, tt.do)
		for raw, want := range tt.want {
			if got := mapOne(t, m, raw); got != want {
				t.Errorf("%s of %s: %s, want %s", tt.name, raw, got, want)
			}
		}
	}
}

// TestTextIsCutBetweenLetters: neither within a character, however it is written, nor
// between a letter and its marks, nor within what JSON needs to write it.
func TestTextIsCutBetweenLetters(t *testing.T) {
	m := one(t, anyText, `"type": "string", "maxLength": 4`, `{"text.truncate": {"n": 4}}`)
	for raw, want := range map[string]string{
		`""`: `""`, `"abcd"`: `"abcd"`, `"abcdefg"`: `"abcd"`, `"\u00e5äöüx"`: `"åäöü"`, `"😀😁😂😃😄"`: `"😀😁😂😃"`, `"\ud83d\ude00\ud83d\ude01\ud83d\ude02\ud83d\ude03\ud83d\ude04"`: `"😀😁😂😃"`,
		`"abc\\\\"`: `"abc\\"`, `"\"<>&x"`: `"\"\u003c\u003e\u0026"`, `"\u2028bcde"`: `"\u2028bcd"`, `"cafe\u0301"`: `"caf"`, `"caf\u00e9s"`: `"café"`, "\"abce\u0301\"": `"abc"`, `"e\u0301\u0301\u0301\u0301"`: `""`, `"हिन्दी"`: `"हिन्"`,
	} {
		if got := mapOne(t, m, raw); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

// TestFallibleTransformsOfTextAndNumbers: a result that is not exact is none.
func TestFallibleTransformsOfTextAndNumbers(t *testing.T) {
	const integer = `"type": ["integer", "null"]`
	for _, tt := range []struct {
		name, from, into, do string
		right                map[string]string
		wrong                []string
	}{
		{"truncate", `"type": "string", "minLength": 1, "maxLength": 90`, `"type": ["string", "null"], "minLength": 1, "maxLength": 2`, `{"text.truncate": {"n": 2}}`, map[string]string{`"abc"`: `"ab"`, `"e\u0301e"`: "\"e\u0301\"", `"ae\u0301"`: `"a"`}, []string{`"e\u0301\u0301"`}},
		{"bucket", `"type": "integer"`, integer, `{"int.bucket": {"width": 10}}`, map[string]string{`-9223372036854775800`: `-9223372036854775800`, `9223372036854775807`: `9223372036854775800`}, []string{`-9223372036854775801`, `-9223372036854775808`}},
		{"more digits", `"type": "number", "scale": 2`, `"type": ["number", "null"], "scale": 4`, `{"number.scale": {"scale": 4}}`, map[string]string{`1.25`: `1.2500`, `922337203685477.58`: `922337203685477.5800`}, []string{`922337203685477.59`, `-92233720368547758.08`}},
		{"fewer digits", `"type": "number", "scale": 2`, `"type": ["number", "null"], "scale": 1`, `{"number.scale": {"scale": 1}}`, map[string]string{`1.2`: `1.2`, `1.20`: `1.2`}, []string{`1.25`, `0.01`, `-0.01`}},
		{"kilometres", `"type": "integer", "unit": "m"`, `"type": ["integer", "null"], "unit": "km"`, `{"unit.convert": {"to": "km"}}`, map[string]string{`2000`: `2`, `-9223372036854775000`: `-9223372036854775`}, []string{`1`, `1999`, `-1`, `9223372036854775807`}},
		{"milliseconds", `"type": "integer", "unit": "d"`, `"type": ["integer", "null"], "unit": "ms"`, `{"unit.convert": {"to": "ms"}}`, map[string]string{`1`: `86400000`, `-106751991167`: `-9223372036828800000`}, []string{`106751991168`, `9223372036854775807`}},
		{"an amount in cents", anyText, `"type": ["integer", "null"], "unit": "eur.e-2"`, `{"string.to_number": {"scale": 2, "unit": "eur"}}, {"number.to_minor": {}}`, map[string]string{`"12.5"`: `1250`}, []string{`"12.505"`, `"1e2"`, `"92233720368547758.08"`}},
	} {
		failing, dropping, nulling := fallible(t, tt.from, tt.into, tt.do, "fail"), fallible(t, tt.from, tt.into, tt.do, "drop"), fallible(t, tt.from, tt.into, tt.do, "null")
		for raw, want := range tt.right {
			if got := mapOne(t, failing, raw); got != want {
				t.Errorf("%s of %s: %s, want %s", tt.name, raw, got, want)
			}
		}
		for _, raw := range tt.wrong {
			if a, b, c := mapOne(t, failing, raw), mapOne(t, dropping, raw), mapOne(t, nulling, raw); a != "M315" || b != "{" || c != "null" {
				t.Errorf("%s of %s: %s %s %s", tt.name, raw, a, b, c)
			}
		}
	}
}

// refused are the findings of a mapping of one field.
func refused(t *testing.T, from, into, do string) error {
	t.Helper()
	src := `{"title": "src", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "required": ["v"], "properties": {"v": {` + from + `}}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"v": {` + into + `}}}`
	_, err := mapping.Compile(schema(t, src), schema(t, dst), []byte(`{"mapping": "one", "from": "src", "to": "dst", "set": {"/v": {"from": "/v", "do": [`+do+`]}}}`), anywhereAPI())
	return err
}

// TestUnitsFit, or nothing is compiled: also where one side alone has one, in arrays too.
func TestUnitsFit(t *testing.T) {
	const metres, kilometres, none = `"type": "integer", "unit": "m"`, `"type": "integer", "unit": "km"`, `"type": "integer"`
	for _, tt := range []struct{ from, into, do, code, problem string }{
		{metres, metres, ``, "", ""}, {none, none, ``, "", ""},
		{metres, kilometres, ``, "M213", "is in m and not km"}, {metres, none, ``, "M213", "is in m, and the destination has no unit"}, {none, metres, ``, "M213", "has no unit, and the destination's is m"},
		{`"type": "array", "maxItems": 2, "items": {` + metres + `}`, `"type": "array", "maxItems": 2, "items": {` + kilometres + `}`, ``, "M213", "is in m and not km"},
		{`"type": "number", "scale": 2, "unit": "eur"`, `"type": "number", "scale": 2, "unit": "usd"`, ``, "M213", "is in eur and not usd"},
		{`"type": "number", "scale": 2, "unit": "eur"`, `"type": "integer", "unit": "eur"`, `{"number.to_minor": {}}`, "M213", "is in eur.e-2 and not eur"},
		{`"type": "number", "scale": 3, "unit": "eur"`, `"type": "integer", "unit": "eur.e-2"`, `{"number.to_minor": {}}`, "M213", "is in eur.e-3 and not eur.e-2"},
		{metres, kilometres, `{"int.to_string": {}}, {"enum": {"map": {"0": 0}, "else": 1}}`, "M213", "has no unit, and the destination's is km"},
		{`"type": "integer", "unit": "m", "minimum": 0, "maximum": 9`, `"type": "integer", "unit": "kg"`, `{"int.bucket": {"width": 2}}`, "M213", "is in m and not kg"},
		{`"type": "number", "scale": 2, "unit": "eur"`, `"type": "number", "scale": 1`, `{"number.scale": {"scale": 1, "round": "down"}}`, "M213", "is in eur, and the destination has no unit"},
		{`"type": "number", "scale": 2, "unit": "eur"`, `"type": "number", "scale": 2, "unit": "usd"`, `{"unit.convert": {"to": "usd"}}`, "M211", "is for units with an exact ratio, which eur has to none"},
		{`"type": "integer", "unit": "ms", "minimum": 0, "maximum": 9`, `"type": "string", "format": "date-time"`, `{"unix.to_time": {}}`, "M211", "takes seconds and is in ms"},
		{`"type": "integer", "unit": "eur"`, `"type": "number", "scale": 2, "unit": "eur"`, `{"minor.to_number": {"scale": 2}}`, "M211", "is for an integer in eur.e-2 and not in eur"},
	} {
		err := refused(t, tt.from, tt.into, tt.do)
		if tt.code == "" && err != nil || tt.code != "" && (codes(err) != tt.code || !strings.Contains(err.Error(), tt.problem)) {
			t.Errorf("%s %s %s: %v", tt.from, tt.do, tt.into, err)
		}
	}
}

// TestWhatComesOutMayNotFit: a destination that takes less is refused before anything runs.
func TestWhatComesOutMayNotFit(t *testing.T) {
	const short = `"type": "string", "minLength": 5, "maxLength": 10`
	for _, tt := range []struct{ from, into, do, want string }{
		{anyText, `"type": "string", "maxLength": 3`, `{"text.truncate": {"n": 4}}`, "M213"}, {anyText, `"type": "string", "minLength": 1, "maxLength": 4`, `{"text.truncate": {"n": 4}}`, "M213"}, {short, `"type": "string", "minLength": 1, "maxLength": 4`, `{"text.truncate": {"n": 4}}`, "M215"},
		{`"type": "string", "maxLength": 9, "pattern": "^[a-z]*$"`, `"type": "string", "maxLength": 27, "pattern": "^[a-z]*$"`, `{"text.nfc": {}}`, "M213"}, {`"type": "string", "maxLength": 9`, `"type": "string", "maxLength": 26`, `{"text.nfc": {}}`, "M213"},
		{short, `"type": "string", "minLength": 1, "maxLength": 3`, `{"text.prefix": {"n": 3}}`, "M213"}, {short, `"type": "string", "maxLength": 3`, `{"text.truncate": {"n": 6}}, {"text.prefix": {"n": 3}}`, "M211"},
		{`"type": "string", "minLength": 4, "maxLength": 10`, anyText, `{"text.prefix": {"n": 3}}`, "M211"}, {anyText, anyText, `{"text.prefix": {"n": 1}}`, "M211"}, {`"type": "string", "enum": ["11428", "21428"], "minLength": 5`, anyText, `{"text.prefix": {"n": 1}}`, "M211"},
		{`"type": "integer", "minimum": 0, "maximum": 10`, `"type": "integer", "minimum": 0, "maximum": 9`, `{"int.bucket": {"width": 5}}`, "M213"}, {`"type": "integer"`, `"type": "integer"`, `{"int.bucket": {"width": 5}}`, "M215"},
		{`"type": "number", "scale": 2`, `"type": "number", "scale": 1`, `{"number.scale": {"scale": 1}}`, "M215"}, {`"type": "integer", "unit": "m"`, `"type": "integer", "unit": "km"`, `{"unit.convert": {"to": "km"}}`, "M215"},
	} {
		if err := refused(t, tt.from, tt.into, tt.do); codes(err) != tt.want {
			t.Errorf("%s %s %s: %v", tt.from, tt.do, tt.into, err)
		}
	}
}

// TestReleasesOfGeneralisations: what may be released hides something of every value of the
// field, and nothing else may.
func TestReleasesOfGeneralisations(t *testing.T) {
	for _, tt := range []struct{ field, via, args, want string }{
		{`"type": "string", "minLength": 5, "maxLength": 10`, "text.prefix", `{"n": 3}`, ""}, {`"type": "string", "minLength": 4, "maxLength": 10`, "text.prefix", `{"n": 3}`, "M118"}, {`"type": "string", "maxLength": 10`, "text.prefix", `{"n": 1}`, "M118"},
		{`"type": "string", "maxLength": 10`, "text.truncate", `{"n": 1}`, "M118"}, {`"type": "string", "maxLength": 10`, "text.nfc", `{}`, "M118"},
		{`"type": "integer", "minimum": 0, "maximum": 149`, "int.bucket", `{"width": 10}`, ""}, {`"type": "integer", "minimum": 0, "maximum": 150`, "int.bucket", `{"width": 10}`, "M118"}, {`"type": "integer", "minimum": 0, "maximum": 149`, "int.bucket", `{"width": 1}`, "M118"}, {`"type": "integer"`, "int.bucket", `{"width": 10}`, ""},
		{`"type": "number", "scale": 2, "minimum": 0, "maximum": 99999.99`, "number.bucket", `{"width": 1000}`, ""}, {`"type": "number", "scale": 2, "minimum": 0, "maximum": 100000`, "number.bucket", `{"width": 1000}`, "M118"},
		{`"type": "number", "scale": 2`, "number.scale", `{"scale": 0, "round": "down"}`, "M118"}, {`"type": "number", "scale": 2`, "number.to_minor", `{}`, "M118"}, {`"type": "integer", "unit": "m"`, "unit.convert", `{"to": "km"}`, "M118"}, {`"type": "integer"`, "minor.to_number", `{"scale": 2}`, "M118"},
	} {
		text := `{"title": "src", "type": "object", "additionalProperties": false, "required": ["v"], "properties": {"v": {"classification": "restricted", "residency": ["*"], "purposes": ["*"], ` + tt.field +
			`, "release": [{"via": "` + tt.via + `", "args": ` + tt.args + `, "to": "internal", "approved": "DPO", "until": "2999-01-01"}]}}}`
		src, err := mapping.ParseSchema([]byte(text))
		if tt.want != "" || err != nil {
			if tt.want == "" || codes(err) != tt.want {
				t.Errorf("%s of %s: %v", tt.via, tt.field, err)
			}
			continue
		}
		into := tt.field
		if tt.via == "text.prefix" {
			into = anyText
		}
		dst := schema(t, `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"v": {`+strings.Replace(into, `"minimum": 0, `, ``, 1)+`}}}`)
		compile := func(args string) error {
			_, err := mapping.Compile(src, dst, []byte(`{"mapping": "one", "from": "src", "to": "dst", "set": {"/v": {"from": "/v", "do": [{"`+tt.via+`": `+args+`}], "on_error": "drop"}}}`), crm())
			return err
		}
		if err := compile(tt.args); err != nil {
			t.Errorf("%s %s: %v", tt.via, tt.args, err)
		}
		if err := compile(strings.NewReplacer("3", "2", "10", "100").Replace(tt.args)); codes(err) != "M219" {
			t.Errorf("%s with other arguments: %v", tt.via, err)
		}
	}
}
