package mapping_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// TestMapJSON holds that it makes and refuses what Map does, whatever stood in its memory before.
func TestMapJSON(t *testing.T) {
	m := compile(t, ledger, entries, ledgerToEntries, confidential())
	var r mapping.Record
	long := `{"id": 7, "parts": {` + many(11) + `}, "grid": [[1, 2]]}`
	for _, document := range []string{
		long, `{"id": 1}`, `{"id": 1`, `{"id":`, ``, `{"id": 1}}`, long + long, `{"id": -1}`, "\xff", `{"id": 2}`, strings.Repeat(" ", 5<<20), long,
	} {
		want, wrong := m.Map(t.Context(), m.Source().Document([]byte(document)), nil)
		raw := []byte(document)
		err := m.MapJSON(t.Context(), raw, nil, &r)
		clear(raw) // it is the caller's
		if (err == nil) != (wrong == nil) || err != nil && err.Error() != wrong.Error() || body(t, r) != body(t, want) || r.Len() != want.Len() {
			t.Errorf("%.40q: %s, %v; and Map: %s, %v", document, body(t, r), err, body(t, want), wrong)
		}
	}
	if err := m.MapJSON(t.Context(), []byte(long), nil, nil); !errors.Is(err, mapping.ErrInvalid) {
		t.Error(err)
	}
	for _, none := range []*mapping.Mapper{nil, {}} {
		if err := none.MapJSON(t.Context(), []byte(long), nil, &r); !errors.Is(err, mapping.ErrInvalid) || r.Len() != 0 || r.Body().Len() != 0 {
			t.Error(err)
		}
	}
}

// TestMapJSONForgets what it has read, also where that was no document.
func TestMapJSONForgets(t *testing.T) {
	m := compile(t, orders, orders, orderOnly, anywhereAPI())
	var r mapping.Record
	for _, document := range []string{`{"n":1,"note":"cAnArY"}`, `{"n":2,"note":"cAnArY","cAnArY":1}`} {
		err := m.MapJSON(t.Context(), []byte(`{"n":1,"note":"fine"}`), nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		before := r
		source := mapping.Source(r)
		_ = m.MapJSON(t.Context(), []byte(document), nil, &r)
		if bytes.Contains(source, []byte("cAn")) || bytes.Contains(source, []byte("fine")) || bytes.Contains(mapping.Source(before), []byte("cAn")) {
			t.Errorf("%s: %q", document, source)
		}
	}
}

// TestMapJSONAllocatesNothing, once the record has its memory.
func TestMapJSONAllocatesNothing(t *testing.T) {
	m := compile(t, benchSource, benchDestination, benchMapping, anywhereAPI())
	var r mapping.Record
	do := func() {
		if err := m.MapJSON(t.Context(), benchDocument, nil, &r); err != nil {
			t.Fatal(err)
		}
	}
	do()
	if n := testing.AllocsPerRun(100, do); n != 0 || r.Len() < 20 {
		t.Errorf("%v allocations, %d fields", n, r.Len())
	}
}
