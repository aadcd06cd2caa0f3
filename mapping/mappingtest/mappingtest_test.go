package mappingtest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func employees(t *testing.T) *mapping.Mapper {
	t.Helper()
	src, err := mapping.ParseSchema(read(t, "employee.jsonc"))
	if err != nil {
		t.Fatal(err)
	}
	dst, err := mapping.ParseSchema(read(t, "contact.jsonc"))
	if err != nil {
		t.Fatal(err)
	}
	to := mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Categories: []string{"pii.contact"}, Purposes: []string{"crm"}}}
	m, err := mapping.Compile(src, dst, read(t, "employee-to-contact.jsonc"), to)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestNoLeak: the mapping of the other tests lets out what its report says, also of a document
// of theirs.
func TestNoLeak(t *testing.T) {
	NoLeak(t, employees(t), Keys{})
	NoLeak(t, employees(t), Keys{}, string(read(t, "employee.json")))
}

// listener hears what a test would be told.
type listener struct {
	testing.TB
	heard []string
}

func (l *listener) Helper() {}
func (l *listener) Errorf(format string, args ...any) {
	l.heard = append(l.heard, fmt.Sprintf(format, args...))
}
func (l *listener) Fatalf(format string, args ...any) { l.Errorf(format, args...) }

// TestNoLeakCatches: what comes out although nobody said so, and what an error would quote, is
// told by its field, and not by its value.
func TestNoLeakCatches(t *testing.T) {
	m := employees(t)
	made := newMaker()
	raw, err := made.document(m.Source().JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{TB: t}
	n := leak{t: l, mapper: m, keys: Keys{}, plain: map[string]bool{}} // as if its report had said nothing
	n.look(raw, made.values)
	all := strings.Join(l.heard, "\n")
	for _, path := range []string{"/name/given", "/name/family", "/address/city", "/skills"} {
		if !strings.Contains(all, "mappingtest: what stands at "+path+" is in the record") {
			t.Errorf("%s is not caught:\n%s", path, all)
		}
		for _, value := range made.values[path] {
			if strings.Contains(all, value) {
				t.Errorf("the value of %s is told", path)
			}
		}
	}
	for _, path := range []string{"/salary", "/national_id", "/phone", "/email"} {
		if strings.Contains(all, "at "+path+" ") {
			t.Errorf("%s did not come out:\n%s", path, all)
		}
	}
	for _, form := range forms("secret<text>") {
		l.heard = nil
		n.absent(values{"/a": {"secret<text>"}}, "an error", "it says "+form+".")
		if len(l.heard) != 1 {
			t.Errorf("%q is not caught", form)
		}
	}
}

// TestNoLeakNeeds a mapping, and documents.
func TestNoLeakNeeds(t *testing.T) {
	for name, tt := range map[string]struct {
		m       *mapping.Mapper
		samples []string
		want    string
	}{
		"no mapping":     {nil, nil, "no mapping"},
		"no JSON":        {employees(t), []string{"{"}, "a sample is no JSON"},
		"another schema": {employees(t), []string{`{"a": "cAnArY"}`}, "a document is none of the schema"},
	} {
		l := &listener{TB: t}
		NoLeak(l, tt.m, Keys{}, tt.samples...)
		if all := strings.Join(l.heard, "\n"); !strings.Contains(all, tt.want) || strings.Contains(all, "cAnArY") {
			t.Errorf("%s: %s", name, all)
		}
	}
}

// TestNumbers: what is made for a number has as many digits as it may, and no more.
func TestNumbers(t *testing.T) {
	s, err := mapping.ParseSchema([]byte(`{"title": "n", "type": "object", "additionalProperties": false, "properties": {"n": {"type": "number", "scale": 3, "minimum": -0.5, "maximum": 0.125}}}`))
	if err != nil {
		t.Fatal(err)
	}
	made := map[int]int{} // by their digits
	for range 200 {
		raw, err := newMaker().document(s.JSONSchema())
		if err != nil || s.Document(raw).Check() != nil {
			t.Fatalf("%s, %v", raw, err)
		}
		_, fraction, _ := strings.Cut(strings.TrimRight(string(raw), "0}"), ".")
		made[len(fraction)]++
	}
	if made[3] < 100 {
		t.Errorf("%v", made)
	}
}

// TestMatching: what is made for a pattern is taken by it.
func TestMatching(t *testing.T) {
	for _, pattern := range []string{"^[0-9]{3}-[0-9]{2}-[0-9]{4}$", "^(a|bc)+[x-z]?$", "^[A-Z]{2}$", `^\d{1,3}(\.\d+)*$`, "^.{4}$", "^[^a-z]{3,}$", "^$"} {
		for range 20 {
			text, err := matching(pattern)
			if err != nil || !regexp.MustCompile(pattern).MatchString(text) {
				t.Errorf("%s: %q, %v", pattern, text, err)
			}
		}
	}
	if _, err := matching("["); err == nil {
		t.Error("of no pattern")
	}
}
