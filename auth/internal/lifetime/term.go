package lifetime

import "time"

// Term is how long something may be used: until it ends, by its own end or by what is known
// of it now, or is closed. A zero Term is over.
type Term struct {
	*Closer                  // nil: closed
	End     End              // zero: never on its own
	Until   func() time.Time // when it ends as things stand; nil: End
}

// Expires is when it ends, as things stand; zero: never on its own.
func (t Term) Expires() time.Time {
	if t.Until != nil {
		return t.Until()
	}
	return t.End.Wall
}

// Live says whether it may be used.
func (t Term) Live() bool {
	now := time.Now()
	return t.Open() && !t.End.Over(now) && (t.Until == nil || now.Before(t.Until()))
}
