package mapping

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping/internal/names"
	"github.com/carnet-go/carnet/mapping/internal/shape"
	"github.com/carnet-go/carnet/mapping/internal/transform"
)

// combination is one that was read.
type combination struct {
	fields []*field
	unless map[*field][]string // transforms that release a field so that it does not count
	label  Label
}

const mostCombined = 64

// combine reads the root's combinations, when its fields are known.
func (p *profile) combine(all []shape.Combine[Class]) {
	p.Find(len(all) > mostCombined, "M124", "/combine", "has more than 64 combinations")
	for i := range all[:min(len(all), mostCombined)] {
		at := "/combine/" + strconv.Itoa(i)
		before := p.Found
		k := p.combination(&all[i], at)
		if p.Found == before {
			p.schema.combined = append(p.schema.combined, k)
		}
	}
}

func (p *profile) combination(d *shape.Combine[Class], at string) combination {
	all := []string{Anywhere}
	k := combination{unless: map[*field][]string{}, label: Label{d.Classification, names.Sorted(d.Categories), names.Or(d.Residency, all), names.Or(d.Purposes, all)}}
	p.Find(d.Classification == Unlabelled, "M124", at+"/classification", "does not say what the fields are together")
	shape.Words(p.reader(), labels{Categories: d.Categories, Residency: d.Residency, Purposes: d.Purposes}, at)
	p.Find(len(d.Fields) < 2 || len(d.Fields) != len(names.Sorted(d.Fields)), "M124", at+"/fields", "is not two fields or more, each once")
	for i, path := range d.Fields {
		at := at + "/fields/" + strconv.Itoa(i)
		f := p.schema.fields[path]
		switch {
		case f == nil:
			p.Unknown("M124", at, at, "is no field", path, maps.Keys(p.schema.fields))
		case !f.leaf():
			p.Find(true, "M124", at, "is an object: its fields are combined")
		}
		k.fields = append(k.fields, f)
	}
	for _, path := range slices.Sorted(maps.Keys(d.Unless)) {
		at := at + "/unless/" + declare.Escape(path)
		p.Find(!slices.Contains(d.Fields, path), "M124", at, "is not one of the combined fields")
		for i, name := range d.Unless[path] {
			at := at + "/" + strconv.Itoa(i)
			if !transform.Named(name) {
				p.Unknown("M124", at, at, "is no transform", name, slices.Values(transform.Names()))
			}
		}
		k.unless[p.schema.fields[path]] = names.Sorted(d.Unless[path])
	}
	return k
}

// counts says whether a rule lets out what counts of a field.
func (k *combination) counts(r *rule) bool {
	if r == nil || r.from == nil || !slices.Contains(k.fields, r.from) {
		return false
	}
	return r.release == nil || !slices.Contains(k.unless[r.from], r.release.via.Name)
}

// canonical is all of it that means something: its line is for people, and not for a hash.
func (k *combination) canonical() any {
	unless := map[string][]string{}
	for f, via := range k.unless {
		unless[f.path] = via
	}
	var paths []string
	for _, f := range k.fields {
		paths = append(paths, f.path)
	}
	return []any{names.Sorted(paths), unless, k.label}
}

// line is what the combination is, for a report.
func (k *combination) line() string {
	var paths []string
	for _, f := range k.fields {
		paths = append(paths, f.path)
		if via := k.unless[f]; len(via) > 0 {
			paths[len(paths)-1] += " unless by " + strings.Join(via, ", ")
		}
	}
	return strings.Join(paths, ", ")
}

// combined raises what is sent together, and finds where that may not be.
func (c *compiler) combined() {
	for i := range c.mapper.src.combined {
		k := &c.mapper.src.combined[i]
		var met []*rule
		sent := map[*field]bool{}
		for _, into := range c.mapper.dst.leaves {
			if r := c.rules[into]; k.counts(r) {
				met, sent[r.from] = append(met, r), true
			}
		}
		if len(sent) < len(k.fields) {
			continue
		}
		c.mapper.combined = append(c.mapper.combined, k)
		for _, r := range met {
			c.raise(r, k)
		}
	}
}

// raise joins the label of a combination to that of a rule.
func (c *compiler) raise(r *rule, k *combination) {
	before := c.refusals(r)
	r.label = r.label.Join(k.label)
	for _, refused := range c.refusals(r) {
		if !slices.ContainsFunc(before, func(known refusal) bool { return known.code == refused.code }) {
			c.Find(true, "M226", "/set/"+declare.Escape(r.into.path)+"/from", "goes together with "+others(k, r.from)+", and then "+refused.problem)
		}
	}
}

// others are the fields of a combination but one.
func others(k *combination, but *field) string {
	var paths []string
	for _, f := range k.fields {
		if f != but {
			paths = append(paths, f.path)
		}
	}
	return strings.Join(paths, ", ")
}
