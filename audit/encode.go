package audit

import (
	"strconv"
	"time"

	"github.com/carnet-go/carnet/audit/internal/key"
)

const (
	schema = "1.6.0" // of OCSF; later versions give metadata.uid another meaning
	class  = 6003    // API Activity

	activityRead  = 2
	activityOther = 99
	readOnly      = "read-only" // the Effect that OCSF calls Read

	severityInformational = 1
	severityLow           = 2

	decisionDenied  = "denied"
	decisionNeeds   = "needs"
	decisionAllowed = "allowed"
)

// line is one event, encoded behind one byte of room for the leaf's prefix. Every
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

// note writes a signed note: its newlines are all that JSON wants escaped.
func (l *line) note(name, s string) {
	if s == "" {
		return
	}
	l.name(name)
	l.raw(`"`)
	for i := range len(s) {
		if s[i] == '\n' {
			l.raw(`\n`)
		} else {
			l.b = append(l.b, s[i])
		}
	}
	l.raw(`"`)
}

// encode appends e, with people as the log's key knows them.
func (l *line) encode(e *Event, x extra) {
	activity, severity := int64(activityOther), int64(severityInformational)
	if e.Effect == readOnly {
		activity = activityRead
	}
	if e.Decision == decisionDenied || e.Outcome == OutcomeFailure || x.torn > 0 {
		severity = severityLow
	}
	l.raw("{")
	l.num("activity_id", activity)
	l.actor(e)
	l.open("api")
	l.str("operation", e.Action)
	l.open("service")
	if e.System != "" {
		l.str("name", e.System)
	} else {
		l.str("name", "carnet")
	}
	l.raw("}}")
	l.raw(`,"category_uid":6,"class_uid":6003`)
	if e.System != "" || e.Zone != "" {
		l.open("dst_endpoint")
		l.str("name", e.System)
		l.str("zone", e.Zone)
		l.shut()
	}
	l.raw(`,"metadata":{"extensions":[{"name":"carnet","uid":"999","version":"1"}],"product":{"name":"carnet","vendor_name":"carnet"}`)
	l.str("tenant_uid", e.Tenant)
	l.str("version", schema)
	l.shut()
	l.num("severity_id", severity)
	l.open("src_endpoint")
	l.str("instance_uid", e.Instance)
	l.str("svc_name", l.key.Name())
	l.shut()
	l.str("status_code", e.Reason)
	l.raw(`,"status_id":`)
	l.b = strconv.AppendInt(l.b, int64(e.Outcome), 10) // OCSF's ids are ours
	l.at("time", e.Time)
	l.num("type_uid", class*100+activity)
	l.extension(e, x)
	l.shut()
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
