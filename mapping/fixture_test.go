package mapping_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// testKeys lends a key of 32 bytes for each name, under one version.
type testKeys string

func (k testKeys) UseKey(_ context.Context, name string, use func(version string, key []byte) error) error {
	key := []byte((name + "/0123456789abcdef0123456789abcdef")[:32])
	defer clear(key)
	return use(string(k), key)
}

// anywhereAPI accepts everything below sealed.
func anywhereAPI() mapping.Destination {
	return mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Restricted, Categories: []string{"pii.contact"}, Purposes: []string{"crm"}}}
}

func file(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func schema(t testing.TB, text string) *mapping.Schema {
	t.Helper()
	s, err := mapping.ParseSchema([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compile(t testing.TB, src, dst, text string, to mapping.Destination) *mapping.Mapper {
	t.Helper()
	m, err := mapping.Compile(schema(t, src), schema(t, dst), []byte(text), to)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// crm is where testdata/employee-to-contact.jsonc leads.
func crm() mapping.Destination {
	return mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Categories: []string{"pii.contact"}, Purposes: []string{"crm"}}}
}

func employees(t testing.TB) *mapping.Mapper {
	t.Helper()
	return compile(t, file(t, "employee.jsonc"), file(t, "contact.jsonc"), file(t, "employee-to-contact.jsonc"), crm())
}

func body(t testing.TB, r mapping.Record) string {
	t.Helper()
	raw, err := io.ReadAll(r.Body())
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// codes are those of findings, in their order.
func codes(err error) string {
	findings, ok := errors.AsType[mapping.Findings](err)
	if !ok {
		return "no findings"
	}
	var all []string
	for _, f := range findings {
		all = append(all, f.Code)
	}
	return strings.Join(all, " ")
}

// one maps a document {"v": raw} between two schemas of one member: the field is what
// describes it, labelled as public in the source.
func one(t testing.TB, from, into, do string) *mapping.Mapper {
	t.Helper()
	src := `{"title": "src", "type": "object", "additionalProperties": false, "defaults": {"classification": "public", "residency": ["*"], "purposes": ["*"]}, "required": ["v"], "properties": {"v": {` + from + `}}}`
	dst := `{"title": "dst", "type": "object", "additionalProperties": false, "required": ["v"], "properties": {"v": {` + into + `}}}`
	return compile(t, src, dst, `{"mapping": "one", "from": "src", "to": "dst", "set": {"/v": {"from": "/v", "do": [`+do+`]}}}`, anywhereAPI())
}

// mapOne is what such a mapper makes of a value; the error is a code.
func mapOne(t testing.TB, m *mapping.Mapper, raw string) string {
	t.Helper()
	record, err := m.Map(t.Context(), m.Source().Document([]byte(`{"v":`+raw+`}`)), testKeys("1"))
	if data, ok := errors.AsType[*mapping.DataError](err); ok {
		return data.Code
	}
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(strings.TrimPrefix(body(t, record), `{"v":`), "}")
}
