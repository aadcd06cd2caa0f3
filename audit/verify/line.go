package verify

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/carnet-go/carnet/audit/verify/internal/carried"
	"github.com/carnet-go/carnet/audit/verify/internal/rekey"
)

// allowed is the decision of a grant.
const allowed = "allowed"

// maxLine is the longest line: the length of a C2SP entry has 16 bits.
const maxLine = 65535

// facts is what Dir reads in an event line.
type facts struct {
	valid      bool             // UTF-8, one JSON object, no member twice where it was read
	grant      bool             // a decision, allowed, with a grant's id
	named      bool             // a grant's id
	sequence   int64            // metadata.sequence; -1: absent
	genesis    *genesis         // nil: none
	inband     bool             // has a checkpoint
	checkpoint *checkpoint      // nil: none that is valid
	header     *header          // of a segment; nil: none
	rekey      *rekey.Statement // nil: none
	retained   int64            // lines below it may be missing; -1: it does not say so
	carried    []byte           // as it stands; nil: none
	fact       carried.Fact
}

// seldom reports whether a line is one of those that say more than a shape keeps.
func (f *facts) seldom() bool {
	return f.genesis != nil || f.inband || f.header != nil || f.rekey != nil || f.retained >= 0 || f.carried != nil
}

// genesis is what line 0 says.
type genesis struct{ origin, key string }

// header is what the first line of a segment says about those before it.
type header struct {
	previous, size int64 // -1: absent
	root           string
}

// lineReader reads one line after the other. It keeps its space, and the last shapes.
type lineReader struct {
	ring   keyring
	names  [][]byte
	s      scanner
	f      facts
	tried  tried
	shapes [maxShapes]shape
	oldest int            // the shape that goes next
	last   int            // the shape of the last line
	after  [maxShapes]int // the shape that came after each one: kinds of lines take turns
}

// maxShapes is more than a writer at work needs, and few to try in vain.
const maxShapes = 6

// read reads one event line.
func (r *lineReader) read(b []byte, f *facts) {
	guess := r.after[r.last]
	if r.shapes[guess].read(b, f) {
		r.last = guess
		return
	}
	for i := range r.shapes {
		if i != guess && r.shapes[i].read(b, f) {
			r.was(i)
			return
		}
	}
	if *f = r.readFull(b); f.valid && !f.seldom() {
		r.shapes[r.oldest].keep(r)
		r.was(r.oldest)
		r.oldest = (r.oldest + 1) % maxShapes
	}
}

// was remembers which shape a line had.
func (r *lineReader) was(i int) { r.after[r.last], r.last = i, i }

// readFull reads a line of any shape. One that is not UTF-8 says nothing.
func (r *lineReader) readFull(b []byte) facts {
	r.s, r.names = scanner{b: b, values: r.s.values[:0]}, r.names[:0]
	r.f, r.tried = facts{sequence: -1, retained: -1}, tried{}
	r.f.valid = r.each(r.top) && r.s.done()
	if r.s.high&tops != 0 && !utf8.Valid(b) {
		r.f, r.tried = facts{sequence: -1, retained: -1}, tried{}
	}
	r.f.grant, r.f.named = r.tried.decision && r.tried.grant, r.tried.grant
	r.f.fact = carried.Read(b, r.f.named)
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
	r.s.peek()
	start := r.s.i
	if !r.s.value(2) {
		return false
	}
	return r.tell(sequence, r.s.b[start:r.s.i])
}

// index reads a value that is the index of a line, or a size.
func (r *lineReader) index() (int64, bool) {
	r.s.peek()
	start := r.s.i
	if !r.s.value(3) {
		return -1, false
	}
	n, err := strconv.ParseInt(string(r.s.b[start:r.s.i]), 10, 64)
	return n, err == nil && n >= 0 && r.s.b[start] != '-'
}

func (r *lineReader) carnet(name []byte) (ok bool) {
	var text []byte
	switch string(name) {
	case "decision":
		text, ok = r.text()
		ok = ok && r.tell(decision, text)
	case "grant":
		text, ok = r.text()
		ok = ok && r.tell(grant, text)
	case "genesis":
		r.f.genesis = new(genesis)
		ok = r.each(r.genesis)
	case "checkpoint":
		text, ok = r.text()
		r.f.inband = true
		if c, valid := r.ring.open(text); valid {
			r.f.checkpoint = &c
		}
	case "segment":
		r.f.header = &header{previous: -1, size: -1}
		ok = r.each(r.header)
	case "rekey":
		r.f.rekey = new(rekey.Statement)
		ok = r.each(r.rekey)
	case "retained":
		ok = r.each(r.retained)
	case "carried":
		if start := r.s.i; r.s.value(2) {
			r.f.carried, ok = r.s.b[start:r.s.i], true
		}
	default:
		ok = r.s.value(2)
	}
	return ok
}

func (r *lineReader) header(name []byte) (ok bool) {
	switch string(name) {
	case "previous":
		r.f.header.previous, ok = r.index()
	case "size":
		r.f.header.size, ok = r.index()
	case "root":
		var text []byte
		text, ok = r.text()
		r.f.header.root = string(text)
	default:
		ok = r.s.value(3)
	}
	return ok
}

func (r *lineReader) retained(name []byte) (ok bool) {
	if string(name) != "first" {
		return r.s.value(3)
	}
	r.f.retained, ok = r.index()
	return ok
}

func (r *lineReader) rekey(name []byte) bool {
	to := map[string]*string{"from_key": &r.f.rekey.From, "to_key": &r.f.rekey.To, "proof": &r.f.rekey.Proof}[string(name)]
	if to == nil {
		return r.s.value(3)
	}
	text, ok := r.text()
	*to = string(text)
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

// each visits the members of one object and refuses a name that stands there twice, and one
// with an escape: no writer needs it, and it would be a second way to say the same name.
func (r *lineReader) each(visit func(name []byte) bool) bool {
	if !r.s.take('{') {
		return false
	}
	if r.s.take('}') {
		return true
	}
	base := len(r.names)
	for {
		name, escaped, ok := r.s.text()
		if !ok || escaped || r.twice(r.names[base:], name) || !r.s.take(':') {
			return false
		}
		if r.names = append(r.names, name); !visit(name) {
			return false
		}
		if more, ok := r.s.next('}'); !more {
			r.names = r.names[:base]
			return ok
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

// tell takes the value that was just read.
func (r *lineReader) tell(what role, raw []byte) bool {
	if !what.tell(raw, &r.f, &r.tried) {
		return false // it may be no value at all
	}
	r.s.values[len(r.s.values)-1].role = what
	return true
}

// text reads a string value.
func (r *lineReader) text() ([]byte, bool) {
	r.s.peek()
	start := r.s.i
	raw, escaped, ok := r.s.textValue()
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
