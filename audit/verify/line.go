package verify

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// maxLine is the longest line: the length of a C2SP entry has 16 bits.
const maxLine = 65535

// commitPrefix is how a commit line begins, and no event line.
const commitPrefix = `{"commit":`

// facts is what Dir reads in an event line.
type facts struct {
	valid      bool        // UTF-8, one JSON object, no member twice where it was read
	grant      bool        // a decision, allowed, with a grant's id
	sequence   int64       // metadata.sequence; -1: absent
	genesis    *genesis    // nil: none
	inband     bool        // has a checkpoint
	checkpoint *checkpoint // nil: none that is valid
}

// genesis is what line 0 says.
type genesis struct{ origin, key string }

// lineReader reads one line after the other; it keeps its space for names.
type lineReader struct {
	ring  keyring
	names [][]byte
	s     scanner
	f     facts
	tried struct{ decision, grant bool }
}

// read reads one event line.
func (r *lineReader) read(b []byte) facts {
	r.s, r.f, r.names = scanner{b: b}, facts{sequence: -1}, r.names[:0]
	r.tried.decision, r.tried.grant = false, false
	r.f.valid = utf8.Valid(b) && r.each(r.top) && r.s.done()
	r.f.grant = r.tried.decision && r.tried.grant
	return r.f
}

func (r *lineReader) top(name []byte) bool {
	switch string(name) {
	case "carnet":
		return r.each(r.carnet)
	case "metadata":
		return r.each(r.metadata)
	}
	return r.s.value(1)
}

func (r *lineReader) metadata(name []byte) bool {
	if string(name) != "sequence" {
		return r.s.value(2)
	}
	r.s.space()
	start := r.s.i
	if !r.s.value(2) {
		return false
	}
	n, err := strconv.ParseInt(string(r.s.b[start:r.s.i]), 10, 64)
	r.f.sequence = n
	return err == nil && n >= 0
}

func (r *lineReader) carnet(name []byte) (ok bool) {
	var text []byte
	switch string(name) {
	case "decision":
		text, ok = r.text()
		r.tried.decision = string(text) == "allowed"
	case "grant":
		text, ok = r.text()
		r.tried.grant = len(text) > 0
	case "genesis":
		r.f.genesis = new(genesis)
		ok = r.each(r.genesis)
	case "checkpoint":
		text, ok = r.text()
		r.f.inband = true
		if c, valid := r.ring.open(text); valid {
			r.f.checkpoint = &c
		}
	default:
		ok = r.s.value(2)
	}
	return ok
}

func (r *lineReader) genesis(name []byte) bool {
	switch string(name) {
	case "origin":
		text, ok := r.text()
		r.f.genesis.origin = string(text)
		return ok
	case "key":
		text, ok := r.text()
		r.f.genesis.key = string(text)
		return ok
	}
	return r.s.value(3)
}

// each visits the members of one object and refuses a name that stands there twice.
func (r *lineReader) each(visit func(name []byte) bool) bool {
	if !r.s.take('{') {
		return false
	}
	base := len(r.names)
	for first := true; ; first = false {
		name, more, ok := r.s.member(first)
		if !ok || more && r.twice(r.names[base:], name) {
			return false
		}
		if !more {
			r.names = r.names[:base]
			return true
		}
		if r.names = append(r.names, name); !visit(name) {
			return false
		}
	}
}

func (r *lineReader) twice(names [][]byte, name []byte) bool {
	for _, n := range names {
		if string(n) == string(name) {
			return true
		}
	}
	return false
}

// text reads a string value.
func (r *lineReader) text() ([]byte, bool) {
	r.s.space()
	start := r.s.i
	raw, escaped, ok := r.s.text()
	if !ok || !escaped {
		return raw, ok
	}
	var decoded string
	err := json.Unmarshal(r.s.b[start:r.s.i], &decoded)
	return []byte(decoded), err == nil
}

// line is one line of a segment, read.
type line struct {
	start, end int       // in the chunk, without the newline
	commit     bool      // a commit line
	torn       bool      // without a newline, at the end
	leaf       tlog.Hash // of an event line
	facts      facts     // of an event line
}

// long reports whether a line cannot be an entry.
func (l *line) long() bool { return l.end-l.start > maxLine }
