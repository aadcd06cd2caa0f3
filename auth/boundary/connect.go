package boundary

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

// connect looks up every name by which one file refers to another, and finds what
// nothing refers to.
func (l *loader) connect() {
	for i, system := range l.file.Systems {
		for j, op := range system.Operations {
			l.operation(i, fmt.Sprintf("/systems/%d/operations/%d", i, j), op)
		}
	}
	whole := true
	for _, d := range l.mappings {
		from, to := l.end(d, "/from", d.head.From), l.end(d, "/to", d.head.To)
		whole = whole && from && to
	}
	if !l.understood("/systems") {
		return // what uses them could be in what was not read
	}
	l.idle(l.mappings, "F113", "is a mapping that no operation uses")
	if whole {
		l.idle(l.schemas, "F114", "is a schema that no mapping and no operation uses")
	}
}

// operation looks up what an operation takes and answers. The codes are those of
// auth.NewBoundary, which knows only what is sound.
func (l *loader) operation(system int, at string, op auth.Operation) {
	if crosses(op.Input) {
		d, nearest := lookup(l.mappings, op.Input, l.full())
		switch {
		case d == nil:
			l.put(mapping.Finding{Code: "B140", Path: at + "/input", Problem: "is not a mapping of the boundary", Nearest: nearest})
		case d.system < 0:
			d.system = system
		case d.system != system:
			l.put(mapping.Finding{Code: "B141", Path: at + "/input", Problem: "is a mapping for another system"})
			d = nil
		}
		l.inputs[at] = d
	}
	if crosses(op.Output) {
		d, nearest := lookup(l.schemas, op.Output, l.full())
		if d == nil {
			l.put(mapping.Finding{Code: "B144", Path: at + "/output", Problem: "is not a schema of the boundary", Nearest: nearest})
		}
		l.outputs[at] = d
	}
}

// crosses says whether an input or output names something.
func crosses(data string) bool { return data != "" && data != auth.None && data != auth.Opaque }

// end looks up the schema at one end of a mapping, and says whether it has a name.
func (l *loader) end(d *document, pointer, name string) bool {
	if !d.index.Has("") || slices.ContainsFunc(d.garbled, func(p declare.Problem) bool { return p.Path == pointer }) {
		return false
	}
	if s, nearest := lookup(l.schemas, name, l.full()); s == nil {
		l.about(d, mapping.Finding{Code: "F112", Path: pointer, Problem: "is not a schema of the boundary", Nearest: nearest})
	}
	return name != ""
}

// lookup finds a document and notes that it is used. Where there is none, the one that
// was probably meant counts as used; hasty says not to look for it.
func lookup(all []*document, name string, hasty bool) (d *document, nearest string) {
	d = named(all, name)
	if d == nil && !hasty {
		nearest = declare.Nearest(name, namesOf(all))
	}
	for _, meant := range []*document{d, named(all, nearest)} {
		if meant != nil {
			meant.used = true
		}
	}
	return d, nearest
}

func named(all []*document, name string) *document {
	i := slices.IndexFunc(all, func(d *document) bool { return d.name == name })
	if i < 0 {
		return nil
	}
	return all[i]
}

func namesOf(all []*document) []string {
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = d.name
	}
	return names
}

// idle finds what nothing uses.
func (l *loader) idle(all []*document, code, problem string) {
	for _, d := range all {
		if d.read && !d.used {
			l.find(code, d.path, problem)
		}
	}
}

// subjects holds the names that systems have for people to the issuers that count.
func (l *loader) subjects(issuers []string) {
	if issuers == nil {
		return
	}
	for i, system := range l.file.Systems {
		at := fmt.Sprintf("/systems/%d/subject", i)
		if issuer := system.Subject.Issuer; issuer != "" {
			l.counts(at+"/issuer", "", issuer, issuers)
		}
		for _, key := range slices.Sorted(maps.Keys(system.Subject.Table)) {
			issuer, _, _ := strings.Cut(key, " ")
			l.counts(at+"/table", key, issuer, issuers)
		}
		for _, issuer := range slices.Sorted(maps.Keys(system.Subject.Domains)) {
			l.counts(at+"/domains", issuer, issuer, issuers)
		}
	}
}

// counts finds an issuer that is not listed, in the member of an object where there
// is a key. The service itself needs nobody who vouches for it.
func (l *loader) counts(path, key, issuer string, issuers []string) {
	if l.full() || issuer == "local" || slices.Contains(issuers, issuer) {
		return
	}
	pointer := path
	if key != "" {
		pointer += "/" + declare.Escape(key)
	}
	l.putAt(pointer, mapping.Finding{
		Code: "P120", Path: path, Problem: "is of an issuer that issuers does not list", Nearest: declare.Nearest(issuer, issuers),
	})
}
