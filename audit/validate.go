package audit

import (
	"fmt"
	"time"
)

const (
	maxName  = 64
	maxText  = 255 // issuers, scopes, acr, amr, RuleAt
	maxHex   = 128
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
	c.list("Assurance.AMR", e.Assurance.AMR, isText)
	c.time("Assurance.AuthTime", e.Assurance.AuthTime)
	c.list("Scopes", e.Scopes, isText)
	c.ok("Action", isName(e.Action) && (len(e.Action) < len(own) || e.Action[:len(own)] != own))
	c.name("System", e.System)
	c.list("Jurisdictions", e.Jurisdictions, isName)
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
	c.ok("RuleAt", e.RuleAt == "" || isPosition(e.RuleAt))
	c.list("Needs", e.Needs, isName)
	c.list("Approvals", e.Approvals, isHex)
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
	c.list("Data.Categories", e.Data.Categories, isName)
	c.list("Data.Residency", e.Data.Residency, isPlace)
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

func (c *checker) name(field, s string) { c.ok(field, s == "" || isName(s)) }
func (c *checker) text(field, s string) { c.ok(field, s == "" || isText(s)) }
func (c *checker) hex(field, s string)  { c.ok(field, s == "" || isHex(s)) }

func (c *checker) count(field string, n int64) { c.ok(field, n >= 0 && n < maxCount) }

func (c *checker) list(field string, list []string, is func(string) bool) {
	c.ok(field, len(list) <= maxList)
	for _, s := range list {
		c.ok(field, is(s))
	}
}

// actor is somebody with an issuer, or nobody.
func (c *checker) actor(field string, a Actor) {
	whole := isText(a.Issuer) && a.Subject != "" && len(a.Subject) <= maxID
	c.ok(field, a == Actor{} || whole)
}

// time is one that milliseconds since 1970 can say, before the year 10000.
func (c *checker) time(field string, t time.Time) {
	ms := t.UnixMilli()
	c.ok(field, t.IsZero() || ms > 0 && ms < 253_402_300_800_000)
}

// isName is [a-z0-9][a-z0-9._-]{0,63}.
// isPlace is a jurisdiction, or all of them.
func isPlace(s string) bool { return s == "*" || isName(s) }

func isName(s string) bool {
	if s == "" || len(s) > maxName || s[0] == '.' || s[0] == '_' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if b := s[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '.' && b != '_' && b != '-' {
			return false
		}
	}
	return true
}

// isText is printable ASCII without what JSON or a shell would escape.
func isText(s string) bool {
	if s == "" || len(s) > maxText {
		return false
	}
	for i := range len(s) {
		if b := s[i]; b <= ' ' || b > '~' || b == '"' || b == '\'' || b == '`' || b == '\\' {
			return false
		}
	}
	return true
}

// isHex is a hash, a fingerprint or an id, in lower case.
func isHex(s string) bool {
	if len(s) < 8 || len(s) > maxHex || len(s)%2 != 0 {
		return false
	}
	for i := range len(s) {
		if b := s[i]; (b < 'a' || b > 'f') && (b < '0' || b > '9') {
			return false
		}
	}
	return true
}

// isPosition is file:line, of a file below the boundary's folder.
func isPosition(s string) bool {
	if !isText(s) {
		return false
	}
	i := len(s)
	for i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
		i--
	}
	return i < len(s) && i > 1 && s[i-1] == ':' && isPath(s[:i-1])
}

func isPath(s string) bool {
	for i := range len(s) {
		b := s[i]
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && (i == 0 || b != '.' && b != '_' && b != '-' && b != '/') {
			return false
		}
	}
	return s != ""
}

// isOrigin is names of [a-z0-9][a-z0-9._-]{0,63}, joined by slashes, 255 in all.
func isOrigin(s string) bool {
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '/' {
			if !isName(s[start:i]) {
				return false
			}
			start = i + 1
		}
	}
	return len(s) <= maxText
}
