package carry

import "bytes"

// Kind is what a line says about a grant.
type Kind uint8

// The kinds.
const (
	Nothing Kind = iota
	Opens        // it was given
	Answers      // how it ended
	Doubts       // nobody knows how it ended, and why
	Closes       // the log itself closed it as unknown
)

// Interrupted is the reason with which the log closes what nobody answered.
const Interrupted = "interrupted"

// Fact is what a log remembers of a line. What answers a grant has its action: that a
// secret was lent for it is no end.
type Fact struct {
	Action, Tenant, Grant string
	Kind                  Kind
	Time                  int64 // in milliseconds; 0: it says none
	Erased                int64 // generation of the table of people; 0: it says nothing of it
	Kept                  int64 // first line that retention keeps; 0: it says nothing of it
}

// ActionErased is of lines that say that the table of people was replaced.
const ActionErased = "audit.erased"

// The members that are looked for, without the quote before them: so little else in a line
// begins like them.
const (
	operation = `operation":"`
	tenantUID = `tenant_uid":"`
	status    = `status_id":`
	code      = `status_code":"`
	happened  = `time":`
	decision  = `decision":"`
	grant     = `grant":"`
	app       = `app_name":`
	outcome   = `outcome_id":`
	count     = `count":`
)

// The classes of OCSF whose lines have something elsewhere.
const (
	class     = `class_uid":`
	findings  = "2004" // the outcome
	lifecycle = "6002" // nobody acts: app_name
)

func finding(line []byte) bool { return of(line, findings) }

// of says whether a line is of a class.
func of(line []byte, uid string) bool {
	at := find(line, 0, class)
	return at >= 0 && bytes.HasPrefix(line[at:], []byte(uid))
}

// Reader reads many lines, and copies a name that occurs often once.
type Reader struct {
	names  map[string]string
	tenant bool // it was found: a log has one
}

// Read finds the fact in a line, whose members may have any order; it is fastest where they
// have that of Event's encoder. Kept is not in it: a line has to prove that.
func (r *Reader) Read(line []byte) Fact {
	action, at := text(line, 0, operation)
	f := Fact{Action: r.name(action)}
	if !r.tenant {
		tenant, _ := text(line, at, tenantUID)
		f.Tenant, r.tenant = string(tenant), tenant != nil
	}
	at = find(line, at, status)
	unknown := at >= 0 && at < len(line) && line[at] == '0'
	if finding(line) { // its status is that of the finding
		of := find(line, 0, outcome)
		unknown = of < 0 || of < len(line) && line[of] == '0'
	}
	at = find(line, max(at, 0), happened)
	f.Time = number(line, at)
	if f.Action == ActionErased {
		f.Erased = number(line, find(line, max(at, 0), count))
	}
	id, _ := text(line, max(at, 0), grant)
	if id == nil {
		return f
	}
	if f.Kind = kindOf(line, max(at, 0), unknown); f.Kind != Nothing {
		f.Grant = string(id)
	}
	return f
}

func (r *Reader) name(b []byte) string {
	s, ok := r.names[string(b)]
	if !ok {
		if s = string(b); r.names == nil || len(r.names) > 4096 {
			r.names = map[string]string{}
		}
		r.names[s] = s
	}
	return s
}

// kindOf is what a line says about its grant.
func kindOf(line []byte, at int, unknown bool) Kind {
	if d, _ := text(line, at, decision); d != nil {
		if string(d) == "allowed" {
			return Opens
		}
		return Nothing
	}
	if !unknown {
		return Answers
	}
	switch c, _ := text(line, 0, code); {
	case c == nil:
		return Nothing
	case string(c) == Interrupted && (find(line, 0, app) >= 0 || of(line, lifecycle)):
		return Closes
	}
	return Doubts
}

// find is where the value of a member begins, looked for from an offset on and then before
// it; -1: it is not there. Values have no quotes, so what looks like a member is one.
func find(line []byte, from int, member string) int {
	for _, begin := range [...]int{from, 0} {
		for i := begin; ; {
			n := bytes.Index(line[i:], []byte(member))
			if n < 0 {
				break
			}
			if i += n; i > 0 && line[i-1] == '"' {
				return i + len(member)
			}
			i++
		}
		if from == 0 {
			break
		}
	}
	return -1
}

// text is a member's value, and where it begins.
func text(line []byte, from int, member string) ([]byte, int) {
	at := find(line, from, member)
	if at < 0 {
		return nil, from
	}
	n := bytes.IndexByte(line[at:], '"')
	if n < 0 {
		return nil, from
	}
	return line[at : at+n : at+n], at
}

// number is a member's value of digits; 0: there is none.
func number(line []byte, at int) (n int64) {
	for ; at >= 0 && at < len(line) && line[at] >= '0' && line[at] <= '9' && n < 1<<50; at++ {
		n = 10*n + int64(line[at]-'0')
	}
	return n
}

// Action is the action of a line.
func Action(line []byte) string {
	b, _ := text(line, 0, operation)
	return string(b)
}

// Time is that of a line, in milliseconds; 0: it says none.
func Time(line []byte) int64 { return number(line, find(line, 0, happened)) }
