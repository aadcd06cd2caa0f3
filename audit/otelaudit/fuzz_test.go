package otelaudit_test

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzMirror: whatever a line has, it is one record with the line as its body and no more
// attributes than there are names for, one event in a counter, and at most a span, with the
// answer, when that comes.
func FuzzMirror(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "no JSON", "\xff", `{"class_uid":2004,"evidences":[{"api":{"operation":"a.b"}}]}`, `{"class_uid":3002,"carnet":{"operation":"a.b"}}`,
		call("a.b", 0, "", `"decision":"allowed","grant":"0123456789abcdef","trace_uid":"`+traceID+`"`), call("a.b", -1, "x", `"step_phase_id":-1,"decision":"?"`),
		call("a.b", 9, "x", `"step_phase_id":99,"needs":["a"],"jurisdictions":["eu"],"duration_ns":-1`), `{"severity_id":-1}`, `{"severity_id":7}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k := newKit(t)
		whole(t, k.mirror(t, nil), lines(0, text, answered("a.b", grantID, 1, "")))
		r := k.records()[0]
		if r.Body().AsString() != text || r.AttributesLen() < 3 || r.AttributesLen() > 37 || r.DroppedAttributes() != 0 {
			t.Errorf("%q: %v", r.Body().AsString(), attributesOf(r))
		}
		events, sum := 0, 0.0
		for name, n := range k.numbers(t) {
			if strings.HasPrefix(name, "carnet.audit.events") {
				events++
				sum += n
			}
		}
		if got := fmt.Sprint(len(k.records()), sum); got != "2 2" || events > 2 || len(k.spans.Ended()) > 1 || len(k.spans.Started()) != len(k.spans.Ended()) {
			t.Errorf("%s, %d spans of %d", got, len(k.spans.Ended()), len(k.spans.Started()))
		}
	})
}
