package mapping_test

import "slices"

// label is what a place says of its values.
type label struct {
	class                           string
	categories, residency, purposes []string
}

// openLabel is the label of what may go anywhere.
var openLabel = label{class: "public", residency: []string{"*"}, purposes: []string{"*"}}

// say says what is not as the defaults have it.
func (l label) say(into map[string]any, defaults label) {
	if l.class != defaults.class {
		into["classification"] = l.class
	}
	for name, words := range map[string][2][]string{
		"categories": {l.categories, defaults.categories}, "residency": {l.residency, defaults.residency}, "purposes": {l.purposes, defaults.purposes},
	} {
		if !slices.Equal(words[0], words[1]) {
			into[name] = append([]string{}, words[0]...)
		}
	}
}

// crosses says whether crm() may have it.
func (l label) crosses() bool {
	within := func(words []string, word string) bool {
		return slices.Contains(words, word) || slices.Contains(words, "*")
	}
	return (l.class == "public" || l.class == "internal") && !slices.Contains(l.categories, "pii.health") && within(l.residency, "us") && within(l.purposes, "crm")
}

// anyLabel draws one that crosses, or once in so many times one that has one thing against it.
func (c chance) anyLabel(in int) label {
	l := label{
		class: pick(c, "public", "internal"), categories: pick(c, nil, []string{"pii.contact"}),
		residency: pick(c, []string{"*"}, []string{"us"}, []string{"eu", "us"}), purposes: pick(c, []string{"*"}, []string{"crm"}, []string{"crm", "hr"}),
	}
	if !c.one(in) {
		return l
	}
	switch c.IntN(4) {
	case 0:
		l.class = pick(c, "confidential", "restricted", "sealed")
	case 1:
		l.categories = []string{"pii.contact", "pii.health"}
	case 2:
		l.residency = pick(c, nil, []string{"eu"})
	case 3:
		l.purposes = pick(c, nil, []string{"hr"})
	}
	return l
}

// labels gives each place in f that has one a label, often that of the defaults, and some a release.
func (c chance) labels(f *form, defaults label) {
	places := slices.Clone(f.members)
	if f.collects() && f.each.kind != "object" {
		places = append(places, f.each)
	}
	for _, place := range places {
		own := defaults
		if c.one(2) {
			own = c.anyLabel(2)
		}
		place.label = &own
		place.redacted = place.releasable() && !own.crosses() && c.one(2)
		if place.kind == "array" {
			place.each.redacted = place.redacted
		}
	}
	for _, in := range append([]*form{f.each}, f.members...) {
		if in != nil {
			c.labels(in, defaults)
		}
	}
}

// hides says whether documents may differ here, and what crm() has of them not: that an object is
// there tells nothing where it always is.
func (f *form) hides() bool {
	return f.label != nil && !f.label.crosses() && !f.redacted && (f.kind != "object" || f.nullable || !f.required)
}

// relabel gives or takes a release, or gives another label and no release.
func (c chance) relabel(f *form) {
	if f.releasable() && c.one(2) {
		f.redacted = !f.redacted
		return
	}
	own := c.anyLabel(3)
	f.label, f.redacted = &own, false
}

// releasable says whether redact may be of its label.
func (f *form) releasable() bool {
	redacts := f.scalar() || f.kind == "array" && f.each.scalar()
	return redacts && f.label.class != "" && f.label.class != "sealed"
}
