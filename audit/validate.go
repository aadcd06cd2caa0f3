package audit

import (
	"fmt"
	"time"

	"github.com/carnet-go/carnet/audit/internal/names"
)

const (
	maxList  = 32
	maxID    = 1024 // subjects: they are digested, not written
	maxLine  = 65_535
	maxCount = 1 << 53 // what every reader of JSON holds exactly

	own = "audit." // actions of the log itself
)

// validate says which field is not what Event promises, never what is in it.
func validate(e *Event) error {
	var c checker
	c.event(e)
	c.why(e)
	c.how(e)
	if c.field != "" {
		return fmt.Errorf("%w: %s is not what Event allows", ErrNotRecorded, c.field)
	}
	return nil
}

// checker remembers the first field that is wrong.
type checker struct{ field string }

func (c *checker) ok(field string, ok bool) {
	if !ok && c.field == "" {
		c.field = field
	}
}

func (c *checker) event(e *Event) {
	c.time("Time", e.Time)
	c.name("Tenant", e.Tenant)
	c.name("Instance", e.Instance)
	c.actor("Actor", e.Actor)
	c.ok("Chain", len(e.Chain) <= maxList)
	for _, a := range e.Chain {
		c.actor("Chain", a)
		c.ok("Chain", a != Actor{})
	}
	c.actor("For", e.For)
	c.text("Assurance.ACR", e.Assurance.ACR)
	c.list("Assurance.AMR", e.Assurance.AMR, names.Text)
	c.time("Assurance.AuthTime", e.Assurance.AuthTime)
	c.list("Scopes", e.Scopes, names.Text)
	c.ok("Action", names.Name(e.Action) && (len(e.Action) < len(own) || e.Action[:len(own)] != own))
	c.name("System", e.System)
	c.list("Jurisdictions", e.Jurisdictions, names.Name)
	c.name("Zone", e.Zone)
	c.name("Effect", e.Effect)
}

func (c *checker) why(e *Event) {
	c.ok("Phase", e.Phase <= PhaseCanary)
	c.hex("Workflow", e.Workflow)
	c.name("Run", e.Run)
	c.name("Step", e.Step)
	c.count("Attempt", int64(e.Attempt))
	c.count("Use", int64(e.Use))
	c.ok("Decision", e.Decision == "" || e.Decision == decisionDenied || e.Decision == decisionNeeds || e.Decision == decisionAllowed)
	c.name("Rule", e.Rule)
	c.ok("RuleAt", e.RuleAt == "" || names.Position(e.RuleAt))
	c.list("Needs", e.Needs, names.Name)
	c.list("Approvals", e.Approvals, names.Hex)
	c.name("Grant", e.Grant)
	c.name("Lease", e.Lease)
	c.hex("Material", e.Material)
	c.time("StartBy", e.StartBy)
	c.time("NotAfter", e.NotAfter)
	c.time("UsedAt", e.UsedAt)
	c.time("Peer.From", e.Peer.From)
	c.time("Peer.Until", e.Peer.Until)
}

func (c *checker) how(e *Event) {
	c.hex("Data.Mapping", e.Data.Mapping)
	c.name("Data.Class", e.Data.Class)
	c.list("Data.Categories", e.Data.Categories, names.Name)
	c.list("Data.Residency", e.Data.Residency, names.Place)
	c.count("Data.Fields", int64(e.Data.Fields))
	c.count("Data.Tokens", int64(e.Data.Tokens))
	c.hex("Data.Digest", e.Data.Digest)
	c.ok("Outcome", e.Outcome <= OutcomeFailure)
	c.name("Reason", e.Reason)
	c.count("Status", int64(e.Status))
	c.count("Resolves", e.Resolves)
	c.count("Duration", int64(e.Duration))
	c.count("Count", int64(e.Count))
	c.hex("Boundary", e.Boundary)
	c.hex("Build", e.Build)
	c.hex("Trace", e.Trace)
}

func (c *checker) name(field, s string) { c.ok(field, s == "" || names.Name(s)) }
func (c *checker) text(field, s string) { c.ok(field, s == "" || names.Text(s)) }
func (c *checker) hex(field, s string)  { c.ok(field, s == "" || names.Hex(s)) }

func (c *checker) count(field string, n int64) { c.ok(field, n >= 0 && n < maxCount) }

func (c *checker) list(field string, list []string, is func(string) bool) {
	c.ok(field, len(list) <= maxList)
	for _, s := range list {
		c.ok(field, is(s))
	}
}

// actor is somebody with an issuer, or nobody.
func (c *checker) actor(field string, a Actor) {
	whole := names.Text(a.Issuer) && a.Subject != "" && len(a.Subject) <= maxID
	c.ok(field, a == Actor{} || whole)
}

// time is one that milliseconds since 1970 can say, before the year 10000.
func (c *checker) time(field string, t time.Time) {
	ms := t.UnixMilli()
	c.ok(field, t.IsZero() || ms > 0 && ms < 253_402_300_800_000)
}

func isOrigin(s string) bool { return names.Origin(s) }
