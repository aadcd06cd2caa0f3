package mapping

import (
	"cmp"
	"iter"
	"slices"

	"github.com/carnet-go/carnet/internal/declare"
)

// A hostile file has as many mistakes as it has members: nobody reads more than so many,
// and to look for near names takes time.
const (
	mostFindings = 1000
	mostNearest  = 100
)

// finder collects what is wrong with one file.
type finder struct {
	index    *declare.Index
	findings Findings
	found    int // with those that are not listed
}

// read fills into from a file, and says whether that is JSON at all.
func (f *finder) read(file []byte, into any) bool {
	index, problems := declare.Read("", file, into)
	f.index, f.found = index, len(problems)
	for _, problem := range problems {
		f.findings = append(f.findings, Finding(problem))
	}
	return index.Has("")
}

// find adds a finding at a member of the file. Names of properties that may stand in a
// path have passed their check.
func (f *finder) find(wrong bool, code, at, problem string) {
	if wrong {
		f.add(code, at, at, problem, "")
	}
}

// unknown adds a finding about a name, with the one among others that was probably meant.
func (f *finder) unknown(code, at, shown, problem, name string, among iter.Seq[string]) {
	nearest := ""
	if f.found < mostNearest {
		nearest = declare.Nearest(name, slices.Collect(among))
	}
	f.add(code, at, shown, problem, nearest)
}

// add adds a finding that stands at one member and shows another path.
func (f *finder) add(code, at, shown, problem, nearest string) {
	if f.found++; len(f.findings) >= mostFindings {
		return
	}
	line, column := f.index.At(at)
	f.findings = append(f.findings, Finding{Code: code, Problem: problem, Line: line, Column: column, Path: shown, Nearest: nearest})
}

// err is the findings in the order of their file; nil: there is none.
func (f *finder) err() error {
	slices.SortStableFunc(f.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f.findings.Err()
}
