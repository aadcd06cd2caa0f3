package mapping

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/program"
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/shape"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// rule reads what sets one field.
func (c *compiler) rule(into *field, f shape.Rule, at string) {
	r := &rule{into: into, onError: f.OnError, label: harmless()}
	r.before = r.label
	c.rules[into] = r
	before := c.Found
	defer func() { r.broken = c.Found > before }()
	given := 0
	for _, is := range []bool{f.From != "", f.Const != nil, f.Absent != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		c.Find(true, "M207", at, "says not exactly one of from, const and absent")
	case !into.leaf() || into.collects() && f.Const != nil:
		c.Find(true, "M208", at, "is an object or a constant collection: fields are set one by one")
	case f.From != "":
		c.flow(r, f, at)
	default:
		c.Find(f.Do != nil || f.OnError != "", "M207", at, "has do or on_error without from")
		c.Find(f.Absent != "" && !names.Line(f.Absent), "M217", at+"/absent", "has no reason of 1 to 200 printable characters")
		r.absent = f.Absent
		if f.Const != nil {
			c.constant(r, f.Const, at+"/const")
		}
	}
}

// constant has the label of what tells nothing: it depends on no data.
func (c *compiler) constant(r *rule, raw json.RawMessage, at string) {
	v, source, ok := scan.Const(r.into.node, raw)
	if !ok || v.Kind == scan.Null {
		c.Find(true, "M216", at, "is no value of the destination's field")
		return
	}
	r.constant, r.source = v, source
	r.json, r.texts = program.Constant(r.into.node, source, v, r.into.in == InBody)
	c.Find(slices.ContainsFunc(r.texts, r.into.bars), "M216", at, "is a value that cannot stand where the field goes")
	c.judge(r, at)
}

// flow reads what is made of a source field.
func (c *compiler) flow(r *rule, f shape.Rule, at string) {
	source := at + "/from"
	from := c.named(c.mapper.src, f.From, source, source, "M203", "is no field of the source")
	if from == nil {
		return
	}
	c.used[from], r.from = true, from
	r.needs = r.conditions()
	if !from.leaf() || from.collects() != r.into.collects() {
		c.Find(true, "M208", source, "is an object, or one side only is a collection: fields are used one by one")
		return
	}
	c.Find(from.collects() && f.Do == nil && f.OnError != "", "M215", at, "is a collection: it has a result")
	out, ok := c.steps(r, f, at)
	if !ok {
		return
	}
	c.fits(r, out, at)
	c.lower(r)
	c.judge(r, source)
}

// paired holds that what stands in a collection is made of the elements that it is made of.
func (c *compiler) paired() {
	for into, r := range c.rules {
		outer := c.rules[into.collection()]
		if outer != nil && outer.absent != "" {
			c.Find(true, "M229", "/set/"+declare.Escape(into.path), "stands in a collection that is absent")
			continue
		}
		if r.from == nil || outer != nil && outer.broken && outer.from == nil { // which is told already
			continue
		}
		var source *field
		if outer != nil {
			source = outer.from
		}
		if r.from.collection() != source {
			c.Find(true, "M229", "/set/"+declare.Escape(into.path)+"/from", "does not stand in the collection that its own is made of")
		}
	}
}

// steps makes the chain of transforms, and what comes out of it.
func (c *compiler) steps(r *rule, f shape.Rule, at string) (*scan.Node, bool) {
	out, fallible := r.from.value(), false
	for i, step := range f.Do {
		at := at + "/do/" + strconv.Itoa(i)
		if len(step) != 1 {
			c.Find(true, "M209", at, `is not one transform: {"name": {arguments}}`)
			return nil, false
		}
		for name, args := range step {
			made, problem := transform.New(name, args, transform.Field{Node: out, Schema: c.mapper.src.title, Path: r.from.path, Custom: c.custom})
			if problem.Kind != 0 {
				code := map[int]string{transform.UnknownName: "M209", transform.BadArguments: "M210", transform.WrongType: "M211"}[problem.Kind]
				c.Add(code, at, at, problem.Text, problem.Nearest)
				return nil, false
			}
			r.steps = append(r.steps, made)
			out, fallible = made.Out, fallible || made.Fallible
		}
	}
	known := slices.Contains([]string{"", fail, drop, toNull}, f.OnError)
	onError := at + "/on_error"
	c.Find(!known, "M215", onError, "is not fail, drop or null")
	c.Find(fallible && f.OnError == "", "M215", at, "can have no result, and says no on_error")
	several := r.from.value() != r.from.node && (f.OnError == drop || f.OnError == toNull)
	c.Find(several, "M215", onError, "is of an array or a map: it can only fail")
	return out, known && !several
}

// fits holds what comes out against the destination's field.
func (c *compiler) fits(r *rule, out *scan.Node, at string) {
	into := r.into
	made := *out
	made.Nullable = r.from.value().Nullable
	if part := made; r.from.value() != r.from.node {
		if made = *r.from.node; made.Kind == scan.Map {
			made.Keys = &part
		} else {
			made.Items = &part
		}
	}
	if problem := scan.Misfit(&made, into.node); problem != "" {
		code := "M213"
		if !scan.Alike(&made, into.node) {
			code = "M212"
		}
		c.Find(true, code, at, problem)
	}
	c.Find((r.from.node.Nullable || r.onError == toNull) && !into.node.Nullable, "M214", at, "may be null, and the destination's field may not")
}

// lower applies the release that names the first transform exactly. What comes after it
// is made of what has been released.
func (c *compiler) lower(r *rule) {
	r.label, r.before = r.from.label, r.from.label
	if len(r.steps) > 0 {
		for i := range r.from.releases {
			granted := &r.from.releases[i]
			switch {
			case !granted.matches(&r.steps[0]):
			case c.now.Before(granted.until):
				r.release, r.label = granted, granted.to
			default:
				r.ended = granted
			}
			if r.release != nil {
				break
			}
		}
	}
	for _, object := range r.from.held() {
		r.label = r.label.Join(object.label)
	}
	if from := r.from.collection(); from != nil { // how many there are tells that it is there
		r.label = r.label.Join(c.collected(from, r.into.collection()))
	}
}

// collected is what is known of a collection that a rule has made into another: the paths of what
// these hold come after their own. Where there is none, that is found besides.
func (c *compiler) collected(from, into *field) Label {
	if outer := c.rules[into]; outer != nil && outer.from == from && !outer.broken {
		return outer.label
	}
	return from.label
}

func (g *release) matches(s *transform.Step) bool {
	return g.via.Name == s.Name && (g.anyKey || g.via.Args == s.Args)
}

// refusals are all reasons why a flow may not be.
func (c *compiler) refusals(r *rule) []refusal {
	refusals := c.mapper.to.refusals(r.label)
	outside := slices.Contains([]string{InPath, InQuery, InHeader, InDN, InFilter}, r.into.in)
	if outside && r.label.Class > Internal && r.label.Class < Sealed {
		refusals = append(refusals, refusal{"M223", "is " + r.label.Class.String() + ", above internal: too high for a " + r.into.in})
	}
	return refusals
}

// judge finds why a flow may not be.
func (c *compiler) judge(r *rule, at string) {
	refusals := c.refusals(r)
	if len(refusals) > 0 && r.ended != nil {
		refusals = append(refusals, refusal{"M224", "is released until " + r.ended.until.AddDate(0, 0, -1).Format(time.DateOnly) + ", which is over"})
	}
	for _, refused := range refusals {
		c.Find(true, refused.code, at, refused.problem)
	}
}
