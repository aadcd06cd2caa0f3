package mapping_test

import (
	"fmt"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// pins can be shown in parts, each of which is harmless.
const pins = `{"title": "p", "type": "object", "additionalProperties": false, "required": ["pin", "age", "sex"],
	"defaults": {"classification": "restricted", "residency": ["*"], "purposes": ["*"]},
	"combine": [{"fields": ["/pin", "/sex"], "classification": "restricted", "unless": {"/pin": ["text.prefix", "mask.keep_last"]}}],
	"properties": {
		"pin": {"type": "string", "minLength": 6, "maxLength": 6, "release": [
			{"via": "text.prefix", "args": {"n": 4}, "to": "internal", "approved": "DPO-1", "until": "2999-01-01"},
			{"via": "mask.keep_last", "args": {"n": 2}, "to": "internal", "approved": "DPO-2", "until": "2999-01-01"},
			{"via": "token.hmac", "to": "internal", "approved": "DPO-3", "until": "2999-01-01"},
			{"via": "token.aes_siv", "args": {"key": "k"}, "to": "internal", "approved": "DPO-7", "until": "2999-01-01"},
			{"via": "redact", "to": "internal", "approved": "DPO-4", "until": "2999-01-01"}]},
		"sex": {"type": "string", "maxLength": 1, "classification": "internal"},
		"age": {"type": "integer", "minimum": 0, "maximum": 119, "release": [
			{"via": "int.bucket", "args": {"width": 3}, "to": "internal", "approved": "DPO-5", "until": "2999-01-01"},
			{"via": "int.bucket", "args": {"width": 4}, "to": "internal", "approved": "DPO-6", "until": "2999-01-01"}]}}}`

// TestTwoReleasesShowNoMore: parts that two releases show would be the whole, under a label that
// nobody approved for it, and would pass for one part where fields are combined.
func TestTwoReleasesShowNoMore(t *testing.T) {
	const (
		prefix = `{"text.prefix": {"n": 4}}`
		last   = `{"mask.keep_last": {"n": 2}}`
		token  = `{"token.hmac": {"key": "k"}}`
		sealed = `{"token.aes_siv": {"key": "k"}}`
		redact = `{"redact": {}}`
		three  = `{"int.bucket": {"width": 3}}`
		four   = `{"int.bucket": {"width": 4}}`
	)
	to := anywhereAPI()
	to.Clearance.Class = mapping.Internal
	for name, c := range map[string]struct{ a, b, want string }{
		"beginning and end":  {`"from": "/pin", "do": [` + prefix + `]`, `"from": "/pin", "do": [` + last + `]`, "M228"},
		"two grids":          {`"from": "/age", "do": [` + three + `, {"int.to_string": {}}]`, `"from": "/age", "do": [` + four + `, {"int.to_string": {}}]`, "M228"},
		"one, twice":         {`"from": "/pin", "do": [` + prefix + `]`, `"from": "/pin", "do": [` + prefix + `]`, "no findings"},
		"end and token":      {`"from": "/pin", "do": [` + last + `]`, `"from": "/pin", "do": [` + token + `]`, "M226 M226"},
		"end and sealed":     {`"from": "/pin", "do": [` + last + `]`, `"from": "/pin", "do": [` + sealed + `]`, "M226 M226"},
		"both tokens":        {`"from": "/pin", "do": [` + token + `]`, `"from": "/pin", "do": [` + sealed + `]`, "M226 M226 M226"},
		"end and redacted":   {`"from": "/pin", "do": [` + last + `]`, `"from": "/pin", "do": [` + redact + `]`, "M226 M226"},
		"token and redacted": {`"from": "/pin", "do": [` + token + `]`, `"from": "/pin", "do": [` + redact + `]`, "M226 M226 M226"},
	} {
		t.Run(name, func(t *testing.T) {
			dst := schema(t, `{"title": "o", "type": "object", "additionalProperties": false, "properties": {"a": {"type": "string", "maxLength": 64}, "b": {"type": "string", "maxLength": 128}, "sex": {"type": "string", "maxLength": 1}}}`)
			drop := `"/age": "not needed"`
			if name == "two grids" {
				drop = `"/pin": "not needed"`
			}
			_, err := mapping.Compile(schema(t, pins), dst, fmt.Appendf(nil, `{"mapping": "m", "from": "p", "to": "o", "set": {"/a": {%s}, "/b": {%s}, "/sex": {"from": "/sex"}}, "drop": {%s}}`, c.a, c.b, drop), to)
			if got := codes(err); got != c.want {
				t.Errorf("got %q, want %q: %v", got, c.want, err)
			}
		})
	}
}

// TestCombinationsHaveTheirHash: what two schemas say differently has two hashes, although it
// reads the same.
func TestCombinationsHaveTheirHash(t *testing.T) {
	form := `{"title": "p", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]},
		"combine": [%s], "properties": {"a": {"type": "string", "maxLength": 9}, "a unless by date.year": {"type": "string", "maxLength": 9}, "b": {"type": "string", "maxLength": 9}}}`
	one := schema(t, fmt.Sprintf(form, `{"fields": ["/a", "/b"], "classification": "restricted", "unless": {"/a": ["date.year"]}}`))
	other := schema(t, fmt.Sprintf(form, `{"fields": ["/a unless by date.year", "/b"], "classification": "restricted"}`))
	if one.Hash() == other.Hash() {
		t.Error("two schemas, one hash")
	}
	same := schema(t, fmt.Sprintf(form, `{"fields": ["/b", "/a"], "classification": "restricted", "unless": {"/a": ["date.year"]}}`))
	if one.Hash() != same.Hash() {
		t.Error("the order of its fields changes the hash")
	}
	if _, err := mapping.ParseSchema(fmt.Appendf(nil, form, `{"fields": ["/a", "/b"], "classification": "restricted", "unless": {"/a": ["custom.x, /b"]}}`)); codes(err) != "M124" {
		t.Errorf("a function whose name is none: %v", err)
	}
}
