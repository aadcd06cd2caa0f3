package boundary

import (
	"errors"
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
	Schema  string `json:"$schema"` // for editors
	Tenant  string
	Systems []auth.System
	Issuers []string
	Levels  map[string]uint8
	Permits []policy.Permit
	Rules   []policy.Rule
}

func (l *loader) parse(content []byte) {
	var problems []declare.Problem
	l.index, problems = declare.Read(File, content, &l.file)
	l.unread, l.around = map[string]bool{}, map[string]bool{}
	for _, problem := range problems {
		l.add(mapping.Finding(problem))
		l.unread[problem.Path] = true
		l.around[parent(problem.Path)] = true
	}
}

// understood says whether a member of the file could be read as it was meant.
func (l *loader) understood(member string) bool {
	for path := range l.unread {
		if path == "" || within(path, member) {
			return false
		}
	}
	return true
}

// place turns what a check of the declarations found into findings with positions.
func (l *loader) place(err error) {
	findings, _ := errors.AsType[mapping.Findings](err)
	for _, finding := range findings {
		about := finding.Path
		if finding.Code == "B127" {
			about = parent(about) + "/input" // places of a path want it
		}
		if finding.Code == "P100" || l.follows(about) || l.stems(finding.Path) {
			continue
		}
		l.put(finding)
	}
}

// put adds a finding about boundary.jsonc.
func (l *loader) put(finding mapping.Finding) {
	pointer := finding.Path
	if keys, i := l.keys(finding.Path); i < len(keys) {
		finding.Path = parent(finding.Path) // a number that nobody wrote leads nowhere
		pointer = finding.Path + "/" + declare.Escape(keys[i])
	}
	l.putAt(pointer, finding)
}

func (l *loader) putAt(pointer string, finding mapping.Finding) {
	finding.File = File
	finding.Line, finding.Column = l.index.At(pointer)
	l.add(finding)
}

// keys are those of the object around, where the path is the number of one of them in
// alphabetical order: so policy tells what has content as its name.
func (l *loader) keys(path string) (all []string, i int) {
	parts := strings.Split(path, "/")
	i, err := strconv.Atoi(parts[len(parts)-1])
	switch {
	case err != nil:
	case len(parts) == 3 && parts[1] == "levels":
		return slices.Sorted(maps.Keys(l.file.Levels)), i
	case len(parts) == 5 && parts[1] == "rules" && parts[3] == "zones":
		if rule, err := strconv.Atoi(parts[2]); err == nil && rule < len(l.file.Rules) {
			return slices.Sorted(maps.Keys(l.file.Rules[rule].Zones)), i
		}
	}
	return nil, 0
}

// follows says whether a finding only repeats a problem with the text: the value
// itself was not understood, a member of it was not, or it is missing where there is
// a member that nobody knows.
func (l *loader) follows(path string) bool {
	return l.unread[path] || l.around[path] || l.unread[parent(path)] && !l.index.Has(path)
}

// stems says whether a finding about an operation only repeats that its mapping, or
// its schema, is not sound.
func (l *loader) stems(path string) bool {
	parts := strings.SplitAfterN(path, "/", 6) // "/", "systems/", "0/", "operations/", "0/", "input"
	if len(parts) < 6 {
		return false
	}
	at := strings.TrimSuffix(strings.Join(parts[:5], ""), "/")
	input, takes := l.inputs[at]
	output, answers := l.outputs[at]
	if within("/"+parts[5], "/output") {
		return answers && (output == nil || output.schema == nil)
	}
	return takes && (input == nil || input.mapper == nil)
}

// touched says whether something is wrong with the value there or inside of it.
func (l *loader) touched(pointer string) bool {
	return slices.ContainsFunc(l.findings, func(f mapping.Finding) bool {
		return f.File == File && within(f.Path, pointer)
	})
}

// within says whether a path is another one, or leads into it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '/')
}

func parent(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '/'))]
}
