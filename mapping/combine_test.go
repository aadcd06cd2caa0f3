package mapping_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// patients are internal one by one. %s is what their owner says of them together.
func patients(combine string) string {
	return `{"title": "patients", "type": "object", "additionalProperties": false, "required": ["born", "address", "sex"],
		"defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, ` + combine + `
		"properties": {
			"born": {"type": "string", "format": "date", "release": [{"via": "date.year", "to": "public", "approved": "DPO-1", "until": "2999-12-31"}]},
			"sex": {"type": "string", "enum": ["f", "m", "x"]},
			"address": {"type": "object", "additionalProperties": false, "required": ["code"], "properties": {"code": {"type": "string", "maxLength": 5}}},
			"visits": {"type": "array", "maxItems": 9, "items": {"type": "integer"}}
		}}`
}

const study = `{"title": "study", "type": "object", "additionalProperties": false,
	"properties": {
		"when": {"type": "string", "format": "date"}, "year": {"type": "integer"}, "where": {"type": "string", "maxLength": 5}, "sex": {"type": "string", "maxLength": 1}, "visits": {"type": "array", "maxItems": 9, "items": {"type": "integer"}}
	}}`

// studied sends some fields, and drops the others.
func studied(set map[string]string) string {
	var sets, drops []string
	used := map[string]bool{}
	for _, into := range []string{"/when", "/year", "/where", "/sex", "/visits"} {
		from, ok := set[into]
		if !ok {
			sets = append(sets, fmt.Sprintf(`%q: {"absent": "not needed"}`, into))
			continue
		}
		do := ""
		switch {
		case into == "/year":
			do = `, "do": [{"date.year": {}}]`
		case from == "/sex" && set["/when"] == "/born" && set["enum"] != "":
			do = `, "do": [{"enum": {"map": {"f": "f", "m": "m", "x": "x"}}}]`
		}
		sets, used[from] = append(sets, fmt.Sprintf(`%q: {"from": %q%s}`, into, from, do)), true
	}
	for _, from := range []string{"/born", "/sex", "/address/code", "/visits"} {
		if !used[from] {
			drops = append(drops, fmt.Sprintf(`%q: "not needed"`, from))
		}
	}
	return `{"mapping": "study", "from": "patients", "to": "study", "set": {` + strings.Join(sets, ",") + `}, "drop": {` + strings.Join(drops, ",") + `}}`
}

const together = `"combine": [{"fields": ["/born", "/address/code", "/sex"], "classification": "restricted", "categories": ["pii.identity"], "unless": {"/born": ["date.year"]}}],`

// TestCombinations: fields that are harmless one by one do not go together where what they
// are together may not.
func TestCombinations(t *testing.T) {
	lenient := anywhereAPI()
	lenient.Clearance.Class = mapping.Internal
	for name, tt := range map[string]struct {
		combine string
		set     map[string]string
		want    string // codes
	}{
		"alone":               {together, map[string]string{"/when": "/born"}, ""},
		"two of three":        {together, map[string]string{"/when": "/born", "/sex": "/sex"}, ""},
		"all":                 {together, map[string]string{"/when": "/born", "/where": "/address/code", "/sex": "/sex"}, "M226 M226 M226 M226 M226 M226"},
		"the year counts":     {strings.Replace(together, `, "unless": {"/born": ["date.year"]}`, "", 1), map[string]string{"/year": "/born", "/where": "/address/code", "/sex": "/sex"}, "M226 M226 M226 M226 M226 M226"},
		"the year does not":   {together, map[string]string{"/year": "/born", "/where": "/address/code", "/sex": "/sex"}, ""},
		"not as released":     {strings.Replace(together, "date.year", "date.format", 1), map[string]string{"/year": "/born", "/where": "/address/code", "/sex": "/sex"}, "M226 M226 M226 M226 M226 M226"},
		"not released at all": {strings.NewReplacer(`"/born": ["date.year"]`, `"/sex": ["enum"]`).Replace(together), map[string]string{"/when": "/born", "/where": "/address/code", "/sex": "/sex", "enum": "yes"}, "M226 M226 M226 M226 M226 M226"},
		"also in full":        {together, map[string]string{"/year": "/born", "/when": "/born", "/where": "/address/code", "/sex": "/sex"}, "M226 M226 M226 M226 M226 M226"},
		"nobody says so":      {"", map[string]string{"/when": "/born", "/where": "/address/code", "/sex": "/sex"}, ""},
		"how many":            {`"combine": [{"fields": ["/visits", "/sex"], "classification": "confidential"}],`, map[string]string{"/visits": "/visits", "/sex": "/sex"}, "M226 M226"},
		"where it may be":     {`"combine": [{"fields": ["/visits", "/sex"], "classification": "internal", "residency": ["eu"]}],`, map[string]string{"/visits": "/visits", "/sex": "/sex"}, "M226 M226"},
		"what it is for":      {`"combine": [{"fields": ["/visits", "/sex"], "classification": "internal", "purposes": ["care"]}],`, map[string]string{"/visits": "/visits", "/sex": "/sex"}, "M226 M226"},
		"two sets":            {`"combine": [{"fields": ["/visits", "/sex"], "classification": "confidential"}, {"fields": ["/born", "/sex"], "classification": "internal", "categories": ["pii.identity"]}],`, map[string]string{"/visits": "/visits", "/sex": "/sex", "/when": "/born"}, "M226 M226 M226 M226"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mapping.Compile(schema(t, patients(tt.combine)), schema(t, study), []byte(studied(tt.set)), lenient)
			if got := codes(err); got != tt.want && !(tt.want == "" && err == nil) {
				t.Errorf("got %s, %v", got, err)
			}
			if err != nil && !strings.Contains(err.Error(), "goes together with /") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestCombinationsAreSeen in the report, in the labels of what leaves, of the schema, and in its
// hash.
func TestCombinationsAreSeen(t *testing.T) {
	to := anywhereAPI()
	to.Clearance.Categories = append(to.Clearance.Categories, "pii.identity")
	with, without := schema(t, patients(together)), schema(t, patients(""))
	m, err := mapping.Compile(with, schema(t, study), []byte(studied(map[string]string{"/when": "/born", "/where": "/address/code", "/sex": "/sex"})), to)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"together /born unless by date.year, /address/code, /sex: restricted pii.identity in * for *\n",
		"set /sex <- /sex [internal in * for * -> restricted pii.identity in * for *]\n", "leaves restricted pii.identity in * for *\n",
	} {
		if !strings.Contains(m.Report(), line) {
			t.Errorf("no %q in\n%s", line, m.Report())
		}
	}
	r, err := m.Map(t.Context(), with.Document([]byte(`{"born": "1984-02-29", "sex": "x", "address": {"code": "80331"}}`)), nil)
	if err != nil || r.Label().Class != mapping.Restricted || m.Label().Class != mapping.Restricted {
		t.Errorf("%v, %v, %v", r.Label(), m.Label(), err)
	}
	if with.Hash() == without.Hash() || with.Label().Class != mapping.Restricted || without.Label().Class != mapping.Internal {
		t.Errorf("%v, %v", with.Label(), without.Label())
	}
	other := schema(t, patients(strings.Replace(together, `, "unless": {"/born": ["date.year"]}`, "", 1)))
	if other.Hash() == with.Hash() {
		t.Error("an exception is not in the hash")
	}
}

// TestBadCombinations: what is none is found, with the right name where it was probably meant.
func TestBadCombinations(t *testing.T) {
	for name, tt := range map[string]struct{ combine, want string }{
		"one field":            {`{"fields": ["/born"], "classification": "restricted"}`, "M124 is not two fields or more, each once at /combine/0/fields"},
		"no fields":            {`{"classification": "restricted"}`, "M124 is not two fields"},
		"twice the same":       {`{"fields": ["/born", "/born"], "classification": "restricted"}`, "M124 is not two fields"},
		"a mistyped field":     {`{"fields": ["/born", "/adress/code"], "classification": "restricted"}`, `M124 is no field at /combine/0/fields/1; did you mean "/address/code"?`},
		"an object":            {`{"fields": ["/born", "/address"], "classification": "restricted"}`, "M124 is an object"},
		"no class":             {`{"fields": ["/born", "/sex"]}`, "M124 does not say what the fields are together at /combine/0/classification"},
		"a mistyped class":     {`{"fields": ["/born", "/sex"], "classification": "restrictd"}`, "D113"},
		"a keyword of nothing": {`{"fields": ["/born", "/sex"], "classification": "restricted", "unles": {}}`, "D105"},
		"a category":           {`{"fields": ["/born", "/sex"], "classification": "restricted", "categories": ["PII"]}`, "M116"},
		"unless of another":    {`{"fields": ["/born", "/sex"], "classification": "restricted", "unless": {"/visits": ["redact"]}}`, "M124 is not one of the combined fields"},
		"unless of nothing":    {`{"fields": ["/born", "/sex"], "classification": "restricted", "unless": {"/born": ["date.yeer"]}}`, `M124 is no transform at /combine/0/unless/~1born/0; did you mean "date.year"?`},
		"too many":             {strings.Repeat(`{"fields": ["/born", "/sex"], "classification": "restricted"},`, 64) + `{"fields": ["/born", "/sex"], "classification": "restricted"}`, "M124 has more than 64 combinations"},
	} {
		_, err := mapping.ParseSchema([]byte(patients(`"combine": [` + tt.combine + `],`)))
		if _, ok := errors.AsType[mapping.Findings](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
