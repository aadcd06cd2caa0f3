package audit

import (
	"slices"
	"strconv"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/member"
	"github.com/carnet-go/carnet/audit/internal/ocsf"
	"github.com/carnet-go/carnet/audit/internal/people"
)

const (
	readOnly       = "read-only" // the Effect that OCSF calls Read
	needsAssurance = "assurance" // what only a stronger or fresher login brings

	decisionDenied  = "denied"
	decisionNeeds   = "needs"
	decisionAllowed = "allowed"
)

// line is one event, encoded behind one byte of room for the leaf's prefix, in ASCII. Every
// string in it was validated, so nothing but a signed note needs escaping.
type line struct {
	key *key.Key
	b   member.Text
	who who
}

// encoded is a line of the log itself, of nobody, behind its byte of room.
func encoded(k *key.Key, e *Event, x extra) []byte {
	l := line{key: k, b: make([]byte, 1, checkpointMax)}
	l.encode(e, x)
	return l.b
}

// classOf is the class of an event: the table's, where the event has what the class asks for,
// and nothing that it has no place for.
func classOf(e *Event) ocsf.Class {
	c := ocsf.Of(e.Action)
	somebody, nowhere := e.Actor != Actor{}, e.System == "" && e.Zone == ""
	switch {
	case c.UID == ocsf.Lifecycle && !somebody && nowhere, c.UID == ocsf.Authentication && somebody, c.UID == ocsf.Finding:
		return c
	case somebody && e.Decision == decisionNeeds && slices.Contains(e.Needs, needsAssurance):
		return ocsf.Class{UID: ocsf.Authentication, Activity: ocsf.Other}
	case e.Effect == readOnly:
		return ocsf.Class{UID: ocsf.API, Activity: ocsf.Read}
	}
	return ocsf.Class{UID: ocsf.API, Activity: ocsf.Other}
}

// encode appends e, whose people meet has named.
func (l *line) encode(e *Event, x extra) {
	c := classOf(e)
	crosses := c.UID == ocsf.API || c.UID == ocsf.Authentication // from somewhere to somewhere
	l.b.Raw("{")
	l.b.Num("activity_id", c.Activity)
	if crosses {
		l.actor(e)
	}
	switch c.UID {
	case ocsf.API:
		l.api(e)
	case ocsf.Lifecycle:
		l.app()
	}
	l.b.Num("category_uid", c.Category())
	l.b.Num("class_uid", c.UID)
	if crosses {
		l.destination(e)
	} else if c.UID == ocsf.Finding {
		l.finding(e, c)
	}
	l.b.Raw(`,"metadata":{"extensions":[{"name":"carnet","uid":"999","version":"1.0.0"}],"product":{"name":"carnet","vendor_name":"carnet"}`)
	l.b.Str("tenant_uid", e.Tenant)
	l.b.Str("version", ocsf.Version)
	l.b.Shut()
	if c.UID == ocsf.Authentication {
		l.user()
	}
	l.b.Num("severity_id", severityOf(e, c, x))
	if crosses {
		l.source(e)
	}
	l.b.Str("status_code", e.Reason)
	l.b.Raw(`,"status_id":`)
	l.b = strconv.AppendInt(l.b, statusOf(e, c), 10)
	l.b.At("time", e.Time)
	l.b.Num("type_uid", c.Type())
	l.extension(e, x, c.UID)
	l.b.Shut()
}

func severityOf(e *Event, c ocsf.Class, x extra) int64 {
	switch {
	case c.UID == ocsf.Finding:
		return c.Severity
	case e.Decision == decisionDenied || e.Outcome == OutcomeFailure || x.torn > 0:
		return ocsf.Low
	}
	return ocsf.Informational
}

// statusOf is how it ended, whose ids OCSF has too; of a finding, whether it is open.
func statusOf(e *Event, c ocsf.Class) int64 {
	if c.UID == ocsf.Finding {
		return c.State()
	}
	return int64(e.Outcome)
}

// user is who is to authenticate, and at what.
func (l *line) user() {
	l.b.Raw(`,"service":{"name":"carnet"}`)
	l.b.Open("user")
	l.uid(l.who.actor)
	l.b.Shut()
}

// api is what was called, and of whom.
func (l *line) api(e *Event) {
	l.b.Open("api")
	l.b.Str("operation", e.Action)
	l.b.Open("service")
	if e.System != "" {
		l.b.Str("name", e.System)
	} else {
		l.b.Str("name", "carnet")
	}
	l.b.Raw("}}")
}

// app is the log, of which a lifecycle event is.
func (l *line) app() {
	l.b.Open("app")
	l.b.Str("name", "carnet")
	l.b.Str("uid", l.key.Name())
	l.b.Str("vendor_name", "carnet")
	l.b.Shut()
}

func (l *line) destination(e *Event) {
	if e.System != "" || e.Zone != "" {
		l.b.Open("dst_endpoint")
		if e.System == "" {
			l.b.Str("svc_name", "carnet") // as in api: a zone alone is no endpoint
		}
		l.b.Str("name", e.System)
		l.b.Str("zone", e.Zone)
		l.b.Shut()
	}
}

func (l *line) source(e *Event) {
	l.b.Open("src_endpoint")
	l.b.Str("instance_uid", e.Instance)
	l.b.Str("svc_name", l.key.Name())
	l.b.Shut()
}

// finding is what somebody should look at: the event stands in its evidence.
func (l *line) finding(e *Event, c ocsf.Class) {
	l.b.Raw(`,"evidences":[{`)
	l.actor(e)
	l.api(e)
	l.destination(e)
	l.source(e)
	l.b.Raw("}]")
	l.b.Open("finding_info")
	l.b.Str("title", e.Action)
	l.b.Name("uid")
	l.b.Raw(`"`)
	l.b.Raw(c.Finding)
	if id := findingOf(e, c); id != "" {
		l.b.Raw(":")
		l.b.Raw(id)
	}
	l.b.Raw(`"`)
	l.b.Shut()
	l.b.Yes("is_alert", c.Activity == ocsf.Create)
}

// findingOf tells one finding from others of its kind: what opens it and what closes it say the same.
func findingOf(e *Event, c ocsf.Class) string {
	switch c.Finding {
	case "gate.freeze": // there is one
		return ""
	case "run.park":
		return e.Run
	case "vault.refuse":
		return e.Lease
	}
	return e.System
}

// actor is who, by pseudonym. The log itself is an application to OCSF.
func (l *line) actor(e *Event) {
	l.b.Open("actor")
	if e.Actor == (Actor{}) {
		l.b.Str("app_name", "carnet")
	} else {
		l.b.Open("idp")
		l.b.Str("uid", e.Actor.Issuer)
		l.b.Shut()
		l.b.Open("user")
		l.uid(l.who.actor)
		l.b.Shut()
	}
	l.b.Shut()
}

func (l *line) uid(n people.Name) {
	l.b.Name("uid")
	l.b.Raw(`"`)
	l.b = n.Append(l.b)
	l.b.Raw(`"`)
}
