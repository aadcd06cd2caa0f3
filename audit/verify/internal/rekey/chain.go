package rekey

import (
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Chain is the keys that a log was under, one after the other, as far as it was read. The zero
// Chain knows none.
type Chain struct {
	Keys   []string  // the last is the one that it is under
	Signer uint32    // hash of that
	Before tlog.Hash // root of the tree before the newest segment

	next   string // named by the line before, and the old one has not signed for it yet; empty: none
	turned int64  // index of the newest line that named one; 0: none did

	carried int      // of so many of Keys there is only what the first segment carries
	told    []string // which that is, as its lines say
	met     int      // of Keys: the newest that was met over lines that are gone
}

// Place is where a line stands.
type Place struct {
	Origin  string
	Index   int64
	Batch   int64 // first index of its batch
	Segment int64 // and of its segment
	Covers  bool  // it is a checkpoint of the log's key, over all lines before

	Carried []byte // what it carries over lines that are gone; nil: nothing
}

// Begin is Under, of the first line that is there, behind keys of which only that is left what its
// segment carries: as the chain goes on, its lines must say the same. False: the key is none.
func (c *Chain) Begin(vkey string, former []string) bool {
	v, ok := Key(vkey)
	if !ok {
		return false
	}
	for _, key := range before(former, vkey) {
		if old, is := Key(key); !is || old.Name() != v.Name() || key == vkey || slices.Contains(c.Keys, key) {
			c.Keys = nil
			break // and so its lines do not say the same
		}
		c.Keys = append(c.Keys, key)
	}
	c.carried = len(c.Keys)
	return c.Under(vkey)
}

// before leaves out the key itself, which the segment in which it is replaced carries as the last.
func before(former []string, vkey string) []string {
	if n := len(former) - 1; n >= 0 && former[n] == vkey {
		return former[:n]
	}
	return former
}

// Was takes the key of a checkpoint of lines that are gone, in the order of their sizes: the log
// was under it before there was a line, and not yet under the next one.
func (c *Chain) Was(vkey string) bool {
	at := slices.Index(c.Keys, vkey)
	if at < c.met {
		return false
	}
	c.met = at
	return true
}

// Under goes on with a key; false: it is none.
func (c *Chain) Under(vkey string) bool {
	v, ok := Key(vkey)
	if ok {
		c.Keys, c.Signer = append(c.Keys, vkey), v.KeyHash()
	}
	return ok
}

// Now is the key that the log is under; empty: not known.
func (c *Chain) Now() string {
	if len(c.Keys) == 0 {
		return ""
	}
	return c.Keys[len(c.Keys)-1]
}

// Line takes what a line says of the log's key; nil: nothing. It stands in the first batch of a
// segment, and the next line is a checkpoint of the old key over it: only then the new key counts.
// None comes back: whoever stole it would be believed again.
func (c *Chain) Line(at Place, s *Statement, bad func(index int64)) {
	c.told = append(c.told, former(at.Carried)...)
	if c.next != "" {
		if !at.Covers || !c.Under(c.next) {
			bad(at.Index)
		}
		c.next = ""
	}
	if s == nil {
		return
	}
	if at.Segment == 0 || at.Batch != at.Segment || c.turned > at.Segment || s.From != c.Now() || slices.Contains(c.Keys, s.To) || !s.Holds(at.Origin, at.Segment, c.Before) {
		bad(at.Index)
		return
	}
	c.next, c.turned = s.To, at.Index
}

// End is the line with which the keys go wrong, where the log has ended; false: they do not.
func (c *Chain) End(given []string) (index int64, wrong bool) {
	return c.turned, c.next != "" || len(c.Keys) > 0 && (!c.isTold() || !c.accepts(given))
}

// isTold reports whether the lines that were read carry the keys with which the chain began.
func (c *Chain) isTold() bool {
	return slices.Equal(before(c.told, c.Keys[c.carried]), c.Keys[:c.carried])
}

// accepts reports whether the log is one that was meant by those that were given, in whatever order:
// there is one of its origin, and the log is or was under each. Otherwise whoever stole an old one
// could go on from before the others, or to a key of his own.
//
// What is only carried, the present key says alone, and a stolen one says it of a newer one: it
// counts for who gives, behind it, a newer one that the lines themselves show.
func (c *Chain) accepts(given []string) bool {
	of := c.own(given)
	for i, key := range of {
		at := slices.Index(c.Keys, key)
		shown := func(newer string) bool { return slices.Index(c.Keys, newer) >= c.carried }
		if at < 0 || at < c.carried && !slices.ContainsFunc(of[i+1:], shown) {
			return false
		}
	}
	return len(of) > 0
}

// own are those of the log's origin.
func (c *Chain) own(given []string) (of []string) {
	origin, _, _ := strings.Cut(c.Now(), "+")
	for _, key := range given {
		if name, _, _ := strings.Cut(key, "+"); name == origin {
			of = append(of, key)
		}
	}
	return of
}
