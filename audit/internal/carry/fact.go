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
}

// Read finds the fact in a line. name makes a string of a name that occurs often; nil: a
// copy.
func Read(line []byte, name func([]byte) string) Fact {
	if name == nil {
		name = func(b []byte) string { return string(b) }
	}
	f := Fact{Action: name(Member(line, "operation")), Tenant: name(Member(line, "tenant_uid"))}
	grant := Member(line, "grant")
	if grant == nil {
		return f
	}
	if f.Kind = kindOf(line); f.Kind != Nothing {
		f.Grant = string(grant)
	}
	return f
}

// kindOf is what a line says about its grant.
func kindOf(line []byte) Kind {
	if decision := Member(line, "decision"); decision != nil {
		if string(decision) == "allowed" {
			return Opens
		}
		return Nothing
	}
	if !bytes.Contains(line, []byte(`"status_id":0,`)) {
		return Answers
	}
	switch code := Member(line, "status_code"); {
	case code == nil:
		return Nothing
	case string(code) == Interrupted && bytes.Contains(line, []byte(`"app_name":`)):
		return Closes
	}
	return Doubts
}

// Member finds a text in a line without reading all of it: values have no quotes, so
// what looks like a member is one.
func Member(line []byte, name string) []byte {
	var room [32]byte
	key := append(append(append(room[:0], '"'), name...), `":"`...)
	_, rest, ok := bytes.Cut(line, key)
	if !ok {
		return nil
	}
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return value
}
