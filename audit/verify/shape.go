package verify

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// shape is a line that was read in full, and where its values stand. A writer's lines differ
// in little but values: a line that is this one with other values is the same JSON, member by
// member, so only what differs is read. Whatever else differs, the line is read in full.
type shape struct {
	line   []byte // its own copy; empty: no shape
	values []value
	facts  facts
	tried  tried
}

// value is a string, without its quotes, or a number.
type value struct {
	start, end int
	text       bool
	role       role
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
	p.line = append(p.line[:0], r.s.b...)
	p.values = append(p.values[:0], r.s.values...)
	p.facts, p.tried = r.f, r.tried
}

// read reads a line of this shape; ok is false where it may be of another one, or wrong.
func (p *shape) read(b []byte) (f facts, ok bool) {
	f, found := p.facts, p.tried
	values, s := p.values, scanner{b: b}
	for j := 0; ; {
		n := common(b[s.i:], p.line[j:])
		s.i, j = s.i+n, j+n
		if s.i == len(b) && j == len(p.line) {
			f.grant = found.decision && found.grant
			return f, len(b) > 0 // without a shape, an empty line is not JSON yet
		}
		for len(values) > 0 && values[0].end < j {
			values = values[1:]
		}
		if len(values) == 0 || values[0].start > j {
			return f, false
		}
		v := values[0]
		values = values[1:]
		s.i -= j - v.start // equal up to here, so it begins as far back
		j = v.end
		start := s.i
		if !s.simple(v.text) || !v.role.tell(b[start:s.i], &f, &found) {
			return f, false
		}
	}
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

// common is the length of the longest common prefix.
func common(a, b []byte) int {
	i, n := 0, min(len(a), len(b))
	for ; n-i >= 8; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
