package verify

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/carnet-go/carnet/audit/verify/internal/carried"
	"github.com/carnet-go/carnet/audit/verify/internal/prefix"
)

// shape is a line that was read in full, and where its values stand. A writer's lines differ
// in little but values: a line that is this one with other values is the same JSON, member by
// member, so only what differs is read. Whatever else differs, the line is read in full.
type shape struct {
	line   []byte // its own copy, which never changes; empty: no shape
	values []value
	facts  facts
	tried  tried

	changing []int // values of which a line had another one, in order
}

// value is a string, without its quotes, or a number.
type value struct {
	start, end int
	text       bool
	role       role
	part       carried.Part
}

// role is what a value says to Dir.
type role int8

const (
	nothing role = iota
	decision
	grant
	sequence
)

// tried is which halves of a grant were found.
type tried struct{ decision, grant bool }

// keep makes a shape of the line that r has just read.
func (p *shape) keep(r *lineReader) {
	p.line = bytes.Clone(r.s.b)
	p.values = append(p.values[:0], r.s.values...)
	p.changing = p.changing[:0]
	p.facts, p.tried = r.f, r.tried
	p.facts.fact = carried.Read(p.line, p.facts.named)
	var seen carried.Seen
	for i := range p.values {
		p.values[i].part = seen.Part(p.line[:p.values[i].start])
	}
}

// read reads a line of this shape; false: it may be of another one, or wrong.
// Between values that were seen to change, the line is compared at once.
func (p *shape) read(b []byte, f *facts) bool {
	*f = p.facts
	found, s, other := p.tried, scanner{b: b}, false
	for j, k, hot := 0, 0, 0; ; k++ {
		for hot < len(p.changing) && p.changing[hot] < k {
			hot++
		}
		next := len(p.values)
		if hot < len(p.changing) {
			next = p.changing[hot]
		}
		if same := p.line[j:p.start(next)]; bytes.HasPrefix(b[s.i:], same) {
			s.i, k = s.i+len(same), next
		} else {
			n := prefix.Common(b[s.i:], same)
			s.i, j = s.i+n, j+n
			if k = p.at(k, j); k == len(p.values) {
				return false
			}
			p.changing = slices.Insert(p.changing, hot, k)
			s.i -= j - p.values[k].start // equal up to here, so it begins as far back
		}
		if k == len(p.values) {
			f.grant, f.named = found.decision && found.grant, found.grant
			if other || f.named != p.facts.named || f.fact.Erases() || p.facts.fact.Erases() {
				f.fact = carried.Read(b, f.named)
			}
			return s.i == len(b) && len(b) > 0 // without a shape, an empty line is not JSON yet
		}
		v := p.values[k]
		j = v.end
		start := s.i
		if !s.simple(v.text) || !v.role.tell(b[start:s.i], f, &found) {
			return false
		}
		if v.part == carried.Fate {
			other = other || !bytes.Equal(b[start:s.i], p.line[v.start:v.end])
		}
		f.fact.Set(v.part, b[start:s.i])
	}
}

// start is where a value begins, or the line ends.
func (p *shape) start(k int) int {
	if k == len(p.values) {
		return len(p.line)
	}
	return p.values[k].start
}

// at is the value, from k on, in which a line differs at j, or just behind which it does; the
// number of values: it differs elsewhere.
func (p *shape) at(k, j int) int {
	for k < len(p.values) && p.values[k].end < j {
		k++
	}
	if k < len(p.values) && p.values[k].start > j {
		return len(p.values)
	}
	return k
}

// tell takes another value of a role.
func (r role) tell(raw []byte, f *facts, found *tried) bool {
	switch r {
	case decision:
		found.decision = string(raw) == allowed
	case grant:
		found.grant = len(raw) > 0
	case sequence:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		f.sequence = n
		return err == nil && n >= 0
	}
	return true
}

// simple moves over a number, or over ASCII that a string has between its quotes. What follows
// is compared with what follows in the shape: a quote, so an escape does not pass.
func (s *scanner) simple(text bool) bool {
	if text {
		s.i = s.plain(s.i)
		return s.high&tops == 0
	}
	return s.i < len(s.b) && s.number()
}
