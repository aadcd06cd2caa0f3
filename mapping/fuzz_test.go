package mapping_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/carnet-go/carnet/mapping"
)

// fuzzed has what the reference below can judge.
const fuzzed = `{
  "title": "fuzzed", "type": "object", "additionalProperties": false, "required": ["ssn"],
  "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]},
  "properties": {
    "ssn": {"type": "string", "maxLength": 11},
    "nick": {"type": ["string", "null"], "minLength": 2, "maxLength": 4},
    "id": {"type": "integer"},
    "age": {"type": ["integer", "null"], "minimum": -5, "maximum": 150},
    "price": {"type": "number", "scale": 2, "minimum": -10, "maximum": 10.5},
    "vip": {"type": "boolean"},
    "state": {"type": "string", "enum": ["on", "öff"]},
    "day": {"type": "string", "format": "date"},
    "tags": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 3}},
    "rows": {"type": "array", "maxItems": 2, "items": {"type": ["object", "null"], "additionalProperties": false, "required": ["n"], "properties": {"n": {"type": "integer"}, "marks": {"type": "array", "maxItems": 2, "items": {"type": ["integer", "null"]}}, "parts": {"type": "array", "maxItems": 2, "items": {"type": ["object", "null"], "additionalProperties": false, "properties": {"x": {"type": "boolean"}}}}}}},
    "big": {"type": "integer", "minimum": 3, "maximum": 18446744073709551615},
    "marks": {"type": ["object", "null"], "patternProperties": {"^[a-zö]*$": {"type": ["integer", "null"], "minimum": 0}}, "additionalProperties": false, "maxProperties": 10, "propertyNames": {"maxLength": 3}},
    "grid": {"type": "array", "maxItems": 2, "items": {"type": ["array", "null"], "maxItems": 2, "items": {"type": ["boolean", "null"]}}},
    "desks": {"type": "object", "patternProperties": {"^[\\s\\S]*$": {"type": ["object", "null"], "additionalProperties": false, "required": ["n"], "properties": {"n": {"type": "integer"}, "of": {"type": "object", "patternProperties": {"^[\\s\\S]*$": {"type": "string", "maxLength": 2}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"minLength": 1, "maxLength": 2}}}}}, "additionalProperties": false, "maxProperties": 2, "propertyNames": {"maxLength": 2}},
    "flat": {"type": "object", "additionalProperties": false, "required": ["city"], "properties": {"city": {"type": "string", "maxLength": 9}, "naïve": {"type": "boolean"}}}
  }
}`

// FuzzCheck: the scanner takes what a reference on encoding/json takes, and what a mapping
// moves is what that has read.
func FuzzCheck(f *testing.F) {
	for _, raw := range []string{
		`{"ssn":"x"}`, ` { "ssn" : "\u0041\ud83d\ude00" , "nick" : null } `, `{"ssn":"<\u2028\"\\","id":-9223372036854775808,"age":150,"price":-1.50,"vip":true,"state":"\u00f6ff","day":"2024-02-29","tags":["a","b"],"rows":[{"n":0,"marks":[1,null],"parts":[null]},null],"flat":{"city":"c","naïve":false}}`,
		`{"\u0073sn":"x","ssn":"y"}`, `{"ssn":"\ud83d"}`, `{"ssn":"\u0000"}`, `{"SSN":"x"}`, `{"ssn":"x","price":1e1}`, `{"ssn":"x","id":01}`, `{"ssn":"x","id":-0}`, `{"ssn":"x","day":"2023-02-29"}`, "\ufeff{}", `{"ssn":"x"}{}`, `[[[`, `{"flat":{"flat":{}}}`,
		`{"ssn":"","big":18446744073709551615,"marks":{"a":1,"\u00f6":null,"":0},"grid":[[true,null],null,[]],"desks":{"x":{"n":1,"of":{"\u0000a":""}},"y":null}}`, `{"ssn":"","big":2,"marks":{"a":1,"\u0061":2}}`, `{"ssn":"","marks":{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"\u0069":1}}`, `{"ssn":"","big":18446744073709551616,"grid":[[false]],"desks":{"<":{"n":0,"of":{"<>":"&\u2028"}}}}`, `{"ssn":"","big":5e0}`, `{"ssn":"","big":-0}`,
	} {
		f.Add([]byte(raw))
	}
	s := schema(f, fuzzed)
	var reference referee
	if err := json.Unmarshal([]byte(fuzzed), &reference); err != nil {
		f.Fatal(err)
	}
	set := map[string]any{}
	for _, path := range strings.Fields("/ssn /nick /id /age /price /vip /state /day /tags /rows /rows/*/n /rows/*/marks /rows/*/parts /rows/*/parts/*/x /big /marks /marks/* /grid /grid/* /desks /desks/*/n /desks/*/of /desks/*/of/* /flat/city /flat/naïve") {
		set[path] = map[string]any{"from": path}
	}
	text, _ := json.Marshal(map[string]any{"mapping": "all", "from": "fuzzed", "to": "fuzzed", "set": set})
	m, err := mapping.Compile(s, s, text, anywhereAPI())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := s.Document(raw)
		want, fits := reference.judge(raw)
		if err := d.Check(); fits != (err == nil) {
			t.Fatalf("%q: %v, and the reference says %v", raw, err, fits)
		}
		record, err := m.Map(t.Context(), d, nil)
		if fits != (err == nil) {
			t.Fatalf("%q: %v", raw, err)
		}
		if !fits {
			return
		}
		got, ok := reference.judge([]byte(body(t, record)))
		if !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %s", raw, body(t, record))
		}
	})
}

// referee is the same profile on encoding/json and math/big, slow and short.
type referee struct {
	Type                 any
	Required             []string
	Properties           map[string]referee
	PatternProperties    map[string]*referee
	PropertyNames        struct{ MinLength, MaxLength int }
	MaxProperties        int
	Items                *referee
	MaxItems, Scale      int
	MinLength, MaxLength int
	Minimum, Maximum     json.Number
	Enum                 []string
	Format               string
}

var (
	escapes = regexp.MustCompile(`\\(?:u[0-9a-fA-F]{4}|[^u])`)
	decimal = regexp.MustCompile(`^-?[0-9]+(?:\.([0-9]+))?$`)
)

func (r *referee) judge(raw []byte) (map[string]any, bool) {
	if !utf8.Valid(raw) || !json.Valid(raw) || halves(raw) {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	v, ok := r.value(decoder)
	object, isObject := v.(map[string]any)
	_, err := decoder.Token()
	return object, ok && isObject && err == io.EOF
}

// halves finds halves of characters, and NUL, which encoding/json lets pass.
func halves(raw []byte) bool {
	for _, run := range regexp.MustCompile(`(?:\\(?:u[0-9a-fA-F]{4}|[^u]))+`).FindAll(raw, -1) {
		list := escapes.FindAll(run, -1)
		for i := 0; i < len(list); i++ {
			escape := strings.ToLower(string(list[i]))
			high, low := regexp.MustCompile(`^\\ud[89ab]`), regexp.MustCompile(`^\\ud[c-f]`)
			switch {
			case escape == `\u0000`, low.MatchString(escape):
				return true
			case high.MatchString(escape):
				if i++; i == len(list) || !low.MatchString(strings.ToLower(string(list[i]))) {
					return true
				}
			}
		}
	}
	return false
}

func (r *referee) value(d *json.Decoder) (any, bool) {
	token, err := d.Token()
	if err != nil {
		return nil, false
	}
	kind, _ := r.Type.(string)
	if pair, ok := r.Type.([]any); ok {
		kind = pair[0].(string)
		if token == nil {
			return nil, true
		}
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' && kind == "object" {
			if r.PatternProperties != nil {
				return r.entries(d)
			}
			return r.object(d)
		}
		return r.array(d, token == '[' && kind == "array")
	case string:
		return token, kind == "string" && r.text(token)
	case json.Number:
		return token, (kind == "integer" || kind == "number") && r.number(token, kind == "integer")
	case bool:
		return token, kind == "boolean"
	default:
		return nil, false
	}
}

func (r *referee) object(d *json.Decoder) (any, bool) {
	found := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		property, declared := r.Properties[name.(string)]
		_, twice := found[name.(string)]
		v, ok := property.value(d)
		if !declared || twice || !ok {
			return nil, false
		}
		found[name.(string)] = v
	}
	_, err := d.Token()
	return found, err == nil && !slices.ContainsFunc(r.Required, func(name string) bool { return !slices.Contains(slices.Collect(maps.Keys(found)), name) })
}

func (r *referee) entries(d *json.Decoder) (any, bool) {
	found := map[string]any{}
	for pattern, values := range r.PatternProperties {
		for d.More() {
			token, err := d.Token()
			if err != nil {
				return nil, false
			}
			name := token.(string)
			size := utf8.RuneCountInString(name)
			_, twice := found[name]
			v, ok := values.value(d)
			if twice || !ok || size < r.PropertyNames.MinLength || size > r.PropertyNames.MaxLength || !regexp.MustCompile(pattern).MatchString(name) {
				return nil, false
			}
			found[name] = v
		}
	}
	_, err := d.Token()
	return found, err == nil && len(found) <= r.MaxProperties
}

func (r *referee) array(d *json.Decoder, ok bool) (any, bool) {
	all := []any{}
	for ok && d.More() {
		v, fits := r.Items.value(d)
		if !fits {
			return nil, false
		}
		all = append(all, v)
	}
	_, err := d.Token()
	return all, ok && err == nil && len(all) <= r.MaxItems
}

func (r *referee) text(s string) bool {
	size := utf8.RuneCountInString(s)
	switch {
	case r.Enum != nil:
		return slices.Contains(r.Enum, s)
	case r.Format == "date":
		t, err := time.Parse(time.DateOnly, s)
		return err == nil && t.Year() > 0
	default:
		return size >= r.MinLength && size <= r.MaxLength
	}
}

func (r *referee) number(n json.Number, integer bool) bool {
	parts := decimal.FindStringSubmatch(n.String())
	if parts == nil || integer && parts[1] != "" || len(parts[1]) > r.Scale {
		return false
	}
	value, ok := new(big.Rat).SetString(n.String())
	if !ok || value.Sign() == 0 && n.String()[0] == '-' {
		return false
	}
	for limit, sign := range map[json.Number]int{r.Minimum: -1, r.Maximum: 1} {
		if bound, ok := new(big.Rat).SetString(limit.String()); ok && value.Cmp(bound) == sign {
			return false
		}
	}
	scaled := value.Mul(value, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(r.Scale)), nil)))
	beyond, _ := r.Maximum.Int64()
	return scaled.IsInt() && (scaled.Num().IsInt64() || scaled.Num().IsUint64() && beyond == math.MaxInt64)
}

// FuzzDeclarations: whatever somebody writes is a schema or findings, and a mapping is a
// Mapper or findings, each with its position.
func FuzzDeclarations(f *testing.F) {
	employee, contact, text := file(f, "employee.jsonc"), file(f, "contact.jsonc"), file(f, "employee-to-contact.jsonc")
	f.Add(employee, text)
	f.Add(contact, `{"mapping": "m", "from": "employee", "to": "contact", "set": {"/id": {"const": [1]}, "/name": {"from": ""}}, "drop": {"": "", "/": "x"}}`)
	f.Add(fuzzed, `{"set": {"/id": {"from": "/skills", "do": [{"enum": {"map": {"a": 1}, "else": {}}}]}, "/skills": {"from": "/skills", "do": [{"token.hmac": {"key": "a"}}, {"redact": null}]}}}`)
	f.Add(fuzzed, `{"set": {"/id": {"from": "/price", "do": [{"number.scale": {"scale": 1, "round": "down"}}, {"number.bucket": {"width": 0.5}}, {"number.to_minor": {}}, {"minor.to_number": {"scale": 18}}, {"unit.convert": {"to": "km", "scale": 3}}]}, "/ssn": {"from": "/age", "do": [{"int.bucket": {"width": 10}}, {"int.to_string": {}}, {"text.nfc": {}}, {"text.truncate": {"n": 3}}, {"text.prefix": {"n": 1}}, {"string.to_int": {"unit": "m"}}, {"unit.convert": {"to": "mm"}}]}}}`)
	src, dst := schema(f, employee), schema(f, contact)
	f.Fuzz(func(t *testing.T, described, mapped string) {
		complete := func(err error) {
			if err != nil && strings.HasPrefix(codes(err), "no findings") {
				t.Fatal(err)
			}
		}
		s, err := mapping.ParseSchema([]byte(described))
		complete(err)
		if err == nil {
			again, err := mapping.ParseSchema([]byte(described))
			if err != nil || again.Hash() != s.Hash() || s.Document([]byte(`{}`)).Schema() != s {
				t.Fatal("a schema is another one the second time")
			}
			_, err = mapping.Compile(s, s, []byte(mapped), crm())
			complete(err)
		}
		m, err := mapping.Compile(src, dst, []byte(mapped), crm())
		complete(err)
		if err == nil && (m.Report() == "" || m.Hash() == "") {
			t.Fatal("a mapper says nothing")
		}
	})
}
