package names

import "time"

const (
	// MaxList is how many elements a list may have.
	MaxList = 32

	maxCount = 1 << 53 // what every reader of JSON holds exactly
)

// Checker remembers the first field that is wrong. An empty text is none, and right.
type Checker struct{ Field string }

// OK says of a field whether it is right.
func (c *Checker) OK(field string, ok bool) {
	if !ok && c.Field == "" {
		c.Field = field
	}
}

// Name is for a Name.
func (c *Checker) Name(field, s string) { c.OK(field, s == "" || Name(s)) }

// Text is for a Text.
func (c *Checker) Text(field, s string) { c.OK(field, s == "" || Text(s)) }

// Hex is for a Hex.
func (c *Checker) Hex(field, s string) { c.OK(field, s == "" || Hex(s)) }

// Count is for a number.
func (c *Checker) Count(field string, n int64) { c.OK(field, n >= 0 && n < maxCount) }

// List is for texts that all are something.
func (c *Checker) List(field string, list []string, is func(string) bool) {
	c.OK(field, len(list) <= MaxList)
	for _, s := range list {
		c.OK(field, is(s))
	}
}

// Time is for one that milliseconds since 1970 can say, before the year 10000.
func (c *Checker) Time(field string, t time.Time) {
	ms := t.UnixMilli()
	c.OK(field, t.IsZero() || ms > 0 && ms < 253_402_300_800_000)
}
