package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/carnet-go/carnet/mapping"
)

// mapCompile has no peer: nobody else checks a mapping before it runs.
func mapCompile(ctx context.Context, s *session) ([]line, error) {
	const fields = 500
	src, dst, text := wide(fields)
	source, destination, err := parsed(src, dst)
	if err != nil {
		return nil, err
	}
	compile := repeated(func() error {
		m, err := mapping.Compile(source, destination, []byte(text), carrier())
		if n := len(m.Places()); err == nil && n != fields {
			return fmt.Errorf("%d fields, not %d", n, fields)
		}
		return err
	})
	parse := repeated(func() error { _, _, err := parsed(src, dst); return err })
	c, err := s.compare(ctx, s.rounds, timed(cpuTime, 1, compile), timed(cpuTime, 1, parse))
	return []line{{
		name: "map/compile", value: c.ours / 1e6, unit: "ms", target: 5,
		detail: fmt.Sprintf("Compile with %d fields on either side, of a processor; ParseSchema of both schemas, %d KB, before it %.2f ms; %d rounds", fields, (len(src)+len(dst))>>10, c.theirs/1e6, c.rounds),
	}}, err
}

// wide are schemas of so many fields, fifty in an object, and a mapping of all of them.
func wide(fields int) (src, dst, text string) {
	kinds := []struct{ from, into, do string }{
		{`"type": "string", "maxLength": 100`, `"type": "string", "maxLength": 100`, ``},
		{`"type": "integer"`, `"type": "string", "maxLength": 20`, `{"int.to_string": {}}`},
		{`"type": "string", "format": "date-time"`, `"type": "integer"`, `{"time.to_unix": {}}`},
		{`"type": "string", "enum": ["new", "paid", "sent"]`, `"type": "string", "enum": ["open", "done"]`, `{"enum": {"map": {"new": "open", "paid": "open", "sent": "done"}}}`},
		{`"type": "string", "maxLength": 30, "classification": "restricted", "release": [{"via": "mask.keep_last", "args": {"n": 4}, "to": "internal", "residency": ["*"], "purposes": ["delivery"], "approved": "DPO-101", "until": "2099-12-31"}]`,
			`"type": "string", "maxLength": 8`, `{"mask.keep_last": {"n": 4}}`},
	}
	const each = 50
	var from, into, set []string
	for i := 0; i < fields; i += each {
		var inFrom, inInto []string
		for j := i; j < min(i+each, fields); j++ {
			k := kinds[j%len(kinds)]
			inFrom = append(inFrom, fmt.Sprintf(`"f%d": {%s}`, j, k.from))
			inInto = append(inInto, fmt.Sprintf(`"g%d": {%s}`, j, k.into))
			set = append(set, fmt.Sprintf(`"/o%d/g%d": {"from": "/o%d/f%d", "do": [%s]}`, i, j, i, j, k.do))
		}
		from, into = append(from, object(i, inFrom)), append(into, object(i, inInto))
	}
	const closed = `{"title": "%s", "type": "object", "additionalProperties": false, "defaults": {"classification": "internal", "residency": ["*"], "purposes": ["delivery"]}, "properties": {%s}}`
	return fmt.Sprintf(closed, "wide", strings.Join(from, ", ")), fmt.Sprintf(closed, "narrow", strings.Join(into, ", ")),
		`{"mapping": "wide-to-narrow", "from": "wide", "to": "narrow", "set": {` + strings.Join(set, ", ") + `}}`
}

func object(i int, members []string) string {
	return fmt.Sprintf(`"o%d": {"type": "object", "additionalProperties": false, "properties": {%s}}`, i, strings.Join(members, ", "))
}
