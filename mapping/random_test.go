package mapping_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

// tally counts what became of the seeds of a property.
type tally map[string]int

// seeds asks a property of so many seeds, of ten times as many with CARNET_FULL, or of the one that
// CARNET_SEED names. It must have counted so much, for of nothing it is true as well.
func seeds(t *testing.T, most int, least tally, ask func(c chance, n tally)) {
	t.Helper()
	first, times, counted := uint64(1), 1, tally{}
	if os.Getenv("CARNET_FULL") != "" {
		times = 10
	}
	if named := os.Getenv("CARNET_SEED"); named != "" {
		seed, err := strconv.ParseUint(named, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, most, times, least = seed, 1, 1, nil
	}
	for i := range most * times {
		askOnce(t, first+uint64(i), counted, ask)
	}
	for what, n := range least {
		if counted[what] < n*times {
			t.Errorf("%d %s, and not %d", counted[what], what, n*times)
		}
	}
	t.Log(counted)
}

// askOnce ends the test where the property does not hold of a seed.
func askOnce(t *testing.T, seed uint64, n tally, ask func(c chance, n tally)) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("once more: CARNET_SEED=%d go test -run '^%s$'", seed, t.Name())
		}
	}()
	if ask(seeded(seed), n); t.Failed() {
		t.FailNow()
	}
}

// chance draws, from one seed always the same.
type chance struct{ *rand.Rand }

func seeded(seed uint64) chance { return chance{rand.New(rand.NewPCG(seed, 0))} }

// one is true once in so many times.
func (c chance) one(in int) bool { return c.IntN(in) == 0 }

// between takes both ends.
func (c chance) between(low, high int) int { return low + c.IntN(high-low+1) }

func pick[T any](c chance, of ...T) T { return of[c.IntN(len(of))] }

// form is what a random schema says of a value.
type form struct {
	name        string // of a member
	required    bool   // as a member
	nullable    bool
	kind        string   // boolean, integer, natural, number, string, array, map or object; of the names of a map: name
	least, most int      // of a number; of characters, elements or entries. A natural's most is what is left up to 64 bits
	scale       int      // of a number
	choices     []string // of a string, or an integer's digits
	pattern     string
	format      string
	names       *form // of a map
	each        *form // of an array or a map
	members     []*form
	label       *label // nil: it says none
	redacted    bool   // what redact makes of it is released
}

const (
	anyName  = `^[\s\S]*$`
	abOnly   = "^[ab]*$"
	aToZOnly = "^[a-z]*$"
)

// root draws a schema, with so many values around each other.
func (c chance) root(levels int) *form {
	f := &form{kind: "object", required: true}
	c.fill(f, levels)
	return f
}

func (c chance) form(levels int) *form {
	kinds := []string{"boolean", "integer", "natural", "number", "string", "string"}
	if levels > 0 {
		kinds = append(kinds, "array", "array", "array", "map", "object", "object")
	}
	f := &form{kind: pick(c, kinds...), nullable: c.one(3), required: c.one(2)}
	c.fill(f, levels)
	return f
}

// fill draws what the kind leaves open.
func (c chance) fill(f *form, levels int) {
	f.choices, f.pattern, f.format = nil, "", ""
	switch f.kind {
	case "integer", "number":
		f.least, f.most, f.scale = c.between(-2, 1), c.between(2, 4), c.IntN(3)
		for i := f.least; f.kind == "integer" && c.one(2) && i <= f.most; i += 2 {
			f.choices = append(f.choices, strconv.Itoa(i))
		}
	case "natural":
		f.least, f.most = c.IntN(3), c.IntN(3)
	case "string":
		c.fillText(f)
	case "name":
		f.least, f.most, f.pattern = c.IntN(2), pick(c, 2, 4, 8), pick(c, anyName, abOnly, aToZOnly)
	case "array":
		f.most, f.each = c.IntN(4), c.form(levels-1)
	case "map":
		f.most, f.each, f.names = c.IntN(4), c.form(levels-1), &form{kind: "name"}
		c.fill(f.names, 0)
	case "object":
		for _, name := range []string{"x", "y<", "zé"}[:c.between(1, 3)] {
			member := c.form(levels - 1)
			member.name = name
			f.members = append(f.members, member)
		}
	}
}

func (c chance) fillText(f *form) {
	f.least = c.IntN(2)
	f.most = f.least + pick(c, 1, 2, 3, 6, 8)
	switch c.IntN(6) {
	case 0:
		f.choices = []string{"a", "bb"}[:c.between(1, 2)]
	case 1, 2:
		f.pattern = pick(c, abOnly, aToZOnly)
	case 3:
		f.format = pick(c, "date", "uuid")
	}
}

func (f *form) scalar() bool {
	return !slices.Contains([]string{"array", "map", "object", "name"}, f.kind)
}

// collects says whether rules set what it holds one by one.
func (f *form) collects() bool { return f.kind == "map" || f.kind == "array" && !f.each.scalar() }

// walk visits f and all that is in it.
func (f *form) walk(visit func(*form)) {
	visit(f)
	for _, in := range append([]*form{f.names, f.each}, f.members...) {
		if in != nil {
			in.walk(visit)
		}
	}
}

// nulls says whether an object in it is always there, and may be null. In a record, what is null
// is an object that is not there, and such a destination's takes none that may be.
func (f *form) nulls() (found bool) {
	f.walk(func(f *form) { found = found || f.kind == "object" && f.required && f.nullable })
	return found
}

// member is the one of that name; nil: there is none.
func (f *form) member(name string) *form {
	if i := slices.IndexFunc(f.members, func(m *form) bool { return m.name == name }); i >= 0 {
		return f.members[i]
	}
	return nil
}

func (f *form) clone() *form {
	if f == nil {
		return nil
	}
	other := *f
	other.names, other.each, other.members = f.names.clone(), f.each.clone(), slices.Clone(f.members)
	for i, member := range other.members {
		other.members[i] = member.clone()
	}
	return &other
}

// alter changes one thing that a schema says.
func (c chance) alter(root *form) {
	var all []*form
	root.walk(func(f *form) { all = append(all, f) })
	f := pick(c, all...)
	switch c.IntN(4) {
	case 0:
		f.nullable = !f.nullable
	case 1:
		f.required = !f.required
	case 2:
		f.most = max(f.least, f.most+pick(c, -1, 1, 2))
	case 3:
		c.alterMore(f)
	}
}

func (c chance) alterMore(f *form) {
	switch {
	case f.label != nil && c.one(2):
		c.relabel(f)
	case f.kind == "name" && c.one(2):
		c.fill(f, 0)
	case f.pattern != "":
		f.pattern = pick(c, abOnly, aToZOnly)
	case len(f.members) > 1:
		i := c.IntN(len(f.members))
		f.members = slices.Delete(f.members, i, i+1)
	case f.kind == "number" && c.one(2):
		f.scale = c.IntN(4)
	case f.kind == "integer" || f.kind == "natural" || f.kind == "number":
		f.kind = pick(c, "integer", "natural", "number")
		c.fill(f, 0)
	case f.scalar():
		c.fill(f, 0)
	}
}

// schema is f as a file says it.
func (f *form) schema(defaults label) map[string]any {
	kind := map[string]string{"natural": "integer", "map": "object"}[f.kind]
	if kind == "" {
		kind = f.kind
	}
	says := map[string]any{"type": kind}
	if f.nullable {
		says["type"] = []string{kind, "null"}
	}
	f.limits(says)
	switch f.kind {
	case "array":
		says["maxItems"], says["items"] = f.most, f.each.schema(defaults)
	case "map":
		says["additionalProperties"], says["maxProperties"] = false, f.most
		says["patternProperties"] = map[string]any{f.names.pattern: f.each.schema(defaults)}
		says["propertyNames"] = map[string]any{"minLength": f.names.least, "maxLength": f.names.most}
	case "object":
		properties, required := map[string]any{}, []string{}
		for _, m := range f.members {
			properties[m.name] = m.schema(defaults)
			if m.required {
				required = append(required, m.name)
			}
		}
		says["additionalProperties"], says["properties"], says["required"] = false, properties, required
	}
	if f.label != nil {
		f.label.say(says, defaults)
		if f.redacted {
			says["release"] = []any{map[string]any{"via": "redact", "to": "public", "categories": []string{}, "residency": []string{"*"}, "purposes": []string{"*"}, "approved": "DPO-1", "until": "2999-12-31"}}
		}
	}
	return says
}

// limits are those of a scalar.
func (f *form) limits(says map[string]any) {
	switch {
	case f.choices != nil && f.kind == "integer":
		var choices []json.Number
		for _, choice := range f.choices {
			choices = append(choices, json.Number(choice))
		}
		says["enum"] = choices
	case f.choices != nil:
		says["enum"] = f.choices
	case f.format != "":
		says["format"] = f.format
	case f.kind == "integer":
		says["minimum"], says["maximum"] = f.least, f.most
	case f.kind == "number":
		says["minimum"], says["maximum"], says["scale"] = f.least, f.most, f.scale
	case f.kind == "natural":
		says["minimum"], says["maximum"] = f.least, f.highest()
	case f.kind == "string":
		says["minLength"], says["maxLength"] = f.least, f.most
		if f.pattern != "" {
			says["pattern"] = f.pattern
		}
	}
}

// highest is a natural's maximum.
func (f *form) highest() json.Number { return json.Number(fmt.Sprint(^uint64(0) - uint64(f.most))) }

// file is a whole schema, whose root is never null.
func (f *form) file(title string, defaults label) map[string]any {
	says, common := f.schema(defaults), map[string]any{}
	defaults.say(common, label{})
	says["title"], says["type"], says["defaults"] = title, "object", common
	return says
}

// asJSON is a declaration as JSON, always in the same order.
func asJSON(t testing.TB, says any) string {
	t.Helper()
	raw, err := json.Marshal(says)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
