package otelaudit

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/carnet-go/carnet/audit"
)

// eventName says what attributes a record has.
const eventName = "carnet.audit"

// severities are those of OCSF, by their ids.
var severities = [...]struct {
	as   log.Severity
	text string
}{
	1: {log.SeverityInfo, "Informational"}, 2: {log.SeverityWarn, "Low"}, 3: {log.SeverityWarn3, "Medium"},
	4: {log.SeverityError, "High"}, 5: {log.SeverityError3, "Critical"}, 6: {log.SeverityFatal, "Fatal"},
}

func severityOf(l *line) (log.Severity, string) {
	if l.Severity <= 0 || l.Severity >= len(severities) {
		return log.SeverityInfo, "" // a mirror drops nothing
	}
	return severities[l.Severity].as, severities[l.Severity].text
}

// emit hands a record over; false: the provider does not want it, or is shut down.
func (m *Mirror) emit(ctx context.Context, e audit.Entry, l *line) bool {
	if m.logger == nil {
		return true
	}
	severity, text := severityOf(l)
	if !m.logger.Enabled(ctx, log.EnabledParameters{Severity: severity, EventName: eventName}) {
		return false
	}
	attributes := placeOf(e)
	attributes.describe(l)
	var r log.Record
	r.SetEventName(eventName)
	r.SetTimestamp(e.Time)
	r.SetSeverity(severity)
	r.SetSeverityText(text)
	r.SetBody(attribute.StringValue(string(e.Line)))
	r.AddAttributes(attributes...)
	m.logger.Emit(ctx, r)
	return true
}
