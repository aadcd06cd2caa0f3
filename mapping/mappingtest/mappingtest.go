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
// errors of documents that are spoilt in many ways. If no document had a record, it fails.
//
// # Limits
//
// What a mapping copies in plain it may copy: whether it should is for its report. Of a value
// that cannot be told from others, nothing is looked for: one of less than 6 characters, one
// that stands as well in a field that is copied, in a constant, an argument or a name, the number
// that a bucket may begin with, and in errors what is part of a field's name. A number is looked
// for in digits, and not as a part of a longer one. A token is not opened: whoever has its key is
// not looked for. What a transform has no result for shows
// nothing: samples are for the values that it has one for.
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
	"encoding/json"
	"errors"
	"fmt"
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
// documents of yours that are spoilt like those that it makes; they are needed where the schema
// has what no text can be made for, and where the mapping has no record of made texts.
func NoLeak(t testing.TB, m *mapping.Mapper, keys mapping.KeySource, samples ...string) {
	t.Helper()
	n := leak{t: t, mapper: m, keys: keys}
	if err := n.report(); err != nil {
		t.Fatalf("mappingtest: no mapping, or no report of it")
		return
	}
	for range rounds {
		made := newMaker()
		raw, err := made.document(m.Source().JSONSchema())
		if err == nil {
			err = m.Source().Document(raw).Check() // the schema may hold more than is exported of it
		}
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
		if parse([]byte(sample), &parsed) != nil {
			t.Fatalf("mappingtest: a sample is no JSON")
			return
		}
		values := values{}
		values.of(&n.source, parsed, "")
		n.look([]byte(sample), values)
	}
	if !n.mapped {
		t.Errorf("mappingtest: no document had a record, so nothing was looked for in one: give a sample that the mapping has a record of")
	}
}

// leak looks for values.
type leak struct {
	t        testing.TB
	mapper   *mapping.Mapper
	keys     mapping.KeySource
	source   described
	plain    map[string]bool // the fields that are let out as they are, by the report
	bucketed map[string]bool
	said     []string // what constants and arguments let out
	paths    []string // what errors may name
	mapped   bool     // that there was a record
}

// report reads what the mapping says of itself.
func (n *leak) report() error {
	var report struct {
		Set []struct {
			Into, From, Approved, Constant string
			Do                             []step
		}
	}
	if err := json.Unmarshal(n.mapper.ReportJSON(), &report); err != nil {
		return err
	}
	if err := parse(n.mapper.Source().JSONSchema(), &n.source); err != nil {
		return err
	}
	n.plain, n.bucketed, n.paths = map[string]bool{}, map[string]bool{}, n.source.paths("")
	for _, f := range report.Set {
		if f.Approved == "" && !slices.ContainsFunc(f.Do, step.hides) {
			n.plain[f.From] = true
		}
		n.said = append(append(n.said, f.Constant), strings.Split(f.Into, "/")...)
		for _, s := range f.Do {
			n.said = append(n.said, string(s.Args))
			n.bucketed[f.From] = n.bucketed[f.From] || strings.HasSuffix(s.Name, ".bucket")
		}
	}
	return nil
}

// step is a transform, as a report has it.
type step struct {
	Name  string
	Args  json.RawMessage
	Hides bool
}

func (s step) hides() bool { return s.Hides }

// look maps a document as it is, and spoilt.
func (n *leak) look(raw []byte, all values) {
	n.t.Helper()
	d := n.mapper.Source().Document(raw)
	if err := d.Check(); err != nil {
		n.absent(all, "the error of a document", n.paths, fmt.Sprintf("%v %+v %#v", err, err, err))
		n.t.Errorf("mappingtest: a document is none of the schema: %v", err)
		return
	}
	record, err := n.mapper.Map(n.t.Context(), d, n.keys)
	var wrong *mapping.DataError
	if err != nil && !errors.As(err, &wrong) { // one that a transform has no result for is one
		n.t.Errorf("mappingtest: %v", err)
		return
	}
	n.mapped = n.mapped || record.Len() > 0
	n.read(record, all)
	n.absent(all, "what is printed", n.paths, fmt.Sprintf("%v %+v %#v %s %x %v %+v %#v %s %x %v", d, d, d, d, d, record, record, record, record, record, err))
	n.spoilt(raw, all)
}

// read looks into a record for what the report does not let out.
func (n *leak) read(record mapping.Record, all values) {
	n.t.Helper()
	out := written(record.AppendBody(nil))
	for _, text := range record.Fields() {
		out = append(out, text)
	}
	hidden, known := values{}, slices.Clone(n.said)
	for path, found := range all {
		for _, value := range found {
			switch {
			case n.plain[path]:
				known = append(known, value.text)
			case value.number == nil || !n.bucketed[path]:
				hidden[path] = append(hidden[path], value)
			}
		}
	}
	n.absent(hidden, "the record", known, out...)
}

// absent holds that no value stands in a text, but what is known to stand there.
func (n *leak) absent(all values, where string, known []string, texts ...string) {
	n.t.Helper()
	for path, found := range all {
		for _, value := range found {
			if slices.ContainsFunc(texts, value.in) && !slices.ContainsFunc(known, value.in) {
				n.t.Errorf("mappingtest: what stands at %s is in %s", path, where)
				break
			}
		}
	}
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
		n.absent(all, "an error", n.paths, fmt.Sprintf("%v %+v %#v %q", err, err, err, err))
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
