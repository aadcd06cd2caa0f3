package otelaudit_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/carnet-go/carnet/audit/otelaudit"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	grantID = "0123456789abcdef"
)

func granted(action, id, more string) string {
	return call(action, 0, "", fmt.Sprintf(`"decision":"allowed","grant":%q%s`, id, more))
}

func answered(action, id string, outcome int, reason string) string {
	return call(action, outcome, reason, fmt.Sprintf(`"grant":%q`, id))
}

// TestSpans are grants and their answers: from the one's line to the other's, in the trace of
// the event, with the answer's record in them.
func TestSpans(t *testing.T) {
	for name, c := range map[string]struct {
		texts   []string
		status  codes.Code
		says    string
		outcome string
	}{
		"success": {[]string{granted("crm.contact.read", grantID, `,"trace_uid":"`+traceID+`"`), answered("crm.contact.read", grantID, 1, "")}, codes.Ok, "", "success"},
		"failure": {[]string{granted("crm.contact.read", grantID, `,"trace_uid":"`+traceID+`"`), answered("crm.contact.read", grantID, 2, "throttled")}, codes.Error, "throttled", "failure"},
		"unknown": {[]string{granted("crm.contact.read", grantID, `,"trace_uid":"`+traceID+`"`), answered("crm.contact.read", grantID, 0, "interrupted")}, codes.Unset, "", "unknown"},
		"a trace at the end": {[]string{granted("crm.contact.read", grantID, ""), call("crm.contact.read", 1, "", `"grant":"`+grantID+`","trace_uid":"`+traceID+`"`)},
			codes.Ok, "", "success"},
		"other things between": {[]string{granted("crm.contact.read", grantID, `,"trace_uid":"`+traceID+`"`), answered("vault.lease", grantID, 1, ""),
			call("crm.contact.read", 0, "", `"grant":"`+grantID+`","use":1`), call("crm.contact.read", 0, "", `"decision":"denied","grant":"`+grantID+`"`),
			answered("crm.contact.read", "fedcba9876543210", 1, ""), answered("crm.contact.read", grantID, 1, "")}, codes.Ok, "", "success"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			whole(t, k.mirror(t, nil), lines(7, append(c.texts, answered("crm.contact.read", grantID, 1, ""))...))
			spans := k.spans.Ended()
			if len(spans) != 1 || len(k.spans.Started()) != 1 {
				t.Fatalf("%d spans", len(spans))
			}
			s, last := spans[0], int64(6+len(c.texts))
			if s.Name() != "crm.contact.read" || s.SpanKind() != trace.SpanKindClient || s.Status() != (sdktrace.Status{Code: c.status, Description: c.says}) {
				t.Errorf("%s %v %+v", s.Name(), s.SpanKind(), s.Status())
			}
			if s.SpanContext().TraceID().String() != traceID || s.Parent().SpanID().IsValid() {
				t.Errorf("%v below %v", s.SpanContext(), s.Parent())
			}
			if want := begin.Add(7 * time.Second); !s.StartTime().Equal(want) || !s.EndTime().Equal(begin.Add(time.Duration(last)*time.Second)) {
				t.Errorf("%v to %v", s.StartTime(), s.EndTime())
			}
			got := flat(s.Attributes())
			if got["carnet.outcome"] != "STRING "+c.outcome || got["carnet.audit.granted"] != "INT64 7" || got["carnet.audit.index"] != "INT64 "+strconv.FormatInt(last, 10) {
				t.Errorf("%v", got)
			}
			for _, r := range k.records() {
				if inside := attributesOf(r)["carnet.audit.index"] == "INT64 "+strconv.FormatInt(last, 10); inside != (r.SpanID() == s.SpanContext().SpanID()) || inside && r.TraceID() != s.SpanContext().TraceID() {
					t.Errorf("%v is in %v", attributesOf(r), r.SpanID())
				}
			}
		})
	}
}

// TestTraceIDs: one that OpenTelemetry cannot have makes no trace, and is no reason not to
// mirror.
func TestTraceIDs(t *testing.T) {
	for _, id := range []string{"", "0123456789abcdef", "00000000000000000000000000000000", traceID + traceID, "4BF92F3577B34DA6A3CE929D0E0E4736", "zz"} {
		k := newKit(t)
		more := `,"trace_uid":"` + id + `"`
		whole(t, k.mirror(t, nil), lines(0, granted("a.b", grantID, more), answered("a.b", grantID, 1, "")))
		if r := k.records()[0]; r.TraceID().IsValid() {
			t.Errorf("%q: %v", id, r.TraceID())
		}
		if s := k.spans.Ended(); len(s) != 1 || !s[0].SpanContext().IsValid() {
			t.Errorf("%q: %v", id, s)
		}
	}
	k := newKit(t)
	whole(t, k.mirror(t, nil), lines(0, call("a.b", 1, "", `"trace_uid":"`+traceID+`"`)))
	if r := k.records()[0]; r.TraceID().String() != traceID || r.SpanID().IsValid() {
		t.Errorf("%v %v", r.TraceID(), r.SpanID())
	}
}

// TestNobodyElsesSpan: what the caller's context has is not what a line is about.
func TestNobodyElsesSpan(t *testing.T) {
	k := newKit(t)
	ctx, span := k.trace.Tracer("test").Start(t.Context(), "feed")
	if n, err := k.mirror(t, nil).Deliver(ctx, lines(0, granted("a.b", grantID, ""), answered("a.b", grantID, 1, ""))); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	span.End()
	if s := k.spans.Ended()[0]; s.SpanContext().TraceID() == span.SpanContext().TraceID() || k.records()[0].TraceID().IsValid() {
		t.Errorf("%v", s.SpanContext())
	}
}

// TestAClockThatIsSetBack makes no span of less than nothing.
func TestAClockThatIsSetBack(t *testing.T) {
	k := newKit(t)
	list := lines(0, granted("a.b", grantID, ""), answered("a.b", grantID, 1, ""))
	list[1].Time = list[0].Time.Add(-time.Hour)
	whole(t, k.mirror(t, nil), list)
	if s := k.spans.Ended()[0]; s.EndTime().Before(s.StartTime()) {
		t.Errorf("%v to %v", s.StartTime(), s.EndTime())
	}
}

// TestBoundedGrants: of more than so many that nobody answers the oldest get no span, and
// that is counted. One that is given twice is one.
func TestBoundedGrants(t *testing.T) {
	k := newKit(t)
	m := k.mirror(t, &otelaudit.Options{Grants: 10})
	var texts []string
	for i := range 100 {
		texts = append(texts, granted("a.b", fmt.Sprintf("%016x", i), ""))
	}
	texts = append(texts, granted("a.b", fmt.Sprintf("%016x", 95), ""))
	whole(t, m, lines(0, texts...))
	if got := k.numbers(t); got["carnet.audit.grants.open"] != 10 || got["carnet.audit.grants.forgotten"] != 90 {
		t.Errorf("%v", got)
	}
	texts = nil
	for i := range 100 {
		texts = append(texts, answered("a.b", fmt.Sprintf("%016x", i), 1, ""))
	}
	whole(t, m, lines(101, texts...))
	if got := k.numbers(t); len(k.spans.Ended()) != 10 || got["carnet.audit.grants.open"] != 0 {
		t.Errorf("%d spans, %v", len(k.spans.Ended()), got)
	}
}

// TestARestart: an answer whose grant another process saw has no span, and no line has two.
func TestARestart(t *testing.T) {
	k := newKit(t)
	list := lines(0, granted("a.b", grantID, ""), answered("a.b", grantID, 1, ""))
	whole(t, k.mirror(t, nil), list[:1])
	again := k.mirror(t, nil)
	whole(t, again, list[1:])
	whole(t, again, list)
	if n := len(k.spans.Ended()); n != 0 {
		t.Errorf("%d spans", n)
	}
}
