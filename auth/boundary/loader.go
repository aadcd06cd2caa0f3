package boundary

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

// maxFindings is more than anybody reads: then nothing further is looked into.
const maxFindings = 1000

type loader struct {
	file     file
	index    *declare.Index
	unread   map[string]bool // pointers to what was not understood
	around   map[string]bool // pointers to what stands around that
	schemas  []*document
	mappings []*document
	inputs   map[string]*document // by the pointer to their operation; nil: there is no such one
	outputs  map[string]*document
	findings mapping.Findings

	narrow    []auth.Decider
	fits      map[string]func(auth.System) error
	funcs     []mapping.Func
	catalogue *auth.Catalogue
	policy    *policy.Policy
	bound     *auth.Boundary
}

// load fills bound, or findings.
func (l *loader) load(dir fs.FS) {
	l.inputs, l.outputs = map[string]*document{}, map[string]*document{}
	content, ok := l.read(dir)
	l.parseDocuments()
	if !ok {
		return
	}
	l.parse(content)
	if !l.index.Has("") {
		return
	}
	var err error
	l.catalogue, err = auth.NewCatalogue(l.file.Tenant, l.file.Systems...)
	l.place(err)
	if !l.understood("/systems") {
		l.catalogue = nil // names that are not there could be in what was not read
	}
	declared := l.declaration()
	l.policy, err = policy.New(l.catalogue, declared)
	l.place(err)
	l.subjects(declared.Issuers)
	l.connect()
	l.compile()
	l.fit()
	l.suit()
}

// declaration is the policy in the file.
func (l *loader) declaration() policy.Declaration {
	for i := range l.file.Permits {
		l.file.Permits[i].At = l.index.Place(fmt.Sprintf("/permits/%d", i))
	}
	for i := range l.file.Rules {
		l.file.Rules[i].At = l.index.Place(fmt.Sprintf("/rules/%d", i))
	}
	issuers := l.file.Issuers
	if !l.understood("/issuers") {
		issuers = nil // the one that is missing could be what was not read
	}
	return policy.Declaration{Issuers: issuers, Levels: l.file.Levels, Permits: l.file.Permits, Rules: l.file.Rules}
}

// fit asks whether all parts fit together, also where a part has findings: what is
// sound is looked at.
func (l *loader) fit() {
	if l.catalogue == nil {
		return
	}
	var decider auth.Decider = l.policy
	switch {
	case l.policy == nil:
		decider, _ = policy.New(l.catalogue, policy.Declaration{})
	case len(l.narrow) > 0:
		decider = policy.Narrow(l.policy, l.narrow...)
	}
	o := auth.BoundaryOptions{Schemas: map[string]*mapping.Schema{}, Mappings: map[string]*mapping.Mapper{}}
	for _, d := range l.schemas {
		if d.schema != nil {
			o.Schemas[d.name] = d.schema
		}
	}
	for _, d := range l.mappings {
		if d.mapper != nil {
			o.Mappings[d.name] = d.mapper
		}
	}
	var err error
	l.bound, err = auth.NewBoundary(l.catalogue, decider, &o)
	l.place(err)
}

// suit asks what translators say of the systems, once those are in order.
func (l *loader) suit() {
	if l.catalogue == nil {
		return
	}
	declared := map[string]auth.System{}
	for _, system := range l.catalogue.Systems() {
		declared[system.Name] = system
	}
	for i := range l.file.Systems {
		system := declared[l.file.Systems[i].Name] // a twin has the operations of another
		kind := cmp.Or(system.Kind, auth.KindAPI)
		if system.Name == auth.Self || l.fits[kind] == nil {
			continue
		}
		err := l.fits[kind](system)
		at := fmt.Sprintf("/systems/%d", i)
		said, ok := errors.AsType[mapping.Findings](err)
		if err != nil && !ok {
			said = mapping.Findings{{Code: "F115", Problem: "is not a system for its translators"}}
		}
		for _, finding := range said {
			finding.Path = at + finding.Path
			l.put(finding)
		}
	}
}

// find is a finding about a whole file, or about the folder.
func (l *loader) find(code, path, problem string) {
	finding := mapping.Finding{Code: code, Problem: problem}
	if printable.MatchString(path) {
		finding.File, finding.Line, finding.Column = path, 1, 1
	}
	l.add(finding)
}

func (l *loader) add(finding mapping.Finding) {
	if !l.full() {
		l.findings = append(l.findings, finding)
	}
}

func (l *loader) full() bool { return len(l.findings) >= maxFindings }

// result is the boundary, or the findings in the order of the files.
func (l *loader) result() (*auth.Boundary, error) {
	slices.SortStableFunc(l.findings, func(a, b mapping.Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	l.findings = slices.Compact(l.findings) // two fields can be wrong in one way
	if err := l.findings.Err(); err != nil {
		return nil, err
	}
	if l.bound == nil {
		return nil, auth.ErrInvalid // something is wrong, and nobody said what
	}
	return l.bound, nil
}
