package otelaudit

import (
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/carnet-go/carnet/audit"
)

// other is what semantic conventions call a value that is not one of a closed list.
const other = "_OTHER"

const (
	keyOrigin   = attribute.Key("carnet.audit.origin")
	keyIndex    = attribute.Key("carnet.audit.index")
	keyAction   = attribute.Key("carnet.action")
	keyOutcome  = attribute.Key("carnet.outcome")
	keyDecision = attribute.Key("carnet.decision")
	keyGranted  = attribute.Key("carnet.audit.granted")
)

// list is attributes without those that a line does not have.
type list []attribute.KeyValue

func (l *list) text(key attribute.Key, value string) {
	if value != "" {
		*l = append(*l, key.String(value))
	}
}

func (l *list) texts(key attribute.Key, values []string) {
	if len(values) > 0 {
		*l = append(*l, key.StringSlice(values))
	}
}

func (l *list) number(key attribute.Key, value int64) {
	if value != 0 {
		*l = append(*l, key.Int64(value))
	}
}

// placeOf tells a line apart, in every process and for ever.
func placeOf(e audit.Entry) list {
	return list{
		semconv.LogRecordUID(e.Origin + "/" + strconv.FormatInt(e.Index, 10)),
		keyOrigin.String(e.Origin), keyIndex.Int64(e.Index),
	}
}

// describe adds what happened: of a line that is none of OCSF nothing.
func (l *list) describe(x *line) {
	if x.API.Action == "" {
		return
	}
	l.text(keyAction, x.API.Action)
	l.how(x)
	l.who(x)
	l.why(x)
	c := &x.Carnet
	l.text("carnet.grant", c.Grant)
	l.text("carnet.lease", c.Lease)
	l.text("carnet.data.mapping", c.Data.Mapping)
	l.text("carnet.data.class", c.Data.Class)
	l.text("carnet.boundary", c.Boundary)
	l.text("carnet.build", c.Build)
}

// how it ended.
func (l *list) how(x *line) {
	c := &x.Carnet
	l.text(keyOutcome, nameOf(outcomes[:], x.Outcome))
	l.text("carnet.reason", x.Reason)
	if x.Outcome == outcomeFailure {
		l.text(semconv.ErrorTypeKey, x.Reason)
	}
	l.number("carnet.protocol_status", c.Status)
	l.number("carnet.resolves", c.Resolves)
	l.number("carnet.count", c.Count)
	if c.Duration != 0 {
		*l = append(*l, attribute.Float64("carnet.duration", time.Duration(c.Duration).Seconds()))
	}
}

// who did it, and to whom.
func (l *list) who(x *line) {
	c := &x.Carnet
	l.text("carnet.tenant", x.Metadata.Tenant)
	l.text("carnet.instance", x.Near.Instance)
	l.text("carnet.issuer", x.Actor.IDP.Issuer)
	l.text(semconv.EnduserPseudoIDKey, x.Actor.User.Pseudonym)
	l.number("carnet.level", c.Level)
	l.text(semconv.ServicePeerNameKey, x.Far.System)
	l.text("carnet.zone", x.Far.Zone)
	l.texts("carnet.jurisdictions", c.Places)
	l.text("carnet.effect", c.Effect)
	if c.Privileged {
		*l = append(*l, attribute.Bool("carnet.privileged", true))
	}
}

// why it was done, and whether it might be.
func (l *list) why(x *line) {
	c := &x.Carnet
	l.text("carnet.phase", nameOf(phases[:], c.Phase))
	l.text("carnet.workflow", c.Workflow)
	l.text("carnet.run", c.Run)
	l.text("carnet.step", c.Step)
	l.number("carnet.attempt", c.Attempt)
	l.number("carnet.use", c.Use)
	l.text(keyDecision, c.Decision)
	l.text(semconv.SecurityRuleNameKey, c.Rule)
	l.text("carnet.rule_at", c.RuleAt)
	l.texts("carnet.needs", c.Needs)
}
