package otelaudit

import (
	"cmp"
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/carnet-go/carnet/audit"
)

// traced is a context with the trace of an event, where it has one that OpenTelemetry can
// have: 16 bytes in hex, not all zero. There is no parent, and nothing is said of sampling.
func traced(ctx context.Context, id string) context.Context {
	var c trace.SpanContextConfig
	if parsed, err := trace.TraceIDFromHex(id); err == nil {
		c.TraceID = parsed
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(c))
}

// span makes one of a grant and its answer, and returns a context in it. All of it is over:
// no span is open in between, whatever becomes of the process.
func (m *Mirror) span(ctx context.Context, g *given, e audit.Entry, l *line) context.Context {
	attributes := placeOf(e)
	attributes.describe(&g.line)
	attributes = append(attributes, keyGranted.Int64(g.index))
	ctx, s := m.tracer.Start(traced(ctx, cmp.Or(g.line.Carnet.Trace, l.Carnet.Trace)), g.action,
		trace.WithTimestamp(g.at), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	var how list
	how.how(l)
	s.SetAttributes(how...)
	switch nameOf(outcomes[:], l.Outcome) {
	case "success":
		s.SetStatus(codes.Ok, "")
	case "failure":
		s.SetStatus(codes.Error, l.Reason)
	}
	end := e.Time
	if end.Before(g.at) {
		end = g.at // a clock was set back
	}
	s.End(trace.WithTimestamp(end))
	return ctx
}

// follow keeps the grants, and makes the span that a line ends. The context is that of the
// line's trace, or of the span.
func (m *Mirror) follow(ctx context.Context, e audit.Entry, l *line) context.Context {
	within := traced(ctx, l.Carnet.Trace)
	if m.tracer == nil {
		return within
	}
	switch l.kind() {
	case opens:
		if m.grants.give(&given{l.Carnet.Grant, l.API.Action, e.Index, e.Time, *l}) {
			m.meter.forget(ctx)
		}
	case ends:
		if g, ok := m.grants.answered(l.Carnet.Grant, l.API.Action); ok {
			return m.span(ctx, g, e, l)
		}
	}
	return within
}
