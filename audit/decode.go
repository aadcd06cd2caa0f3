package audit

import (
	"errors"
	"time"

	"github.com/carnet-go/carnet/audit/internal/ocsf"
)

var errLine = errors.New("audit: a line is malformed")

// wire is a line as it is read back; encode is the other half.
type wire struct{ ocsf.Line }

// decode reads one line back. What it says about people is their pseudonyms.
func decode(b []byte) (Event, error) {
	w, err := parse(b)
	if err != nil {
		return Event{}, err
	}
	return w.event(), nil
}

func parse(b []byte) (*wire, error) {
	l, ok := ocsf.Parse(b)
	if !ok {
		return nil, errLine
	}
	return &wire{l}, nil
}

func (w *wire) event() Event {
	x := &w.Carnet
	return Event{
		Time:   milli(w.Time),
		Tenant: w.Metadata.Tenant, Instance: w.Src.Instance,
		Actor: Actor{w.Actor.IDP.UID, w.Actor.User.UID}, Chain: w.chain(), For: actorOf(x.For),
		Assurance: Assurance{x.Level, x.ACR, x.AMR, milli(x.AuthTime)}, Scopes: x.Scopes,
		Action: w.API.Operation, System: w.Dst.Name, Jurisdictions: x.Jurisdictions, Zone: w.Dst.Zone,
		Effect: x.Effect, Privileged: x.Privileged,
		Phase: Phase(x.Phase), Workflow: x.Workflow, Run: x.Run, Step: x.Step, Attempt: x.Attempt, Use: x.Use,
		Decision: x.Decision, Rule: x.Rule, RuleAt: x.RuleAt, Needs: x.Needs, Approvals: x.Approvals,
		Grant: x.Grant, Lease: x.Lease, Material: x.Material,
		StartBy: milli(x.StartBy), NotAfter: milli(x.NotAfter), UsedAt: milli(x.UsedAt),
		Peer: Validity{milli(x.PeerFrom), milli(x.PeerUntil)}, Data: Data(x.Data),
		Outcome: Outcome(w.Status), Reason: w.Code, Status: x.Status, Resolves: x.Resolves,
		Duration: time.Duration(x.Duration), Count: x.Count,
		Boundary: x.Boundary, Build: x.Build, Trace: x.Trace,
	}
}

func (w *wire) chain() []Actor {
	var chain []Actor
	for _, a := range w.Carnet.Chain {
		chain = append(chain, actorOf(a))
	}
	return chain
}

func actorOf(p ocsf.Person) Actor { return Actor{p.Issuer, p.UID} }

func milli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
