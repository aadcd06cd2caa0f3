package filevault

import (
	"bytes"
	"encoding/base64"
	"time"
)

// format is the first member of the decrypted file:
//
//	{"format":"carnet-vault/1","last":7,"paths":{"crm/api":{"version":7,"set":"2026-01-31T12:00:00Z","fields":{"key":"azN5"}}}}
//
// It is JSON in one form only: no space, members in this order, paths and fields sorted,
// values in base64, a newline at the end.
const format = "carnet-vault/1"

// parse takes plain over. It copies no value.
func parse(plain []byte) (*store, bool) {
	p := parser{rest: plain, scratch: make([]byte, 0, mostValue+3)}
	defer func() { clear(p.scratch[:cap(p.scratch)]) }()
	s := &store{plain: plain}
	p.want(`{"format":"` + format + `","last":`)
	s.last = p.number()
	p.want(`,"paths":{`)
	p.members(func() { s.entries = append(s.entries, p.entry(s)) })
	p.want("}\n")
	return s, !p.bad && len(p.rest) == 0
}

// parser goes on after the first error without moving, and remembers that there was one.
type parser struct {
	rest    []byte
	scratch []byte
	bad     bool
}

func (p *parser) check(ok bool) { p.bad = p.bad || !ok }

func (p *parser) take(text string) bool {
	rest, ok := bytes.CutPrefix(p.rest, []byte(text))
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *parser) want(text string) { p.check(p.take(text)) }

// members reads what stands up to a closing brace.
func (p *parser) members(member func()) {
	if p.take("}") {
		return
	}
	for !p.bad {
		member()
		if p.take("}") {
			return
		}
		p.want(",")
	}
}

// text is what stands in quotes. Nothing here has an escape: what is read has a pattern.
func (p *parser) text() []byte {
	p.want(`"`)
	i := bytes.IndexByte(p.rest, '"')
	if p.check(i >= 0); p.bad {
		return nil
	}
	text := p.rest[:i]
	p.rest = p.rest[i+1:]
	return text
}

func (p *parser) number() uint64 {
	n, digits := uint64(0), 0
	for digits < len(p.rest) && digits < 15 && p.rest[digits] >= '0' && p.rest[digits] <= '9' {
		n = n*10 + uint64(p.rest[digits]-'0')
		digits++
	}
	p.check(digits == 1 || digits > 1 && p.rest[0] != '0')
	p.rest = p.rest[digits:]
	return n
}

func (p *parser) entry(s *store) entry {
	e := entry{path: string(p.text())}
	p.check(isPath(e.path) && (len(s.entries) == 0 || s.entries[len(s.entries)-1].path < e.path))
	p.want(`:{"version":`)
	e.version = p.number()
	p.check(e.version > 0 && e.version <= s.last)
	p.want(`,"set":`)
	e.at = string(p.text())
	at, err := time.Parse(time.RFC3339, e.at)
	p.check(err == nil && at.UTC().Format(time.RFC3339) == e.at)
	p.want(`,"fields":{`)
	p.members(func() { e.fields = append(e.fields, p.field(e.fields)) })
	p.check(len(e.fields) > 0 && len(e.fields) <= mostFields)
	p.want("}")
	return e
}

func (p *parser) field(before []field) field {
	f := field{name: string(p.text())}
	p.check(fieldPattern.MatchString(f.name) && (len(before) == 0 || before[len(before)-1].name < f.name))
	p.want(":")
	f.value = p.text()
	p.check(p.isValue(f.value))
	return f
}

// isValue says whether b is the base64 of a value; a decoder skips newlines, and they
// would make a second form.
func (p *parser) isValue(b []byte) bool {
	if len(b) == 0 || len(b) > base64.StdEncoding.EncodedLen(mostValue) {
		return false
	}
	value, err := base64.StdEncoding.Strict().AppendDecode(p.scratch[:0], b)
	return err == nil && len(value) <= mostValue && base64.StdEncoding.EncodedLen(len(value)) == len(b)
}
