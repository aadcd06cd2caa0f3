package mapping

import (
	"strings"

	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/program"
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
		if r := c.rules[into]; r.empty() {
			m.absent = append(m.absent, r)
		}
	}
	m.hash = shape.Hash(c.canonical())
}

// outputs are the members of an object in the body that may be written.
func (c *compiler) outputs(object *field) []program.Output {
	all, m := []program.Output{}, c.mapper
	for _, member := range object.members {
		o := program.Output{Key: append(scan.AppendJSON(nil, []byte(member.name)), ':'), Required: member.required}
		switch rule := c.rules[member]; {
		case !member.leaf():
			o.Members = c.outputs(member)
		case member.records() && !rule.empty():
			o.Rule, o.Elements, m.program.Arrays = rule.compiled(), c.outputs(member.items), true
		case member.in != InBody || rule.empty():
			continue
		default:
			o.Rule = rule.compiled()
		}
		all = append(all, o)
	}
	return all
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

// canonical is all that a mapping says, in an order that means nothing.
func (c *compiler) canonical() any {
	type step struct{ Name, Args string }
	type set struct {
		From, OnError, Const, Absent string
		Do                           []step
	}
	m, sets := c.mapper, make(map[string]set, len(c.rules))
	for into, r := range c.rules {
		s := set{OnError: r.onError, Absent: r.absent}
		if r.from != nil {
			s.From = r.from.path
		} else if r.absent == "" {
			s.Const = strings.TrimSpace(string(r.source[:len(r.source)-1]))
		}
		for _, made := range r.steps {
			s.Do = append(s.Do, step{made.Name, made.Args})
		}
		sets[into.path] = s
	}
	to := m.to
	to.Jurisdictions, to.Clearance.Categories, to.Clearance.Purposes = names.Sorted(to.Jurisdictions), names.Sorted(to.Clearance.Categories), names.Sorted(to.Clearance.Purposes)
	return []any{"carnet mapping v1", m.name, m.src.hash, m.dst.hash, sets, c.file.Drop, to}
}
