package audit

import (
	"github.com/carnet-go/carnet/audit/internal/ocsf"
	"github.com/carnet-go/carnet/audit/internal/replay"
)

// extra is what the log itself adds to some of its own events.
type extra struct {
	genesis    string // the verifier key
	checkpoint string // a signed note
	torn       int64  // bytes cut
	segment    string // JSON: what stands before a segment
	carried    string // JSON: what a segment carries over
	retained   int64  // first line that is kept
}

// extension is everything that OCSF has no place for, at all or in the class.
func (l *line) extension(e *Event, x extra, class int64) {
	l.open("carnet")
	switch class {
	case ocsf.Finding:
		l.num("outcome_id", int64(e.Outcome))
	case ocsf.Lifecycle:
		l.str("operation", e.Action)
		l.str("instance", e.Instance)
	case ocsf.Authentication:
		l.str("operation", e.Action)
	}
	l.chain(e.Chain)
	if e.For != (Actor{}) {
		l.name("for")
		l.person(e.For)
	}
	l.num("level", int64(e.Assurance.Level))
	l.str("acr", e.Assurance.ACR)
	l.strs("amr", e.Assurance.AMR)
	l.at("auth_time", e.Assurance.AuthTime)
	l.strs("scopes", e.Scopes)
	l.strs("jurisdictions", e.Jurisdictions)
	l.str("effect", e.Effect)
	l.yes("privileged", e.Privileged)
	l.num("step_phase_id", int64(e.Phase))
	l.str("workflow", e.Workflow)
	l.str("run", e.Run)
	l.str("step", e.Step)
	l.num("attempt", int64(e.Attempt))
	l.num("use", int64(e.Use))
	l.str("decision", e.Decision)
	l.str("rule_name", e.Rule)
	l.str("rule_at", e.RuleAt)
	l.strs("needs", e.Needs)
	l.strs("approvals", e.Approvals)
	l.str("grant", e.Grant)
	l.str("lease", e.Lease)
	l.str("material", e.Material)
	l.at("start_by", e.StartBy)
	l.at("not_after", e.NotAfter)
	l.at("used_at", e.UsedAt)
	l.at("peer_from", e.Peer.From)
	l.at("peer_until", e.Peer.Until)
	l.data(&e.Data)
	l.num("protocol_status", int64(e.Status))
	l.num("resolves", e.Resolves)
	l.num("duration_ns", int64(e.Duration))
	l.num("count", int64(e.Count))
	l.str("boundary", e.Boundary)
	l.str("build", e.Build)
	l.str("trace_uid", e.Trace)
	l.own(x)
	l.shut()
}

func (l *line) chain(chain []Actor) {
	if len(chain) == 0 {
		return
	}
	l.name("chain")
	for i, a := range chain {
		l.b = append(l.b, "[,"[min(i, 1)])
		l.person(a)
	}
	l.raw("]")
}

func (l *line) person(a Actor) {
	l.raw("{")
	l.str("issuer", a.Issuer)
	l.uid(a)
	l.shut()
}

func (l *line) data(d *Data) {
	if d.Mapping == "" && d.Class == "" && len(d.Categories) == 0 && len(d.Residency) == 0 && d.Fields == 0 && d.Tokens == 0 && d.Digest == "" {
		return
	}
	l.open("crossed")
	l.str("mapping", d.Mapping)
	l.str("class", d.Class)
	l.strs("categories", d.Categories)
	l.strs("residency", d.Residency)
	l.num("fields", int64(d.Fields))
	l.num("tokens", int64(d.Tokens))
	l.str("keyed_digest", d.Digest)
	l.shut()
}

func (l *line) own(x extra) {
	l.note("checkpoint", x.checkpoint)
	if x.genesis != "" {
		l.open("genesis")
		l.str("origin", l.key.Name())
		l.str("key", x.genesis)
		l.shut()
	}
	l.num("torn", x.torn)
	l.json("segment", x.segment)
	l.json("carried", x.carried)
	if x.retained != 0 {
		l.open("retained")
		l.num("first", x.retained)
		l.str("seal", replay.SealOf(l.key, x.retained))
		l.shut()
	}
}
