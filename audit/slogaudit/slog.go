// Package slogaudit mirrors a log into a slog.Handler.
//
//	feed := audit.Feed{Name: "mirror", To: slogaudit.Mirror{Handler: slog.Default().Handler()}, …}
//	log, err := audit.Open(ctx, dir, &audit.Options{Feeds: []audit.Feed{feed}, …})
//
// # Guarantees
//
// Each line of the log is one record, in order, with the time of the line, the message
// "audit" and the attributes origin, index and line, which are the line's exact bytes. A
// record that the handler would drop by its level, or whose Handle is an error, does not
// count as delivered: it comes again.
//
// # Limits
//
// Best effort: what a handler does after it returned nil nobody says. Most buffer, and lose
// what they hold in a crash; use a sink that acknowledges where lines must arrive. A handler
// that does not heed its context holds up its own feed, and nothing else. One that writes
// into the log's own process's log, as slog.Default does, makes each line public there.
//
// # Errors
//
// [audit.SinkError]: invalid, where there is no handler; denied, where it does not take the
// level; unavailable, where Handle is an error. That of the context where it ended. None has
// text of the handler.
//
// # Concurrency
//
// A Mirror is a plain value, safe for concurrent use if its handler is.
package slogaudit

import (
	"context"
	"log/slog"

	"github.com/carnet-go/carnet/audit"
)

// Mirror is an audit.Sink. The zero Mirror delivers nothing.
type Mirror struct {
	Handler slog.Handler
	Level   slog.Level // of the records; zero: info
}

// Deliver is for audit.Sink.
func (m Mirror) Deliver(ctx context.Context, batch []audit.Entry) (int, error) {
	if m.Handler == nil {
		return 0, &audit.SinkError{Class: "invalid"}
	}
	for i, e := range batch {
		if ctx.Err() != nil {
			return i, ctx.Err()
		}
		if !m.Handler.Enabled(ctx, m.Level) {
			return i, &audit.SinkError{Class: "denied"}
		}
		r := slog.NewRecord(e.Time, m.Level, "audit", 0)
		r.AddAttrs(slog.String("origin", e.Origin), slog.Int64("index", e.Index), slog.String("line", string(e.Line)))
		if m.Handler.Handle(ctx, r) != nil {
			if ctx.Err() != nil {
				return i, ctx.Err()
			}
			return i, &audit.SinkError{Class: "unavailable"}
		}
	}
	return len(batch), nil
}
