package audit

import (
	"strings"

	"github.com/carnet-go/carnet/audit/internal/carry"
	"github.com/carnet-go/carnet/audit/internal/queue"
)

// margins are how much space must be left behind a line of each class: a full disk
// refuses what begins, and has room for how it ends.
var margins = [...]int64{queue.Outcome: 0, queue.Revocation: 128 << 10, queue.Crossing: 256 << 10, queue.Denial: 320 << 10}

// shareOf is the share of queue and disk that an event may use.
func shareOf(e *Event) queue.Class {
	switch {
	case e.Decision == decisionDenied || e.Decision == decisionNeeds:
		return queue.Denial
	case answers(e):
		return queue.Outcome
	case e.Phase == PhaseUndo || strings.HasSuffix(e.Action, ".revoke"):
		return queue.Revocation
	}
	return queue.Crossing
}

// answers says whether an event ends something, be it that nobody knows how and why.
func answers(e *Event) bool {
	return e.Decision == "" && (e.Outcome != OutcomeUnknown || e.Grant != "" && e.Reason != "")
}

// factOf is what the log remembers of an event; carry.Read finds the same in its line.
func factOf(e *Event) carry.Fact {
	f := carry.Fact{Action: e.Action, Tenant: e.Tenant, Time: e.Time.UnixMilli()}
	if e.Action == actionErased {
		f.Erased = int64(e.Count)
	}
	switch {
	case e.Grant == "":
	case e.Decision == decisionAllowed:
		f.Kind = carry.Opens
	case e.Decision != "" || !answers(e):
	case e.Outcome != OutcomeUnknown:
		f.Kind = carry.Answers
	case e.Reason == carry.Interrupted && e.Actor == (Actor{}):
		f.Kind = carry.Closes
	default:
		f.Kind = carry.Doubts
	}
	if f.Kind != carry.Nothing {
		f.Grant = e.Grant
	}
	return f
}
