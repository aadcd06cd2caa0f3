package mapping_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/carnet-go/carnet/mapping"
)

// profile has a field of each type.
const profile = `{
  "title": "profile", "type": "object", "additionalProperties": false, "required": ["ssn"],
  "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]},
  "properties": {
    "ssn": {"type": "string", "maxLength": 11},
    "name": {"type": "string", "minLength": 2, "maxLength": 4},
    "nick": {"type": ["string", "null"], "maxLength": 4},
    "naïve": {"type": "string", "maxLength": 4},
    "id": {"type": "integer"},
    "age": {"type": ["integer", "null"], "minimum": -5, "maximum": 150},
    "level": {"type": "integer", "enum": [1, 3]},
    "price": {"type": "number", "scale": 2, "minimum": -10, "maximum": 10.5},
    "share": {"type": "number", "scale": 18},
    "vip": {"type": "boolean"},
    "state": {"type": "string", "enum": ["on", "öff"]},
    "code": {"type": "string", "maxLength": 9, "pattern": "^(?:a|b)$"},
    "day": {"type": "string", "format": "date"},
    "at": {"type": "string", "format": "date-time"},
    "mail": {"type": "string", "format": "email"},
    "uuid": {"type": "string", "format": "uuid"},
    "tags": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 3}},
    "rows": {"type": ["array", "null"], "maxItems": 2, "items": {"type": ["object", "null"], "additionalProperties": false, "required": ["n"], "properties": {"n": {"type": "integer"}, "m": {"type": "array", "maxItems": 1, "items": {"type": "boolean"}}}}},
    "flat": {"type": ["object", "null"], "additionalProperties": false, "required": ["city"], "properties": {"city": {"type": "string", "maxLength": 9}, "street": {"type": "string", "maxLength": 9}}}
  }
}`

func TestCheck(t *testing.T) {
	s := schema(t, profile)
	with := func(member string) string { return `{"ssn":"x",` + member + `}` }
	for _, tt := range []struct{ raw, want string }{
		{`{"ssn":"x"}`, ""},
		{" \t\r\n{ \"ssn\" : \"x\" , \"vip\" : true } \n", ""},
		{with(`"name":"ab","nick":null,"naïve":"","id":1,"age":null,"level":3,"price":1.5,"vip":false,"tags":[],"rows":null,"flat":null`), ""},
		{with(`"rows":[{"n":1,"m":[true]},null],"flat":{"street":"s","city":"c"},"tags":[ "a" , "b" ]`), ""},

		{``, "M301 "}, {`  `, "M301 "}, {`{`, "M301 "}, {`{"ssn"`, "M301 "}, {`{"ssn":`, "M301 /ssn"}, {`{"ssn":"x"`, "M301 "}, {`{"ssn":"x`, "M301 /ssn"}, {`{"ssn":"x",}`, "M301 "},
		{`{,}`, "M301 "}, {`{"ssn" "x"}`, "M301 "}, {`{ssn:"x"}`, "M301 "}, {`{"ssn":"x"}{}`, "M301 "}, {`{"ssn":"x"} x`, "M301 "}, {"{\"ssn\":\"x\"}\x00", "M301 "}, {`{"ssn":"x"/**/}`, "M301 "},
		{"\ufeff{\"ssn\":\"x\"}", "M301 "}, {with("\"tags\":[,]"), "M301 /tags/*"}, {with(`"tags":["a",]`), "M301 /tags/*"}, {with(`"tags":["a"`), "M301 /tags"}, {with(`"tags":["a" "b"]`), "M301 /tags"},
		{with(`"vip":tru`), "M301 /vip"}, {with(`"vip":truely`), "M301 "}, {with(`"nick":nul`), "M301 /nick"}, {with(`"vip":TRUE`), "M301 /vip"}, {with(`"id":+1`), "M301 /id"}, {with(`"id":.5`), "M301 /id"},
		{with(`"id":-`), "M301 /id"}, {with(`"id":01`), "M301 /id"}, {with(`"id":-01`), "M301 /id"}, {with(`"price":1.`), "M301 /price"}, {with(`"id":0x1`), "M301 "}, {with(`"id":NaN`), "M301 /id"},
		{with("\"name\":\"a\tb\""), "M301 /name"}, {with("\"name\":\"a\x00b\""), "M301 /name"}, {with(`"name":"\x41"`), "M301 /name"}, {with(`"name":"\u12g4"`), "M301 /name"}, {with(`"name":"\u12`), "M301 /name"}, {`{"ssn":"\`, "M301 /ssn"},
		{`[]`, "M307 "}, {`null`, "M307 "}, {`"x"`, "M307 "}, {`1`, "M307 "}, {strings.Repeat("[", 10_000), "M307 "}, {strings.Repeat(`{"flat":`, 10_000), "M304 /flat"}, {with(`"tags":` + strings.Repeat("[", 1_000_000)), "M307 /tags/*"},

		{"{\"ssn\":\"\xff\"}", "M303 "}, {"{\"ssn\":\"\xc0\xae\"}", "M303 "}, {"{\"ssn\":\"\xed\xa0\x80\"}", "M303 "}, {"{\"\xff\":\"\"}", "M303 "},
		{`{"ssn":"\ud83d"}`, "M303 /ssn"}, {`{"ssn":"\ud83d\u0041"}`, "M303 /ssn"}, {`{"ssn":"\ude00"}`, "M303 /ssn"}, {`{"ssn":"\ud83dx"}`, "M303 /ssn"}, {`{"ssn":"\ud83d\ud83d"}`, "M303 /ssn"}, {`{"\ud83d":1}`, "M303 "},
		{`{"ssn":"\u0000"}`, "M303 /ssn"}, {`{"ssn":"\ud83d\n"}`, "M303 /ssn"}, {`{"ssn":"\ud83d`, "M303 /ssn"},

		{with(`"other":1`), "M304 "}, {`{"SSN":"x"}`, "M304 "}, {`{"Ssn":"x"}`, "M304 "}, {`{"\u017fsn":"x"}`, "M304 "}, {`{"ssn ":"x"}`, "M304 "}, {`{"ss":"x"}`, "M304 "}, {`{"ssnx":"x"}`, "M304 "}, {`{"":"x"}`, "M304 "},
		{with("\"nai\u0308ve\":\"\""), "M304 "}, {with(`"flat":{"town":"c"}`), "M304 /flat"}, {with(`"rows":[{"n":1},{"x":1}]`), "M304 /rows/*"}, {`{"` + strings.Repeat("s", 1000) + `":1}`, "M304 "}, {`{"` + strings.Repeat(`\u0073`, 1000) + `":1}`, "M304 "},
		{with(`"ssn":"y"`), "M305 /ssn"}, {with(`"\u0073sn":"y"`), "M305 /ssn"}, {`{"\u0073\u0073\u006e":"y"}`, ""}, {with(`"rows":[{"n":1,"n":1}]`), "M305 /rows/*/n"}, {with(`"na\u00efve":"","naïve":""`), "M305 /naïve"},
		{`{}`, "M306 /ssn"}, {`{"vip":true}`, "M306 /ssn"}, {with(`"flat":{}`), "M306 /flat/city"}, {with(`"flat":{"street":""}`), "M306 /flat/city"}, {with(`"rows":[{}]`), "M306 /rows/*/n"},

		{`{"ssn":1}`, "M307 /ssn"}, {`{"ssn":null}`, "M307 /ssn"}, {`{"ssn":["x"]}`, "M307 /ssn"}, {with(`"id":"1"`), "M307 /id"}, {with(`"id":true`), "M307 /id"}, {with(`"vip":"true"`), "M307 /vip"}, {with(`"vip":0`), "M307 /vip"},
		{with(`"tags":"a"`), "M307 /tags"}, {with(`"tags":{}`), "M307 /tags"}, {with(`"tags":[1]`), "M307 /tags/*"}, {with(`"tags":[null]`), "M307 /tags/*"}, {with(`"flat":[]`), "M307 /flat"}, {with(`"flat":"x"`), "M307 /flat"}, {with(`"price":"1"`), "M307 /price"},

		{with(`"id":9007199254740993`), ""}, {with(`"id":9223372036854775807`), ""}, {with(`"id":-9223372036854775808`), ""}, {with(`"id":0`), ""},
		{with(`"id":9223372036854775808`), "M308 /id"}, {with(`"id":-9223372036854775809`), "M308 /id"}, {with(`"id":18446744073709551615`), "M308 /id"}, {with(`"id":18446744073709551616`), "M308 /id"}, {with(`"id":` + strings.Repeat("9", 100_000)), "M308 /id"},
		{with(`"id":1.0`), "M308 /id"}, {with(`"id":1e3`), "M308 /id"}, {with(`"id":1E3`), "M308 /id"}, {with(`"id":-0`), "M308 /id"}, {with(`"id":1e400`), "M308 /id"}, {with(`"price":-0.00`), "M308 /price"}, {with(`"price":1e1`), "M308 /price"},
		{with(`"age":-5`), ""}, {with(`"age":150`), ""}, {with(`"age":-6`), "M308 /age"}, {with(`"age":151`), "M308 /age"},
		{with(`"price":10.5`), ""}, {with(`"price":10.50`), ""}, {with(`"price":-10`), ""}, {with(`"price":10.51`), "M308 /price"}, {with(`"price":-10.01`), "M308 /price"}, {with(`"price":1.005`), "M308 /price"}, {with(`"price":1.000`), "M308 /price"},
		{with(`"share":0.100000000000000005`), ""}, {with(`"share":9.223372036854775807`), ""}, {with(`"share":9.223372036854775808`), "M308 /share"}, {with(`"share":0.1000000000000000055`), "M308 /share"}, {with(`"share":10`), "M308 /share"},

		{with(`"name":"ab"`), ""}, {with(`"name":"abcd"`), ""}, {with(`"name":"ÅÄÖÜ"`), ""}, {with(`"name":"😀😀"`), ""}, {with(`"name":"\ud83d\ude00\ud83d\ude00\ud83d\ude00\ud83d\ude00"`), ""}, {with(`"name":"\n\t"`), ""}, {with(`"name":"é\u0041\u00e9"`), ""},
		{with(`"name":"a"`), "M309 /name"}, {with(`"name":"😀"`), "M309 /name"}, {with(`"name":"\ud83d\ude00"`), "M309 /name"}, {with(`"name":"abcde"`), "M309 /name"}, {with(`"name":"ÅÄÖÜß"`), "M309 /name"}, {with(`"name":"\u0041\u0041\u0041\u0041\u0041"`), "M309 /name"},
		{with(`"name":"` + strings.Repeat("x", 3_000_000) + `"`), "M309 /name"},
		{with(`"tags":["a","b","c"]`), "M310 /tags"}, {with(`"rows":[null,null,null]`), "M310 /rows"}, {with(`"tags":["abcd"]`), "M309 /tags/*"},
		{with(`"state":"on"`), ""}, {with(`"state":"\u00f6ff"`), ""}, {with(`"state":"of"`), "M311 /state"}, {with(`"state":"On"`), "M311 /state"}, {with(`"state":"o\u0308ff"`), "M309 /state"}, {with(`"level":1`), ""}, {with(`"level":2`), "M311 /level"},
		{with(`"code":"a"`), ""}, {with(`"code":"\u0061"`), ""}, {with(`"code":"ab"`), "M312 /code"}, {with(`"code":"xb"`), "M312 /code"}, {with(`"code":"a\n"`), "M312 /code"},
	} {
		err := s.Document([]byte(tt.raw)).Check()
		got := ""
		if data, ok := errors.AsType[*mapping.DataError](err); ok {
			got = data.Code + " " + data.Path
		}
		if got != tt.want || (err != nil) != errors.Is(err, mapping.ErrInvalid) {
			t.Errorf("%.80s: %s, want %s", tt.raw, got, tt.want)
		}
	}
}

// TestEscapedNames: the longest name that a schema declares is the same however it is
// written.
func TestEscapedNames(t *testing.T) {
	for _, name := range []string{strings.Repeat("n", 60), strings.Repeat("n", 128), strings.Repeat("é", 64), strings.Repeat("名", 42), strings.Repeat("𝒏", 32)} {
		s := schema(t, `{"title": "s", "type": "object", "additionalProperties": false, "required": ["`+name+`"], "properties": {"a": {"type": "boolean"}, "`+name+`": {"type": "boolean"}}}`)
		escaped := ""
		for _, unit := range utf16.Encode([]rune(name)) {
			escaped += fmt.Sprintf(`\u%04x`, unit)
		}
		d := s.Document([]byte(`{"` + escaped + `":true}`))
		var err error
		if allocs := testing.AllocsPerRun(10, func() { err = d.Check() }); err != nil || allocs > 1 {
			t.Errorf("%d bytes, escaped in %d: %v, %v allocations", len(name), len(escaped), err, allocs)
		}
		if err := s.Document([]byte(`{"` + escaped + `n":true}`)).Check(); err == nil {
			t.Errorf("%d bytes and one more", len(name))
		}
	}
}

// TestFormats: what one parser takes and another refuses is decided here.
func TestFormats(t *testing.T) {
	s := schema(t, profile)
	for name, texts := range map[string]struct{ right, wrong []string }{
		"day": {
			[]string{"2024-02-29", "0001-01-01", "9999-12-31", "2000-02-29"},
			[]string{"2023-02-29", "1900-02-29", "0000-01-01", "2024-13-01", "2024-00-01", "2024-01-00", "2024-01-32", "2024-04-31", "2024-1-01", "2024-01-1x", "2024/01/01", "24-01-01", "2024-01-01T", "+024-01-01", "２０２４-01", ""},
		},
		"at": {
			[]string{"2026-03-01T09:26:53Z", "2026-03-01T09:26:53.1Z", "2026-03-01T09:26:53.123456789Z", "2026-03-01T09:26:53+23:59", "2026-03-01T09:26:53-00:00", "2026-03-29T02:30:00+01:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"},
			[]string{"2026-03-01T9:26:53Z", "2026-03-01T09:26:53,5Z", "2026-03-01T09:26:53+24:00", "2026-03-01T09:26:53+01:60", "2026-12-31T23:59:60Z", "2026-03-01t09:26:53Z", "2026-03-01T09:26:53z", "2026-03-01 09:26:53Z",
				"2026-03-01T09:26:53", "2026-03-01T09:26Z", "2026-03-01T24:00:00Z", "2026-03-01T09:60:00Z", "2026-02-29T00:00:00Z", "2026-03-01T09:26:53.Z", "2026-03-01T09:26:53.1234567890Z", "2026-03-01T09:26:53+0100", "2026-03-01T09:26:53 Z",
				"0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-03-01", "2026-03-01T09:26:5xZ", "2026-03-01T09:26:53*01:00", "2026-03-01T09:26:53+01:0x"},
		},
		"mail": {
			[]string{"a@b", "zoe.o'neil+x@mail.acme-1.example", strings.Repeat("a", 64) + "@b.example"},
			[]string{"", "a", "@", "a@", "@b", "a@b@c", `"a b"@c`, "a b@c", ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@-b", "a@b-", "a@b-.c", "a@b.-c", "a@b_c", "a@[127.0.0.1]", "zoë@b", "a@bücher.example",
				strings.Repeat("a", 65) + "@b", "a@" + strings.Repeat("b", 64), "a@" + strings.Repeat("b.", 130) + "c"},
		},
		"uuid": {
			[]string{"123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-42661417400F"},
			[]string{"123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g", "123e4567-e89b-12d3-a456-4266141740000", "{123e4567-e89b-12d3-a456-42661417400}", "123e4567-e89b-12d3-a456_426614174000"},
		},
	} {
		for i, list := range [][]string{texts.right, texts.wrong} {
			for _, text := range list {
				err := s.Document(fmt.Appendf(nil, `{"ssn":"x","%s":%q}`, name, text)).Check()
				if wrong := i == 1; wrong != (err != nil) {
					t.Errorf("%s %q: %v", name, text, err)
				}
			}
		}
	}
}

// TestSizes: a limit is looked at before memory is spent.
func TestSizes(t *testing.T) {
	s := schema(t, `{"title": "s", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "string", "maxLength": 4194304}, "b": {"type": "array", "maxItems": 3, "items": {"type": "integer"}}}}`)
	whole := func(n int) []byte { return []byte(`{"a":"` + strings.Repeat("x", n-8) + `"}`) }
	if err := s.Document(whole(4 << 20)).Check(); err != nil {
		t.Error(err)
	}
	var v any
	d := s.Document(whole(4<<20 + 1))
	for _, err := range []error{d.Check(), d.Decode(&v)} {
		if data, ok := errors.AsType[*mapping.DataError](err); !ok || data.Code != "M302" {
			t.Error(err)
		}
	}
	long := []byte(`{"b":[1` + strings.Repeat(",1", 1_000_000) + `]}`)
	var err error
	d = s.Document(long)
	if allocs := testing.AllocsPerRun(5, func() { err = d.Check() }); allocs > 4 {
		t.Errorf("%v allocations for an array that is too long", allocs)
	}
	if data, ok := errors.AsType[*mapping.DataError](err); !ok || data.Code != "M310" {
		t.Error(err)
	}
}

// TestSizesWithoutSpace: the largest document may have white space around it, wherever it comes from,
// and one byte more is too much.
func TestSizesWithoutSpace(t *testing.T) {
	form := `{"title": "%s", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {"a": {"type": "string", "maxLength": 4194304}}}`
	m := compile(t, fmt.Sprintf(form, "src"), fmt.Sprintf(form, "dst"), `{"mapping": "m", "from": "src", "to": "dst", "set": {"/a": {"from": "/a"}}}`, anywhereAPI())
	fits := `{"a":"` + strings.Repeat("x", 4<<20-8) + `"}`
	spaces := strings.Repeat(" \t\r", 100_000)
	for name, c := range map[string]struct{ document, before, behind, want string }{
		"alone":          {fits, "", "", ""},
		"behind":         {fits, "", "  ", ""},
		"around":         {fits, spaces + "\n", spaces, ""},
		"one more":       {`{"a":"x` + fits[6:], "", "", "M302"},
		"one in it":      {"{ " + fits[1:], "", "", "M302"},
		"text behind it": {fits, "", spaces + "x", "M302"},
	} {
		text, want := c.before+c.document+c.behind, c.want
		if err := m.Source().Document([]byte(text)).Check(); codeOf(err) != want {
			t.Errorf("%s: Document is %v, and not %q", name, err, want)
		}
		var r mapping.Record
		if err := m.MapJSON(t.Context(), []byte(text), nil, &r); codeOf(err) != want {
			t.Errorf("%s: MapJSON is %v, and not %q", name, err, want)
		}
		for form, stream := range map[string]string{"line": text + "\n{}\n", "last line": "{}\n" + text, "element": "[{}," + text + "]", "first element": "[" + text + ",{}]"} {
			n, refused := 0, ""
			for _, err := range m.Source().Documents(t.Context(), strings.NewReader(stream)) {
				n++
				refused += codeOf(err)
			}
			if n != 2 || refused != want {
				t.Errorf("%s, as %s: %d documents, %q is refused, and not %q", name, form, n, refused, want)
			}
		}
	}
}

// codeOf is that of a DataError; empty: there is no error.
func codeOf(err error) string {
	if data, ok := errors.AsType[*mapping.DataError](err); ok {
		return data.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestDocumentsUnderASchema(t *testing.T) {
	s := schema(t, profile)
	raw := []byte(`{"ssn":"x","id":9007199254740993}`)
	d := s.Document(raw)
	raw[8] = 'y'
	var v struct {
		SSN string `json:"ssn"`
		ID  int64  `json:"id"`
	}
	if err := d.Decode(&v); err != nil || v.SSN != "x" || v.ID != 9007199254740993 {
		t.Errorf("%v %+v", err, v)
	}
	if d.Schema() != s || d.IsZero() {
		t.Error("no schema")
	}
	var other struct{ Name string }
	if err := d.Decode(&other); err != mapping.ErrInvalid {
		t.Errorf("into a target without the members: %v", err)
	}
	before := v
	err := s.Document([]byte(`{"ssn":"y","id":1.0}`)).Decode(&v)
	if data, ok := errors.AsType[*mapping.DataError](err); !ok || data.Path != "/id" || v != before {
		t.Errorf("%v %+v", err, v)
	}
	if err := mapping.Opaque(raw).Check(); err != mapping.ErrInvalid || mapping.Opaque(raw).Schema() != nil {
		t.Error(err)
	}
}

func TestEncode(t *testing.T) {
	s := schema(t, profile)
	d, err := s.Encode(map[string]any{"ssn": "<x>", "id": int64(9007199254740993)})
	var v struct {
		SSN string `json:"ssn"`
		ID  int64  `json:"id"`
	}
	if err != nil || d.Decode(&v) != nil || v.SSN != "<x>" || v.ID != 9007199254740993 {
		t.Errorf("%v %+v", err, v)
	}
	for _, tt := range []struct {
		v    any
		want string
	}{{map[string]any{}, "M306"}, {map[string]any{"ssn": "x", "y": 1}, "M304"}, {nil, "M307"}, {make(chan int), ""}, {map[string]any{"ssn": func() {}}, ""}} {
		d, err := s.Encode(tt.v)
		data, _ := errors.AsType[*mapping.DataError](err)
		if !errors.Is(err, mapping.ErrInvalid) || !d.IsZero() || tt.want != "" && data.Code != tt.want || tt.want == "" && err != mapping.ErrInvalid {
			t.Errorf("%v: %v", tt.v, err)
		}
	}
}
