package mapping

import (
	"github.com/carnet-go/carnet/internal/declare"
)

// presence holds that what is required is always there: at all, or together with
// everything else in its object.
func (c *compiler) presence() {
	for _, into := range c.mapper.dst.leaves {
		r := c.rules[into]
		if r == nil || r.broken || !into.required || r.certain(nil) {
			continue
		}
		object := into.optional()
		if object == nil {
			c.Find(true, "M214", "/set/"+declare.Escape(into.path), "may be absent, and the destination's field may not")
			continue
		}
		object.each(func(other *field) {
			if o := c.rules[other]; o != nil && other.collection() == into.collection() && !o.broken && !o.empty() && !r.certain(o.needs) {
				c.Find(true, "M214", "/set/"+declare.Escape(into.path), "may be absent where "+other.path+" is not")
			}
		})
	}
}

// optional is the innermost object around f that may be absent, in its element; nil: there is none.
func (f *field) optional() *field {
	for o := f.holder(); o != nil; o = o.holder() {
		if !o.required {
			return o
		}
	}
	return nil
}
