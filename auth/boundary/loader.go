package boundary

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
	"github.com/carnet-go/carnet/internal/declare"
	"github.com/carnet-go/carnet/mapping"
)

// file is the shape of boundary.jsonc.
type file struct {
	Tenant  string
	Systems []auth.System
	Levels  map[string]uint8
	Permits []policy.Permit
	Rules   []policy.Rule
}

type loader struct {
	file     file
	index    *declare.Index
	unread   map[string]bool // pointers to what was not understood
	around   map[string]bool // pointers to what stands around that
	levels   []string        // keys, in alphabetical order
	findings mapping.Findings

	catalogue *auth.Catalogue
	policy    *policy.Policy
}

func (l *loader) find(code, name, problem string) {
	finding := mapping.Finding{Code: code, Problem: problem}
	if printable.MatchString(name) {
		finding.File, finding.Line, finding.Column = name, 1, 1
	}
	l.findings = append(l.findings, finding)
}

// load fills catalogue and policy, or findings.
func (l *loader) load(dir fs.FS) {
	content, ok := l.read(dir)
	if !ok {
		return
	}
	l.parse(content)
	if !l.index.Has("") {
		return
	}
	for i := range l.file.Permits {
		l.file.Permits[i].At = l.index.Place(fmt.Sprintf("/permits/%d", i))
	}
	for i := range l.file.Rules {
		l.file.Rules[i].At = l.index.Place(fmt.Sprintf("/rules/%d", i))
	}
	var err error
	l.catalogue, err = auth.NewCatalogue(l.file.Tenant, l.file.Systems...)
	l.place(err)
	if !l.systemsRead() {
		l.catalogue = nil // names that are not there could be in what was not read
	}
	l.policy, err = policy.New(l.catalogue, policy.Declaration{Levels: l.file.Levels, Permits: l.file.Permits, Rules: l.file.Rules})
	l.place(err)
}

func (l *loader) parse(content []byte) {
	var problems []declare.Problem
	l.index, problems = declare.Read(File, content, &l.file)
	l.unread, l.around = map[string]bool{}, map[string]bool{}
	for _, problem := range problems {
		l.findings = append(l.findings, mapping.Finding(problem))
		l.unread[problem.Path] = true
		l.around[parent(problem.Path)] = true
	}
	l.levels = slices.Sorted(maps.Keys(l.file.Levels))
}

// systemsRead says whether all systems could be read as they were meant.
func (l *loader) systemsRead() bool {
	for path := range l.unread {
		if path == "" || strings.HasPrefix(path, "/systems") {
			return false
		}
	}
	return true
}

// place turns what a check found into findings with positions.
func (l *loader) place(err error) {
	findings, _ := errors.AsType[mapping.Findings](err)
	for _, finding := range findings {
		if finding.Code == "P100" || l.follows(finding.Path) {
			continue
		}
		pointer := l.pointer(finding.Path)
		if strings.HasPrefix(finding.Path, "/levels/") {
			finding.Path = "/levels" // a number that nobody wrote leads nowhere
		}
		finding.File = File
		finding.Line, finding.Column = l.index.At(pointer)
		l.findings = append(l.findings, finding)
	}
}

// pointer leads to what a finding is about. Of a level, checks know the number in
// alphabetical order.
func (l *loader) pointer(path string) string {
	number, ok := strings.CutPrefix(path, "/levels/")
	if i, err := strconv.Atoi(number); ok && err == nil && i < len(l.levels) {
		return "/levels/" + declare.Escape(l.levels[i])
	}
	return path
}

// follows says whether a finding only repeats a problem with the text: the value
// itself was not understood, a member of it was not, or it is missing where there is
// a member that nobody knows.
func (l *loader) follows(path string) bool {
	return l.unread[path] || l.around[path] || l.unread[parent(path)] && !l.index.Has(path)
}

func parent(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '/'))]
}

// sorted are the findings in the order of the files.
func (l *loader) sorted() mapping.Findings {
	slices.SortStableFunc(l.findings, func(a, b mapping.Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.findings
}
