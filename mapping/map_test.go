package mapping_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/carnet-go/carnet/mapping"
)

func TestMap(t *testing.T) {
	m := employees(t)
	record, err := m.Map(t.Context(), m.Source().Document([]byte(file(t, "employee.json"))), testKeys("1"))
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for place, value := range record.Fields() {
		fields = append(fields, place.In+" "+place.Name+" "+value)
	}
	if len(fields) != 3 || !strings.HasPrefix(fields[0], "path id tk1.1.") || fields[1] != "query state on" || fields[2] != "header X-Contact-Year 2026" {
		t.Errorf("%q", fields)
	}
	const want = `{"name":{"first":"Zoë \"Zo\"","last":"Åström"},"mail":"****@acme.example","phone":"****6 78","year":2019,"country":"SE","place":{"city":"Stockholm","remote":true},` +
		`"skills":["Go","\u003cb\u003e\u0026"],"hours":"38.5","updated":1772321400,"source":"hr"}`
	if got := body(t, record); got != want {
		t.Errorf("%s", got)
	}
	if record.Len() != 15 || record.Mapping() != m.Hash() || !record.NotAfter().Equal(m.NotAfter()) || !reflect.DeepEqual(record.Label(), m.Label()) {
		t.Error(record.Len(), record.Mapping(), record.NotAfter(), record.Label())
	}
	for place := range record.Fields() {
		if place.In == "path" {
			break
		}
	}
	first, second := record.Body(), record.Body()
	if _, err := first.ReadByte(); err != nil || second.Len() != len(want) {
		t.Error("one reader of the body moves another")
	}
}

// TestNullAbsentAndEmpty stay three things.
func TestNullAbsentAndEmpty(t *testing.T) {
	m := employees(t)
	base := file(t, "employee.json")
	for _, tt := range []struct{ from, to, want, not string }{
		{`"phone":"+46 8 123 456 78"`, `"phone":null`, `"phone":null`, "****6"},
		{`"phone":"+46 8 123 456 78",`, ``, ``, "phone"},
		{`"phone":"+46 8 123 456 78"`, `"phone":""`, `"phone":"****"`, "null"},
		{`"skills":["Go","<b>&"]`, `"skills":[]`, `"skills":[]`, "Go"},
		{`"skills":["Go","<b>&"],`, ``, ``, "skills"},
		{`"remote":true,`, ``, `"place":{"city":"Stockholm"}`, "remote"},
	} {
		record, err := m.Map(t.Context(), m.Source().Document([]byte(change(t, base, tt.from, tt.to))), testKeys("1"))
		if err != nil {
			t.Fatal(err)
		}
		if got := body(t, record); !strings.Contains(got, tt.want) || strings.Contains(got, tt.not) || !json.Valid([]byte(got)) {
			t.Errorf("%s: %s", tt.to, got)
		}
		if left := tt.to == ""; left != (record.Len() == 14) {
			t.Errorf("%s: %d fields", tt.to, record.Len())
		}
	}
}

// TestRecordLabel is of what the record holds, not of all that it could hold.
func TestRecordLabel(t *testing.T) {
	src := `{"title": "src", "type": "object", "additionalProperties": false, "required": ["a"], "defaults": {"residency": ["*"], "purposes": ["*"]}, "properties": {"a": {"type": "boolean", "classification": "public"}, "b": {"type": "boolean", "classification": "confidential", "categories": ["pii.contact"]}}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}}`
	m := compile(t, src, dst, `{"mapping": "m", "from": "src", "to": "dst", "set": {"/a": {"from": "/a"}, "/b": {"from": "/b"}}}`, anywhereAPI())
	for raw, want := range map[string]string{`{"a":true}`: "public in * for *", `{"a":true,"b":false}`: "confidential pii.contact in * for *"} {
		record, err := m.Map(t.Context(), m.Source().Document([]byte(raw)), nil)
		if err != nil || record.Label().String() != want {
			t.Errorf("%s: %v %v", raw, record.Label(), err)
		}
	}
	if m.Label().String() != "confidential pii.contact in * for *" {
		t.Error(m.Label())
	}
}

// placed maps text into one place.
func placed(t *testing.T, in, name string) *mapping.Mapper {
	t.Helper()
	src := `{"title": "src", "type": "object", "additionalProperties": false, "required": ["v"], "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {"v": {"type": "string", "maxLength": 99}}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "required": ["` + name + `"], "properties": {"` + name + `": {"type": "string", "maxLength": 99, "in": "` + in + `"}}}`
	return compile(t, src, dst, `{"mapping": "m", "from": "src", "to": "dst", "set": {"/`+name+`": {"from": "/v"}}}`, anywhereAPI())
}

// TestPlaces: a value cannot become more than one.
func TestPlaces(t *testing.T) {
	for in, name := range map[string]string{"path": "v", "query": "v", "header": "X-V", "dn": "v", "filter": "v", "attribute": "v"} {
		m := placed(t, in, name)
		if got := m.Places(); len(got) != 1 || got[0] != (mapping.Place{In: in, Name: name}) {
			t.Errorf("%s: %v", in, got)
		}
		for _, tt := range []struct {
			raw     string
			refused string // in these places
		}{
			{`a/b?c=d&e%20#*)(uid=x),ou=y é😀`, ""},
			{`a\r\nX-Evil: 1`, "path query header dn filter"}, {`a\u0001`, "path query header dn filter"}, {`a\u007f`, "path query header dn filter"}, {`a\u0085`, "path query header dn filter"}, {`\t`, "path query header dn filter"},
			{``, "path dn filter"}, {`.`, "path"}, {`..`, "path"}, {`...`, ""},
		} {
			record, err := m.Map(t.Context(), m.Source().Document([]byte(`{"v":"`+tt.raw+`"}`)), nil)
			data, refused := errors.AsType[*mapping.DataError](err)
			if want := strings.Contains(tt.refused, in); refused != want || refused && (data.Code != "M314" || data.Path != "/"+name || !errors.Is(err, mapping.ErrInvalid)) {
				t.Errorf("%q in %s: %v", tt.raw, in, err)
			}
			var want string
			_ = json.Unmarshal([]byte(`"`+tt.raw+`"`), &want)
			for place, value := range record.Fields() {
				if value != want || place.In != in || record.Body().Len() != 0 {
					t.Errorf("%s %q", place, value)
				}
			}
		}
	}
}

// TestFieldsOutsideTheBody of every type.
func TestFieldsOutsideTheBody(t *testing.T) {
	const members = `"b": {"type": "boolean"%[1]s}, "i": {"type": "integer"%[1]s}, "n": {"type": "number", "scale": 2%[1]s}, "cn": {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 9}%[1]s}, "s": {"type": "string", "maxLength": 20%[1]s}`
	src := `{"title": "src", "type": "object", "additionalProperties": false, "required": ["b"], "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {` + fmt.Sprintf(members, "") + `}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {` + fmt.Sprintf(members, `, "in": "attribute"`) + `}}`
	text := `{"mapping": "m", "from": "src", "to": "dst", "set": {"/b": {"from": "/b"}, "/i": {"from": "/i"}, "/n": {"from": "/n"}, "/cn": {"from": "/cn", "do": [{"enum": {"map": {"x": "1"}, "else": "2"}}]},
	  "/s": {"from": "/s", "do": [{"string.to_int": {}}, {"int.to_string": {}}], "on_error": "drop"}}}`
	m := compile(t, src, dst, text, anywhereAPI())
	for raw, want := range map[string]string{
		`{"b":true}`: "b=true", `{"b":false,"i":-9007199254740993,"n":1.5,"cn":["x","y"],"s":"7"}`: "b=false i=-9007199254740993 n=1.5 cn=1 cn=2 s=7",
		`{"s":"x","cn":[],"b":true}`: "b=true",
	} {
		record, err := m.Map(t.Context(), m.Source().Document([]byte(raw)), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for place, value := range record.Fields() {
			got = append(got, place.Name+"="+value)
		}
		if strings.Join(got, " ") != want || record.Body().Len() != 0 {
			t.Errorf("%s: %q", raw, got)
		}
	}
	number := change(t, text, `{"string.to_int": {}}, {"int.to_string": {}}`, `{"string.to_int": {}}`)
	m = compile(t, src, change(t, dst, `"type": "string", "maxLength": 20`, `"type": "integer"`), number, anywhereAPI())
	record, err := m.Map(t.Context(), m.Source().Document([]byte(`{"b":true,"s":"-7"}`)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for place, value := range record.Fields() {
		if place.Name == "s" && value != "-7" {
			t.Error(value)
		}
	}
	failing := strings.Replace(text, `"drop"`, `"fail"`, 1)
	m = compile(t, src, dst, failing, anywhereAPI())
	if _, err := m.Map(t.Context(), m.Source().Document([]byte(`{"b":true,"s":"x"}`)), nil); fmt.Sprint(err) != "mapping: M315 data does not fit at /s" {
		t.Error(err)
	}
	m = compile(t, src, dst, `{"mapping": "m", "from": "src", "to": "dst", "set": {"/b": {"from": "/b"}, "/i": {"from": "/i"}, "/n": {"from": "/n"}, "/cn": {"from": "/cn", "do": [{"string.to_int": {}}, {"int.to_string": {}}, {"mask.keep_last": {"n": 1}}], "on_error": "fail"}, "/s": {"absent": "x"}}, "drop": {"/s": "x"}}`, anywhereAPI())
	if _, err := m.Map(t.Context(), m.Source().Document([]byte(`{"b":true,"cn":["7","x"]}`)), nil); fmt.Sprint(err) != "mapping: M315 data does not fit at /cn" {
		t.Error(err)
	}
}

// TestMapRefuses what is no evidence for it, and yields nothing then.
func TestMapRefuses(t *testing.T) {
	m := employees(t)
	raw := []byte(file(t, "employee.json"))
	document := m.Source().Document(raw)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		m    *mapping.Mapper
		ctx  context.Context
		d    mapping.Document
		keys mapping.KeySource
		want error
	}{
		{"nil mapper", nil, t.Context(), document, testKeys("1"), mapping.ErrInvalid},
		{"zero mapper", &mapping.Mapper{}, t.Context(), document, testKeys("1"), mapping.ErrInvalid},
		{"no document", m, t.Context(), mapping.Document{}, testKeys("1"), mapping.ErrForeign},
		{"opaque document", m, t.Context(), mapping.Opaque(raw), testKeys("1"), mapping.ErrForeign},
		{"document of another schema", m, t.Context(), schema(t, withProperty(`{"type": "boolean"}`)).Document(raw), testKeys("1"), mapping.ErrForeign},
		{"document of a schema with other labels", m, t.Context(), schema(t, strings.Replace(file(t, "employee.jsonc"), "restricted", "confidential", 1)).Document(raw), testKeys("1"), mapping.ErrForeign},
		{"bad document", m, t.Context(), m.Source().Document(raw[1:]), testKeys("1"), mapping.ErrInvalid},
		{"cancelled", m, cancelled, document, testKeys("1"), context.Canceled},
		{"no keys", m, t.Context(), document, nil, mapping.ErrNoKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			record, err := tt.m.Map(tt.ctx, tt.d, tt.keys)
			if !errors.Is(err, tt.want) || !empty(record) {
				t.Errorf("%v", err)
			}
		})
	}
	same := schema(t, "// another comment\n"+file(t, "employee.jsonc"))
	if _, err := m.Map(t.Context(), same.Document(raw), testKeys("1")); err != nil {
		t.Errorf("the same schema, read again: %v", err)
	}
}

func empty(r mapping.Record) bool {
	n := 0
	for range r.Fields() {
		n++
	}
	return n == 0 && r.Body().Len() == 0 && r.Len() == 0 && r.Mapping() == "" && r.NotAfter().IsZero() && reflect.DeepEqual(r.Label(), mapping.Label{})
}

// keysFunc is a KeySource.
type keysFunc func(ctx context.Context, name string, use func(version string, key []byte) error) error

func (f keysFunc) UseKey(ctx context.Context, name string, use func(version string, key []byte) error) error {
	return f(ctx, name, use)
}

// TestWithoutItsKey a token is nothing: neither plain text nor a record without it.
func TestWithoutItsKey(t *testing.T) {
	m := employees(t)
	document := m.Source().Document([]byte(file(t, "employee.json")))
	ctx, cancel := context.WithCancel(t.Context())
	key := []byte("0123456789abcdef")
	for name, tt := range map[string]struct {
		keys keysFunc
		want error
	}{
		"fails":         {func(context.Context, string, func(string, []byte) error) error { return errors.New(canary) }, mapping.ErrNoKey},
		"does not call": {func(context.Context, string, func(string, []byte) error) error { return nil }, mapping.ErrNoKey},
		"empty key":     {func(_ context.Context, _ string, use func(string, []byte) error) error { return use("1", nil) }, mapping.ErrNoKey},
		"short key":     {func(_ context.Context, _ string, use func(string, []byte) error) error { return use("1", key[:15]) }, mapping.ErrNoKey},
		"no version":    {func(_ context.Context, _ string, use func(string, []byte) error) error { return use("", key) }, mapping.ErrNoKey},
		"version":       {func(_ context.Context, _ string, use func(string, []byte) error) error { return use("1.2", key) }, mapping.ErrNoKey},
		"long version": {func(_ context.Context, _ string, use func(string, []byte) error) error {
			return use(strings.Repeat("1", 37), key)
		}, mapping.ErrNoKey},
		"fails at last": {func(_ context.Context, _ string, use func(string, []byte) error) error {
			_ = use("1", key)
			return errors.New(canary)
		}, mapping.ErrNoKey},
		"calls twice": {func(_ context.Context, _ string, use func(string, []byte) error) error {
			return errors.Join(use("1", key), use("2", key))
		}, mapping.ErrNoKey},
		"hides a failure": {func(_ context.Context, _ string, use func(string, []byte) error) error { _ = use("", nil); return nil }, mapping.ErrNoKey},
		"cancelled": {func(ctx context.Context, _ string, use func(string, []byte) error) error {
			cancel()
			return use("1", key)
		}, context.Canceled},
	} {
		of := t.Context()
		if name == "cancelled" {
			of = ctx
		}
		record, err := m.Map(of, document, tt.keys)
		if err != tt.want || !empty(record) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if record, err := m.Map(t.Context(), document, nil); err != mapping.ErrNoKey || !empty(record) {
		t.Errorf("nobody lends keys: %v", err)
	}
}

// twoKeys makes a token of each of two keys, x and y, which is asked for while x is lent.
func twoKeys(t *testing.T) *mapping.Mapper {
	t.Helper()
	const text = `"type": "string", "maxLength": 99`
	src := `{"title": "src", "type": "object", "additionalProperties": false, "required": ["a"], "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {"a": {"type": "integer"}}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"a": {` + text + `}, "b": {` + text + `}}}`
	return compile(t, src, dst, `{"mapping": "m", "from": "src", "to": "dst", "set": {"/a": {"from": "/a", "do": [{"token.hmac": {"key": "x"}}]}, "/b": {"from": "/a", "do": [{"token.hmac": {"key": "y"}}]}}}`, anywhereAPI())
}

type use = func(version string, key []byte) error

// TestAKeyIsLentOnce, and neither from within its own use nor after its source is done.
func TestAKeyIsLentOnce(t *testing.T) {
	m, key := twoKeys(t), []byte("0123456789abcdef")
	for name, done := range map[string]func(use) error{
		"used":   func(u use) error { return u("1", key) },
		"unused": func(use) error { return nil },
		"failed": func(u use) error { _ = u("", nil); return nil },
		"panics": func(u use) error { panic(u("1", key)) },
	} {
		var first, second use
		keys := keysFunc(func(_ context.Context, key string, u func(string, []byte) error) error {
			if key == "x" {
				first = u
				return done(u)
			}
			second = u
			if err := first("2", []byte("0123456789abcdef")); err == nil {
				t.Errorf("%s: x is lent while it is lent", name)
			}
			return done(u)
		})
		var record mapping.Record
		var err error
		func() {
			defer func() { _ = recover() }()
			record, err = m.Map(t.Context(), m.Source().Document([]byte(`{"a":1}`)), keys)
		}()
		if made := name == "used"; made == empty(record) || made != (err == nil) && name != "panics" {
			t.Errorf("%s: %v", name, err)
		}
		for _, late := range []use{first, second} {
			if late != nil && late("2", key) == nil {
				t.Errorf("%s: a key is lent too late", name)
			}
		}
	}
}

// TestAKeySourceThatDoesNotWait for the use of its key yields a record or none, and nothing
// goes on behind Map.
func TestAKeySourceThatDoesNotWait(t *testing.T) {
	m, key := twoKeys(t), []byte("0123456789abcdef")
	var wait sync.WaitGroup
	for range 100 {
		record, err := m.Map(t.Context(), m.Source().Document([]byte(`{"a":1}`)), keysFunc(func(_ context.Context, _ string, u func(string, []byte) error) error {
			for range 3 {
				wait.Go(func() { _ = u("1", key) })
			}
			return nil
		}))
		if err != nil && err != mapping.ErrNoKey || empty(record) != (err != nil) || err == nil && record.Len() != 2 {
			t.Errorf("%v, %d fields", err, record.Len())
		}
	}
	wait.Wait()
}

// TestKeysAreAskedForOnce each, and lent together.
func TestKeysAreAskedForOnce(t *testing.T) {
	const text = `"type": "string", "maxLength": 99`
	src := `{"title": "src", "type": "object", "additionalProperties": false, "required": ["a", "b"], "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {"a": {"type": "integer"}, "b": {"type": "array", "maxItems": 9, "items": {"type": "integer"}}}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"a": {` + text + `}, "b": {"type": "array", "maxItems": 9, "items": {` + text + `}}, "c": {` + text + `}}}`
	m := compile(t, src, dst, `{"mapping": "m", "from": "src", "to": "dst", "set": {"/a": {"from": "/a", "do": [{"token.hmac": {"key": "z"}}]}, "/b": {"from": "/b", "do": [{"token.hmac": {"key": "a/b"}}]}, "/c": {"from": "/a", "do": [{"token.hmac": {"key": "z"}}]}}}`, anywhereAPI())
	if got := m.Keys(); !reflect.DeepEqual(got, []string{"a/b", "z"}) {
		t.Errorf("%v", got)
	}
	open, most, asked := 0, 0, []string{}
	keys := keysFunc(func(ctx context.Context, name string, use func(string, []byte) error) error {
		asked = append(asked, name)
		open++
		most = max(most, open)
		defer func() { open-- }()
		key := []byte(strings.Repeat(name, 32)[:32])
		defer clear(key)
		return use("1", key)
	})
	record, err := m.Map(t.Context(), m.Source().Document([]byte(`{"a":1,"b":[1,2]}`)), keys)
	if err != nil || !reflect.DeepEqual(asked, []string{"a/b", "z"}) || most != 2 || open != 0 {
		t.Errorf("%v %v %d", err, asked, most)
	}
	var got struct {
		A, C string
		B    []string
	}
	if err := json.Unmarshal([]byte(body(t, record)), &got); err != nil || got.A != got.C || len(got.B) != 2 || got.B[0] == got.B[1] || got.B[0] == got.A {
		t.Errorf("%+v", got)
	}
}

// TestNoPlaintextIsLeft of what a mapping hides, in no field and no form.
func TestNoPlaintextIsLeft(t *testing.T) {
	secrets := []string{"9007199254740993", "078-05-1120", "zoe@", "123 45", "2019-02", "81000", "Götgatan", "Åke"}
	m := employees(t)
	record, err := m.Map(t.Context(), m.Source().Document([]byte(file(t, "employee.json"))), testKeys("1"))
	if err != nil {
		t.Fatal(err)
	}
	out := body(t, record)
	for place, value := range record.Fields() {
		out += " " + place.Name + value
	}
	for _, secret := range secrets {
		if !strings.Contains(file(t, "employee.json"), secret) || strings.Contains(out, secret) {
			t.Errorf("%s in %s", secret, out)
		}
	}
}

// TestOutputIsEncoded: whatever text comes in, the body is the JSON of that text, and holds
// nothing that a page would read.
func TestOutputIsEncoded(t *testing.T) {
	m := one(t, anyText, anyText, ``)
	chain := one(t, anyText, anyText, `{"enum": {"map": {"x": "\"},{\u2028<"}, "else": "\"},{\u2028<"}}`)
	for _, text := range []string{`","v":"x`, `\`, `"`, "\n\r\t\b\f\x01\x1f", "<script>&", "\u2028\u2029", "é\u2030€😀", "</", `\u0041`, `{"a":1}`, "\x7f", "–—"} {
		raw, _ := json.Marshal(text)
		plain := bytes.NewBuffer(nil)
		encoder := json.NewEncoder(plain)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(text); err != nil {
			t.Fatal(err)
		}
		for _, raw := range []string{string(raw), strings.TrimSpace(plain.String())} {
			got := mapOne(t, m, raw)
			var back string
			if err := json.Unmarshal([]byte(got), &back); err != nil || back != text || strings.ContainsAny(got, "<>&\u2028\u2029") {
				t.Errorf("%s: %s", raw, got)
			}
			if got := mapOne(t, chain, raw); got != `"\"},{\u2028\u003c"` {
				t.Errorf("%s: %s", raw, got)
			}
		}
	}
}

// TestFailuresLeakNothing: a canary in every position that can fail.
func TestFailuresLeakNothing(t *testing.T) {
	m := employees(t)
	base := file(t, "employee.json")
	documents := []string{canary, `"` + canary + `"`, `{"` + canary + `":1}`, `{"number":` + canary + `}`, base + canary, base[:len(base)-10] + canary}
	for _, pair := range [][2]string{
		{`"number":9007199254740993`, `"number":78051120.5`}, {`"number":9007199254740993`, `"number":"` + canary + `"`}, {`"number":9007199254740993`, `"number":-78051120`},
		{`"078-05-1120"`, `"` + canary + `"`}, {`"zoe@acme.example"`, `"` + canary + `"`}, {`"2019-02-28"`, `"` + canary + `"`}, {`"2026-03-01T00:30:00+01:00"`, `"` + canary + `"`}, {`"active"`, `"` + canary + `"`},
		{`"country":"SE"`, `"country":"` + canary + `"`}, {`"remote":true`, `"` + canary + `":true`}, {`"remote":true`, `"remote":true,"remote":"` + canary + `"`}, {`"born":null`, `"born":"` + canary + `"`}, {`"name":"Åke"`, `"` + canary + `":"Åke"`},
		{`"Åström"`, `"` + canary + strings.Repeat("x", 100) + `"`}, {`"Åström"`, `"` + canary + `\ud800"`}, {`"Åström"`, "\"" + canary + "\xff\""}, {`81000.50`, `78051120.123`}, {`["Go","<b>&"]`, `["` + canary + strings.Repeat("x", 40) + `"]`},
	} {
		documents = append(documents, change(t, base, pair[0], pair[1]))
	}
	for _, raw := range documents {
		document := m.Source().Document([]byte(raw))
		var v any
		_, err := m.Map(t.Context(), document, testKeys("1"))
		for _, err := range []error{err, document.Check(), document.Decode(&v)} {
			if !errors.Is(err, mapping.ErrInvalid) {
				t.Errorf("%s: %v", raw, err)
			}
			noCanary(t, "error", fmt.Sprintf("%v %+v %#v %q %v", err, err, err, err, errors.Unwrap(err)))
			var text, lines bytes.Buffer
			slog.New(slog.NewTextHandler(&text, nil)).Info("x", "err", err)
			slog.New(slog.NewJSONHandler(&lines, nil)).Info("x", "err", err)
			noCanary(t, "slog", text.String()+lines.String())
		}
	}
	for _, in := range []string{"path", "query", "dn", "filter"} {
		m := placed(t, in, "v")
		_, err := m.Map(t.Context(), m.Source().Document([]byte(`{"v":"`+canary+`\n"}`)), nil)
		noCanary(t, in, fmt.Sprintf("%v %#v", err, err))
	}
	_, err := m.Map(t.Context(), m.Source().Document([]byte(base)), keysFunc(func(context.Context, string, func(string, []byte) error) error { return errors.New(canary) }))
	noCanary(t, "key source", fmt.Sprintf("%v %#v", err, err))
	for _, do := range []string{`{"string.to_int": {}}`, `{"string.to_number": {"scale": 2}}`} {
		m := fallible(t, anyText, map[bool]string{true: `"type": "integer"`, false: `"type": "number", "scale": 2`}[strings.Contains(do, "int")], do, "fail")
		_, err := m.Map(t.Context(), m.Source().Document([]byte(`{"v":"`+canary+`"}`)), nil)
		noCanary(t, do, fmt.Sprintf("%v %#v", err, err))
	}
	for _, declaration := range []string{canary, `{"` + canary + `":1}`, `{"title":"` + canary + ` x"}`, `{"properties":{"` + canary + `/":{}}}`, `{"properties":{"a":{"type":"` + canary + `"}}}`, `{"properties":{"a":{"type":"string","enum":["` + canary + `"],"pattern":"(` + canary + `"}}}`} {
		_, err := mapping.ParseSchema([]byte(declaration))
		noCanary(t, declaration, fmt.Sprintf("%v %#v", err, err))
		_, err = mapping.Compile(m.Source(), m.Source(), []byte(declaration), crm())
		noCanary(t, declaration, fmt.Sprintf("%v %#v", err, err))
	}
	for _, declaration := range []string{`{"set":{"/` + canary + `":{"from":"/` + canary + `"}},"drop":{"/` + canary + `":"x"}}`, `{"mapping":"` + canary + ` ","from":"` + canary + `"}`, `{"set":{"/number":{"from":"/number","do":[{"` + canary + `":{"` + canary + `":1}}],"on_error":"` + canary + `"}}}`,
		`{"set":{"/number":{"from":"/number","do":[{"redact":{"` + canary + `":1}}]}}}`, `{"set":{"/number":{"const":"` + canary + `"}}}`} {
		_, err := mapping.Compile(m.Source(), m.Source(), []byte(declaration), crm())
		if err == nil {
			t.Errorf("%s compiles", declaration)
		}
		noCanary(t, declaration, fmt.Sprintf("%v %#v", err, err))
	}
}

// TestRecordPrintsNoContent in no channel, also where fmt calls no method.
func TestRecordPrintsNoContent(t *testing.T) {
	m := placed(t, "attribute", "v")
	record, err := m.Map(t.Context(), m.Source().Document([]byte(`{"v":"`+canary+`"}`)), nil)
	if err != nil {
		t.Fatal(err)
	}
	inBody, err := one(t, anyText, anyText, ``).Map(t.Context(), one(t, anyText, anyText, ``).Source().Document([]byte(`{"v":"`+canary+`"}`)), nil)
	if err != nil || !strings.Contains(body(t, inBody), canary) {
		t.Fatal(err)
	}
	for _, r := range []mapping.Record{record, inBody} {
		values := []any{r, &r, []mapping.Record{r}, map[string]any{"r": r}, struct{ R mapping.Record }{r}, struct{ r mapping.Record }{r}, &struct{ r *mapping.Record }{&r}}
		for _, v := range values {
			for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %c %U %o %t %p %e %w %10.3v") {
				noCanary(t, fmt.Sprintf("%T %s", v, verb), fmt.Sprintf(verb, v))
			}
			var text, lines, binary bytes.Buffer
			slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
			slog.New(slog.NewJSONHandler(&lines, nil)).Info("x", "v", v)
			asJSON, _ := json.Marshal(v)
			asXML, _ := xml.Marshal(v)
			_ = gob.NewEncoder(&binary).Encode(v)
			noCanary(t, "encoders", text.String()+lines.String()+string(asJSON)+string(asXML)+binary.String())
		}
		_, asJSON := json.Marshal(r)
		_, asText := r.MarshalText()
		_, asBinary := r.MarshalBinary()
		if asJSON == nil || asText == nil || asBinary == nil || fmt.Sprintf("%v %d", r, r) != "[record] [record]" || r.LogValue().String() != "[record]" {
			t.Errorf("%v %v %v %v", asJSON, asText, asBinary, r)
		}
	}
}

func TestZeroRecordsAndMappers(t *testing.T) {
	if !empty(mapping.Record{}) {
		t.Error("the zero record holds something")
	}
	for _, m := range []*mapping.Mapper{nil, {}} {
		if m.Name() != "" || m.Hash() != "" || m.Source() != nil || m.Places() != nil || m.Keys() != nil || m.Report() != "" || !m.NotAfter().IsZero() || !reflect.DeepEqual(m.Label(), mapping.Label{}) || !reflect.DeepEqual(m.Destination(), mapping.Destination{}) {
			t.Error("a mapper that nobody compiled says something")
		}
	}
}

func TestMapperSaysWhatItIs(t *testing.T) {
	m := employees(t)
	if m.Name() != "employee-to-contact" || m.Source().Title() != "employee" || !reflect.DeepEqual(m.Destination(), crm()) || m.NotAfter().Format("2006-01-02") != "2099-04-01" {
		t.Error(m.Name(), m.Destination(), m.NotAfter())
	}
	if got := m.Label().String(); got != "internal pii.contact in * for crm, hr" {
		t.Error(got)
	}
	want := `[{path id} {query state} {header X-Contact-Year} {body /name/first} {body /name/last} {body /mail} {body /phone} {body /year} {body /country} {body /place/city} {body /place/remote} {body /skills} {body /hours} {body /updated} {body /source}]`
	if got := fmt.Sprint(m.Places()); got != want {
		t.Error(got)
	}
	m.Places()[0].In, m.Keys()[0], m.Destination().Jurisdictions[0], m.Label().Categories[0] = "x", "x", "x", "x"
	if fmt.Sprint(m.Places()) != want || m.Keys()[0] != "crm/tokens" || m.Destination().Jurisdictions[0] != "us" || m.Label().Categories[0] != "pii.contact" {
		t.Error("a caller changes a mapper")
	}
	to := crm()
	m = compile(t, file(t, "employee.jsonc"), file(t, "contact.jsonc"), file(t, "employee-to-contact.jsonc"), to)
	to.Jurisdictions[0] = "x"
	if m.Destination().Jurisdictions[0] != "us" {
		t.Error("who compiled it changes a mapper")
	}
}

// TestHash: it is of all that decides what leaves, and of nothing else.
func TestHash(t *testing.T) {
	src, dst, text := file(t, "employee.jsonc"), file(t, "contact.jsonc"), file(t, "employee-to-contact.jsonc")
	hash := employees(t).Hash()
	if len(hash) != 64 {
		t.Fatal(hash)
	}
	for range 20 {
		if got := employees(t).Hash(); got != hash {
			t.Fatalf("%s, then %s", hash, got)
		}
	}
	reordered := crm()
	reordered.Jurisdictions = []string{"us", "us"}
	if got := compile(t, "//\n"+src, "/**/"+dst, "// other\n"+change(t, text, `"map": {"active": "on", "leave": "on", "left": "off"}`, `"map": {"left": "off", "active": "on", "leave": "\u006fn"}`), reordered).Hash(); got != hash {
		t.Error("what means nothing changes the hash")
	}
	wider := crm()
	wider.Clearance.Class = mapping.Confidential
	other := crm()
	other.System = "crm2"
	for name, got := range map[string]string{
		"source":      compile(t, change(t, src, `"maxLength": 40`, `"maxLength": 41`), dst, text, crm()).Hash(),
		"approval":    compile(t, strings.Replace(src, "DPO-2026-115", "DPO-2026-999", 1), dst, text, crm()).Hash(),
		"destination": compile(t, src, change(t, dst, `"maxLength": 64`, `"maxLength": 65`), text, crm()).Hash(),
		"clearance":   compile(t, src, dst, text, wider).Hash(),
		"system":      compile(t, src, dst, text, other).Hash(),
		"name":        compile(t, src, dst, change(t, text, `"employee-to-contact"`, `"other"`), crm()).Hash(),
		"constant":    compile(t, src, dst, change(t, text, `"const": "hr"`, `"const": "HR"`), crm()).Hash(),
		"argument":    compile(t, src, dst, change(t, text, `"leave": "on"`, `"leave": "off"`), crm()).Hash(),
		"key":         compile(t, src, dst, change(t, text, `crm/tokens`, `crm/other`), crm()).Hash(),
		"reason":      compile(t, src, dst, change(t, text, `no business of sales`, `none`), crm()).Hash(),
		"on_error":    compile(t, src, dst, change(t, text, `"do": [{"mask.keep_last": {"n": 4}}]`, `"do": [{"mask.keep_last": {"n": 4}}], "on_error": "null"`), crm()).Hash(),
	} {
		if got == hash {
			t.Errorf("%s does not change the hash", name)
		}
	}
}

func TestReport(t *testing.T) {
	m := employees(t)
	if os.Getenv("CARNET_UPDATE") != "" {
		if err := os.WriteFile("testdata/report.txt", []byte(m.Report()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := file(t, "report.txt")
	if got := m.Report(); got != want {
		t.Errorf("testdata/report.txt differs from\n%s", got)
	}
	text := change(t, file(t, "employee-to-contact.jsonc"), `"/id": {"from": "/number", "do": [{"token.hmac": {"key": "crm/tokens"}}]}`, `"/id": {"from": "/number", "do": [{"int.to_string": {}}]}`)
	text = change(t, text, `"/mail": {"from": "/email", "do": [{"mask.email": {"domains": ["acme.example"]}}]}`, `"/mail": {"absent": "no"}`)
	text = change(t, text, `"/phone": {"from": "/phone", "do": [{"mask.keep_last": {"n": 4}}]}`, `"/phone": {"absent": "no"}`)
	text = change(t, text, `"/year": {"from": "/hired", "do": [{"date.year": {}}]}`, `"/year": {"const": 0}`)
	text = change(t, text, `"drop": {`, `"drop": {"/email": "no", "/phone": "no", "/hired": "no",`)
	if m = compile(t, file(t, "employee.jsonc"), file(t, "contact.jsonc"), text, crm()); !strings.Contains(m.Report(), "no release is used\n") || !m.NotAfter().IsZero() {
		t.Error(m.Report())
	}
}

// TestReportsArePrintable: its author cannot write a line into a report, or make it look
// otherwise than it is.
func TestReportsArePrintable(t *testing.T) {
	const odd = "\u0085\u009b2J\u007f\u061c\u202e\u2028\u2066\u00a0\ufeff\U000e0001"
	src := `{"title": "src", "type": "object", "additionalProperties": false, "required": ["v"], "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "properties": {"v": {` + anyText + `}}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "properties": {"c": {` + anyText + `}, "l": {"type": "array", "maxItems": 2, "items": {` + anyText + `}}, "e": {` + anyText + `}}}`
	to := anywhereAPI()
	to.System, to.Jurisdictions = "crm"+odd+"\n\x1b", []string{odd}
	m := compile(t, src, dst, `{"mapping": "m", "from": "src", "to": "dst", "set": {"/c": {"const": "`+odd+`"}, "/l": {"const": ["`+odd+`", /* `+"\n"+` */ "x"]}, "/e": {"from": "/v", "do": [{"enum": {"map": {"`+odd+`": "`+odd+`"}, "else": "é日"}}]}}}`, to)
	report := m.Report()
	if strings.ContainsFunc(report, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) || strings.Count(report, "\n") != 10 {
		t.Errorf("%q", report)
	}
	for _, want := range []string{`/c <- constant "\u0085\u009b2J\u007f\u061c\u202e\u2028\u2066\u00a0\ufeff\udb40\udc01" [`, `"else":"é日"`, `destination crm\u0085`} {
		if !strings.Contains(report, want) {
			t.Errorf("%s is not in %s", want, report)
		}
	}
}

// TestOneMapperForMany: nothing in it changes, and records share nothing.
func TestOneMapperForMany(t *testing.T) {
	m := employees(t)
	base := file(t, "employee.json")
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			city := fmt.Sprintf("City-%d", i)
			raw := strings.Replace(base, "Stockholm", city, 1)
			var last mapping.Record
			for n := range 50 {
				record, err := m.Map(context.Background(), m.Source().Document([]byte(raw)), testKeys(fmt.Sprint(i)))
				if err != nil || !strings.Contains(body(t, record), `"`+city+`"`) || m.Report() == "" {
					t.Errorf("%d: %v", i, err)
					return
				}
				if n > 0 && body(t, last) != body(t, record) {
					t.Errorf("%d: an earlier record has changed", i)
				}
				last = record
			}
		})
	}
	wait.Wait()
}

// TestOutputSharesNothing with its source, or with what a reader got.
func TestOutputSharesNothing(t *testing.T) {
	m := one(t, anyText, anyText, ``)
	raw := []byte(`{"v":"first"}`)
	document := m.Source().Document(raw)
	record, err := m.Map(t.Context(), document, nil)
	if err != nil {
		t.Fatal(err)
	}
	copy(raw, `{"v":"other"}`)
	var out bytes.Buffer
	if _, err := record.Body().WriteTo(&evil{}); err != nil {
		t.Fatal(err)
	}
	_, _ = record.Body().WriteTo(&out)
	if out.String() != `{"v":"first"}` {
		t.Error(out.String())
	}
}

// evil writes into what it is given to write.
type evil struct{}

func (*evil) Write(p []byte) (int, error) {
	for i := range p {
		//lint:ignore SA1023 a Body must hold against that too
		p[i] = 'x'
	}
	return len(p), nil
}
