package boundary

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

// document is one file of schemas or mappings.
type document struct {
	name    string // of the file, by which others name it
	path    string
	content []byte
	read    bool // there is content
	index   *declare.Index
	head    head
	garbled []declare.Problem // what keeps the head from being read

	used     bool            // something names it
	system   int             // whose operations take it: the first, by number; -1: none
	misnamed bool            // it calls itself otherwise
	schema   *mapping.Schema // nil: there are findings
	mapper   *mapping.Mapper // nil: there are findings, or there is nothing to compile it with
}

// head is what a document says about names. What else it says, package mapping reads.
type head struct{ Title, Mapping, From, To string }

// parseDocuments reads the schemas, and of the mappings what they say about names.
func (l *loader) parseDocuments() {
	for _, d := range slices.Concat(l.schemas, l.mappings) {
		d.system = -1
		var problems []declare.Problem
		d.index, problems = declare.Read(d.path, d.content, &d.head)
		d.garbled = slices.DeleteFunc(problems, func(p declare.Problem) bool { return p.Path == "" && d.index.Has("") })
	}
	for _, d := range l.schemas {
		if !d.read || l.full() {
			continue
		}
		var err error
		d.schema, err = mapping.ParseSchema(d.content)
		l.adopt(d, err)
		l.called(d, "F110", "/title", d.head.Title)
	}
}

// called finds a document that calls itself otherwise than its file.
func (l *loader) called(d *document, code, pointer, name string) {
	d.misnamed = name != d.name
	said := slices.ContainsFunc(l.findings, func(f mapping.Finding) bool { return f.File == d.path && f.Path == pointer })
	if d.misnamed && !said && d.index.Has(pointer) {
		l.about(d, mapping.Finding{Code: code, Path: pointer, Problem: "is not the name of the file"})
	}
}

// about adds a finding about a member of a document.
func (l *loader) about(d *document, finding mapping.Finding) {
	finding.File = d.path
	finding.Line, finding.Column = d.index.At(finding.Path)
	l.add(finding)
}

// adopt takes over what package mapping found in a document, but for the paths given.
func (l *loader) adopt(d *document, err error, but ...string) {
	findings, _ := errors.AsType[mapping.Findings](err)
	for _, finding := range findings {
		if !slices.Contains(but, finding.Path) {
			finding.File = d.path
			l.add(finding)
		}
	}
}

// compile compiles each mapping once, for the system whose operations name it.
func (l *loader) compile() {
	for _, d := range l.mappings {
		if !d.read || l.full() {
			continue
		}
		src, dst := named(l.schemas, d.head.From), named(l.schemas, d.head.To)
		to, known := l.destination(d.system)
		if known && src != nil && src.schema != nil && dst != nil && dst.schema != nil {
			var err error
			d.mapper, err = mapping.Compile(src.schema, dst.schema, d.content, to, l.funcs...)
			l.adopt(d, err, renamed(src, "/from"), renamed(dst, "/to"))
		} else {
			for _, problem := range d.garbled {
				l.add(mapping.Finding(problem))
			}
		}
		l.called(d, "F111", "/mapping", d.head.Mapping)
	}
}

// renamed is where a mapping names a schema that calls itself otherwise: that is said
// once.
func renamed(d *document, pointer string) string {
	if d.misnamed {
		return pointer
	}
	return "none"
}

// destination is a system, given by its number, as a mapping sees it; ok says whether
// what it depends on is sound.
func (l *loader) destination(system int) (to mapping.Destination, ok bool) {
	if system < 0 {
		return to, false
	}
	s, at := l.file.Systems[system], fmt.Sprintf("/systems/%d", system)
	if l.catalogue != nil {
		return l.catalogue.Destination(s.Name), true
	}
	for _, member := range []string{"/name", "/kind", "/jurisdictions", "/clearance"} {
		if l.unread[at] || l.touched(at+member) {
			return to, false
		}
	}
	return mapping.Destination{System: s.Name, Kind: cmp.Or(s.Kind, auth.KindAPI), Jurisdictions: s.Jurisdictions, Clearance: s.Clearance}, true
}
