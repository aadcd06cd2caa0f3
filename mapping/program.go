package mapping

import (
	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/program"
	"github.com/carnet-go/carnet/mapping/internal/report"
	"github.com/carnet-go/carnet/mapping/internal/scan"
	"github.com/carnet-go/carnet/mapping/internal/shape"
)

func (c *compiler) finish() {
	m := c.mapper
	m.name = c.file.Mapping
	for _, into := range m.dst.leaves {
		r := c.rules[into]
		if r.empty() {
			continue
		}
		m.label = m.label.Join(r.label)
		for _, step := range r.steps {
			if step.Key != "" {
				m.program.Keys = append(m.program.Keys, step.Key)
			}
		}
		if r.release != nil && (m.notAfter.IsZero() || r.release.until.Before(m.notAfter)) {
			m.notAfter = r.release.until
		}
		r.number = len(m.rules)
		m.rules = append(m.rules, r)
		if into.in == InBody {
			m.program.Bodied = true
		} else {
			m.program.Outside = append(m.program.Outside, r.compiled())
		}
	}
	m.program.Keys = names.Sorted(m.program.Keys)
	m.program.Body = c.outputs(m.dst.root)
	for _, into := range m.dst.leaves {
		if r := c.rules[into]; r != nil && r.empty() {
			m.absent = append(m.absent, r)
		}
	}
	m.hash = c.fingerprint()
}

// fingerprint is the hash of all that the author, the schemas and the destination say.
func (c *compiler) fingerprint() string {
	m, set, absent := c.mapper, make(map[string]report.Flow, len(c.mapper.rules)), map[string]string{}
	for _, r := range m.rules {
		set[r.into.path] = r.flow()
	}
	for _, r := range m.absent {
		absent[r.into.path] = r.absent
	}
	to := clone(m.to)
	for _, words := range []*[]string{&to.Jurisdictions, &to.Clearance.Categories, &to.Clearance.Purposes} {
		*words = names.Sorted(*words)
	}
	return shape.Hash([]any{"carnet mapping v2", m.name, m.src.hash, m.dst.hash, set, absent, c.file.Drop, to})
}

// outputs are the members of an object in the body that may be written.
func (c *compiler) outputs(object *field) []program.Output {
	all := make([]program.Output, 0, len(object.members))
	for _, member := range object.members {
		o := program.Output{Key: append(scan.AppendJSON(nil, []byte(member.name)), ':'), Required: member.required}
		switch {
		case !member.leaf():
			o.Members = c.outputs(member)
		case member.in != InBody || c.rules[member].empty():
			continue
		default:
			c.output(&o, member)
		}
		all = append(all, o)
	}
	return all
}

// output is what a field in the body is, with what it holds.
func (c *compiler) output(o *program.Output, into *field) {
	o.Rule = c.rules[into].compiled()
	switch {
	case !into.collects():
		return
	case into.items.leaf():
		o.Element = &program.Output{}
		c.output(o.Element, into.items)
	default:
		o.Elements = c.outputs(into.items)
	}
	c.mapper.program.Arrays = true
}

// compiled is what a run needs of a rule.
func (r *rule) compiled() *program.Rule {
	p := &program.Rule{Number: r.number, Into: r.into.path, Steps: r.steps, JSON: r.json, Texts: r.texts, Bars: r.into.bars}
	if r.from != nil {
		p.From = r.from.node
	}
	switch r.onError {
	case drop:
		p.OnError = program.Drop
	case toNull:
		p.OnError = program.Null
	}
	return p
}
