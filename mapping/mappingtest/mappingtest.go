// Package mappingtest is for tests of mappings: that nothing leaves but what the report says.
//
//	func TestNoLeak(t *testing.T) {
//		mappingtest.NoLeak(t, boundary.Mapping("employee-to-contact"), mappingtest.Keys{})
//	}
//
// # Guarantees
//
// It makes documents of the source's schema whose values nobody could guess, maps them, and
// looks for each in all that comes out: in the record, in what fmt prints of it, and in the
// errors of documents that are spoilt in many ways.
//
// # Limits
//
// What a mapping copies in plain it may copy: whether it should is for its report. Of a field
// that is too short to be told from others (less than 6 characters), nothing is looked for.
//
// # Errors
//
// What leaks fails the test, by the path of its field and not by its value.
//
// # Concurrency
//
// NoLeak is for the test's own goroutine.
package mappingtest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// Keys is a KeySource for tests: it lends a key of its own for each name.
type Keys struct{}

// UseKey implements mapping.KeySource.
func (Keys) UseKey(_ context.Context, name string, use func(version string, key []byte) error) error {
	return use("t1", []byte((name + strings.Repeat("-", 32))[:32]))
}

const rounds = 4 // documents that are made

// NoLeak holds that a mapping lets nothing out but what its report says. The samples are
// documents of yours that are spoilt like those that it makes; they are needed only where the
// schema has what no text can be made for.
func NoLeak(t testing.TB, m *mapping.Mapper, keys mapping.KeySource, samples ...string) {
	t.Helper()
	plain, err := plainly(m)
	if err != nil {
		t.Fatalf("mappingtest: no mapping, or no report of it")
		return
	}
	n := leak{t: t, mapper: m, keys: keys, plain: plain}
	for range rounds {
		made := newMaker()
		raw, err := made.document(m.Source().JSONSchema())
		if err != nil {
			if len(samples) == 0 {
				t.Fatalf("mappingtest: %v: give a sample", err)
			}
			break
		}
		n.look(raw, made.values)
	}
	for _, sample := range samples {
		var parsed any
		if json.Unmarshal([]byte(sample), &parsed) != nil {
			t.Fatalf("mappingtest: a sample is no JSON")
			return
		}
		values := values{}
		values.of(parsed, "")
		n.look([]byte(sample), values)
	}
}

// plainly are the fields that a mapping lets out as they are, by its own report.
func plainly(m *mapping.Mapper) (map[string]bool, error) {
	var report struct {
		Set []struct {
			From, Approved string
			Do             []struct{ Hides bool }
		}
	}
	if err := json.Unmarshal(m.ReportJSON(), &report); err != nil {
		return nil, err
	}
	plain := map[string]bool{}
	for _, f := range report.Set {
		if f.Approved == "" && !slices.ContainsFunc(f.Do, func(step struct{ Hides bool }) bool { return step.Hides }) {
			plain[f.From] = true
		}
	}
	return plain, nil
}

// leak looks for values.
type leak struct {
	t      testing.TB
	mapper *mapping.Mapper
	keys   mapping.KeySource
	plain  map[string]bool
}

// look maps a document as it is, and spoilt.
func (n *leak) look(raw []byte, all values) {
	n.t.Helper()
	d := n.mapper.Source().Document(raw)
	if err := d.Check(); err != nil {
		n.absent(all, "the error of a document", fmt.Sprintf("%v %+v %#v", err, err, err))
		n.t.Errorf("mappingtest: a document is none of the schema: %v", err)
		return
	}
	record, err := n.mapper.Map(n.t.Context(), d, n.keys)
	var wrong *mapping.DataError
	if err != nil && !errors.As(err, &wrong) { // one that a transform has no result for is one
		n.t.Errorf("mappingtest: %v", err)
		return
	}
	body, _ := io.ReadAll(record.Body())
	out := string(body)
	for _, text := range record.Fields() {
		out += "\n" + text
	}
	hidden := values{}
	for path, found := range all {
		if !n.plain[path] {
			hidden[path] = found
		}
	}
	n.absent(hidden, "the record", out)
	n.absent(all, "what is printed", fmt.Sprintf("%v %+v %#v %s %x %v %+v %#v %s %x %v", d, d, d, d, d, record, record, record, record, record, err))
	n.spoilt(raw, all)
}

// absent holds that no value stands in a text, however it is written.
func (n *leak) absent(all values, where, text string) {
	n.t.Helper()
	for path, found := range all {
		for _, value := range found {
			if slices.ContainsFunc(forms(value), func(form string) bool { return strings.Contains(text, form) }) {
				n.t.Errorf("mappingtest: what stands at %s is in %s", path, where)
				break
			}
		}
	}
}

// forms are those in which somebody could read a value.
func forms(value string) []string {
	quoted, _ := json.Marshal(value)
	return []string{value, string(quoted[1 : len(quoted)-1]), hex.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value))}
}

// spoilt maps what is no document, and reads what is said of it.
func (n *leak) spoilt(raw []byte, all values) {
	n.t.Helper()
	text := string(raw)
	for _, bad := range spoils(text) {
		record, err := n.mapper.Map(n.t.Context(), n.mapper.Source().Document([]byte(bad)), n.keys)
		if err == nil {
			continue // it is one all the same
		}
		if record.Len() > 0 {
			n.t.Errorf("mappingtest: an error, and a record")
		}
		n.absent(all, "an error", fmt.Sprintf("%v %+v %#v %q", err, err, err, err))
	}
}

// spoils are documents that are cut, doubled, of another type, or have members that nobody
// declared.
func spoils(text string) []string {
	all := []string{text + text, "[" + text + "]", strings.Replace(text, "{", `{"nobody declared this":1,`, 1), strings.ToUpper(text), strings.ReplaceAll(text, `"`, "'")}
	for i := range 16 {
		all = append(all, text[:len(text)*i/16])
	}
	for i, c := range text {
		switch c {
		case ':':
			all = append(all, text[:i+1]+"{}"+text[i+1:], text[:i+1]+"null,"+text[i+1:], text[:i+1]+"-"+text[i+1:])
		case ',':
			all = append(all, text[:i]+text[i+1:], text[:i]+`,"`+text[i+1:])
		case '"':
			all = append(all, text[:i]+`"\ud800`+text[i+1:], text[:i]+"\"\x00"+text[i+1:], text[:i]+text[i+1:])
		}
	}
	return all
}
