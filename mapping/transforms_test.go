package mapping_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

const anyText = `"type": "string", "maxLength": 4000`

func TestTransforms(t *testing.T) {
	const number, money = `"type": "integer"`, `"type": "number", "scale": 2`
	for _, tt := range []struct {
		name, from, into, do string
		want                 map[string]string
	}{
		{"move text", anyText, anyText, ``, map[string]string{`"a"`: `"a"`, `""`: `""`, `"\u0061\/"`: `"a/"`, `"\ud83d\ude00"`: `"😀"`, `"é"`: `"é"`, `"–"`: `"–"`}},
		{"move integer", number, number, ``, map[string]string{`0`: `0`, `-1`: `-1`, `9007199254740993`: `9007199254740993`, `9223372036854775807`: `9223372036854775807`, `-9223372036854775808`: `-9223372036854775808`}},
		{"move number", money, money, ``, map[string]string{`1.5`: `1.5`, `1.50`: `1.50`, `-0.01`: `-0.01`, `92233720368547758.07`: `92233720368547758.07`}},
		{"move boolean", `"type": "boolean"`, `"type": "boolean"`, ``, map[string]string{`true`: `true`, `false`: `false`}},
		{"move null", `"type": ["boolean", "null"]`, `"type": ["boolean", "null"]`, ``, map[string]string{`true`: `true`, `null`: `null`}},
		{"move array", `"type": "array", "maxItems": 3, "items": {"type": ["string", "null"], "maxLength": 3}`, `"type": "array", "maxItems": 3, "items": {"type": ["string", "null"], "maxLength": 3}`, ``, map[string]string{`[]`: `[]`, `[ "a" , null , "\u003c" ]`: `["a",null,"\u003c"]`}},
		{"integer to text", number, `"type": "string", "maxLength": 20`, `{"int.to_string": {}}`, map[string]string{`0`: `"0"`, `-9223372036854775808`: `"-9223372036854775808"`, `9007199254740993`: `"9007199254740993"`}},
		{"integer of few to text", `"type": "integer", "enum": [7, 10]`, `"type": "string", "enum": ["7", "10"]`, `{"int.to_string": {}}`, map[string]string{`7`: `"7"`, `10`: `"10"`, `8`: "M311"}},
		{"number to text", money, `"type": "string", "maxLength": 21, "minLength": 4`, `{"number.to_string": {}}`, map[string]string{`0`: `"0.00"`, `1.5`: `"1.50"`, `-0.05`: `"-0.05"`, `-92233720368547758.08`: `"-92233720368547758.08"`}},
		{"several", `"type": "integer", "minimum": 0, "maximum": 253402300799`, `"type": "string", "enum": ["[redacted]"]`, `{"unix.to_time": {}}, {"time.date": {}}, {"redact": {}}`, map[string]string{`0`: `"[redacted]"`}},
		{"time to date", `"type": "string", "format": "date-time"`, `"type": "string", "format": "date"`, `{"time.date": {}}`, map[string]string{`"2026-03-01T00:30:00+01:00"`: `"2026-02-28"`, `"2026-03-01T00:30:00.5Z"`: `"2026-03-01"`, `"2024-02-29T23:59:59-00:01"`: `"2024-03-01"`}},
		{"time to unix", `"type": "string", "format": "date-time"`, `"type": "integer", "minimum": -62135596800, "maximum": 253402300799`, `{"time.to_unix": {}}`, map[string]string{`"1970-01-01T00:00:00Z"`: `0`, `"1969-12-31T23:59:59.5Z"`: `-1`, `"2026-03-29T02:30:00+01:00"`: `1774747800`, `"0001-01-01T00:00:00Z"`: `-62135596800`, `"9999-12-31T23:59:59.999Z"`: `253402300799`}},
		{"unix to time", `"type": "integer", "minimum": -62135596800, "maximum": 253402300799`, `"type": "string", "format": "date-time"`, `{"unix.to_time": {}}`, map[string]string{`0`: `"1970-01-01T00:00:00Z"`, `-62135596800`: `"0001-01-01T00:00:00Z"`, `253402300799`: `"9999-12-31T23:59:59Z"`}},
		{"year", `"type": "string", "format": "date"`, `"type": "integer", "minimum": 1, "maximum": 9999`, `{"date.year": {}}`, map[string]string{`"2024-02-29"`: `2024`, `"0001-01-01"`: `1`, `"\u00324-02-29"`: "M309", `"\u003024-02-29"`: "M309", `"\u0032024-02-29"`: `2024`}},
		{"german date", `"type": "string", "format": "date"`, `"type": "string", "maxLength": 10`, `{"date.format": {"layout": "02.01.2006"}}`, map[string]string{`"2024-02-29"`: `"29.02.2024"`, `"0987-12-01"`: `"01.12.0987"`}},
		{"month", `"type": "string", "format": "date-time"`, `"type": "string", "maxLength": 7, "minLength": 7`, `{"date.format": {"layout": "2006-01"}}`, map[string]string{`"2024-12-31T23:00:00-02:00"`: `"2025-01"`}},
		{"LDAP time", `"type": "string", "format": "date-time"`, `"type": "string", "maxLength": 15`, `{"date.format": {"layout": "20060102150405Z"}}`, map[string]string{`"2024-12-31T23:00:00-02:00"`: `"20250101010000Z"`}},
		{"date", `"type": "string", "format": "date-time"`, `"type": "string", "format": "date"`, `{"date.format": {"layout": "2006-01-02"}}`, map[string]string{`"2024-12-31T23:00:00-02:00"`: `"2025-01-01"`}},
		{"choices", `"type": "string", "enum": ["a", "b"]`, `"type": "integer", "enum": [1, 2]`, `{"enum": {"map": {"a": 1, "b": 2}}}`, map[string]string{`"a"`: `1`, `"\u0062"`: `2`, `"c"`: "M311"}},
		{"choices of text", anyText, `"type": "string", "enum": ["x", "<"]`, `{"enum": {"map": {"a": "x"}, "else": "<"}}`, map[string]string{`"a"`: `"x"`, `"A"`: `"\u003c"`, `""`: `"\u003c"`}},
		{"choices of integers", `"type": "integer", "enum": [-1, 2]`, `"type": "string", "maxLength": 3, "minLength": 2`, `{"enum": {"map": {"-1": "no", "2": "yes"}}}`, map[string]string{`-1`: `"no"`, `2`: `"yes"`}},
		{"choices of booleans", `"type": "boolean"`, `"type": "string", "maxLength": 1`, `{"enum": {"map": {"true": "Y", "false": "N"}}}`, map[string]string{`true`: `"Y"`, `false`: `"N"`}},
		{"choices of choices", `"type": "string", "enum": ["a", "b", "c"]`, `"type": "integer", "enum": [1, 2]`, `{"enum": {"map": {"a": "x", "b": "x", "c": "y"}}}, {"enum": {"map": {"x": 1, "y": 2}}}`, map[string]string{`"a"`: `1`, `"b"`: `1`, `"c"`: `2`}},
		{"choices of chosen integers", `"type": "boolean"`, `"type": "string", "maxLength": 4`, `{"enum": {"map": {"true": 1, "false": 1}}}, {"enum": {"map": {"1": "same"}}}`, map[string]string{`true`: `"same"`, `false`: `"same"`}},
		{"redact", `"type": "boolean"`, `"type": "string", "maxLength": 10`, `{"redact": {}}`, map[string]string{`true`: `"[redacted]"`}},
		{"redact null", `"type": ["string", "null"], "maxLength": 5`, `"type": ["string", "null"], "maxLength": 10`, `{"redact": {}}`, map[string]string{`null`: `null`, `""`: `"[redacted]"`}},
		{"mask a number", money, `"type": "string", "maxLength": 8`, `{"mask.keep_last": {"n": 2}}`, map[string]string{`12.5`: `"****"`, `1234.5`: `"****50"`}},
		{"mask each", `"type": "array", "maxItems": 3, "items": {"type": ["string", "null"], "maxLength": 12}`, `"type": "array", "maxItems": 3, "items": {"type": ["string", "null"], "maxLength": 8}`, `{"mask.keep_last": {"n": 4}}`, map[string]string{`["0123456789",null,"0123456"]`: `["****6789",null,"****"]`, `[]`: `[]`}},
	} {
		m := one(t, tt.from, tt.into, tt.do)
		for raw, want := range tt.want {
			if got := mapOne(t, m, raw); got != want {
				t.Errorf("%s of %s: %s, want %s", tt.name, raw, got, want)
			}
		}
	}
}

// fallible is a mapping whose transform can have no result, into a body.
func fallible(t *testing.T, from, into, do, onError string) *mapping.Mapper {
	t.Helper()
	src := `{"title": "src", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "required": ["v"], "properties": {"v": {` + from + `}}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"v": {` + into + `}}}`
	return compile(t, src, dst, `{"mapping": "one", "from": "src", "to": "dst", "set": {"/v": {"from": "/v", "do": [`+do+`], "on_error": "`+onError+`"}}}`, anywhereAPI())
}

func TestFallibleTransforms(t *testing.T) {
	const integer, number = `"type": ["integer", "null"]`, `"type": ["number", "null"], "scale": 2`
	for _, tt := range []struct {
		name, from, into, do string
		right                map[string]string
		wrong                []string
	}{
		{"text to integer", anyText, integer, `{"string.to_int": {}}`, map[string]string{`"7"`: `7`, `"-9223372036854775808"`: `-9223372036854775808`, `"\u0037"`: `7`},
			[]string{`""`, `" 7"`, `"7 "`, `"+7"`, `"07"`, `"-0"`, `"7.0"`, `"7e1"`, `"1,234"`, `"0x7"`, `"٧"`, `"9223372036854775808"`, `"-9223372036854775809"`, `"7\u000a"`, `"NaN"`, `"1_000"`}},
		{"text to integer in a range", anyText, `"type": ["integer", "null"], "minimum": 1, "maximum": 9`, `{"string.to_int": {"minimum": 1, "maximum": 9}}`, map[string]string{`"1"`: `1`, `"9"`: `9`}, []string{`"0"`, `"10"`}},
		{"text to number", anyText, number, `{"string.to_number": {"scale": 2}}`, map[string]string{`"7"`: `7.00`, `"-0.5"`: `-0.50`, `"92233720368547758.07"`: `92233720368547758.07`},
			[]string{`"12345.678"`, `"1,234.50"`, `" 12"`, `"1."`, `".5"`, `"1e2"`, `"92233720368547758.08"`, `"--1"`, `"1.5."`}},
		{"text to number in a range", anyText, `"type": ["number", "null"], "scale": 2, "minimum": -0.5, "maximum": 1`, `{"string.to_number": {"scale": 2, "minimum": -0.5, "maximum": 1}}`, map[string]string{`"1.00"`: `1.00`}, []string{`"1.01"`, `"-0.51"`}},
		{"unix to time", `"type": "integer"`, `"type": ["string", "null"], "format": "date-time"`, `{"unix.to_time": {}}`, map[string]string{`0`: `"1970-01-01T00:00:00Z"`}, []string{`253402300800`, `-62135596801`, `9223372036854775807`}},
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
	array := fallible(t, `"type": "array", "maxItems": 3, "items": {`+anyText+`}`, `"type": "array", "maxItems": 3, "items": {"type": "integer"}`, `{"string.to_int": {}}`, "fail")
	if a, b := mapOne(t, array, `["1","2"]`), mapOne(t, array, `["1","x","2"]`); a != "[1,2]" || b != "M315" {
		t.Error(a, b)
	}
}

// TestMasksOfShortValues show nothing of them, and of others no part of a character.
func TestMasksOfShortValues(t *testing.T) {
	m := one(t, anyText, anyText, `{"mask.keep_last": {"n": 4}}`)
	for raw, want := range map[string]string{
		`""`: `"****"`, `"abcd"`: `"****"`, `"abcdefg"`: `"****"`, `"abcdefgh"`: `"****efgh"`, `"4111111111111111"`: `"****1111"`,
		`"ÅÄÖÜåäöü"`: `"****åäöü"`, `"\u00c5ÄÖÜåäöü"`: `"****åäöü"`, `"abcd😁😂😃😄"`: `"****😁😂😃😄"`, `"٠١٢٣٤٥٦٧"`: `"****٤٥٦٧"`,
		"\"abcde\u0301fgh\"": "\"****fgh\"", "\"abcdefg\u200d\u0301hi\"": "\"****hi\"", "\"abcd\u0301\u0301\u0301\u0301\"": `"****"`, `"abcd<<<<"`: `"****\u003c\u003c\u003c\u003c"`,
		`"    1234"`: `"****"`, `"\u200b\u200b\u200b\u200b1234"`: `"****"`, `"\u3164\u3164\u3164\u31641234"`: `"****"`, `"----1234"`: `"****"`, `"😀😀😀😀😁😂😃😄"`: `"****"`, `"+1 (2) 3 - 4567"`: `"****"`, "\"e\u0301e\u0301e\u03011234\"": `"****"`,
		`"00001234"`: `"****1234"`,
	} {
		if got := mapOne(t, m, raw); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
	m = one(t, anyText, anyText, `{"mask.keep_last": {"n": 1}}`)
	for raw, want := range map[string]string{`"abcd"`: `"****"`, `"abcde"`: `"****e"`, `"abc-d"`: `"****"`} {
		if got := mapOne(t, m, raw); got != want {
			t.Errorf("one of %s: %s, want %s", raw, got, want)
		}
	}
	m = one(t, anyText, anyText, `{"mask.keep_last": {"n": 16}}`)
	if a, b := mapOne(t, m, `"`+strings.Repeat("x", 31)+`"`), mapOne(t, m, `"`+strings.Repeat("x", 32)+`"`); a != `"****"` || len(b) != 22 {
		t.Error(a, b)
	}
}

// TestMaskOfAddresses: what is none, is hidden whole; a domain that nobody listed is that
// of one person, perhaps.
func TestMaskOfAddresses(t *testing.T) {
	m := one(t, anyText, `"type": "string", "maxLength": 17`, `{"mask.email": {"domains": ["acme.example", "a.example"]}}`)
	for raw, want := range map[string]string{
		`"zoe@acme.example"`: `"****@acme.example"`, `"zoe@ACME.Example"`: `"****@acme.example"`, `"z@a.example"`: `"****@a.example"`,
		`"me@zoe-astrom.example"`: `"****@****"`, `"zoe@acme.example.evil"`: `"****@****"`, `"zoe@xacme.example"`: `"****@****"`,
		`"zoe"`: `"****"`, `""`: `"****"`, `"@acme.example"`: `"****"`, `"a@b@acme.example"`: `"****"`, `"\"zoe astrom\"@acme.example"`: `"****"`, `"zoë@acme.example"`: `"****"`, `"zoe@"`: `"****"`,
	} {
		if got := mapOne(t, m, raw); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
	if got := mapOne(t, one(t, anyText, `"type": "string", "maxLength": 9`, `{"mask.email": {}}`), `"zoe@acme.example"`); got != `"****@****"` {
		t.Error(got)
	}
}

// TestArguments that make no transform.
func TestArguments(t *testing.T) {
	for _, tt := range []struct{ from, do, want string }{
		{anyText, `{"mask.keep_last": {}}`, "M210"}, {anyText, `{"mask.keep_last": {"n": 0}}`, "M210"}, {anyText, `{"mask.keep_last": {"n": 17}}`, "M210"}, {anyText, `{"mask.keep_last": {"n": 1.5}}`, "M210"}, {anyText, `{"mask.keep_last": {"N": 4}}`, "M210"}, {anyText, `{"mask.keep_last": 4}`, "M210"},
		{`"type": "boolean"`, `{"mask.keep_last": {"n": 4}}`, "M211"},
		{anyText, `{"mask.email": {"domains": ["a b"]}}`, "M210"}, {anyText, `{"mask.email": {"domains": "a"}}`, "M210"}, {`"type": "integer"`, `{"mask.email": {}}`, "M211"},
		{anyText, `{"enum": {}}`, "M210"}, {anyText, `{"enum": {"map": {}}}`, "M210"}, {anyText, `{"enum": {"map": {"a": "b"}}}`, "M210"}, {anyText, `{"enum": {"map": {"a": 1.5}, "else": 1}}`, "M210"}, {anyText, `{"enum": {"map": {"a": "b"}, "else": 1}}`, "M210"}, {anyText, `{"enum": {"map": {"a": "b", "c": 1}, "else": "x"}}`, "M210"},
		{`"type": "string", "enum": ["a", "b"]`, `{"enum": {"map": {"a": "x"}}}`, "M210"}, {`"type": "string", "enum": ["a", "b"]`, `{"enum": {"map": {"a": "x", "b": "x", "c": "x"}}}`, "M210"}, {`"type": "boolean"`, `{"enum": {"map": {"true": "x"}}}`, "M210"}, {`"type": "number", "scale": 1`, `{"enum": {"map": {"1": "x"}, "else": "y"}}`, "M211"},
		{`"type": "integer"`, `{"enum": {"map": {"01": "x"}, "else": "y"}}`, "M210"}, {`"type": "integer"`, `{"enum": {"map": {"+2": "x"}, "else": "y"}}`, "M210"}, {`"type": "integer"`, `{"enum": {"map": {"-0": "x"}, "else": "y"}}`, "M210"}, {`"type": "integer"`, `{"enum": {"map": {" 2": "x"}, "else": "y"}}`, "M210"}, {`"type": "integer"`, `{"enum": {"map": {"1.0": "x"}, "else": "y"}}`, "M210"},
		{`"type": "integer", "minimum": 3`, `{"enum": {"map": {"2": "x"}, "else": "y"}}`, "M210"}, {`"type": "integer", "maximum": 1`, `{"enum": {"map": {"2": "x"}, "else": "y"}}`, "M210"}, {`"type": "integer", "minimum": 2, "maximum": 2`, `{"enum": {"map": {"2": "x"}, "else": "y"}}`, "M212"},
		{`"type": "string", "maxLength": 2`, `{"enum": {"map": {"abc": "x"}, "else": "y"}}`, "M210"}, {`"type": "string", "format": "date"`, `{"enum": {"map": {"2026-02-29": "x"}, "else": "y"}}`, "M210"}, {`"type": "string", "maxLength": 9, "pattern": "^[a-z]+$"`, `{"enum": {"map": {"A": "x"}, "else": "y"}}`, "M210"}, {`"type": "string", "maxLength": 9, "pattern": "^[<\"]+$"`, `{"enum": {"map": {"<\"": "x"}, "else": "y"}}`, "M212"},
		{`"type": "string", "format": "date"`, `{"date.format": {"layout": "2006"}}`, "M210"}, {`"type": "string", "format": "date"`, `{"date.format": {}}`, "M210"}, {`"type": "string", "format": "date"`, `{"date.format": {"zone": "x"}}`, "M210"}, {anyText, `{"date.format": {"layout": "2006-01"}}`, "M211"}, {anyText, `{"date.year": {}}`, "M211"},
		{`"type": "integer"`, `{"date.year": {}}`, "M211"}, {`"type": "string", "format": "date"`, `{"time.to_unix": {}}`, "M211"}, {`"type": "string", "format": "date"`, `{"time.date": {}}`, "M211"}, {anyText, `{"unix.to_time": {}}`, "M211"},
		{anyText, `{"int.to_string": {}}`, "M211"}, {`"type": "integer"`, `{"number.to_string": {}}`, "M211"}, {`"type": "integer"`, `{"string.to_int": {}}`, "M211"}, {anyText, `{"string.to_int": {"minimum": 2, "maximum": 1}}`, "M210"}, {anyText, `{"string.to_int": {"minimum": 1.5}}`, "M210"}, {anyText, `{"string.to_int": {"scale": 1}}`, "M210"},
		{anyText, `{"string.to_number": {"scale": 19}}`, "M210"}, {anyText, `{"string.to_number": {"scale": -1}}`, "M210"},
		{`"type": "array", "maxItems": 1, "items": {"type": "array", "maxItems": 1, "items": {"type": "boolean"}}`, `{"redact": {}}`, "M205 M208"},
		{anyText, `{"token.hmac": {}}`, "M210"}, {anyText, `{"token.hmac": {"key": "A"}}`, "M210"}, {anyText, `{"token.hmac": {"key": "a//b"}}`, "M210"}, {anyText, `{"token.hmac": {"key": "../a"}}`, "M210"}, {anyText, `{"token.hmac": {"key": "` + strings.Repeat("a", 129) + `"}}`, "M210"},
		{`"type": "boolean"`, `{"token.hmac": {"key": "a"}}`, "M211"}, {`"type": "string", "enum": ["a", "bbbbbbbb"]`, `{"token.hmac": {"key": "a"}}`, "M211"}, {`"type": "string", "maxLength": 5`, `{"token.hmac": {"key": "a"}}`, "M211"}, {`"type": "string", "format": "date"`, `{"token.hmac": {"key": "a"}}`, "M211"},
		{`"type": "integer", "minimum": 0, "maximum": 99999`, `{"token.hmac": {"key": "a"}}`, "M211"}, {`"type": "integer", "enum": [1, 99999999]`, `{"token.hmac": {"key": "a"}}`, "M211"},
		{anyText, `{"token.aes_siv": {}}`, "M210"}, {anyText, `{"token.aes_siv": {"key": "../a"}}`, "M210"}, {anyText, `{"token.aes_siv": {"key": "a", "pad": false}}`, "M210"}, {anyText, `{"token.vault": {}}`, "M209"},
		{`"type": "number", "scale": 1`, `{"token.aes_siv": {"key": "a"}}`, "M211"}, {`"type": "string", "enum": ["a", "bbbbbbbb"]`, `{"token.aes_siv": {"key": "a"}}`, "M211"}, {`"type": "string", "maxLength": 5`, `{"token.aes_siv": {"key": "a"}}`, "M211"}, {`"type": "string", "format": "date"`, `{"token.aes_siv": {"key": "a"}}`, "M211"}, {`"type": "integer", "minimum": 0, "maximum": 99999`, `{"token.aes_siv": {"key": "a"}}`, "M211"},
		{anyText, `{"sha256": {}}`, "M209"}, {anyText, `{"hash": {}}`, "M209"}, {anyText, `{}`, "M209"},
	} {
		src := `{"title": "src", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "required": ["v"], "properties": {"v": {` + tt.from + `}}}`
		dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"v": {"type": "boolean"}}}`
		_, err := mapping.Compile(schema(t, src), schema(t, dst), []byte(`{"mapping": "one", "from": "src", "to": "dst", "set": {"/v": {"from": "/v", "do": [`+tt.do+`]}}}`), anywhereAPI())
		if got := codes(err); got != tt.want {
			t.Errorf("%s of %s: %v", tt.do, tt.from, err)
		}
	}
}

// TestTokens: a token is that of one value of one field under one key, in every mapping.
func TestTokens(t *testing.T) {
	tokens(t, "token.hmac", "tk1.", 22)
	tokens(t, "token.aes_siv", "ts1.", 43)
}

// tokens holds it of a transform whose tokens begin so and end with so many characters, of short values.
func tokens(t *testing.T, via, begins string, characters int) {
	mint := func(schema, field, from, key, version, raw string) string {
		t.Helper()
		src := `{"title": "` + schema + `", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "required": ["` + field + `"], "properties": {"` + field + `": {` + from + `}}}`
		dst := `{"title": "dst", "type": "object", "additionalProperties": false, "required": ["id"], "properties": {"id": {"type": "string", "maxLength": 99999, "in": "path"}}}`
		m := compile(t, src, dst, `{"mapping": "one", "from": "`+schema+`", "to": "dst", "set": {"/id": {"from": "/`+field+`", "do": [{"`+via+`": {"key": "`+key+`"}}], "on_error": "fail"}}}`, anywhereAPI())
		if keys := m.Keys(); len(keys) != 1 || keys[0] != key {
			t.Errorf("needs %v", keys)
		}
		record, err := m.Map(t.Context(), m.Source().Document([]byte(`{"`+field+`":`+raw+`}`)), testKeys(version))
		if err != nil {
			return err.Error()
		}
		for _, value := range record.Fields() {
			return value
		}
		return ""
	}
	const number = `"type": "integer"`
	base := mint("hr", "id", anyText, "crm", "1", `"4711"`)
	if !strings.HasPrefix(base, begins+"1.") || len(base) != 6+characters || strings.Trim(base[6:], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		t.Errorf("%s", base)
	}
	for name, same := range map[string]string{
		"again": mint("hr", "id", anyText, "crm", "1", `"4711"`), "escaped": mint("hr", "id", anyText, "crm", "1", `"\u0034711"`), "as an integer": mint("hr", "id", number, "crm", "1", `4711`),
	} {
		if same != base {
			t.Errorf("%s: %s, and not %s", name, same, base)
		}
	}
	drawn := func(token string) string { return token[len(token)-characters:] } // without the version in front
	seen := map[string]string{drawn(base): "base"}
	for name, other := range map[string]string{
		"another value": mint("hr", "id", anyText, "crm", "1", `"4712"`), "another field": mint("hr", "no", anyText, "crm", "1", `"4711"`), "another schema": mint("er", "id", anyText, "crm", "1", `"4711"`),
		"another key": mint("hr", "id", anyText, "erp", "1", `"4711"`), "another version": mint("hr", "id", anyText, "crm", "2", `"4711"`),
		"composed": mint("hr", "id", anyText, "crm", "1", `"\u00e9"`), "decomposed": mint("hr", "id", anyText, "crm", "1", `"e\u0301"`), "case": mint("hr", "id", anyText, "crm", "1", `"E\u0301"`), "space": mint("hr", "id", anyText, "crm", "1", `"4711 "`),
		"shifted by one character": mint("hri", "d", anyText, "crm", "1", `"4711"`),
	} {
		if !strings.HasPrefix(other, begins) || seen[drawn(other)] != "" {
			t.Errorf("%s: %s is that of %s", name, other, seen[drawn(other)])
		}
		seen[drawn(other)] = name
	}
	if got := mint("hr", "id", anyText, "crm", "1", `""`); got != "mapping: M315 data does not fit at /id" {
		t.Errorf("of nothing: %s", got)
	}
	if got := mint("hr", "id", anyText, "crm", strings.Repeat("v", 36), `"4711"`); len(got) != 41+characters {
		t.Errorf("longest: %s", got)
	}
}

// TestATokenIsWhatItsDocSays: somebody else can compute it.
func TestATokenIsWhatItsDocSays(t *testing.T) {
	m := one(t, `"type": "integer"`, `"type": "string", "maxLength": 63`, `{"token.hmac": {"key": "crm/tokens"}}`)
	mac := hmac.New(sha256.New, []byte("crm/tokens/0123456789abcdef01234"))
	for _, part := range []string{"crm/tokens", "src", "/v", "1", "-4711"} {
		_ = binary.Write(mac, binary.BigEndian, uint64(len(part)))
		mac.Write([]byte(part))
	}
	want := `"tk1.1.` + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]) + `"`
	if got := mapOne(t, m, `-4711`); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestWhatOpensShowsItsBlocks and not how long it is.
func TestWhatOpensShowsItsBlocks(t *testing.T) {
	m := one(t, `"type": "string", "minLength": 1, "maxLength": 99`, `"type": "string", "maxLength": 999`, `{"token.aes_siv": {"key": "crm/tokens"}}`)
	for length, want := range map[int]int{1: 32, 15: 32, 16: 48, 31: 48, 32: 64} {
		got := mapOne(t, m, `"`+strings.Repeat("a", length)+`"`)
		_, characters, _ := strings.Cut(got, "ts1.1.")
		if made, err := base64.RawURLEncoding.DecodeString(strings.TrimSuffix(characters, `"`)); err != nil || len(made) != want {
			t.Errorf("%d characters: %s is %d bytes, %v", length, got, len(made), err)
		}
	}
}

// TestNumbersSurvive: nothing on the way is a float.
func TestNumbersSurvive(t *testing.T) {
	m := one(t, `"type": "integer"`, `"type": "integer"`, ``)
	for _, n := range []int64{math.MaxInt64, math.MinInt64, 1<<53 + 1, -(1<<53 + 1), 228930314431312345, 5577006791947779410, 0} {
		if got := mapOne(t, m, strconv.FormatInt(n, 10)); got != fmt.Sprint(n) {
			t.Errorf("%d became %s", n, got)
		}
	}
}
