package audit

import (
	"github.com/carnet-go/carnet/audit/internal/ocsf"
	"github.com/carnet-go/carnet/audit/internal/people"
	"github.com/carnet-go/carnet/audit/internal/replay"
)

// extra is what the log itself adds to some of its own events.
type extra struct {
	genesis    string // the verifier key
	checkpoint string // a signed note
	torn       int64  // bytes cut
	segment    string // JSON: what stands before a segment
	carried    string // JSON: what a segment carries over
	rekey      string // JSON: under which key the log goes on
	retained   int64  // first line that is kept
}

// extension is everything that OCSF has no place for, at all or in the class.
func (l *line) extension(e *Event, x extra, class int64) {
	l.b.Open("carnet")
	switch class {
	case ocsf.Finding:
		l.b.Num("outcome_id", int64(e.Outcome))
	case ocsf.Lifecycle:
		l.b.Str("operation", e.Action)
		l.b.Str("instance", e.Instance)
	case ocsf.Authentication:
		l.b.Str("operation", e.Action)
	}
	l.chain(e.Chain)
	if e.For != (Actor{}) {
		l.b.Name("for")
		l.person(e.For, l.who.whom)
	}
	l.b.Num("level", int64(e.Assurance.Level))
	l.b.Str("acr", e.Assurance.ACR)
	l.b.Strs("amr", e.Assurance.AMR)
	l.b.At("auth_time", e.Assurance.AuthTime)
	l.b.Strs("scopes", e.Scopes)
	l.b.Strs("jurisdictions", e.Jurisdictions)
	l.b.Str("effect", e.Effect)
	l.b.Yes("privileged", e.Privileged)
	l.b.Num("step_phase_id", int64(e.Phase))
	l.b.Str("workflow", e.Workflow)
	l.b.Str("run", e.Run)
	l.b.Str("step", e.Step)
	l.b.Num("attempt", int64(e.Attempt))
	l.b.Num("use", int64(e.Use))
	l.b.Str("decision", e.Decision)
	l.b.Str("rule_name", e.Rule)
	l.b.Str("rule_at", e.RuleAt)
	l.b.Strs("needs", e.Needs)
	l.b.Strs("approvals", e.Approvals)
	l.b.Str("grant", e.Grant)
	l.b.Str("lease", e.Lease)
	l.b.Str("material", e.Material)
	l.b.At("start_by", e.StartBy)
	l.b.At("not_after", e.NotAfter)
	l.b.At("used_at", e.UsedAt)
	l.b.At("peer_from", e.Peer.From)
	l.b.At("peer_until", e.Peer.Until)
	l.data(&e.Data)
	l.b.Num("protocol_status", int64(e.Status))
	l.b.Num("resolves", e.Resolves)
	l.b.Num("duration_ns", int64(e.Duration))
	l.b.Num("count", int64(e.Count))
	l.b.Str("boundary", e.Boundary)
	l.b.Str("build", e.Build)
	l.b.Str("trace_uid", e.Trace)
	l.own(x)
	l.b.Shut()
}

func (l *line) chain(chain []Actor) {
	if len(chain) == 0 {
		return
	}
	l.b.Name("chain")
	for i, a := range chain {
		l.b = append(l.b, "[,"[min(i, 1)])
		l.person(a, l.who.chain[i])
	}
	l.b.Raw("]")
}

func (l *line) person(a Actor, n people.Name) {
	l.b.Raw("{")
	l.b.Str("issuer", a.Issuer)
	l.uid(n)
	l.b.Shut()
}

func (l *line) data(d *Data) {
	if d.Mapping == "" && d.Class == "" && len(d.Categories) == 0 && len(d.Residency) == 0 && d.Fields == 0 && d.Tokens == 0 && d.Digest == "" {
		return
	}
	l.b.Open("crossed")
	l.b.Str("mapping", d.Mapping)
	l.b.Str("class", d.Class)
	l.b.Strs("categories", d.Categories)
	l.b.Strs("residency", d.Residency)
	l.b.Num("fields", int64(d.Fields))
	l.b.Num("tokens", int64(d.Tokens))
	l.b.Str("keyed_digest", d.Digest)
	l.b.Shut()
}

func (l *line) own(x extra) {
	l.b.Note("checkpoint", x.checkpoint)
	if x.genesis != "" {
		l.b.Open("genesis")
		l.b.Str("origin", l.key.Name())
		l.b.Str("key", x.genesis)
		l.b.Shut()
	}
	l.b.Num("torn", x.torn)
	l.b.JSON("segment", x.segment)
	l.b.JSON("carried", x.carried)
	l.b.JSON("rekey", x.rekey)
	if x.retained != 0 {
		l.b.Open("retained")
		l.b.Num("first", x.retained)
		l.b.Str("seal", replay.SealOf(l.key, x.retained))
		l.b.Shut()
	}
}
