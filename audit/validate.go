package audit

import (
	"fmt"

	"github.com/carnet-go/carnet/audit/internal/names"
)

const (
	maxID   = 1024 // subjects: they are digested, not written
	maxLine = 65_535

	own = "audit." // actions of the log itself
)

// validate says which field is not what Event promises, never what is in it.
func validate(e *Event) error {
	var c checker
	c.event(e)
	c.why(e)
	c.how(e)
	if c.Field != "" {
		return fmt.Errorf("%w: %s is not what Event allows", ErrNotRecorded, c.Field)
	}
	return nil
}

// checker remembers the first field that is wrong.
type checker struct{ names.Checker }

func (c *checker) event(e *Event) {
	c.Time("Time", e.Time)
	c.Name("Tenant", e.Tenant)
	c.Name("Instance", e.Instance)
	c.actor("Actor", e.Actor)
	c.OK("Chain", len(e.Chain) <= names.MaxList)
	for _, a := range e.Chain {
		c.actor("Chain", a)
		c.OK("Chain", a != Actor{})
	}
	c.actor("For", e.For)
	c.Text("Assurance.ACR", e.Assurance.ACR)
	c.List("Assurance.AMR", e.Assurance.AMR, names.Text)
	c.Time("Assurance.AuthTime", e.Assurance.AuthTime)
	c.List("Scopes", e.Scopes, names.Text)
	c.OK("Action", names.Name(e.Action) && (len(e.Action) < len(own) || e.Action[:len(own)] != own))
	c.Name("System", e.System)
	c.List("Jurisdictions", e.Jurisdictions, names.Name)
	c.Name("Zone", e.Zone)
	c.Name("Effect", e.Effect)
}

func (c *checker) why(e *Event) {
	c.OK("Phase", e.Phase <= PhaseCanary)
	c.Hex("Workflow", e.Workflow)
	c.Name("Run", e.Run)
	c.Name("Step", e.Step)
	c.Count("Attempt", int64(e.Attempt))
	c.Count("Use", int64(e.Use))
	c.OK("Decision", e.Decision == "" || e.Decision == decisionDenied || e.Decision == decisionNeeds || e.Decision == decisionAllowed)
	c.Name("Rule", e.Rule)
	c.OK("RuleAt", e.RuleAt == "" || names.Position(e.RuleAt))
	c.List("Needs", e.Needs, names.Name)
	c.List("Approvals", e.Approvals, names.Hex)
	c.Name("Grant", e.Grant)
	c.Name("Lease", e.Lease)
	c.Hex("Material", e.Material)
	c.Time("StartBy", e.StartBy)
	c.Time("NotAfter", e.NotAfter)
	c.Time("UsedAt", e.UsedAt)
	c.Time("Peer.From", e.Peer.From)
	c.Time("Peer.Until", e.Peer.Until)
}

func (c *checker) how(e *Event) {
	c.Hex("Data.Mapping", e.Data.Mapping)
	c.Name("Data.Class", e.Data.Class)
	c.List("Data.Categories", e.Data.Categories, names.Name)
	c.List("Data.Residency", e.Data.Residency, names.Place)
	c.Count("Data.Fields", int64(e.Data.Fields))
	c.Count("Data.Tokens", int64(e.Data.Tokens))
	c.Hex("Data.Digest", e.Data.Digest)
	c.OK("Outcome", e.Outcome <= OutcomeFailure)
	c.Name("Reason", e.Reason)
	c.Count("Status", int64(e.Status))
	c.Count("Resolves", e.Resolves)
	c.Count("Duration", int64(e.Duration))
	c.Count("Count", int64(e.Count))
	c.Hex("Boundary", e.Boundary)
	c.Hex("Build", e.Build)
	c.Hex("Trace", e.Trace)
}

// actor is somebody with an issuer, or nobody.
func (c *checker) actor(field string, a Actor) {
	whole := names.Text(a.Issuer) && a.Subject != "" && len(a.Subject) <= maxID
	c.OK(field, a == Actor{} || whole)
}

func isOrigin(s string) bool { return names.Origin(s) }
