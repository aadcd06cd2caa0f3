package audit

import (
	"encoding/hex"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/carnet-go/carnet/audit/internal/key"
	"github.com/carnet-go/carnet/audit/internal/ocsf"
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
	b   []byte
}

func (l *line) raw(s string) { l.b = append(l.b, s...) }

func (l *line) num(name string, n int64) {
	if n != 0 {
		l.name(name)
		l.b = strconv.AppendInt(l.b, n, 10)
	}
}

func (l *line) str(name, s string) {
	if s != "" {
		l.name(name)
		l.quote(s)
	}
}

func (l *line) yes(name string, is bool) {
	if is {
		l.name(name)
		l.raw("true")
	}
}

func (l *line) at(name string, t time.Time) {
	if !t.IsZero() {
		l.num(name, t.UnixMilli())
	}
}

func (l *line) strs(name string, list []string) {
	if len(list) == 0 {
		return
	}
	l.name(name)
	for i, s := range list {
		l.b = append(l.b, "[,"[min(i, 1)])
		l.quote(s)
	}
	l.raw("]")
}

// name begins a member; the comma is there unless an object was just opened.
func (l *line) name(s string) {
	if l.b[len(l.b)-1] != '{' {
		l.raw(",")
	}
	l.quote(s)
	l.raw(":")
}

// json writes what is JSON already.
func (l *line) json(name, s string) {
	if s != "" {
		l.name(name)
		l.raw(s)
	}
}

func (l *line) open(name string) { l.name(name); l.raw("{") }
func (l *line) shut()            { l.raw("}") }

func (l *line) quote(s string) {
	l.raw(`"`)
	l.raw(s)
	l.raw(`"`)
}

// note writes a signed note, the only text that others may have had a hand in: what is not
// printable ASCII is escaped, and so a line stays one line to whoever looks at it.
func (l *line) note(name, s string) {
	if s == "" {
		return
	}
	l.name(name)
	l.raw(`"`)
	for _, r := range s {
		switch {
		case r == '\n':
			l.raw(`\n`)
		case r < ' ' || r > '~' || r == '"' || r == '\\':
			for _, u := range utf16.AppendRune(nil, r) {
				l.raw(`\u`)
				l.b = hex.AppendEncode(l.b, []byte{byte(u >> 8), byte(u)})
			}
		default:
			l.b = append(l.b, byte(r))
		}
	}
	l.raw(`"`)
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

// encode appends e, with people as the log's key knows them.
func (l *line) encode(e *Event, x extra) {
	c := classOf(e)
	crosses := c.UID == ocsf.API || c.UID == ocsf.Authentication // from somewhere to somewhere
	l.raw("{")
	l.num("activity_id", c.Activity)
	if crosses {
		l.actor(e)
	}
	switch c.UID {
	case ocsf.API:
		l.api(e)
	case ocsf.Lifecycle:
		l.app()
	}
	l.num("category_uid", c.Category())
	l.num("class_uid", c.UID)
	if crosses {
		l.destination(e)
	} else if c.UID == ocsf.Finding {
		l.finding(e, c)
	}
	l.raw(`,"metadata":{"extensions":[{"name":"carnet","uid":"999","version":"1.0.0"}],"product":{"name":"carnet","vendor_name":"carnet"}`)
	l.str("tenant_uid", e.Tenant)
	l.str("version", ocsf.Version)
	l.shut()
	if c.UID == ocsf.Authentication {
		l.user(e)
	}
	l.num("severity_id", severityOf(e, c, x))
	if crosses {
		l.source(e)
	}
	l.str("status_code", e.Reason)
	l.raw(`,"status_id":`)
	l.b = strconv.AppendInt(l.b, statusOf(e, c), 10)
	l.at("time", e.Time)
	l.num("type_uid", c.Type())
	l.extension(e, x, c.UID)
	l.shut()
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
func (l *line) user(e *Event) {
	l.raw(`,"service":{"name":"carnet"}`)
	l.open("user")
	l.uid(e.Actor)
	l.shut()
}

// api is what was called, and of whom.
func (l *line) api(e *Event) {
	l.open("api")
	l.str("operation", e.Action)
	l.open("service")
	if e.System != "" {
		l.str("name", e.System)
	} else {
		l.str("name", "carnet")
	}
	l.raw("}}")
}

// app is the log, of which a lifecycle event is.
func (l *line) app() {
	l.open("app")
	l.str("name", "carnet")
	l.str("uid", l.key.Name())
	l.str("vendor_name", "carnet")
	l.shut()
}

func (l *line) destination(e *Event) {
	if e.System != "" || e.Zone != "" {
		l.open("dst_endpoint")
		if e.System == "" {
			l.str("svc_name", "carnet") // as in api: a zone alone is no endpoint
		}
		l.str("name", e.System)
		l.str("zone", e.Zone)
		l.shut()
	}
}

func (l *line) source(e *Event) {
	l.open("src_endpoint")
	l.str("instance_uid", e.Instance)
	l.str("svc_name", l.key.Name())
	l.shut()
}

// finding is what somebody should look at: the event stands in its evidence.
func (l *line) finding(e *Event, c ocsf.Class) {
	l.raw(`,"evidences":[{`)
	l.actor(e)
	l.api(e)
	l.destination(e)
	l.source(e)
	l.raw("}]")
	l.open("finding_info")
	l.str("title", e.Action)
	l.name("uid")
	l.raw(`"`)
	l.raw(c.Finding)
	if id := findingOf(e, c); id != "" {
		l.raw(":")
		l.raw(id)
	}
	l.raw(`"`)
	l.shut()
	l.yes("is_alert", c.Activity == ocsf.Create)
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
	l.open("actor")
	if e.Actor == (Actor{}) {
		l.str("app_name", "carnet")
	} else {
		l.open("idp")
		l.str("uid", e.Actor.Issuer)
		l.shut()
		l.open("user")
		l.uid(e.Actor)
		l.shut()
	}
	l.shut()
}

func (l *line) uid(a Actor) {
	l.name("uid")
	l.raw(`"`)
	l.b = l.key.Pseudonym(l.b, a.Issuer, a.Subject)
	l.raw(`"`)
}
