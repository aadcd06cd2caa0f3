package mapping_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// both is a mapping that makes tokens of both kinds with one key.
func both(t testing.TB) *mapping.Mapper {
	t.Helper()
	return compile(t, `{"title": "person", "type": "object", "additionalProperties": false, "required": ["iban", "number"],
		"defaults": {"classification": "restricted", "residency": ["eu"], "purposes": ["hr"]}, "properties": {
		"iban": {"type": "string", "minLength": 15, "maxLength": 34, "release": [
			{"via": "token.aes_siv", "args": {"key": "crm/tokens"}, "to": "internal", "residency": ["*"], "purposes": ["*"], "approved": "DPO-1", "until": "2999-12-31"},
			{"via": "token.hmac", "to": "internal", "residency": ["*"], "purposes": ["*"], "approved": "DPO-2", "until": "2999-12-31"}]},
		"number": {"type": "integer", "minimum": 0, "release": [
			{"via": "token.aes_siv", "args": {"key": "crm/tokens"}, "to": "internal", "residency": ["*"], "purposes": ["*"], "approved": "DPO-3", "until": "2999-12-31"}]}}}`,
		`{"title": "case", "type": "object", "additionalProperties": false, "required": ["account", "same", "who"], "properties": {
		"account": {"type": "string", "maxLength": 300}, "same": {"type": "string", "maxLength": 63}, "who": {"type": "string", "maxLength": 110, "in": "path"}}}`,
		`{"mapping": "person-to-case", "from": "person", "to": "case", "set": {
		"/account": {"from": "/iban", "do": [{"token.aes_siv": {"key": "crm/tokens"}}]},
		"/same": {"from": "/iban", "do": [{"token.hmac": {"key": "crm/tokens"}}]},
		"/who": {"from": "/number", "do": [{"token.aes_siv": {"key": "crm/tokens"}}]}}}`, outside())
}

// outside accepts nothing but what is released.
func outside() mapping.Destination {
	return mapping.Destination{System: "crm", Kind: "api", Jurisdictions: []string{"us"}, Clearance: mapping.Clearance{Class: mapping.Internal, Purposes: []string{"crm"}}}
}

// TestBothTokensOfOneKey are made with one loan, and counted.
func TestBothTokensOfOneKey(t *testing.T) {
	m, asked := both(t), 0
	secret := []byte("0123456789abcdef0123456789abcdef")
	r, err := m.Map(t.Context(), m.Source().Document([]byte(`{"iban": "DE89370400440532013000", "number": 1017}`)), keysFunc(func(_ context.Context, name string, use func(string, []byte) error) error {
		asked++
		return use("1", secret)
	}))
	if err != nil || asked != 1 || r.Tokens() != 3 || r.Len() != 3 {
		t.Fatalf("%v, asked %d times, %d tokens in %d fields", err, asked, r.Tokens(), r.Len())
	}
	out := body(t, r)
	for _, value := range r.Fields() {
		out += value
	}
	if strings.Count(out, "ts1.1.") != 2 || strings.Count(out, "tk1.1.") != 1 || strings.Contains(out, "3704") || strings.Contains(out, "1017") {
		t.Error(out)
	}
}

// TestWithoutItsKeyNothingIsSealed: neither plain text nor a record without it.
func TestWithoutItsKeyNothingIsSealed(t *testing.T) {
	m := both(t)
	d := m.Source().Document([]byte(`{"iban": "DE89370400440532013000", "number": 1017}`))
	for name, keys := range map[string]mapping.KeySource{
		"nobody lends": nil,
		"fails":        keysFunc(func(context.Context, string, func(string, []byte) error) error { return errors.New(canary) }),
		"short": keysFunc(func(_ context.Context, _ string, use func(string, []byte) error) error {
			return use("1", make([]byte, 15))
		}),
		"no version": keysFunc(func(_ context.Context, _ string, use func(string, []byte) error) error {
			return use("", make([]byte, 32))
		}),
	} {
		if r, err := m.Map(t.Context(), d, keys); err != mapping.ErrNoKey || !empty(r) {
			t.Errorf("%s: %v, %d fields", name, err, r.Len())
		}
	}
}

// TestWithoutARelease what can be opened goes nowhere: no token lowers a label by itself, and none
// is released by a release of the other kind.
func TestWithoutARelease(t *testing.T) {
	const src = `{"title": "a", "type": "object", "additionalProperties": false, "defaults": {"classification": "restricted", "residency": ["*"], "purposes": ["*"]},
		"properties": {"v": {"type": "integer"%s}}}`
	const dst = `{"title": "b", "type": "object", "additionalProperties": false, "properties": {"v": {"type": "string", "maxLength": 110}}}`
	release := func(via string) string {
		return `, "release": [{"via": "` + via + `, "to": "internal", "approved": "DPO-1", "until": "2999-12-31"}]`
	}
	for name, c := range map[string]struct{ release, want string }{
		"no release":     {"", "M219"},
		"of a hash":      {release(`token.hmac"`), "M219"},
		"of another key": {release(`token.aes_siv", "args": {"key": "other"}`), "M219"},
		"of its key":     {release(`token.aes_siv", "args": {"key": "k"}`), "no findings"},
	} {
		_, err := mapping.Compile(schema(t, strings.Replace(src, "%s", c.release, 1)), schema(t, dst), []byte(`{"mapping": "m", "from": "a", "to": "b", "set": {"/v": {"from": "/v", "do": [{"token.aes_siv": {"key": "k"}}]}}}`), outside())
		if got := codes(err); got != c.want {
			t.Errorf("%s: %s, and not %s: %v", name, got, c.want, err)
		}
	}
}

// TestReportsSayWhatOpens: a reviewer sees it in all three, once for all fields, and at each.
func TestReportsSayWhatOpens(t *testing.T) {
	m := both(t)
	const line = `reversible by who has the key: token.aes_siv {"key":"crm/tokens"}`
	if report := m.Report(); strings.Count(report, line+"\n") != 1 {
		t.Errorf("text:\n%s", report)
	}
	var said struct {
		Set []struct {
			Into string
			Do   []struct{ Hides, Reversible bool }
		}
	}
	if err := json.Unmarshal(m.ReportJSON(), &said); err != nil {
		t.Fatal(err)
	}
	for _, f := range said.Set {
		if want := f.Into != "/same"; len(f.Do) != 1 || !f.Do[0].Hides || f.Do[0].Reversible != want {
			t.Errorf("JSON: %+v", f)
		}
	}
	if svg := string(m.ReportSVG()); strings.Count(svg, "(reversible)") != 2 || strings.Contains(svg, "token.hmac {&#34;key&#34;:&#34;crm/tokens&#34;} (reversible)") || strings.Count(svg, "reversible by who has the key") != 1 {
		t.Errorf("picture:\n%s", svg)
	}
	if report := employees(t).Report(); strings.Contains(report, "reversible") {
		t.Errorf("of a hash:\n%s", report)
	}
	var zero *mapping.Mapper
	if !m.Reversible() || employees(t).Reversible() || zero.Reversible() {
		t.Error("a mapper says otherwise")
	}
}

// BenchmarkTokens has one token of each kind, and both.
func BenchmarkTokens(b *testing.B) {
	const field = `{"type": "string", "minLength": 15, "maxLength": 34}`
	src := `{"title": "a", "type": "object", "additionalProperties": false, "required": ["v"], "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {"v": ` + field + `}}`
	dst := `{"title": "b", "type": "object", "additionalProperties": false, "properties": {"v": {"type": "string", "maxLength": 300}, "w": {"type": "string", "maxLength": 300}}}`
	const hmac, siv, absent = `{"from": "/v", "do": [{"token.hmac": {"key": "k"}}]}`, `{"from": "/v", "do": [{"token.aes_siv": {"key": "k"}}]}`, `{"absent": "not here"}`
	for _, c := range []struct{ name, v, w string }{
		{"none", `{"from": "/v"}`, absent}, {"hmac", hmac, absent}, {"aes_siv", siv, absent}, {"hmac twice", hmac, hmac}, {"aes_siv twice", siv, siv}, {"both", hmac, siv},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := compile(b, src, dst, `{"mapping": "m", "from": "a", "to": "b", "set": {"/v": `+c.v+`, "/w": `+c.w+`}}`, anywhereAPI())
			doc, keys := m.Source().Document([]byte(`{"v": "DE89370400440532013000"}`)), mapping.KeySource(testKeys("1"))
			var r mapping.Record
			b.ReportAllocs()
			for b.Loop() {
				if err := m.MapInto(b.Context(), doc, keys, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
