package mapping_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

const purchases = `{"title": "orders", "type": "object", "additionalProperties": false, "required": ["id"],
	"defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
	"properties": {
		"id": {"type": "integer", "minimum": 1},
		"items": {"type": ["array", "null"], "maxItems": 50, "items": {"type": ["object", "null"], "additionalProperties": false, "required": ["number", "price"], "properties": {
			"number": {"type": "integer", "minimum": 1, "maximum": 9007199254740993},
			"price": {"type": "number", "scale": 2, "minimum": 0, "maximum": 9999},
			"gift": {"type": "object", "additionalProperties": false, "required": ["to"], "properties": {"to": {"type": "string", "maxLength": 40, "classification": "confidential", "release": [{"via": "redact", "to": "internal", "approved": "DPO-1", "until": "2999-12-31"}]}, "card": {"type": ["string", "null"], "maxLength": 40}}},
			"marks": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 9}},
			"parts": {"type": "array", "maxItems": 9, "items": {"type": "object", "additionalProperties": false, "required": ["sku"], "properties": {"sku": {"type": "string", "minLength": 1, "maxLength": 9, "release": [{"via": "token.hmac", "to": "public", "approved": "DPO-2", "until": "2999-12-31"}]}, "count": {"type": "integer", "minimum": 0, "maximum": 99}}}}
		}}}}}`

const parcels = `{"title": "parcels", "type": "object", "additionalProperties": false, "required": ["order"],
	"properties": {
		"order": {"type": "integer", "in": "path"},
		"lines": {"type": ["array", "null"], "maxItems": 50, "items": {"type": ["object", "null"], "additionalProperties": false, "required": ["sku", "cents", "kind"], "properties": {
			"sku": {"type": "string", "maxLength": 20},
			"cents": {"type": "integer", "minimum": 0, "maximum": 999900},
			"kind": {"type": "string", "maxLength": 9},
			"for": {"type": "object", "additionalProperties": false, "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 40}, "card": {"type": ["string", "null"], "maxLength": 40}}},
			"marks": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 9}},
			"pieces": {"type": "array", "maxItems": 9, "items": {"type": "object", "additionalProperties": false, "required": ["token"], "properties": {"token": {"type": "string", "maxLength": 64}, "n": {"type": "integer"}, "note": {"type": "string", "maxLength": 9}}}}
		}}}}}`

const ordersToParcels = `{"mapping": "m", "from": "orders", "to": "parcels", "set": {
	"/order": {"from": "/id"},
	"/lines": {"from": "/items"},
	"/lines/*/sku": {"from": "/items/*/number", "do": [{"int.to_string": {}}]},
	"/lines/*/cents": {"from": "/items/*/price", "do": [{"number.to_minor": {}}]},
	"/lines/*/kind": {"const": "n\u0065w"},
	"/lines/*/for/name": {"from": "/items/*/gift/to", "do": [{"redact": {}}]},
	"/lines/*/for/card": {"from": "/items/*/gift/card"},
	"/lines/*/marks": {"from": "/items/*/marks"},
	"/lines/*/pieces": {"from": "/items/*/parts"},
	"/lines/*/pieces/*/token": {"from": "/items/*/parts/*/sku", "do": [{"token.hmac": {"key": "k"}}]},
	"/lines/*/pieces/*/n": {"from": "/items/*/parts/*/count"},
	"/lines/*/pieces/*/note": {"absent": "people write it there"}}}`

// TestElements holds that an array of objects is made of one, element by element, with what each
// has, and null, absent and empty apart.
func TestElements(t *testing.T) {
	m := compile(t, purchases, parcels, ordersToParcels, anywhereAPI())
	one := func(sku string) string {
		r, err := m.Map(t.Context(), m.Source().Document(fmt.Appendf(nil, `{"id": 1, "items": [{"number": 1, "price": 1, "parts": [{"sku": %q}]}]}`, sku)), testKeys("1"))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(body(t, r), `"token":`)
		token, _, _ := strings.Cut(after, "}")
		return token
	}
	for document, want := range map[string]string{
		`{"id": 1}`:                `{}`,
		`{"id": 1, "items": null}`: `{"lines":null}`,
		`{"id": 1, "items": []}`:   `{"lines":[]}`,
		`{"id": 1, "items": [null, {"number": 9007199254740993, "price": 12.50}]}`: `{"lines":[null,{"sku":"9007199254740993","cents":1250,"kind":"new"}]}`,
		` { "items" : [ { "price" : 0.05 , "number" : 7 , "gift" : { "card" : null , "to" : "Zoe" } , "marks" : [ ] } , { "number" : 8 , "price" : 1 , "marks" : [ "a" , "b\u003c" ] } ] , "id" : 1 } `:  `{"lines":[{"sku":"7","cents":5,"kind":"new","for":{"name":"[redacted]","card":null},"marks":[]},{"sku":"8","cents":100,"kind":"new","marks":["a","b\u003c"]}]}`,
		`{"id": 1, "items": [{"number": 1, "price": 1, "parts": [{"sku": "x", "count": 3}, {"sku": "y"}]}, {"number": 2, "price": 2, "parts": []}, {"number": 3, "price": 3, "parts": [{"sku": "x"}]}]}`: `{"lines":[{"sku":"1","cents":100,"kind":"new","pieces":[{"token":` + one("x") + `,"n":3},{"token":` + one("y") + `}]},{"sku":"2","cents":200,"kind":"new","pieces":[]},{"sku":"3","cents":300,"kind":"new","pieces":[{"token":` + one("x") + `}]}]}`,
	} {
		r, err := m.Map(t.Context(), m.Source().Document([]byte(document)), testKeys("1"))
		if got := body(t, r); err != nil || got != want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", document, got, err, want)
		}
		if n := strings.Count(want, `"token"`); r.Tokens() != n {
			t.Errorf("%d tokens, and not %d", r.Tokens(), n)
		}
	}
	for document, want := range map[string]string{
		`{"id": 1, "items": [{"number": 1, "price": 1}, {"number": 0, "price": 1}]}`:                       "M308 data does not fit at /items/*/number",
		`{"id": 1, "items": [{"number": 1, "price": 1}, {"number": 1}]}`:                                   "M306 data does not fit at /items/*/price",
		`{"id": 1, "items": [{"number": 1, "price": 1, "number": 1}]}`:                                     "M305 data does not fit at /items/*/number",
		`{"id": 1, "items": [{"number": 1, "price": 1, "cAnArY": 1}]}`:                                     "M304 data does not fit at /items/*",
		`{"id": 1, "items": [{"number": 1, "price": 1, "parts": [{"sku": "a"}, {"sku": ""}]}]}`:            "M309 data does not fit at /items/*/parts/*/sku",
		`{"id": 1, "items": [{"number": 1, "price": 1, "parts": [` + strings.Repeat("null,", 9) + `{}]}]}`: "M307 data does not fit at /items/*/parts/*",
	} {
		if _, err := m.Map(t.Context(), m.Source().Document([]byte(document)), testKeys("1")); fmt.Sprint(err) != "mapping: "+want {
			t.Errorf("%s: %v", document, err)
		}
	}
}

// TestElementsKeepNothing holds that what one element lacks is not another's, in whatever order.
func TestElementsKeepNothing(t *testing.T) {
	m := compile(t, purchases, parcels, ordersToParcels, anywhereAPI())
	full := `{"number": 1, "price": 1, "gift": {"to": "a", "card": "cAnArY"}, "marks": ["cAnArY"], "parts": [{"sku": "x", "count": 42}]}`
	r, err := m.Map(t.Context(), m.Source().Document([]byte(`{"id": 1, "items": [`+full+`, {"number": 2, "price": 2}, `+full+`, {"number": 3, "price": 3, "gift": {"to": "b"}, "parts": [{"sku": "y"}]}]}`)), testKeys("1"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(body(t, r), `{"sku":`)
	if len(parts) != 5 || strings.Contains(parts[2]+parts[4], "cAnArY") || strings.Contains(parts[2]+parts[4], "42") {
		t.Errorf("%q", parts)
	}
}

// TestElementsOfOneDocument holds that several mappings of a document at a time do not write into
// what it holds.
func TestElementsOfOneDocument(t *testing.T) {
	m := compile(t, purchases, parcels, ordersToParcels, anywhereAPI())
	d := first(t, m.Source(), `{"id": 1, "items": [{"number": 1, "price": 1, "parts": [{"sku": "x"}, {"sku": "y", "count": 2}]}, {"number": 2, "price": 1, "marks": ["m"]}]}`)
	want := ""
	var all sync.WaitGroup
	var mu sync.Mutex
	for range 8 {
		all.Go(func() {
			for range 50 {
				r, err := m.Map(t.Context(), d, testKeys("1"))
				mu.Lock()
				got := string(r.AppendBody(nil))
				if want == "" {
					want = got
				}
				if err != nil || got == "" || got != want {
					t.Errorf("%s, %v", got, err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// TestElementFindings holds what a mapping of arrays may not be.
func TestElementFindings(t *testing.T) {
	src := `{"title": "a", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {
		"top": {"type": "string", "maxLength": 9},
		"one": {"type": "array", "maxItems": 5, "classification": "confidential", "items": {"type": "object", "additionalProperties": false, "properties": {"x": {"type": "string", "maxLength": 9}, "y": {"type": "string", "maxLength": 9}}}},
		"two": {"type": "array", "maxItems": 5, "items": {"type": "object", "additionalProperties": false, "required": ["z"], "properties": {"z": {"type": "string", "maxLength": 9}}}}}}`
	dst := `{"title": "b", "type": "object", "additionalProperties": false, "properties": {
		"t": {"type": "string", "maxLength": 9},
		"list": {"type": "array", "maxItems": %d, "items": {"type": "object", "additionalProperties": false, "required": [%s], "properties": {"u": {"type": "string", "maxLength": 9}, "v": {"type": "string", "maxLength": 9}}}}}}`
	const rest = `"/t": {"from": "/top"}`
	const uv = `"/list/*/u": {"from": "/one/*/x"}, "/list/*/v": {"from": "/one/*/y"}`
	for name, c := range map[string]struct {
		set, drop, required string
		most                int
		class               mapping.Class
		want                string
	}{
		"right":                         {`"/list": {"from": "/one"}, ` + uv, `"/two": "no"`, ``, 5, mapping.Confidential, "no findings"},
		"its length is confidential":    {`"/list": {"from": "/one"}, ` + uv, `"/two": "no"`, ``, 5, mapping.Internal, "M219 M219 M219"},
		"longer":                        {`"/list": {"from": "/one"}, ` + uv, `"/two": "no"`, ``, 4, mapping.Confidential, "M213"},
		"transformed":                   {`"/list": {"from": "/one", "do": [{"redact": {}}], "on_error": "drop"}, ` + uv, `"/two": "no"`, ``, 5, mapping.Confidential, "M211"},
		"no pair":                       {uv, `"/two": "no"`, ``, 5, mapping.Confidential, "M204 M229 M229 M205"},
		"a constant":                    {`"/list": {"const": []}, ` + uv, `"/two": "no", "/one": "no"`, ``, 5, mapping.Confidential, "M208 M206"},
		"absent and set":                {`"/list": {"absent": "no"}, ` + uv, `"/two": "no", "/one": "no"`, ``, 5, mapping.Confidential, "M229 M229 M206"},
		"absent":                        {`"/list": {"absent": "no"}`, `"/two": "no", "/one": "no"`, ``, 5, mapping.Confidential, "no findings"},
		"another array":                 {`"/list": {"from": "/one"}, "/list/*/u": {"from": "/one/*/x"}, "/list/*/v": {"from": "/two/*/z"}`, `"/two": "no", "/one/*/y": "no"`, ``, 5, mapping.Confidential, "M229 M206"},
		"from above":                    {`"/list": {"from": "/one"}, "/list/*/u": {"from": "/one/*/x"}, "/list/*/v": {"from": "/top"}`, `"/two": "no", "/one/*/y": "no"`, ``, 5, mapping.Confidential, "M229"},
		"an element alone":              {`"/list": {"absent": "no"}, "/t": {"from": "/one/*/x"}`, `"/two": "no", "/top": "no", "/one/*/y": "no"`, ``, 5, mapping.Confidential, "M229 M205"},
		"one field is forgotten":        {`"/list": {"from": "/one"}, "/list/*/u": {"from": "/one/*/x"}`, `"/two": "no"`, ``, 5, mapping.Confidential, "M204 M205"},
		"one is forgotten of a longer":  {`"/list": {"from": "/one"}, "/list/*/u": {"from": "/one/*/x"}`, `"/two": "no"`, ``, 4, mapping.Confidential, "M204 M213 M205"},
		"one of no source":              {`"/list": {"from": "/oen"}, "/list/*/u": {"from": "/one/*/x"}`, `"/two": "no"`, ``, 5, mapping.Confidential, "M204 M203 M205"},
		"wrong in itself, too":          {`"/list": {"from": "/two"}, "/list/*/u": {"from": "/one/*/x", "on_error": "nul"}, "/list/*/v": {"from": "/one/*/y"}`, `"/two/*/z": "no"`, ``, 4, mapping.Confidential, "M213 M229 M215 M229 M205"},
		"dropped and used":              {`"/list": {"from": "/one"}, ` + uv, `"/two": "no", "/one": "no"`, ``, 5, mapping.Confidential, "M206"},
		"required and may be absent":    {`"/list": {"from": "/one"}, ` + uv, `"/two": "no"`, `"u"`, 5, mapping.Confidential, "M214"},
		"required and there":            {`"/list": {"from": "/two"}, "/list/*/u": {"from": "/two/*/z"}, "/list/*/v": {"absent": "no"}`, `"/one": "no"`, `"u"`, 5, mapping.Confidential, "no findings"},
		"the elements are no field":     {`"/list": {"from": "/one"}, "/list/*": {"from": "/one/*"}, ` + uv, `"/two": "no"`, ``, 5, mapping.Confidential, "M202"},
		"an array of scalars is wanted": {`"/list": {"from": "/top"}, ` + uv, `"/two": "no"`, ``, 5, mapping.Confidential, "M208 M229 M229 M205"},
	} {
		t.Run(name, func(t *testing.T) {
			set := c.set
			if !strings.Contains(set, `"/t":`) {
				set += ", " + rest
			}
			to := anywhereAPI()
			to.Clearance.Class = c.class
			_, err := mapping.Compile(schema(t, src), schema(t, fmt.Sprintf(dst, c.most, c.required)), fmt.Appendf(nil, `{"mapping": "m", "from": "a", "to": "b", "set": {%s}, "drop": {%s}}`, set, c.drop), to)
			if got := codes(err); got != c.want {
				t.Errorf("got %s, want %s\n%v", got, c.want, err)
			}
		})
	}
}

// TestLabelOfElements holds that what stands in an element tells that its array is there.
func TestLabelOfElements(t *testing.T) {
	m := compile(t, purchases, parcels, ordersToParcels, anywhereAPI())
	for document, want := range map[string]int{`{"id": 1}`: 1, `{"id": 1, "items": []}`: len(m.Places())} {
		r, err := m.Map(t.Context(), m.Source().Document([]byte(document)), testKeys("1"))
		if err != nil || r.Len() != want {
			t.Errorf("%s: %d fields of %d, %v", document, r.Len(), want, err)
		}
	}
	if report := m.Report(); !strings.Contains(report, "set /lines/*/pieces/*/token <- /items/*/parts/*/sku | token.hmac") || !strings.Contains(report, "set /lines <- /items [") {
		t.Error(report)
	}
}
