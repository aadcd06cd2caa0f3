// Package otelaudit mirrors a log into OpenTelemetry: records, metrics and spans.
//
//	mirror, err := otelaudit.New(otelaudit.Providers{Logs: logs, Traces: traces, Metrics: metrics},
//		&otelaudit.Options{Flush: logs.ForceFlush})
//	feed := audit.Feed{Name: "otel", To: mirror, Jurisdictions: []string{"eu"}, Clearance: "internal"}
//	…
//	err = log.Close(ctx)      // and then
//	err = logs.Shutdown(ctx)
//
// # Guarantees
//
// Each line of the log is one log record, in order, with the time of the line, the event name
// carnet.audit, a severity as OCSF has it, and the line's exact bytes as body. Its attributes
// are the line's own members and nothing else, under names of the semantic conventions where
// there are any: log.record.uid, by which duplicates are known, enduser.pseudo.id,
// service.peer.name, error.type, security_rule.name. The others are carnet.…; those of every
// record are carnet.audit.origin and carnet.audit.index. An event with a W3C trace id is in
// that trace.
//
// A grant and the answer to it are one span, made when the answer comes: from the one's time
// to the other's, in the event's trace, named as the action; Ok and Error as the outcome says,
// and unset where the log says that nobody knows. The answer's record is in the span.
//
//	carnet.audit.events            counter, by carnet.action, carnet.outcome and carnet.decision
//	carnet.audit.lag               age of the newest line when it was mirrored, in seconds
//	carnet.audit.next              index of the first line that was not
//	carnet.audit.grants.open       grants without an answer
//	carnet.audit.grants.forgotten  counter: those that get no span, because too many were open
//
// Series are bounded: more actions than Options.Actions are _OTHER, and so is what a log
// cannot say. A line that comes again is another record, with the same log.record.uid; within
// a process it is counted once, and no span is made twice. A record that the provider does not
// want, or that comes after its shutdown, does not count as delivered.
//
// # Limits
//
// A mirror, and no delivery: OpenTelemetry acknowledges nothing, and drops what it has no room
// for. Use a sink that acknowledges where lines must arrive. With Options.Flush a line counts
// when a flush after it returned nil, which is worth what the provider makes of it: a batch
// processor that exports by its interval, or because others fill its queue, tells nobody when
// that fails. Give the mirror a logger provider of its own, whose interval is longer than a
// batch takes (WithExportInterval); there is a flush for each 256 records. Without Flush lines
// count when they were handed over, and what is in memory when the process ends is lost.
//
// Feed.Jurisdictions and Clearance have to be true of all three providers: metrics and spans
// come from the lines too.
//
// A Mirror shuts nothing down: close the log, which mirrors the rest, and then the providers.
// It does not wait for traces and metrics, unless Flush does.
//
// After a restart the lines of the batch before may come again, and are counted again; a
// grant whose line another process mirrored has no span. When a line is mirrored a second
// time because the flush failed, its span may be lost. Open grants are a few kilobytes each.
// Attributes that a provider cuts (OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT) are shorter; the body is
// not. An end that is before its beginning, because a clock was set back, is the beginning.
// The trace of a span without parents is that of OpenTelemetry's own SDK; another
// implementation may begin a new one.
//
// # Errors
//
// [audit.SinkError]: invalid, where the Mirror is zero, or a line is of another log than its
// first; denied, where the provider does not take a record, or is shut down; unavailable,
// where Flush failed. That of the context where it ended. None has text of a provider.
//
// # Concurrency
//
// A Mirror is safe for concurrent use, and delivers one batch after another. It has no
// goroutine. A Flush that does not heed its context holds up its own feed, and nothing else.
package otelaudit
