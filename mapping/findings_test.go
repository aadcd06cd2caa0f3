package mapping_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

func TestFindingString(t *testing.T) {
	for _, tt := range []struct {
		finding mapping.Finding
		want    string
	}{
		{mapping.Finding{}, " "},
		{mapping.Finding{Code: "B103", Problem: "unknown member"}, "B103 unknown member"},
		{mapping.Finding{Code: "B103", Problem: "unknown member", Path: "/systems/0"}, "B103 unknown member at /systems/0"},
		{mapping.Finding{Code: "B103", Problem: "unknown member", File: "boundary.jsonc", Line: 3, Column: 7}, "boundary.jsonc:3:7: B103 unknown member"},
		{
			mapping.Finding{Code: "B103", Problem: "unknown member", File: "boundary.jsonc", Line: 3, Column: 7, Path: "/systems/0", Nearest: "origin"},
			`boundary.jsonc:3:7: B103 unknown member at /systems/0; did you mean "origin"?`,
		},
	} {
		if got := tt.finding.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// TestNoFindingsAreNoError: a typed nil in an error is not nil.
func TestNoFindingsAreNoError(t *testing.T) {
	for _, f := range []mapping.Findings{nil, {}} {
		if err := f.Err(); err != nil {
			t.Errorf("%#v", err)
		}
	}
}

func TestFindingsAreOneErrorInOrder(t *testing.T) {
	err := mapping.Findings{{Code: "B2", Problem: "second"}, {Code: "B1", Problem: "first"}}.Err()
	var found mapping.Findings
	if !errors.As(fmt.Errorf("load: %w", err), &found) || len(found) != 2 || found[0].Code != "B2" {
		t.Errorf("%v", found)
	}
	if got := err.Error(); got != "B2 second\nB1 first" {
		t.Error(got)
	}
}

// filled is a file of about a size: as many parts as fit, between its head and its end.
func filled(size int, head, end string, part func(i int) string) []byte {
	var b strings.Builder
	b.WriteString(head)
	for i := 0; b.Len() < size-300; i++ {
		b.WriteString(part(i))
	}
	b.WriteString(end)
	return []byte(b.String())
}

// TestFindingsAreBounded, and so is the search for what was probably meant: a file that is
// all mistakes costs no more than its size.
func TestFindingsAreBounded(t *testing.T) {
	src, dst := schema(t, file(t, "employee.jsonc")), schema(t, file(t, "contact.jsonc"))
	compiled := func(text []byte) error {
		_, err := mapping.Compile(src, dst, text, crm())
		return err
	}
	parsed := func(text []byte) error {
		_, err := mapping.ParseSchema(text)
		return err
	}
	const head = `{"title": "s", "type": "object", "additionalProperties": false, `
	near := func(i int) string { return fmt.Sprintf(`given%c%c`, 'a'+i%26, 'a'+i/26%26) }
	for name, err := range map[string]error{
		"unknown destinations": compiled(filled(1<<20, `{"set": {`, `}}`, func(i int) string { return fmt.Sprintf(`"/name/given%d": {},`, i) })),
		"unknown sources":      compiled(filled(1<<17, `{"drop": {`, `}}`, func(i int) string { return fmt.Sprintf(`"/number%d": "",`, i) })),
		"required":             parsed(filled(1<<17, head+`"properties": {"given": {"type": "boolean"}}, "required": [`, `]}`, func(i int) string { return fmt.Sprintf("%q,", near(i)) })),
		"releases":             parsed(filled(1<<17, head+`"properties": {"a": {"type": "boolean", "classification": "public", "release": [`, `]}}}`, func(int) string { return `{"via": "redcat", "to": "restricted"},` })),
		"form, and more":       compiled(filled(1<<17, `{"set": {`, `}}`, func(i int) string { return fmt.Sprintf(`"/%d": {"x": 1},`, i) })),
	} {
		findings, _ := errors.AsType[mapping.Findings](err)
		nearest := 0
		for _, f := range findings {
			if f.Nearest != "" {
				nearest++
			}
		}
		most := 1000
		if strings.Contains(err.Error(), "D115") {
			most++
		}
		if len(findings) != most || nearest > 100 {
			t.Errorf("%s: %d findings, of which %d know a near name", name, len(findings), nearest)
		}
		if name == "required" && nearest != 100 {
			t.Errorf("%d near names", nearest)
		}
	}
}

// BenchmarkRefuse is the refusal of a mapping that is all mistakes.
func BenchmarkRefuse(b *testing.B) {
	src, dst := schema(b, file(b, "employee.jsonc")), schema(b, file(b, "contact.jsonc"))
	text := filled(1<<20, `{"set": {`, `}}`, func(i int) string { return fmt.Sprintf(`"/name/given%d": {},`, i) })
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := mapping.Compile(src, dst, text, crm()); err == nil {
			b.Fatal("compiles")
		}
	}
}
