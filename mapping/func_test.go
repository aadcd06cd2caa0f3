package mapping_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

const accounts = `{"title": "accounts", "type": "object", "additionalProperties": false, "required": ["iban"], "defaults": {"classification": "confidential", "residency": ["*"], "purposes": ["*"]},
	"properties": {"iban": {"type": "string", "maxLength": 34, "release": [{"via": "custom.country", "args": {"version": "2"}, "to": "internal", "approved": "DPO-7", "until": "2999-01-01"}]}, "n": {"type": "integer", "classification": "internal"}}}`

const countries = `{"title": "countries", "type": "object", "additionalProperties": false, "properties": {"country": {"type": ["string", "null"], "maxLength": 2}}}`

// byCountry is a mapping with one custom step; what it says of it is do.
func byCountry(do string) string {
	return `{"mapping": "c", "from": "accounts", "to": "countries", "set": {"/country": {"from": "/iban", "do": [` + do + `], "on_error": "fail"}}, "drop": {"/n": "not needed"}}`
}

const countryOf = `{"custom.country": {"version": "2"}}`

// country is what somebody wrote.
func country(do func(dst, text []byte) ([]byte, bool)) mapping.Func {
	return mapping.Func{Name: "country", Version: "2", MaxLength: 2, Do: do}
}

func firstTwo(dst, text []byte) ([]byte, bool) {
	return append(dst, text[:min(2, len(text))]...), len(text) >= 2
}

// TestFunc: a registered function releases what its release says, the report says that there is
// code to be read, and its version is in the hash.
func TestFunc(t *testing.T) {
	to := anywhereAPI()
	to.Clearance.Class = mapping.Internal
	src, dst := schema(t, accounts), schema(t, countries)
	m, err := mapping.Compile(src, dst, []byte(byCountry(countryOf)), to, country(firstTwo))
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Map(t.Context(), src.Document([]byte(`{"iban": "DE02120300000000202051"}`)), nil)
	if err != nil || body(t, r) != `{"country":"DE"}` || r.Label().Class != mapping.Internal {
		t.Errorf("%v, %s, %v", err, body(t, r), r.Label())
	}
	if _, err := m.Map(t.Context(), src.Document([]byte(`{"iban": "D"}`)), nil); err == nil || !strings.Contains(err.Error(), "M315") {
		t.Errorf("no result: %v", err)
	}
	for _, part := range []string{`custom.country {"version":"2"}`, "custom code to be read: custom.country {\"version\":\"2\"}\n", "released by DPO-7"} {
		if !strings.Contains(m.Report(), part) {
			t.Errorf("no %q in\n%s", part, m.Report())
		}
	}
	if !bytes.Contains(m.ReportJSON(), []byte(`"custom": true`)) {
		t.Errorf("%s", m.ReportJSON())
	}
	if same, err := m.For(to); err != nil || same.Hash() != m.Hash() {
		t.Errorf("for the same: %v", err)
	}
}

// TestFuncIsHeld: whatever the function does, what comes out is text of its length, or nothing,
// and the document stays as it is.
func TestFuncIsHeld(t *testing.T) {
	src, dst := schema(t, accounts), schema(t, countries)
	var kept []byte
	for name, do := range map[string]func(dst, text []byte) ([]byte, bool){
		"panics":      func(_, _ []byte) ([]byte, bool) { panic("cAnArY") },
		"too long":    func(dst, _ []byte) ([]byte, bool) { return append(dst, "DEU"...), true },
		"no text":     func(dst, _ []byte) ([]byte, bool) { return append(dst, 0xff), true },
		"NUL":         func(dst, _ []byte) ([]byte, bool) { return append(dst, 0), true },
		"says no":     func(dst, _ []byte) ([]byte, bool) { return append(dst, "DE"...), false },
		"keeps it":    func(dst, text []byte) ([]byte, bool) { kept = text; return append(dst, "D"...), true },
		"changes it":  func(dst, text []byte) ([]byte, bool) { clear(text); return append(dst, "D"...), true },
		"gives it":    func(_, text []byte) ([]byte, bool) { return text[:2], true },
		"markup":      func(dst, _ []byte) ([]byte, bool) { return append(dst, "<\""...), true },
		"says more":   func(dst, text []byte) ([]byte, bool) { return append(dst, "é€"...), true },
		"gives later": func(dst, text []byte) ([]byte, bool) { kept = append(dst, "DE"...); return kept, true },
	} {
		m, err := mapping.Compile(src, dst, []byte(byCountry(countryOf)), anywhereAPI(), country(do))
		if err != nil {
			t.Fatal(err)
		}
		d := src.Document([]byte(`{"iban": "cAnArY"}`))
		want := map[string]string{"keeps it": `{"country":"D"}`, "changes it": `{"country":"D"}`, "gives it": `{"country":"cA"}`, "markup": `{"country":"\u003c\""}`, "says more": `{"country":"é€"}`, "gives later": `{"country":"DE"}`}[name]
		for range 2 {
			r, err := m.Map(t.Context(), d, nil)
			clear(kept)
			if got := body(t, r); got != want || (err == nil) != (want != "") {
				t.Errorf("%s: %s, %v", name, got, err)
			}
			if err != nil && strings.Contains(err.Error(), "cAnArY") {
				t.Errorf("%s: %v", name, err)
			}
		}
		var back struct {
			IBAN string `json:"iban"`
		}
		if err := d.Decode(&back); err != nil || back.IBAN != "cAnArY" {
			t.Errorf("%s: the document is %q, %v", name, back.IBAN, err)
		}
	}
}

// TestFuncFindings: what is not registered, or another version, or has no way out, is found.
func TestFuncFindings(t *testing.T) {
	good := country(firstTwo)
	low := anywhereAPI()
	low.Clearance.Class = mapping.Internal
	for name, tt := range map[string]struct {
		do    string
		funcs []mapping.Func
		to    mapping.Destination
		want  string
	}{
		"nobody registered":  {countryOf, nil, anywhereAPI(), "M209 is a function that nobody registered here"},
		"mistyped":           {`{"custom.contry": {"version": "2"}}`, []mapping.Func{good}, anywhereAPI(), `did you mean "custom.country"?`},
		"another version":    {`{"custom.country": {"version": "1"}}`, []mapping.Func{good}, anywhereAPI(), "M210 is of another version"},
		"no version":         {`{"custom.country": {}}`, []mapping.Func{good}, anywhereAPI(), "M210 does not say which version"},
		"another argument":   {`{"custom.country": {"version": "2", "n": 1}}`, []mapping.Func{good}, anywhereAPI(), "M210 takes only version"},
		"no function":        {countryOf, []mapping.Func{{Name: "country", Version: "2", MaxLength: 2}}, anywhereAPI(), "M227"},
		"no longest":         {countryOf, []mapping.Func{{Name: "country", Version: "2", Do: firstTwo}}, anywhereAPI(), "M227"},
		"no name":            {countryOf, []mapping.Func{good, {Version: "2", MaxLength: 2, Do: firstTwo}}, anywhereAPI(), "M227"},
		"twice":              {countryOf, []mapping.Func{good, good}, anywhereAPI(), "M227"},
		"too long":           {countryOf, []mapping.Func{{Name: "country", Version: "2", MaxLength: 3, Do: firstTwo}}, anywhereAPI(), "M213"},
		"not the first step": {`{"text.truncate": {"n": 9}}, ` + countryOf, []mapping.Func{good}, low, "M219"},
	} {
		_, err := mapping.Compile(schema(t, accounts), schema(t, countries), []byte(byCountry(tt.do)), tt.to, tt.funcs...)
		if _, ok := errors.AsType[mapping.Findings](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	silent := strings.Replace(byCountry(countryOf), `, "on_error": "fail"`, "", 1)
	if _, err := mapping.Compile(schema(t, accounts), schema(t, countries), []byte(silent), anywhereAPI(), good); codes(err) != "M215" {
		t.Errorf("no on_error: %v", err)
	}
	number := strings.NewReplacer(`"from": "/iban"`, `"from": "/n"`, `{"/n": "not needed"}`, `{"/iban": "not needed"}`).Replace(byCountry(countryOf))
	if _, err := mapping.Compile(schema(t, accounts), schema(t, countries), []byte(number), anywhereAPI(), good); codes(err) != "M211" {
		t.Errorf("of a number: %v", err)
	}
	for _, args := range []string{`{}`, `{"version": "A b"}`, `{"n": 1}`} {
		if _, err := mapping.ParseSchema([]byte(strings.Replace(accounts, `{"version": "2"}`, args, 1))); codes(err) != "M118" {
			t.Errorf("a release of %s: %v", args, err)
		}
	}
}
