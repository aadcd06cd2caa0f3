package carried

import (
	"bytes"
	"strconv"
)

// Fact is what a line says of the log's state. Its parts are those of the line.
type Fact struct {
	Action, Tenant []byte // empty: none
	Grant          []byte // empty: it says nothing about one
	Kind           Kind
	Erased         int64 // generation of the table of people; 0: it says nothing of it
}

// Kind is what a line says about its grant.
type Kind uint8

// The kinds.
const (
	Nothing Kind = iota
	Opens
	Answers // and says how it ended
	Doubts  // and does not
	Closes  // the log itself, and nobody knows
)

// interrupted is with which reason the log closes what nobody answered.
const interrupted = "interrupted"

// erased is of lines that say that the table of people was replaced.
const erased = "audit.erased"

// Read reads a line of JSON; named says whether it has a grant. A quote stands in no text without
// a backslash, so what looks like a member is one.
func Read(line []byte, named bool) (f Fact) {
	f.Action = text(line, `"operation":"`)
	f.Tenant = text(line, `"tenant_uid":"`)
	if named {
		if f.Kind = kindOf(line); f.Kind != Nothing {
			f.Grant = text(line, `"grant":"`)
		}
	}
	if f.Erases() {
		digits := value(line, `"count":`)
		n := bytes.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
		f.Erased, _ = strconv.ParseInt(string(digits[:max(n, 0)]), 10, 64) // 0, where it is none
	}
	return f
}

// Erases says whether a line is about the table of people: then all of it has to be read.
func (f *Fact) Erases() bool { return string(f.Action) == erased }

// Part is what the value of a member says to a Fact.
type Part uint8

// The parts.
const (
	None Part = iota
	Action
	Tenant
	Grant
	Fate // of what kind the fact is
)

// parts are how members begin that Read looks for.
var parts = [...]struct {
	name []byte
	part Part
}{
	{[]byte(`"operation":"`), Action}, {[]byte(`"tenant_uid":"`), Tenant}, {[]byte(`"grant":"`), Grant},
	{[]byte(`"decision":"`), Fate}, {[]byte(`"status_id":`), Fate}, {[]byte(`"status_code":"`), Fate},
	{[]byte(`"class_uid":`), Fate}, {[]byte(`"outcome_id":`), Fate},
}

// Seen has the parts of a line so far: Read takes the first of each.
type Seen [Fate]bool

// Part is that of the value behind a line's beginning.
func (s *Seen) Part(beginning []byte) Part {
	for _, p := range parts {
		if !bytes.HasSuffix(beginning, p.name) {
			continue
		}
		if p.part != Fate {
			if s[p.part] {
				return None
			}
			s[p.part] = true
		}
		return p.part
	}
	return None
}

// Set is what Read says of a line that differs in one value; in a Fate it has to be read.
func (f *Fact) Set(p Part, value []byte) {
	switch {
	case p == Action:
		f.Action = value
	case p == Tenant:
		f.Tenant = value
	case p == Grant && f.Kind != Nothing:
		f.Grant = value
	}
}

func kindOf(line []byte) Kind {
	switch decision := text(line, `"decision":"`); {
	case string(decision) == "allowed":
		return Opens
	case decision != nil:
		return Nothing
	case isKnown(line):
		return Answers
	}
	switch reason := text(line, `"status_code":"`); {
	case reason == nil:
		return Nothing
	case string(reason) == interrupted && (value(line, `"app_name":`) != nil || isOf(line, "6002")):
		return Closes
	}
	return Doubts
}

// isKnown says whether a line tells how something ended: the status of a finding, of class 2004,
// is that of the finding.
func isKnown(line []byte) bool {
	status := value(line, `"status_id":`)
	if isOf(line, "2004") {
		status = value(line, `"outcome_id":`)
		return status != nil && status[0] != '0'
	}
	return status == nil || status[0] != '0'
}

func isOf(line []byte, class string) bool {
	return bytes.HasPrefix(value(line, `"class_uid":`), []byte(class))
}

// value is what stands behind the name of a member, to the line's end; nil: it is not there.
func value(line []byte, name string) []byte {
	i := bytes.Index(line, []byte(name))
	if i < 0 || i+len(name) == len(line) {
		return nil
	}
	return line[i+len(name):]
}

// text is a member's text; nil: there is none.
func text(line []byte, name string) []byte {
	rest := value(line, name)
	n := bytes.IndexByte(rest, '"')
	if n < 0 {
		return nil
	}
	return rest[:n:n]
}
