package otelaudit

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/carnet-go/carnet/audit"
)

// meter has the instruments; nil: nobody measures.
type meter struct {
	origin    attribute.KeyValue
	most      int
	actions   map[string]bool
	events    metric.Int64Counter
	lag       metric.Float64Gauge
	next      metric.Int64Gauge
	open      metric.Int64Gauge
	forgotten metric.Int64Counter
}

func newMeter(m metric.Meter, most int) (*meter, error) {
	var errs [5]error
	n := &meter{most: most, actions: map[string]bool{}}
	n.events, errs[0] = m.Int64Counter("carnet.audit.events", metric.WithUnit("{event}"), metric.WithDescription("Lines of the log that were mirrored, each once in this process."))
	n.lag, errs[1] = m.Float64Gauge("carnet.audit.lag", metric.WithUnit("s"), metric.WithDescription("Age of the newest line when it was mirrored."))
	n.next, errs[2] = m.Int64Gauge("carnet.audit.next", metric.WithUnit("{line}"), metric.WithDescription("Index of the first line that was not mirrored."))
	n.open, errs[3] = m.Int64Gauge("carnet.audit.grants.open", metric.WithUnit("{grant}"), metric.WithDescription("Grants that wait for their answer, and their span."))
	n.forgotten, errs[4] = m.Int64Counter("carnet.audit.grants.forgotten", metric.WithUnit("{grant}"), metric.WithDescription("Grants that get no span, because too many were open."))
	return n, errors.Join(errs[:]...)
}

// count counts a line. What it is counted under is bounded, whatever the lines say.
func (m *meter) count(ctx context.Context, l *line) {
	if m == nil {
		return
	}
	m.events.Add(ctx, 1, metric.WithAttributes(m.origin,
		keyAction.String(m.action(l.API.Action)), keyOutcome.String(nameOf(outcomes[:], l.Outcome)), keyDecision.String(decisionOf(l))))
}

func (m *meter) action(name string) string {
	if !m.actions[name] {
		if name == "" || len(m.actions) >= m.most {
			return other
		}
		m.actions[name] = true
	}
	return name
}

func decisionOf(l *line) string {
	switch d := l.Carnet.Decision; d {
	case "":
		return "none"
	case "denied", "needs", "allowed":
		return d
	}
	return other
}

func (m *meter) forget(ctx context.Context) {
	if m != nil {
		m.forgotten.Add(ctx, 1, metric.WithAttributes(m.origin))
	}
}

// reach says how far the mirror is.
func (m *meter) reach(ctx context.Context, newest audit.Entry, open int) {
	if m == nil {
		return
	}
	of := metric.WithAttributes(m.origin)
	m.lag.Record(ctx, max(0, time.Since(newest.Time).Seconds()), of)
	m.next.Record(ctx, newest.Index+1, of)
	m.open.Record(ctx, int64(open), of)
}
