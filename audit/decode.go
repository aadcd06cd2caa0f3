package audit

import (
	"encoding/json"
	"errors"
	"time"
)

var errLine = errors.New("audit: a line is malformed")

// wire is a line as it is read back; encode is the other half.
type wire struct {
	Actor struct {
		IDP  struct{ UID string }
		User struct{ UID string }
	}
	API struct{ Operation string }
	Dst struct{ Name, Zone string } `json:"dst_endpoint"`
	Src struct {
		Instance string `json:"instance_uid"`
		Service  string `json:"svc_name"`
	} `json:"src_endpoint"`
	Metadata struct {
		Tenant string `json:"tenant_uid"`
	}
	Code   string `json:"status_code"`
	Status uint8  `json:"status_id"`
	Time   int64
	Carnet extension
}

type extension struct {
	Chain []person
	For   person

	Level    uint8
	ACR      string
	AMR      []string
	AuthTime int64 `json:"auth_time"`
	Scopes   []string

	Jurisdictions []string
	Effect        string
	Privileged    bool

	Phase        Phase
	Workflow     string
	Run          string
	Step         string
	Attempt, Use int
	Decision     string
	Rule         string
	RuleAt       string `json:"rule_at"`
	Needs        []string
	Approvals    []string
	Grant        string
	Lease        string
	Material     string
	StartBy      int64 `json:"start_by"`
	NotAfter     int64 `json:"not_after"`
	UsedAt       int64 `json:"used_at"`
	PeerFrom     int64 `json:"peer_from"`
	PeerUntil    int64 `json:"peer_until"`
	Data         Data
	Status       int
	Resolves     int64
	Duration     time.Duration
	Count        int
	Boundary     string
	Build, Trace string

	Genesis    struct{ Origin, Key string }
	Checkpoint string
}

type person struct{ Issuer, UID string } // UID is a pseudonym

func (p person) actor() Actor { return Actor{p.Issuer, p.UID} }

// decode reads one line back. What it says about people is their pseudonyms.
func decode(b []byte) (Event, error) {
	w, err := parse(b)
	if err != nil {
		return Event{}, err
	}
	return w.event(), nil
}

func parse(b []byte) (*wire, error) {
	var w wire
	if json.Unmarshal(b, &w) != nil {
		return nil, errLine
	}
	return &w, nil
}

func (w *wire) event() Event {
	x := &w.Carnet
	return Event{
		Time:   milli(w.Time),
		Tenant: w.Metadata.Tenant, Instance: w.Src.Instance,
		Actor: Actor{w.Actor.IDP.UID, w.Actor.User.UID}, Chain: w.chain(), For: x.For.actor(),
		Assurance: Assurance{x.Level, x.ACR, x.AMR, milli(x.AuthTime)}, Scopes: x.Scopes,
		Action: w.API.Operation, System: w.Dst.Name, Jurisdictions: x.Jurisdictions, Zone: w.Dst.Zone,
		Effect: x.Effect, Privileged: x.Privileged,
		Phase: x.Phase, Workflow: x.Workflow, Run: x.Run, Step: x.Step, Attempt: x.Attempt, Use: x.Use,
		Decision: x.Decision, Rule: x.Rule, RuleAt: x.RuleAt, Needs: x.Needs, Approvals: x.Approvals,
		Grant: x.Grant, Lease: x.Lease, Material: x.Material,
		StartBy: milli(x.StartBy), NotAfter: milli(x.NotAfter), UsedAt: milli(x.UsedAt),
		Peer: Validity{milli(x.PeerFrom), milli(x.PeerUntil)}, Data: x.Data,
		Outcome: Outcome(w.Status), Reason: w.Code, Status: x.Status, Resolves: x.Resolves,
		Duration: x.Duration, Count: x.Count,
		Boundary: x.Boundary, Build: x.Build, Trace: x.Trace,
	}
}

func (w *wire) chain() []Actor {
	var chain []Actor
	for _, a := range w.Carnet.Chain {
		chain = append(chain, a.actor())
	}
	return chain
}

func milli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
