package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping"
)

// fields500 are schemas of 500 fields, fifty in an object, all or none of them required there, and
// a mapping of all of them.
func fields500(required bool) (src, dst, text string) {
	kinds := []struct{ from, into, do string }{
		{`"type": "string", "maxLength": 100`, `"type": "string", "maxLength": 100`, ``},
		{`"type": "integer"`, `"type": "string", "maxLength": 20`, `{"int.to_string": {}}`},
		{`"type": "string", "format": "date-time"`, `"type": "integer"`, `{"time.to_unix": {}}`},
		{`"type": "string", "enum": ["new", "paid", "sent"]`, `"type": "string", "enum": ["open", "done"]`, `{"enum": {"map": {"new": "open", "paid": "open", "sent": "done"}}}`},
		{`"type": "string", "maxLength": 30, "classification": "restricted", "release": [{"via": "mask.keep_last", "args": {"n": 4}, "to": "internal", "approved": "DPO-101", "until": "2099-12-31"}]`,
			`"type": "string", "maxLength": 8`, `{"mask.keep_last": {"n": 4}}`},
	}
	var from, into, set []string
	for i := range 10 {
		var inFrom, inInto []string
		for j := range 50 {
			k := kinds[j%len(kinds)]
			inFrom = append(inFrom, fmt.Sprintf(`"f%d": {%s}`, j, k.from))
			inInto = append(inInto, fmt.Sprintf(`"g%d": {%s}`, j, k.into))
			set = append(set, fmt.Sprintf(`"/o%d/g%d": {"from": "/o%d/f%d", "do": [%s]}`, i, j, i, j, k.do))
		}
		object := func(names string, members []string) string {
			always := []string{}
			for j := range members {
				if required {
					always = append(always, fmt.Sprintf(`"%s%d"`, names, j))
				}
			}
			return fmt.Sprintf(`"o%d": {"type": "object", "additionalProperties": false, "required": [%s], "properties": {%s}}`, i, strings.Join(always, ", "), strings.Join(members, ", "))
		}
		from, into = append(from, object("f", inFrom)), append(into, object("g", inInto))
	}
	const closed = `{"title": "%s", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["*"]}, "properties": {%s}}`
	return fmt.Sprintf(closed, "wide", strings.Join(from, ", ")), fmt.Sprintf(closed, "narrow", strings.Join(into, ", ")),
		`{"mapping": "m", "from": "wide", "to": "narrow", "set": {` + strings.Join(set, ", ") + `}}`
}

func BenchmarkCompile(b *testing.B) {
	for _, required := range []bool{false, true} {
		b.Run(fmt.Sprintf("required=%v", required), func(b *testing.B) {
			src, dst, text := fields500(required)
			from, into, to := schema(b, src), schema(b, dst), anywhereAPI()
			to.Clearance.Class = mapping.Internal
			b.ReportAllocs()
			for b.Loop() {
				if m, err := mapping.Compile(from, into, []byte(text), to); err != nil || len(m.Places()) != 500 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseSchema(b *testing.B) {
	src, _, _ := fields500(false)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapping.ParseSchema([]byte(src)); err != nil {
			b.Fatal(err)
		}
	}
}
