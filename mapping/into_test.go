package mapping_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// first is the first document of a stream, which was checked.
func first(t testing.TB, s *mapping.Schema, raw string) mapping.Document {
	t.Helper()
	for d, err := range s.Documents(t.Context(), strings.NewReader("["+raw+"]")) {
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	t.Fatal("no document")
	return mapping.Document{}
}

// TestMapIntoAllocatesNothing, once the record has its memory; checking the document does not
// either.
func TestMapIntoAllocatesNothing(t *testing.T) {
	m := compile(t, benchSource, benchDestination, benchMapping, anywhereAPI())
	raw := string(benchDocument)
	for name, d := range map[string]mapping.Document{"checked": first(t, m.Source(), raw), "not yet": m.Source().Document([]byte(raw))} {
		var r mapping.Record
		do := func() {
			if err := m.MapInto(t.Context(), d, nil, &r); err != nil {
				t.Fatal(err)
			}
		}
		do()
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if r.Len() == 0 || r.Body().Len() < 100 {
			t.Errorf("%s: %d fields", name, r.Len())
		}
	}
}

// TestMapIntoTakesTheMemory: a copy of the record before is no data, also where the next one is
// none, and what it held is nowhere.
func TestMapIntoTakesTheMemory(t *testing.T) {
	m, other := compile(t, orders, orders, orderOnly, anywhereAPI()), employees(t)
	var r mapping.Record
	doc := func(text string) mapping.Document { return m.Source().Document([]byte(text)) }
	if err := m.MapInto(t.Context(), doc(`{"n":1,"note":"cAnArY"}`), nil, &r); err != nil {
		t.Fatal(err)
	}
	before, held := r, mapping.Memory(r)
	if before.Len() != 2 || !bytes.Contains(held, []byte("cAnArY")) {
		t.Fatalf("%d fields", before.Len())
	}
	if got := string(r.AppendBody([]byte("x"))); got != `x{"n":1,"note":"cAnArY"}` {
		t.Errorf("appended: %s", got)
	}
	if err := m.MapInto(t.Context(), doc(`{"n":2}`), nil, &r); err != nil || body(t, r) != `{"n":2}` || r.Len() != 1 {
		t.Fatalf("%v, %s", err, body(t, r))
	}
	for name, gone := range map[string]mapping.Record{"copy": before, "zero": {}} {
		if gone.Len() != 0 || gone.Body().Len() != 0 || len(gone.AppendBody(nil)) != 0 || gone.Mapping() != "" || gone.Label().Class != mapping.Unlabelled || !gone.NotAfter().IsZero() {
			t.Errorf("%s: %d fields, %s", name, gone.Len(), body(t, gone))
		}
		for range gone.Fields() {
			t.Errorf("%s has fields", name)
		}
	}
	if bytes.Contains(held[:cap(held)], []byte("cAnArY")) {
		t.Error("the memory has what was there before")
	}
	held = mapping.Memory(r)
	if err := m.MapInto(t.Context(), doc(`{"n":"cAnArY"}`), nil, &r); !errors.Is(err, mapping.ErrInvalid) || r.Len() != 0 || r.Mapping() != "" {
		t.Errorf("no document: %v, %d fields", err, r.Len())
	}
	if bytes.Contains(held[:cap(held)], []byte(`"n"`)) {
		t.Error("what was there is still there")
	}
	for range 2 { // the copy's memory is another's
		if err := m.MapInto(t.Context(), doc(`{"n":3}`), nil, &before); err != nil || body(t, before) != `{"n":3}` {
			t.Errorf("%v", err)
		}
	}
	if err := other.MapInto(t.Context(), doc(`{"n":3}`), nil, &before); err != mapping.ErrForeign || before.Len() != 0 {
		t.Errorf("foreign: %v", err)
	}
	if err := (*mapping.Mapper)(nil).MapInto(t.Context(), doc(`{"n":3}`), nil, &r); err != mapping.ErrInvalid {
		t.Error(err)
	}
	if err := m.MapInto(t.Context(), doc(`{"n":3}`), nil, nil); err != mapping.ErrInvalid {
		t.Error(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", r, r, before); strings.Contains(text, "cAnArY") {
		t.Error("printed")
	}
}

// TestTheSameSchemaInAnotherOrder: two schemas that differ in the order of their members are one,
// and what stands where is each one's own.
func TestTheSameSchemaInAnotherOrder(t *testing.T) {
	const form = `{"title": "pair", "type": "object", "additionalProperties": false, "required": ["open", "secret"], "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {%s}}`
	open, secret := `"open": {"type": "string", "maxLength": 9}`, `"secret": {"type": "string", "maxLength": 9, "classification": "restricted"}`
	one, other := schema(t, fmt.Sprintf(form, open+","+secret)), schema(t, fmt.Sprintf(form, secret+","+open))
	if one.Hash() != other.Hash() {
		t.Fatal("two schemas")
	}
	dst := `{"title": "out", "type": "object", "additionalProperties": false, "properties": {"open": {"type": "string", "maxLength": 9}}}`
	to := anywhereAPI()
	to.Clearance.Class = mapping.Internal
	m, err := mapping.Compile(one, schema(t, dst), []byte(`{"mapping": "m", "from": "pair", "to": "out", "set": {"/open": {"from": "/open"}}, "drop": {"/secret": "it is"}}`), to)
	if err != nil {
		t.Fatal(err)
	}
	const raw = `{"secret":"cAnArY","open":"shown"}`
	for name, d := range map[string]mapping.Document{
		"its own": one.Document([]byte(raw)), "the other's": other.Document([]byte(raw)), "its own, of a stream": first(t, one, raw), "the other's, of a stream": first(t, other, raw),
	} {
		r, err := m.Map(t.Context(), d, nil)
		if err != nil || body(t, r) != `{"open":"shown"}` {
			t.Errorf("%s: %s, %v", name, body(t, r), err)
		}
	}
}

// TestFieldsEndWithTheirRecord: who reads a record while its memory becomes another's sees
// nothing of that.
func TestFieldsEndWithTheirRecord(t *testing.T) {
	text := func(in string) string {
		return `{"title": "p", "type": "object", "additionalProperties": false, "required": ["a", "b"], "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
			"properties": {"a": {"type": "string", "maxLength": 9` + in + `}, "b": {"type": "string", "maxLength": 9` + in + `}}}`
	}
	m := compile(t, text(""), text(`, "in": "query"`), `{"mapping": "m", "from": "p", "to": "p", "set": {"/a": {"from": "/a"}, "/b": {"from": "/b"}}}`, anywhereAPI())
	var r mapping.Record
	if err := m.MapInto(t.Context(), m.Source().Document([]byte(`{"a": "alice", "b": "alice"}`)), nil, &r); err != nil {
		t.Fatal(err)
	}
	one, read := r, 0
	for _, text := range one.Fields() {
		if read++; text != "alice" {
			t.Errorf("another's: %q", text)
		}
		if err := m.MapInto(t.Context(), m.Source().Document([]byte(`{"a": "bob", "b": "bob"}`)), nil, &r); err != nil {
			t.Fatal(err)
		}
	}
	if read != 1 {
		t.Errorf("read %d fields, of which one was left", read)
	}
}

// TestRecordsKeepNoNumbers: a record holds what it was made of no longer.
func TestRecordsKeepNoNumbers(t *testing.T) {
	m := compile(t,
		`{"title": "p", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {"a": {"type": "integer"}, "salary": {"type": "integer", "classification": "restricted"}}}`,
		`{"title": "o", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "integer", "minimum": -9223372036854775808}}}`,
		`{"mapping": "m", "from": "p", "to": "o", "set": {"/a": {"from": "/a"}}, "drop": {"/salary": "nobody's business"}}`, anywhereAPI())
	for _, raw := range []string{`{"a": 1, "salary": 987654}`, `{"salary": 987654}`} {
		var r mapping.Record
		_ = m.MapInto(t.Context(), m.Source().Document([]byte(raw)), nil, &r)
		for _, n := range mapping.Numbers(r) {
			if n != 0 {
				t.Errorf("%s: it keeps %d", raw, n)
			}
		}
	}
}

// TestElementsAllocateNothing holds that for arrays of objects, too.
func TestElementsAllocateNothing(t *testing.T) {
	m := compile(t,
		`{"title": "a", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {"in": {"type": "array", "maxItems": 9, "items": {"type": "object", "additionalProperties": false, "properties": {"x": {"type": "string", "maxLength": 9}}}}}}`,
		`{"title": "b", "type": "object", "additionalProperties": false, "properties": {"out": {"type": "array", "maxItems": 9, "items": {"type": "object", "additionalProperties": false, "properties": {"y": {"type": "string", "maxLength": 9}}}}}}`,
		`{"mapping": "m", "from": "a", "to": "b", "set": {"/out": {"from": "/in"}, "/out/*/y": {"from": "/in/*/x"}}}`, anywhereAPI())
	d := first(t, m.Source(), `{"in": [{"x": "a"}, {"x": "b"}, {}]}`)
	var r mapping.Record
	if n := testing.AllocsPerRun(100, func() {
		if err := m.MapInto(t.Context(), d, nil, &r); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if got := body(t, r); got != `{"out":[{"y":"a"},{"y":"b"},{}]}` {
		t.Error(got)
	}
}
