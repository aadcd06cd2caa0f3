// Package audittest is for tests: the conformance of sinks.
//
//	func TestSink(t *testing.T) {
//		audittest.Run(t, func(t testing.TB, r *audittest.Receiver) audit.Sink {
//			url := r.HTTP(func(w http.ResponseWriter, q *http.Request) {
//				…                                              // read the entries, and for each:
//				if r.Take(q.Context(), origin, index, line) != nil { … } // say no
//			})
//			return webhookaudit.Webhook{URL: url, TLS: r.TLS()}
//		})
//	}
//
// # Guarantees
//
// Each rule of [audit.Sink] is one subtest, with a far side of its own: one that is dead,
// refuses, swallows everything, is slow, hangs up half-way or on one side only, takes
// things and does not say so, takes some and not others, or crashes and comes back. A
// failure prints the rule.
//
// # Limits
//
// The far side's protocol is the caller's. Where a sink has no connection, as one that
// calls a function, what would happen to it happens in Take. That a far side keeps what it
// acknowledges nobody can see from here, nor that a sink follows no redirect: a sink's own
// tests have to.
//
// # Errors
//
// What goes wrong fails the test. Those of Take have [Canary] in their text, which a far
// side may well repeat, and an error of the sink may not.
//
// # Concurrency
//
// A [Receiver] is safe for concurrent use; its sink is called by one goroutine, as a log
// does.
package audittest

import (
	"context"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
)

// Canary is in what Take says, and in the lines.
const Canary = "canary-4711"

// Run checks a Sink: open returns one whose far side is the Receiver. It is called once for
// each rule.
func Run(t *testing.T, open func(testing.TB, *Receiver) audit.Sink) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(t, open); err != nil {
				t.Errorf("rule: %s\n%v", c.rule, err)
			}
		})
	}
}

func (c *check) run(t testing.TB, open func(testing.TB, *Receiver) audit.Sink) error {
	r := newReceiver(t)
	s := &site{Receiver: r, sink: open(t, r)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return c.check(ctx, s)
}
