package mapping_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/carnet-go/carnet/mapping"
)

type contact struct {
	Name  string            `json:"name"`
	Phone *string           `json:"phone"`
	Age   int8              `json:"age"`
	Score float64           `json:"score"`
	Half  float32           `json:"half"`
	Tags  []string          `json:"tags"`
	Pair  [2]int            `json:"pair"`
	More  map[string]string `json:"more"`
	Years map[int]string    `json:"years"`
	Born  time.Time         `json:"born"`
	Raw   json.RawMessage   `json:"raw"`
	Any   any               `json:"any"`
	Next  *contact          `json:"next"`
	Plain string
	skip  string // no member
	address
	*office
	Hidden string `json:"-"`
	Quoted int    `json:"quoted,string"`
}

type address struct {
	Street string `json:"street"`
	Plain  int    // shadowed
	Both   int    `json:"both"`
}

type office struct {
	Floor int `json:"floor"`
	Both  int `json:"both"` // at the same depth as address.Both: nobody's
}

func TestDecode(t *testing.T) {
	_ = contact{}.skip
	phone := "1"
	for _, tt := range []struct {
		raw  string
		want contact
	}{
		{`{}`, contact{}},
		{" \t\r\n{ } ", contact{}},
		{`{"name":"Ann","age":-128,"tags":["a","b"],"pair":[1,2]}`, contact{Name: "Ann", Age: -128, Tags: []string{"a", "b"}, Pair: [2]int{1, 2}}},
		{`{ "name" : "Ann" , "tags" : [ "a" , "b" ] , "more" : { "x" : "y" , "z" : "" } }`, contact{Name: "Ann", Tags: []string{"a", "b"}, More: map[string]string{"x": "y", "z": ""}}},
		{`{"\u006eame":"\ud83d\ude00\"\\"}`, contact{Name: "😀\"\\"}},
		{"{\"name\":\"\u2028\"}", contact{Name: "\u2028"}},
		{`{"phone":null,"tags":null,"more":null,"any":null,"next":null}`, contact{}},
		{`{"phone":"1"}`, contact{Phone: &phone}},
		{`{"score":0.1,"half":0.5}`, contact{Score: 0.1, Half: 0.5}},
		{`{"score":9007199254740992,"half":16777216}`, contact{Score: 1 << 53, Half: 1 << 24}},
		{`{"score":-0}`, contact{Score: math.Copysign(0, -1)}},
		{`{"score":1e300}`, contact{Score: 1e300}},
		{`{"any":9007199254740993}`, contact{Any: json.Number("9007199254740993")}},
		{`{"any":{"a":[1,{"b":true}]}}`, contact{Any: map[string]any{"a": []any{json.Number("1"), map[string]any{"b": true}}}}},
		{`{"raw":{"a": 1}}`, contact{Raw: json.RawMessage(`{"a": 1}`)}},
		{`{"raw":null}`, contact{Raw: json.RawMessage(`null`)}},
		{`{"born":"2026-01-02T03:04:05Z"}`, contact{Born: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}},
		{`{"years":{"0":"a","-1":"b","10":"c"}}`, contact{Years: map[int]string{0: "a", -1: "b", 10: "c"}}},
		{`{"next":{"name":"Bo","next":{"name":"Cy"}}}`, contact{Next: &contact{Name: "Bo", Next: &contact{Name: "Cy"}}}},
		{`{"Plain":"p","street":"s","quoted":"7"}`, contact{Plain: "p", address: address{Street: "s"}, Quoted: 7}},
	} {
		var got contact
		if err := mapping.Opaque([]byte(tt.raw)).Decode(&got); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.raw, got, err)
		}
	}
}

func TestDecodeIsStrict(t *testing.T) {
	deep := func(n int) string { return `{"any":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}" }
	for name, raw := range map[string]string{
		"nothing":                         ``,
		"white space":                     `  `,
		"a word":                          `name`,
		"trailing data":                   `{} {}`,
		"trailing bracket":                `{}}`,
		"trailing comma":                  `{"name":"a",}`,
		"no end":                          `{"name":"a"`,
		"byte order mark":                 "\ufeff{}",
		"comment":                         `{/**/}`,
		"unknown member":                  `{"nick":"a"}`,
		"unknown in a nested one":         `{"next":{"nick":"a"}}`,
		"unknown in an array":             `{"name":"a","next":{"tags":[],"x":1}}`,
		"unexported field":                `{"skip":"a"}`,
		"field without json":              `{"Hidden":"a"}`,
		"field that two structs have":     `{"both":1}`,
		"other case":                      `{"Name":"a"}`,
		"all upper case":                  `{"NAME":"a"}`,
		"other case in a nested one":      `{"next":{"Name":"a"}}`,
		"composed name":                   "{\"n\u00e4me\":\"a\"}",
		"decomposed name":                 "{\"na\u0308me\":\"a\"}",
		"integer with a fraction of zero": `{"age":1.0}`,
		"long s":                          `{"\u017fcore":1}`,
		"Kelvin sign":                     `{"any":{"k":1,"\u212a":2}}`,
		"twice":                           `{"name":"a","name":"a"}`,
		"twice, once escaped":             `{"name":"a","n\u0061me":"b"}`,
		"twice, other case":               `{"name":"a","Name":"b"}`,
		"twice in an any":                 `{"any":{"a":1,"a":1}}`,
		"twice in an any, other case":     `{"any":{"a":1,"A":1}}`,
		"twice deep in an any":            `{"any":[[{"x":{"a":1,"b":2,"a":3}}]]}`,
		"twice in a map":                  `{"more":{"a":"1","a":"2"}}`,
		"twice in raw data":               `{"raw":{"a":1,"a":2}}`,
		"one number twice":                `{"years":{"1":"a","01":"b"}}`,
		"plus sign":                       `{"years":{"+1":"b"}}`,
		"minus zero":                      `{"years":{"-0":"b"}}`,
		"number for a string":             `{"name":1}`,
		"string for a number":             `{"age":"1"}`,
		"object for a string":             `{"name":{}}`,
		"array for an object":             `{"next":[]}`,
		"object for an array":             `{"tags":{}}`,
		"array at the top":                `[]`,
		"null at the top":                 `null`,
		"null for a string":               `{"name":null}`,
		"null for a number":               `{"age":null}`,
		"null for a fixed array":          `{"pair":null}`,
		"null in an array":                `{"tags":["a",null]}`,
		"null in a map":                   `{"more":{"a":null}}`,
		"too big":                         `{"age":128}`,
		"too small":                       `{"age":-129}`,
		"fraction for an integer":         `{"age":1.5}`,
		"exponent for an integer":         `{"age":1e1}`,
		"beyond a float":                  `{"score":1e400}`,
		"integer beyond a float":          `{"score":1` + strings.Repeat("0", 310) + `}`,
		"very long integer":               `{"score":` + strings.Repeat("9", 100_000) + `}`,
		"integer that a float rounds":     `{"score":9007199254740993}`,
		"negative integer, rounded":       `{"score":-9007199254740993}`,
		"integer that a float32 rounds":   `{"half":16777217}`,
		"array too short":                 `{"pair":[1]}`,
		"array too long":                  `{"pair":[1,2,3]}`,
		"bad time":                        `{"born":"yesterday"}`,
		"bad UTF-8":                       "{\"name\":\"\xff\"}",
		"overlong UTF-8":                  "{\"name\":\"\xc0\xae\"}",
		"bad UTF-8 in a member name":      "{\"any\":{\"\xff\":1}}",
		"first half of a character":       `{"name":"\ud83d"}`,
		"first half, then a character":    `{"name":"\ud83dx"}`,
		"first half, then another escape": `{"name":"\ud83d\u0041"}`,
		"two first halves":                `{"name":"\ud83d\ud83d"}`,
		"second half of a character":      `{"name":"\ude00"}`,
		"half in a member name":           `{"any":{"\ud83d":1}}`,
		"half in raw data":                `{"raw":"\ud83d"}`,
		"control character":               "{\"name\":\"\x00\"}",
		"half, then a whole character":    `{"name":"\ud83d \ud83d\ude00"}`,
		"65 levels of objects":            `{"any":` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 65),
		"65 levels":                       deep(64),
		"ten thousand levels":             deep(9_998),
		"a million levels":                deep(1_000_000),
		"a million levels, no end":        strings.Repeat("[", 1_000_000),
	} {
		t.Run(name, func(t *testing.T) {
			got := contact{Name: "before"}
			err := mapping.Opaque([]byte(raw)).Decode(&got)
			if err != mapping.ErrInvalid || !reflect.DeepEqual(got, contact{Name: "before"}) {
				t.Errorf("%v; target %+v", err, got)
			}
		})
	}
	var got contact
	if err := mapping.Opaque([]byte(deep(63))).Decode(&got); err != nil {
		t.Errorf("64 levels: %v", err)
	}
}

func TestDecodeIntoOthers(t *testing.T) {
	type tree struct {
		//lint:ignore U1000 a decoder that follows it never ends
		*tree
		Leaf int
	}
	for _, tt := range []struct {
		name, raw string
		to        func() any
		want      any
		wantErr   error
	}{
		{"any", `9007199254740993`, func() any { return new(any) }, json.Number("9007199254740993"), nil},
		{"null", `null`, func() any { return new(any) }, nil, nil},
		{"raw", `{"a":1}`, func() any { return new(json.RawMessage) }, json.RawMessage(`{"a":1}`), nil},
		{"raw, twice", `{"a":1,"a":1}`, func() any { return new(json.RawMessage) }, json.RawMessage(nil), mapping.ErrInvalid},
		{"number", `12`, func() any { return new(json.Number) }, json.Number("12"), nil},
		{"uint64", `18446744073709551615`, func() any { return new(uint64) }, uint64(math.MaxUint64), nil},
		{"uint64, one more", `18446744073709551616`, func() any { return new(uint64) }, uint64(0), mapping.ErrInvalid},
		{"bytes", `"AQI="`, func() any { return new([]byte) }, []byte{1, 2}, nil},
		{"bool", `true`, func() any { return new(bool) }, true, nil},
		{"embeds itself", `{"Leaf":1}`, func() any { return new(tree) }, tree{Leaf: 1}, nil},
		{"text", `"INFO"`, func() any { return new(slog.Level) }, slog.LevelInfo, nil},
		{"channel", `1`, func() any { return new(chan int) }, (chan int)(nil), mapping.ErrInvalid},
		{"not empty interface", `{"a":1}`, func() any { return new(error) }, nil, mapping.ErrInvalid},
		{"any that holds a pointer", `{"Name":"x"}`, func() any { var v any = &contact{}; return &v }, map[string]any{"Name": "x"}, nil},
		{"map that holds something", `{"b":1}`, func() any { return &map[string]int{"a": 1} }, map[string]int{"b": 1}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := tt.to()
			if err := mapping.Opaque([]byte(tt.raw)).Decode(to); err != tt.wantErr {
				t.Fatal(err)
			}
			if got := reflect.ValueOf(to).Elem().Interface(); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%#v", got)
			}
		})
	}
}

func TestDecodeNowhere(t *testing.T) {
	for _, v := range []any{nil, contact{}, (*contact)(nil), 7, func() {}} {
		if err := mapping.Opaque([]byte(`{}`)).Decode(v); err != mapping.ErrInvalid {
			t.Errorf("into %T: %v", v, err)
		}
	}
}

func TestZeroDocumentIsNoData(t *testing.T) {
	var d mapping.Document
	var v any
	if err := d.Decode(&v); err != mapping.ErrInvalid || !d.IsZero() {
		t.Errorf("%v, %v", err, d.IsZero())
	}
	for _, raw := range [][]byte{nil, {}} {
		d = mapping.Opaque(raw)
		if err := d.Decode(&v); err != mapping.ErrInvalid || d.IsZero() {
			t.Errorf("empty: %v, %v", err, d.IsZero())
		}
	}
}

func TestOpaqueCopies(t *testing.T) {
	raw := []byte(`"a"`)
	d := mapping.Opaque(raw)
	raw[1] = 'b'
	var first, second json.RawMessage
	if err := d.Decode(&first); err != nil || string(first) != `"a"` {
		t.Fatalf("%s, %v", first, err)
	}
	first[1] = 'c'
	if err := d.Decode(&second); err != nil || string(second) != `"a"` {
		t.Errorf("%s, %v", second, err)
	}
}

const canary = "cAnArY78051120"

// TestDocumentPrintsNoContent also where fmt calls no method: in unexported fields.
func TestDocumentPrintsNoContent(t *testing.T) {
	d := mapping.Opaque([]byte(`"` + canary + `"`))
	values := []any{d, &d, []mapping.Document{d}, map[string]any{"d": d}, struct{ D mapping.Document }{d}, struct{ d mapping.Document }{d}, &struct{ d *mapping.Document }{&d}}
	for _, v := range values {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %c %U %o %t %p %e %w %10.3v") {
			noCanary(t, fmt.Sprintf("%T %s", v, verb), fmt.Sprintf(verb, v))
		}
		noCanary(t, "errors", fmt.Errorf("%v", v).Error())
		var text, lines bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&lines, nil)).Info("x", "v", v)
		noCanary(t, "slog text", text.String())
		noCanary(t, "slog json", lines.String())
		out, _ := json.Marshal(v)
		noCanary(t, "json", string(out))
		out, _ = xml.Marshal(v)
		noCanary(t, "xml", string(out))
		var binary bytes.Buffer
		_ = gob.NewEncoder(&binary).Encode(v)
		noCanary(t, "gob", binary.String())
	}
	if got := fmt.Sprintf("%v %d", d, d); got != "[document] [document]" {
		t.Error(got)
	}
	if got := d.LogValue().String(); got != "[document]" {
		t.Error(got)
	}
}

func TestDocumentDoesNotMarshal(t *testing.T) {
	d := mapping.Opaque([]byte(`"` + canary + `"`))
	_, asJSON := json.Marshal(struct{ D mapping.Document }{d})
	_, asText := d.MarshalText()
	_, asBinary := d.MarshalBinary()
	asGob := gob.NewEncoder(&bytes.Buffer{}).Encode(struct{ D mapping.Document }{d})
	for name, err := range map[string]error{"json": asJSON, "text": asText, "binary": asBinary, "gob": asGob} {
		if err == nil {
			t.Errorf("%s marshals", name)
		}
	}
}

// TestErrorsHoldNoContent: encoding/json, time and strconv quote what they were given.
func TestErrorsHoldNoContent(t *testing.T) {
	for _, raw := range []string{
		`{"` + canary + `":1}`, `{"name":` + canary + `}`, `{"age":78051120}`, `{"born":"` + canary + `"}`, `{"name":"` + canary + `"} x`,
		`{"years":{"` + canary + `":"x"}}`, `{"quoted":"` + canary + `"}`, `{"any":{"` + canary + `":1,"` + canary + `":2}}`, canary, `"` + canary + `"`,
	} {
		var v contact
		err := mapping.Opaque([]byte(raw)).Decode(&v)
		if err != mapping.ErrInvalid || errors.Unwrap(err) != nil {
			t.Errorf("%s: %v", raw, err)
		}
		noCanary(t, raw, fmt.Sprintf("%+v %#v", err, err))
	}
}

func noCanary(t *testing.T, where, text string) {
	t.Helper()
	hexed := fmt.Sprintf("%x", canary)
	for _, form := range []string{canary, hexed, strings.ToUpper(hexed), "78051120", strings.Trim(fmt.Sprint([]byte(canary)), "[]")} {
		if strings.Contains(text, form) {
			t.Errorf("%s: %s", where, text)
		}
	}
}

// FuzzDecode: what Decode takes, encoding/json takes, and reads the same.
func FuzzDecode(f *testing.F) {
	for _, raw := range []string{
		`{"name":"a","phone":null,"age":1,"score":1.5,"tags":["\ud83d\ude00"],"pair":[1,2],"any":{"a":[null]}}`,
		`{"years":{"1":"a"},"raw":[1, 2],"next":{"street":"x"}}`, `{"name":"a","Name":"b"}`, `{"any":{"a":1,"\u0061":2}}`, `[[[]]]`, `"\ud83d"`, `1e999`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got, want contact
		switch err := mapping.Opaque(raw).Decode(&got); err {
		case nil:
			decoder := json.NewDecoder(bytes.NewReader(raw))
			decoder.UseNumber()
			if err := decoder.Decode(&want); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%v: %+v, %+v", err, got, want)
			}
		case mapping.ErrInvalid:
			if !reflect.DeepEqual(got, contact{}) {
				t.Fatalf("%+v", got)
			}
		default:
			t.Fatal(err)
		}
		var a any
		if mapping.Opaque(raw).Decode(&a) == nil {
			out, err := json.Marshal(a)
			if err != nil || mapping.Opaque(out).Decode(&a) != nil {
				t.Fatalf("%s: %v", out, err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	d := mapping.Opaque([]byte(`{"name":"Ann","phone":"1","age":40,"score":0.5,"tags":["a","b"],"pair":[1,2],"more":{"x":"y"},"street":"s"}`))
	b.ReportAllocs()
	for b.Loop() {
		var v contact
		if err := d.Decode(&v); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleOpaque() {
	type contact struct {
		Name string `json:"name"`
	}
	reply := mapping.Opaque([]byte(`{"name":"Ann"}`))
	fmt.Println(reply)

	var c contact
	fmt.Println(reply.Decode(&c), c.Name)
	fmt.Println(mapping.Opaque([]byte(`{"name":"Ann","ssn":"078-05-1120"}`)).Decode(&c))
	// Output:
	// [document]
	// <nil> Ann
	// mapping: data does not fit
}
