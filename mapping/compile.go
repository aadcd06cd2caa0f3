package mapping

import (
	"maps"
	"slices"
	"time"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/finder"
	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/shape"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// What happens where a transform has no result.
const (
	fail   = "fail"
	drop   = "drop"
	toNull = "null"
)

// compiler makes a Mapper of a file, and finds what is wrong with it.
type compiler struct {
	finder.Finder
	mapper *Mapper
	file   shape.Mapping
	now    time.Time
	rules  map[*field]*rule // by destination
	used   map[*field]bool
	custom map[string]transform.Custom
}

// Compile checks a mapping from src to dst for one destination. The mapping is JSON with
// comments:
//
//	{
//	  "mapping": "employee-to-contact", "from": "employee", "to": "contact",
//	  "set": {
//	    "/id": {"from": "/number", "do": [{"token.hmac": {"key": "crm/tokens"}}]},
//	    "/name": {"from": "/name"},
//	    "/age": {"from": "/age", "do": [{"string.to_int": {"minimum": 0, "maximum": 150}}], "on_error": "drop"},
//	    "/origin": {"const": "hr"},
//	    "/note": {"absent": "people write it there"},
//	  },
//	  "drop": {"/national_id": "the CRM has no use for it"},
//	}
//
// Each scalar and each array of dst is set, or absent for a reason; each field of src is used or dropped
// for a reason, alone or with the object, array or map that it is in. What a map, or an array of objects,
// arrays or maps holds is set one by one, from the same map or array:
//
//	"/lines": {"from": "/items"}, "/lines/*/sku": {"from": "/items/*/number"}, "/lines/*/kind": {"const": "new"}
//	"/shares": {"from": "/parts", "do": [{"token.hmac": {"key": "crm/tokens"}}]}, "/shares/*": {"from": "/parts/*"}
//
// A transform of a map is one of its names: two that become the same fail the document.
// What comes out of the transforms must fit the destination's field, whatever comes in, and its label the
// destination. A transform that can have no result needs on_error: fail the document, drop the field, or
// put null.
//
// A label is lowered by a live release of the source field for exactly the first transform. It covers
// that the field is there, and what later transforms make of it; the labels of objects around it that may
// be absent are joined again.
//
//	int.to_string                             decimal digits
//	string.to_int {minimum, maximum, unit}    an integer as JSON writes it; fallible
//	number.to_string                          all digits of its scale
//	string.to_number {scale, minimum, maximum, unit}  fallible
//	number.scale {scale, round}               so many digits after the point, of a number or an integer: exact, and fallible where that can be no result, or rounded half_even or down (towards zero)
//	number.to_minor, minor.to_number {scale}  12.50 as 1250, and back; in eur as in eur.e-2
//	unit.convert {to, scale}                  among mm, cm, m, km; mg, g, kg, t; ms, s, min, h, d; byte, kib, mib, gib: exact, and fallible where that can be no result
//	int.bucket, number.bucket {width}         the largest multiple of width that is not above it, and fallible if that can leave 64 bits; can be released, if each bucket that the field reaches holds two of its values
//	time.date                                 the day of a date-time in UTC, as a date
//	time.to_unix, unix.to_time                seconds since 1970, and back in UTC
//	date.year                                 of a date or date-time; can be released
//	date.format {layout}                      2006-01-02, 02.01.2006, 01/02/2006, 02/01/2006, 20060102, 20060102150405Z; 2006-01 can be released
//	enum {map, else}                          another value for each, and no row for what the field cannot hold; can be released
//	mask.keep_last {n}                        **** and the last n characters, if that hides 4 letters or digits and n of them (zeros in front count, and hide nothing); can be released
//	mask.email {domains}                      **** and one of these domains; can be released
//	redact                                    [redacted]; can be released
//	text.nfc                                  in Unicode's normal form C
//	text.truncate {n}                         the first n characters, and no letter without its marks: fallible where nothing may be left of a field that is never empty
//	text.prefix {n}                           the first n characters, or fewer, so that 2 letters or digits are hidden, and half as many as n; of text that is always that long; can be released
//	custom.NAME {version}                     a Func of that name and version, from text to text; fallible; can be released
//	token.hmac {key}                          tk1.VERSION.22 characters, keyed, the same for the same value of the same field; can be released
//	token.aes_siv {key}                       ts1.VERSION.CHARACTERS, the same as well, which who has the key can open (package token): encrypted, in blocks of 16 bytes whose count shows; can be released
//
// There is no token.vault, of random tokens in a store: Map performs no I/O, and this package reaches no network.
//
// No transform lowers a label by itself. A number keeps its unit, unless its line says something else,
// and goes to a field of the same one: M213. Text has none.
//
// The error is Findings: every violation, up to 1000 of them, and not the first. D101 to
// D116 are of the file's form (wrong types, unknown members), and:
//
//	M201  no name, no schema, or another schema's title
//	M202  unknown field of the destination
//	M203  unknown field of the source
//	M204  field of the destination is not set
//	M205  field of the source is neither used nor dropped
//	M206  field of the source is used and dropped, or dropped twice
//	M207  rule is not exactly one of from, const and absent
//	M208  object where a field is meant, a constant for a collection (a map, or an array of what is no scalar), or a collection on one side only
//	M209  unknown transform
//	M210  arguments
//	M211  transform does not take that type
//	M212  result has another type than the destination's field
//	M213  result does not keep the limits of the destination's field
//	M214  may be null or absent where the destination's field may not
//	M215  can fail without on_error, or on_error is none
//	M216  constant is no value of the field, or cannot stand in its place
//	M217  no reason
//	M218  unlabelled or sealed
//	M219  class above the clearance
//	M220  category that is not accepted
//	M221  residency
//	M222  purpose
//	M223  class above internal in a path, query, header, dn, filter, log or metric
//	M224  release has ended
//	M225  destination that nobody declared
//	M226  fields that may not go there together
//	M227  function that is none
//	M228  field that two releases show two parts of
//	M229  field of an element, and of another collection
func Compile(src, dst *Schema, mapping []byte, to Destination, funcs ...Func) (*Mapper, error) {
	if src.Hash() == "" || dst.Hash() == "" {
		return nil, Findings{{Code: "M201", Problem: "needs two schemas"}}
	}
	c := compiler{
		mapper: &Mapper{src: src, dst: dst, text: slices.Clone(mapping), to: clone(to), label: harmless()},
		now:    time.Now(), rules: make(map[*field]*rule, len(dst.leaves)), used: make(map[*field]bool, len(src.leaves)),
	}
	if c.Read(mapping, &c.file) {
		c.register(funcs)
		c.check()
	}
	if err := found(c.Sorted()); err != nil {
		return nil, err
	}
	c.finish()
	return c.mapper, nil
}

func clone(d Destination) Destination {
	d.Jurisdictions, d.Clearance.Categories, d.Clearance.Purposes = slices.Clone(d.Jurisdictions), slices.Clone(d.Clearance.Categories), slices.Clone(d.Clearance.Purposes)
	return d
}

func (c *compiler) check() {
	f, m := &c.file, c.mapper
	c.Find(!names.Name.MatchString(f.Mapping), "M201", "/mapping", "has no name: [a-z0-9][a-z0-9._-]{0,63}")
	c.Find(f.From != m.src.title, "M201", "/from", "is from another schema than "+m.src.title)
	c.Find(f.To != m.dst.title, "M201", "/to", "is to another schema than "+m.dst.title)
	c.Find(m.to.System == "" || !slices.Contains(kinds, m.to.Kind), "M225", "", "goes to a destination that nobody declared")
	for _, path := range slices.Sorted(maps.Keys(f.Set)) {
		at := "/set/" + declare.Escape(path)
		if into := c.named(m.dst, path, at, "/set", "M202", "is no field of the destination"); into != nil {
			c.rule(into, f.Set[path], at)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(f.Drop)) {
		at := "/drop/" + declare.Escape(path)
		if from := c.named(m.src, path, at, "/drop", "M203", "is no field of the source"); from != nil {
			c.drop(from, f.Drop[path], at)
		}
	}
	c.paired()
	c.complete()
	c.presence()
	c.shown()
	c.combined()
}

// named is the field that a path names, with a finding where there is none: an unknown
// name is not repeated there.
func (c *compiler) named(s *Schema, path, at, shown, code, problem string) *field {
	f := s.fields[path]
	if f == nil {
		c.Unknown(code, at, shown, problem, path, maps.Keys(s.fields))
	}
	return f
}

func (c *compiler) drop(from *field, reason, at string) {
	c.Find(!names.Line(reason), "M217", at, "has no reason of 1 to 200 printable characters")
	twice := false
	from.each(func(f *field) {
		twice = twice || f.leaf() && c.used[f]
		c.used[f] = true
	})
	c.Find(twice, "M206", at, "is used or dropped besides")
	c.mapper.dropped = append(c.mapper.dropped, dropping{from, reason})
}

// complete finds what a mapping says nothing about.
func (c *compiler) complete() {
	for _, into := range c.mapper.dst.leaves {
		outer := c.rules[into.collection()]
		whole := into.collection() != nil && (outer == nil || outer.absent != "")
		if c.rules[into] == nil && !whole {
			c.Find(true, "M204", "/set", "does not set the destination's "+into.path)
		}
	}
	for _, from := range c.mapper.src.leaves {
		outer := from.collection()
		if !c.used[from] && (outer == nil || c.used[outer]) {
			c.Find(true, "M205", "/drop", "neither uses nor drops the source's "+from.path)
		}
	}
}

// shown finds a field of which two releases show two parts: nobody has released both together.
// What a token or a redaction makes shows none.
func (c *compiler) shown() {
	by := map[*field]*release{}
	for _, into := range c.mapper.dst.leaves {
		r := c.rules[into]
		if r == nil || r.release == nil || !r.release.via.Shows() {
			continue
		}
		other := by[r.from]
		if other != nil && other != r.release {
			c.Find(true, "M228", "/set/"+declare.Escape(into.path), "shows another part of "+r.from.path+" than another field does: two releases are none of both together")
		}
		by[r.from] = r.release
	}
}
